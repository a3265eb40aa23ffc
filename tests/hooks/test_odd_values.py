"""A value of another type, or a text that is no Unicode, in one payment of many: read, or an error that names it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_payments._compat import BaseHook
from airflow_provider_payments.api.base import PaymentsApi
from airflow_provider_payments.exceptions import PaymentsProtocolError
from airflow_provider_payments.http.messages import Response
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.sandbox import Sandbox
from tests.hooks.facts import FACTS
from tests.hooks.hostile import payloads
from tests.listing.drift import build_api
from tests.waits import ORDER_FIELDS

#: What lists are called, the outer one first.
LISTS = ("payments", "results", "data", "items", "transaction_details", "_embedded")
#: Of each company, a field that holds a text, and what it becomes.
TEXTS = {conn_type: (field, "order_id") for conn_type, field in ORDER_FIELDS.items()}
TEXTS["stripe"] = ("description", "description")

INSTEAD: dict[str, Any] = {"amount_minor": "1234"}


@pytest.fixture
def reader(conn_type: str) -> PaymentsApi:
    return build_api(conn_type, 100, 2)


def example(conn_type: str) -> dict[str, Any]:
    """A payment out of the API's own documentation."""
    page = json.loads(payloads(conn_type)[0])
    while not isinstance(page, list):
        page = next(page[name] for name in LISTS if name in page)
    row: dict[str, Any] = page[0]
    return row


def change(row: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a row with other fields, where they belong."""
    inner = row.get("transaction_info")
    return {**row, "transaction_info": {**inner, **fields}} if inner else {**row, **fields}


def read(api: PaymentsApi, *rows: dict[str, Any] | bytes) -> list[Payment]:
    texts = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    page = json.loads(payloads(api.name)[0])
    inner, at = page, ""
    while True:
        at = next(name for name in LISTS if name in inner)
        if isinstance(inner[at], list):
            break
        inner = inner[at]
    inner[at] = ["@rows@"]
    if "count" in page:
        page["count"] = len(texts)
    body = json.dumps(page).encode().replace(b'"@rows@"', b",".join(texts))
    request = api.list_request({})
    api.raise_for_error(request, Response(200, body=body))
    return api.parse_payments(api.parse_page(request, Response(200, body=body)).rows)


def test_integers_are_texts_where_texts_are_due(conn_type: str, reader: PaymentsApi) -> None:
    row = example(conn_type)
    id_field, (field, told) = FACTS[conn_type].id_field, TEXTS[conn_type]
    row = change(row, **{id_field: 7, field: 1001, "invoiceNo": None, "metadata": None})
    (documented,) = read(reader, change(row, **{id_field: "7", field: "1001"}))
    (payment,) = read(reader, row)
    assert (payment.id, getattr(payment, told)) == (documented.id, "1001")
    assert json.loads(payment.raw) == {**row, **({"client_secret": None} if conn_type == "stripe" else {})}
    assert payment.to_dict(include_raw=False) == documented.to_dict(include_raw=False)
    (payment,) = read(reader, change(row, **{field: 10**600}))
    assert getattr(payment, told) == "1" + "0" * 600


@pytest.mark.parametrize("value", [1.5, True, [], {}, 1e300])
def test_what_is_no_text_is_an_error_that_names_the_payment(conn_type: str, reader: PaymentsApi, value: Any) -> None:
    fine = example(conn_type)
    id_field = "payment_id" if conn_type == "hotpay" else FACTS[conn_type].id_field
    odd = change(fine, **{id_field: "the-\x00-one", TEXTS[conn_type][0]: value, "note": "s3cret"})
    with pytest.raises(PaymentsProtocolError) as caught:
        read(reader, fine, odd, fine)
    assert "payment 'the-\\x00-one' (row 2 of 3) is not what the API documents: Expected" in str(caught.value)
    assert f".{TEXTS[conn_type][0]}" in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert "300" not in str(caught.value)


def test_a_payment_without_an_id_is_named_by_its_place() -> None:
    api = build_api("spacepay", 100, 2)
    with pytest.raises(PaymentsProtocolError, match=r"a payment \(row 2 of 2\)"):
        read(api, {"id": "a"}, {"orderId": "b"})
    with pytest.raises(PaymentsProtocolError, match=r"\(row 2 of 2\) .* its id is empty"):
        read(api, {"id": "a"}, {"id": ""})  # two of them would be taken for one
    with pytest.raises(PaymentsProtocolError) as caught:
        read(api, {"id": "x" * 1_000_000, "orderId": []})
    assert len(str(caught.value)) < 500


def test_numbers_in_quotes_and_with_empty_fractions_are_integers() -> None:
    (payment,) = read(build_api("hotpay", 100, 2), {"memo": "m", "amount": "5", "timestamp": "1767225600"})
    assert (payment.amount_minor, payment.completed_at and payment.completed_at.year) == (5, 2026)
    quote = {"token": {"symbol": 5, "decimals": 2.0}, "expectedAmountAsset": "150", "chainId": 1}
    (payment,) = read(build_api("spacepay", 100, 2), {"id": "a", "quotes": [quote]})
    assert (payment.crypto_asset, str(payment.crypto_amount), payment.crypto_network) == ("5", "1.50", "1")
    for value in ("soon", 1.5, "NaN", "1e300", True):
        with pytest.raises(PaymentsProtocolError, match=r"timestamp|decimal"):
            read(build_api("hotpay", 100, 2), {"payment_id": "a", "timestamp": value})


def test_what_is_no_unicode_does_not_stop_the_others(conn_type: str, reader: PaymentsApi) -> None:
    field, told = TEXTS[conn_type]
    fine = change(example(conn_type), invoiceNo=None, metadata=None)
    rows = [change(fine, **{field: text}) for text in ("half \ud800 pair", "\ud83d\ude00", "@byte@")]
    texts = [json.dumps(row).encode().replace(b"@byte@", b"caf\xe9") for row in rows]
    assert [getattr(each, told) for each in read(reader, *texts)] == ["half \ufffd pair", "\U0001f600", "caf\ufffd"]
    for payment in read(reader, *texts):
        raw = json.loads(payment.raw.decode())
        assert raw.get("transaction_info", raw)[field] == getattr(payment, told)
        payment.to_json()


def test_ids_that_are_no_unicode_stay_different() -> None:
    payments = read(build_api("spacepay", 100, 2), b'{"id":"a\\ud800"}', b'{"id":"a\\ud801"}', b'{"id":"a\xe9"}')
    assert [payment.id for payment in payments] == [r"a\ud800", r"a\ud801", r"a\xe9"]


@pytest.mark.parametrize("conn_type", ["spacepay", "jframework"])
def test_a_whole_listing_with_half_a_pair_in_one_memo(
    sandbox: Sandbox, conn_type: str, collect: Callable[..., list[Payment]]
) -> None:
    hook = BaseHook.get_hook(f"{conn_type}_default")
    before = len(collect(hook))
    field = ORDER_FIELDS[conn_type]
    more = {"testMode": False, "invoiceNo": None} if conn_type == "jframework" else {}
    row = sandbox.apis[conn_type].add(None, **{field: "x\ud800", **more})
    payments = collect(hook)
    assert len(payments) == before + 1
    assert [each.order_id for each in payments if each.id == row["id"]] == ["x\ufffd"]
    assert hook.get_payment(row["id"]).order_id == "x\ufffd"
