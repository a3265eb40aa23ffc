"""Any text an API can send, in any field, comes back from every format as it was."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from datetime import timezone
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from airflow_provider_payments.exceptions import PaymentsProtocolError
from airflow_provider_payments.output.formats import FORMATS
from airflow_provider_payments.payment import RECORD_FIELDS, Payment
from airflow_provider_payments.times import format_time

pytestmark = pytest.mark.without_airflow

Make = Callable[..., Payment]
TEXT_FIELDS = (
    "id",
    "provider_status",
    "currency",
    "crypto_asset",
    "crypto_network",
    "order_id",
    "description",
    "payer_id",
)
NASTY = [
    *("=cmd|' /C calc'!A0", "@SUM(A1)", "\x00", "a\x00b", "\r", "\n", "\r\n", '"', '""', ",", ";", "\t", "\\N", "'"),
    *("\u2028", "\u2029", "\x85", "\x0b\x0c\x1c", "\u202e\u200f", "\ufeff", "\ufffe\uffff", "\U0010ffff", "null", ""),
    *(" ", "\xa0", "é" * 100, "x" * 10_000),
]
TEXTS = st.none() | st.sampled_from(NASTY) | st.text(max_size=20)
MOMENTS = st.none() | st.datetimes(timezones=st.just(timezone.utc))
#: JSON as an API may send it: any value, line breaks between tokens, letters escaped or not.
RAWS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NASTY[:20]) | st.text(), inner, max_size=3)
    ),
    max_leaves=5,
).flatmap(
    lambda value: st.builds(
        lambda indent, ascii_only: json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode(),
        st.sampled_from([None, 1]),
        st.booleans(),
    )
)
PAYMENTS = st.lists(
    st.fixed_dictionaries(
        {
            **{name: TEXTS if name not in ("id", "provider_status") else TEXTS.map(str) for name in TEXT_FIELDS},
            "created_at": MOMENTS,
            "expires_at": MOMENTS,
            "flags": st.lists(st.sampled_from(["underpaid", "undated"]), unique=True).map(tuple),
            "raw": RAWS,
        }
    ),
    min_size=1,
    max_size=3,
)


def write(name: str, payments: list[Payment]) -> bytes:
    stream = io.BytesIO()
    writer = FORMATS[name].open_writer(stream, True)  # type: ignore[arg-type]
    writer.write(payments)
    writer.finish()
    return stream.getvalue()


def read_csv(content: str) -> list[list[str | None]]:
    """Read CSV by RFC 4180, where nothing is null: Python's reader knows no null, and on 3.10 no NUL."""
    rows: list[list[str | None]] = [[]]
    pattern = re.compile(r'(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|\Z)')
    place = 0
    while place < len(content):
        match = pattern.match(content, place)
        assert match, f"no CSV at {place}"
        quoted, plain, end = match.groups()
        rows[-1].append(quoted.replace('""', '"') if quoted is not None else plain or None)
        if end == "\r\n":
            rows.append([])
        place = match.end()
    assert rows.pop() == []
    return rows


def flat(raw: bytes) -> bytes:
    return raw.replace(b"\n", b" ").replace(b"\r", b" ")


def test_every_record_comes_back_from_every_format(make_payment: Make) -> None:
    @settings(max_examples=100)
    @given(PAYMENTS)
    def holds(fields: list[dict[str, Any]]) -> None:
        payments = [make_payment(each.pop("id"), **each) for each in map(dict, fields)]
        records = [payment.to_dict() for payment in payments]
        assert json.loads(json.dumps(records)) == records  # XCom
        lines = write("jsonl", payments).split(b"\n")
        assert lines.pop() == b""
        assert [json.loads(line) for line in lines] == records
        assert all(flat(payment.raw) in line for payment, line in zip(payments, lines, strict=True))
        header, *rows = read_csv(write("csv", payments).decode())
        table = pq.read_table(io.BytesIO(write("parquet", payments))).to_pylist()
        assert header == list(RECORD_FIELDS)
        for payment, record, row, columns in zip(payments, records, rows, table, strict=True):
            cells = dict(zip(RECORD_FIELDS, row, strict=True))
            assert {name: cells[name] for name in TEXT_FIELDS} == {name: record[name] for name in TEXT_FIELDS}
            assert {name: columns[name] for name in TEXT_FIELDS} == {name: record[name] for name in TEXT_FIELDS}
            assert (cells["raw"], columns["raw"]) == (flat(payment.raw).decode(), payment.raw.decode())
            assert (cells["created_at"], columns["created_at"]) == (record["created_at"], payment.created_at)
            assert record["expires_at"] == format_time(payment.expires_at)
            assert (columns["flags"], cells["flags"]) == (record["flags"], ";".join(record["flags"]))

    holds()


@settings(max_examples=200)
@given(st.text(st.characters(), max_size=10))
@example("\ud800")
@example("\udc00\ud800")
def test_no_text_of_a_reply_is_one_that_files_cannot_hold(text: str) -> None:
    """Half a surrogate pair can be escaped in JSON, and written to no file: it must end at the door."""
    body = json.dumps({"description": text}).encode()
    try:
        read = msgspec.json.decode(body, type=dict[str, str])
    except msgspec.DecodeError:
        return
    read["description"].encode()


@pytest.mark.parametrize("digits", [640, 641, 4300, 4301, 1_000_000])
def test_integers_of_any_length_are_whole_in_files_and_in_xcom(digits: int, make_payment: Make) -> None:
    raw = b"[" + b"9" * digits + b"]"
    payment = make_payment(raw=raw)
    number = payment.to_dict()["raw"][0]
    assert number == "9" * digits if digits > 640 else number == 10**640 - 1
    json.dumps(payment.to_dict())
    assert all(raw in write(name, [payment]) for name in ("jsonl", "csv"))


def test_a_record_nested_too_deeply_for_xcom_is_an_error_that_says_so(make_payment: Make) -> None:
    payment = make_payment(raw=b"[" * 100_000 + b"]" * 100_000)
    with pytest.raises(PaymentsProtocolError, match="nested too deeply"):
        payment.to_dict()
    assert payment.to_dict(include_raw=False)["id"] == "1"
    assert payment.raw in write("jsonl", [payment])


def test_records_of_megabytes_pass_through(make_payment: Make) -> None:
    payment = make_payment(description="é" * 5_000_000, raw=b'"' + b"x" * 10_000_000 + b'"')
    assert json.loads(write("jsonl", [payment])) == payment.to_dict()
    assert pq.read_table(io.BytesIO(write("parquet", [payment])))["description"].to_pylist() == [payment.description]
    assert payment.raw_line.decode().replace('"', '""') in write("csv", [payment]).decode()
