from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest

from airflow_provider_payments.payment import RECORD_FIELDS, Payment, PaymentKind, PaymentStatus
from airflow_provider_payments.times import format_time

NORMALISED = {
    "provider": "spacepay",
    "connection_id": "spacepay_default",
    "id": "p1",
    "kind": "deposit",
    "status": "succeeded",
    "provider_status": "completed",
    "is_final": True,
    "flags": ["underpaid", "undated"],
    "amount": "0.00000000000000000001",
    "currency": "USD",
    "amount_minor": "123456789012345678901234567890",
    "fee": "0.10",
    "net_amount": "-1",
    "refunded_amount": "0.2",
    "crypto_asset": "ETH",
    "crypto_amount": "100",
    "crypto_network": "1",
    "crypto_address": "0xabc",
    "transaction_hash": "0xdef",
    "order_id": "Bestellung 7",
    "description": "zwei Äpfel",
    "payer_id": "u1",
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00.000001Z",
    "completed_at": None,
    "expires_at": "2026-01-01T00:00:00Z",
    "listed_at": "2026-01-02T00:00:00.000007Z",
}
START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def payment(raw: bytes = b"null", **changes: Any) -> Payment:
    fields = {
        "provider": "spacepay",
        "connection_id": "spacepay_default",
        "id": "p1",
        "kind": PaymentKind.DEPOSIT,
        "status": PaymentStatus.SUCCEEDED,
        "provider_status": "completed",
        "flags": ("underpaid", "undated"),
        "amount": Decimal("1E-20"),
        "currency": "USD",
        "amount_minor": 123456789012345678901234567890,
        "fee": Decimal("0.10"),
        "net_amount": Decimal(-1),
        "refunded_amount": Decimal("0.2"),
        "crypto_asset": "ETH",
        "crypto_amount": Decimal("1E+2"),
        "crypto_network": "1",
        "crypto_address": "0xabc",
        "transaction_hash": "0xdef",
        "order_id": "Bestellung 7",
        "description": "zwei Äpfel",
        "payer_id": "u1",
        "created_at": START,
        "updated_at": START + timedelta(microseconds=1),
        "expires_at": datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))),
        "listed_at": START + timedelta(days=1, microseconds=7),
        "raw": raw,
    }
    return Payment(**{**fields, **changes})


PENDING = {"pending", "processing", "authorized"}


@pytest.mark.parametrize("status", PaymentStatus)
def test_every_status_is_pending_or_final_or_unknown(status: PaymentStatus) -> None:
    assert status.is_pending is (status.value in PENDING)
    assert status.is_final is (status.value not in PENDING | {"unknown"})


def test_the_record_is_plain_json_in_a_fixed_order() -> None:
    record = payment(b'{"a": 1}').to_dict()
    assert record == {**NORMALISED, "raw": {"a": 1}}
    assert tuple(record) == RECORD_FIELDS == (*NORMALISED, "raw")
    assert json.loads(json.dumps(record)) == record


def written(value: Any) -> Any:
    """What a record has for a payment's value."""
    match value:
        case bool():
            return value
        case datetime():
            return format_time(value)
        case Enum():
            return value.value
        case tuple():
            return list(value)
        case bytes():
            return json.loads(value)
        case _:
            return format(value, "f") if isinstance(value, Decimal) else str(value)


def test_each_field_of_a_record_is_the_payments_field_of_that_name() -> None:
    """The record is made by position, so two of its fields could change places."""
    whole = payment(b'{"a": 1}', completed_at=START + timedelta(2), expires_at=START + timedelta(3))
    record = whole.to_dict()
    assert record == {name: written(getattr(whole, name)) for name in RECORD_FIELDS}
    assert len({json.dumps(value) for value in record.values()}) == len(RECORD_FIELDS)


def test_raw_can_be_left_out() -> None:
    assert payment(b'{"a": 1}').to_dict(include_raw=False) == NORMALISED
    assert json.loads(payment(b'{"a": 1}').to_json(include_raw=False)) == NORMALISED


def test_what_is_unknown_is_null() -> None:
    bare = Payment(provider="p", connection_id="c", id="1", status=PaymentStatus.UNKNOWN, provider_status="?")
    given = {"provider", "connection_id", "id", "kind", "status", "provider_status", "is_final", "flags"}
    record = bare.to_dict()
    assert {name for name, value in record.items() if value is not None} == given
    assert (record["is_final"], record["kind"], bare.is_final) == (False, "payment", False)


@pytest.mark.parametrize(
    ("number", "value"),
    [
        ("1", 1),
        ("123456789012345678901234567890", 123456789012345678901234567890),
        ("0.1", 0.1),
        ("100.00", 100.0),
        ("1e2", 100.0),
        ("0.12345678901234567890", "0.12345678901234567890"),
        ("9007199254740993.0", "9007199254740993.0"),
        ("1E400", "1E400"),
        ("1e-400", "1e-400"),
        ("-0.0", -0.0),
    ],
)
def test_raw_numbers_that_a_float_cannot_hold_become_text_in_xcom_and_stay_in_files(number: str, value: Any) -> None:
    raw = f'{{"n":{number}}}'.encode()
    found = payment(raw).to_dict()["raw"]["n"]
    assert (type(found), found) == (type(value), value)
    assert payment(raw).to_json().endswith(b'"raw":' + raw + b"}")


def test_a_line_of_json_is_one_line_and_keeps_the_apis_bytes() -> None:
    raw = '{\n  "b": 1.10,\r\n\t"a": "zwei\\nZeilen, é, \\u00e9, 🙂"\n}'.encode()
    line = payment(raw).to_json()
    assert b"\n" not in line
    assert b"\r" not in line
    assert raw.replace(b"\n", b" ").replace(b"\r", b" ") in line
    record = json.loads(line)
    assert record == {**NORMALISED, "raw": json.loads(raw)}
    assert tuple(record) == RECORD_FIELDS


def test_nothing_personal_is_in_a_repr() -> None:
    shown = repr(payment(b'{"email": "jane@example.com"}', description="for Jane"))
    assert shown == "Payment(provider='spacepay', id='p1', status='succeeded')"
    assert f"{payment()}" == shown


@pytest.mark.parametrize(
    ("created", "completed", "occurred"), [(1, 2, 1), (None, 2, 2), (1, None, 1), (None, None, None)]
)
def test_the_time_that_windows_apply_to(created: int | None, completed: int | None, occurred: int | None) -> None:
    moments = {None: None, 1: START, 2: START + timedelta(1)}
    assert payment(created_at=moments[created], completed_at=moments[completed]).occurred_at == moments[occurred]


def test_equal_payments_are_equal() -> None:
    assert payment() == payment()
    assert payment() != payment(id="p2")
    assert payment() != payment(raw=b"{}")
    assert payment() != "p1"


def test_a_payment_is_the_same_whenever_it_was_seen() -> None:
    later = payment(listed_at=START + timedelta(days=9))
    assert payment() == later
    assert len({payment(), later, payment(status=PaymentStatus.FAILED)}) == 2
    assert payment().to_dict() != later.to_dict()
