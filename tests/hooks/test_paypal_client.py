"""PayPal's own client reads the sandbox, and from what it says follow the same payments, amounts and totals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from paypalserversdk.configuration import Configuration, Environment, Server
from paypalserversdk.exceptions.api_exception import ApiException
from paypalserversdk.http.auth.o_auth_2 import ClientCredentialsAuthCredentials
from paypalserversdk.paypal_serversdk_client import PaypalServersdkClient

from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.operators.list_payments import ListPaymentsOperator
from airflow_provider_payments.sandbox import Sandbox

START, END = (datetime(2026, 6, 5, tzinfo=timezone.utc) + timedelta(days=days) for days in (0, 30))
REFUNDS = ("T1106", "T1107", "T1113", "T1114", "T1115", "T1116", "T1118")
CHARGEBACKS = ("T1201", "T1202", "T1205", "T1207", "T1208")


@pytest.fixture
def shop() -> Iterator[Sandbox]:
    with Sandbox(payments={"paypal": 900}) as running:
        running.paypal.now = END + timedelta(hours=4)
        yield running


@pytest.fixture
def client(shop: Sandbox, monkeypatch: pytest.MonkeyPatch) -> PaypalServersdkClient:
    monkeypatch.setitem(Configuration.environments[Environment.SANDBOX], Server.DEFAULT, f"{shop.url}/paypal")
    credentials = ClientCredentialsAuthCredentials(*shop.paypal.client)
    return PaypalServersdkClient(client_credentials_auth_credentials=credentials, environment=Environment.SANDBOX)


def list_all(client: PaypalServersdkClient, size: int, **more: Any) -> list[Any]:
    """All rows of the ledger, by the client: it leaves the pages to whoever calls it."""
    asked = {"start_date": START.isoformat(), "end_date": END.isoformat(), "fields": "all", "page_size": size, **more}
    rows: list[Any] = []
    page, pages = 1, 1
    while page <= pages:
        body = client.transaction_search.search_transactions({**asked, "page": page}).body
        rows += getattr(body, "transaction_details", [])
        page, pages = page + 1, body.total_pages
    return rows


def is_listed(row: Any) -> bool:
    code, value = row.transaction_info.transaction_event_code, Decimal(row.transaction_info.transaction_amount.value)
    is_payment = code[:3] in ("T00", "T07", "T30") and value > 0
    return is_payment or (code in REFUNDS and value < 0) or code in CHARGEBACKS


def test_both_find_the_same_payments(
    shop: Sandbox, client: PaypalServersdkClient, connect: Callable[..., PaymentsHook]
) -> None:
    unsettled = [
        row
        for word in ("P", "D")
        for row in list_all(client, 100, transaction_status=word, balance_affecting_records_only="N")
    ]
    theirs = {
        row.transaction_info.transaction_id: row for row in [*list_all(client, 100), *unsettled] if is_listed(row)
    }
    hook = connect("paypal", {"page_size": 70}, host=f"{shop.url}/paypal")
    listing = hook.list_payments(created_from=START, created_to=END)
    ours = {each.id: each for each in listing}
    assert listing.report.is_complete
    assert ours.keys() == theirs.keys()
    assert len(ours) > 600
    for each in ours.values():
        info = theirs[each.id].transaction_info
        assert each.provider_status == info.transaction_status
        assert (each.currency, each.amount) == (
            info.transaction_amount.currency_code,
            Decimal(info.transaction_amount.value) * (-1 if each.kind.value == "refund" else 1),
        )
        fee = getattr(info, "fee_amount", None)
        is_told = fee is not None and fee.currency_code == each.currency
        assert each.fee == (-Decimal(fee.value) if is_told else None)
        assert each.order_id == (getattr(info, "invoice_id", None) or getattr(info, "custom_field", None))
        assert each.kind.value == ("payment" if info.transaction_event_code[:3] in ("T00", "T07", "T30") else "refund")


def test_net_by_currency_is_what_the_clients_rows_add_up_to(
    shop: Sandbox, client: PaypalServersdkClient, connect: Callable[..., PaymentsHook], tmp_path: Path
) -> None:
    connect("paypal", host=f"{shop.url}/paypal")
    wanted: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in list_all(client, 500):
        if is_listed(row) and row.transaction_info.transaction_status in "SV":
            amount = row.transaction_info.transaction_amount
            wanted[amount.currency_code] += Decimal(amount.value)
    manifest: Any = ListPaymentsOperator(
        task_id="list",
        payments_conn_id="paypal_default",
        created_from=START,
        created_to=END,
        output_path=(tmp_path / "p.parquet").as_uri(),
    ).execute({})
    net: defaultdict[str, Decimal] = defaultdict(Decimal)
    for sign, name in ((1, "succeeded_amounts"), (-1, "refunded_amounts")):
        for currency, text in manifest[name].items():
            net[currency] += sign * Decimal(text)
    assert manifest["complete"] is True
    assert net == wanted
    assert len(net) == 5


def test_the_last_balance_is_the_sum_of_all_rows(shop: Sandbox, client: PaypalServersdkClient) -> None:
    """So the sandbox's ledger is one: a reader that skips a row cannot arrive at its balance."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in list_all(client, 7):
        info = row.transaction_info
        for amount in (info.transaction_amount, getattr(info, "fee_amount", None)):
            if amount is not None:
                sums[amount.currency_code] += Decimal(amount.value)
        assert sums[info.ending_balance.currency_code] == Decimal(info.ending_balance.value)


def test_the_client_is_refused_as_we_are(client: PaypalServersdkClient) -> None:
    with pytest.raises(ApiException) as caught:
        list_all(client, 100, end_date=(END + timedelta(days=2)).isoformat())
    assert caught.value.response_code == 400
