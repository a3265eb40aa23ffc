"""U+0000 in texts: exact unless asked otherwise, and always told."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_payments.output.nul import NulFilter, replace_nul
from airflow_provider_payments.payment import Payment

Make = Callable[..., Payment]


def make_all(make_payment: Make) -> list[Payment]:
    return [
        make_payment("1", raw=b'{"memo":"ok \\\\u0000 \\ud83d\\ude00"}', order_id="ok \\u0000 \U0001f600"),
        make_payment("2", raw=b'{"memo":"a\\u0000b"}', order_id="a\x00b"),
        make_payment("3", raw=b'{"memo":"ok","other":{"\\\\\\u0000":1}}', order_id="ok"),
    ]


@pytest.mark.parametrize(("include_raw", "found"), [(True, 2), (False, 1)])
def test_it_is_counted_where_it_would_be_written(make_payment: Make, include_raw: bool, found: int) -> None:
    payments = make_all(make_payment)
    nul = NulFilter(replaces=False, include_raw=include_raw)
    assert nul.warnings() == []
    assert list(nul.apply(payments)) == payments
    assert nul.warnings() == [
        f"{found} payments have texts with U+0000. PostgreSQL and other databases refuse it. "
        "Set replace_nul=True to have U+FFFD in its place."
    ]


def test_it_is_replaced_in_texts_and_in_raw(make_payment: Make) -> None:
    payments = make_all(make_payment)
    nul = NulFilter(replaces=True, include_raw=True)
    one, two, three = nul.apply(payments)
    assert one is payments[0]
    assert (two.order_id, two.raw) == ("a\ufffdb", b'{"memo":"a\\ufffdb"}')
    assert (three.order_id, json.loads(three.raw)) == ("ok", {"memo": "ok", "other": {"\\\ufffd": 1}})
    assert nul.warnings() == ["2 payments have texts with U+0000. U+FFFD was written in its place."]


@given(st.dictionaries(st.text("\x00\\u0a"), st.text("\x00\\u0é\ud800"), max_size=4))
def test_nothing_but_it_changes(make_payment: Make, value: dict[str, str]) -> None:
    raw = json.dumps(value).encode()
    replaced = json.loads(replace_nul(make_payment(raw=raw)).raw)
    assert list(replaced.items()) == list(
        {key.replace("\x00", "\ufffd"): each.replace("\x00", "\ufffd") for key, each in value.items()}.items()
    )
