"""Texts of others: shown on one line, kept by any database, and read although they are no Unicode."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_payments.exceptions import PaymentsConfigError, PaymentsError, PaymentsRequestError
from airflow_provider_payments.texts import (
    decode_json,
    escape_controls,
    is_unicode,
    mend_json,
    pack,
    quote_text,
    require_utf8,
    text_of,
    unpack,
)
from tests.texts import find_controls

#: Any character, halves of surrogate pairs as well.
ANY_TEXT = st.text(st.characters(exclude_categories=[]))
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)


def test_control_characters_are_escaped_and_nothing_else_is() -> None:
    assert escape_controls("a\x00\n\r\t\x1b[31m\x7f\x9b") == r"a\x00\n\r\t\x1b[31m\x7f\x9b"
    assert (
        escape_controls("\u2028\u2029\u202e\u2066\u200f\u061c\ud800") == r"\u2028\u2029\u202e\u2066\u200f\u061c\ud800"
    )
    ordinary = "Zażółć „gęślą“ jaźń – 100 € ⚡️ 👩‍👩‍👧 C:\\new \xa0 مرحبا"
    assert escape_controls(ordinary) == ordinary


@given(ANY_TEXT)
def test_what_is_shown_is_on_one_line_and_can_be_written_anywhere(text: str) -> None:
    for shown in (escape_controls(text), quote_text(text), str(PaymentsError(text))):
        assert not find_controls(shown)
        assert not any(unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp") for each in shown)
        assert escape_controls(shown) == shown


def test_a_long_text_is_cut_in_a_sentence() -> None:
    assert len(quote_text("x" * 1_000_000)) < 210
    assert quote_text("it's") == '"it\'s"'


def test_errors_are_on_one_line() -> None:
    assert str(PaymentsConfigError("a\x00b\nERROR forged")) == r"a\x00b\nERROR forged"
    error = PaymentsRequestError("a\u202eb", 400, "x\x00y")
    assert (str(error), error.code, error.status) == (r"a\u202eb", r"x\x00y", 400)
    assert PaymentsRequestError("a").code is None


@given(JSON_VALUES)
@example({"as_json_text": "[1]"})
@example({"a\x00": ["\ud800", {"b": "\n"}]})
def test_what_is_packed_comes_back(value: Any) -> None:
    packed = pack(value)
    assert not find_controls(packed)
    if packed is not value or [*(value if isinstance(value, dict) else ())] != ["as_json_text"]:
        assert unpack(json.loads(json.dumps(packed))) == value
    if not find_controls(value):
        assert packed == value  # legible in the database


@given(JSON_VALUES, st.booleans())
def test_json_with_anything_in_it_is_mended(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only).encode(errors="surrogatepass")
    mended = mend_json(text)
    found = msgspec.json.decode(mended)
    assert found == decode_json(text)
    if is_unicode(json.dumps(value, ensure_ascii=False)):
        assert mended == text
        assert found == value or isinstance(found, dict)  # msgspec, too, takes the last of two equal keys


@pytest.mark.parametrize(
    ("text", "read", "visible"),
    [
        (rb'"a\ud800"', "a\ufffd", r"a\ud800"),
        (rb'"\uDC00\uD800x"', "\ufffd\ufffdx", r"\uDC00\uD800x"),
        (rb'"\ud83d\ude00\ude00"', "\U0001f600\ufffd", "\U0001f600\\ude00"),
        (rb'"\\ud800\\\ud800"', "\\ud800\\\ufffd", r"\ud800\\ud800"),
        (b'"caf\xe9"', "caf\ufffd", r"caf\xe9"),
        (b'"\xed\xa0\x80"', "\ufffd\ufffd\ufffd", r"\xed\xa0\x80"),
    ],
)
def test_what_is_no_unicode_is_replaced_or_made_visible(text: bytes, read: str, visible: str) -> None:
    assert msgspec.json.decode(mend_json(text)) == read
    assert msgspec.json.decode(mend_json(text, is_visible=True)) == visible
    json.loads(mend_json(text))


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"order_id": "7"}, "7"),
        ({"order_id": 7}, "7"),
        ({"order_id": 0}, "0"),
        ({"order_id": ""}, None),
        ({"order_id": True}, None),
        ({"order_id": ["7"]}, None),
        ({"other": "7"}, None),
        ([], None),
        (["order_id"], None),
        ("order_id", None),
        (None, None),
    ],
)
def test_finds_a_text_in_what_merchants_write(values: Any, text: str | None) -> None:
    assert text_of(values, "order_id") == text
    assert text_of(msgspec.Raw(msgspec.json.encode(values)), "order_id") == text


def test_what_stands_beside_that_text_is_not_read() -> None:
    beside = msgspec.Raw(b'{"most": 1e999, "order_id": "7"}')  # no float holds that
    assert text_of(beside, "order_id") == "7"
    assert text_of(beside, "most") is None


@pytest.mark.parametrize("text", ["é", "ł", "東", "🎈"])
def test_bytes_that_are_not_utf8_are_refused_wherever_they_stand(text: str) -> None:
    whole = text.encode()
    for length in range(65_530, 65_540):  # a piece that is checked at once ends there
        require_utf8(b"a" * length + whole)
        require_utf8(b"a" * length + whole * 50_000)
        for wrong in (whole[:-1], whole[1:], b"\xed\xa0\x80", b"\xc0\x80"):
            for body in (b"a" * length + wrong, b"a" * length + wrong + b"a" * 10, whole * 50_000 + wrong):
                with pytest.raises(UnicodeDecodeError):
                    require_utf8(body)
