"""GoCardless's own client reads the sandbox, and finds what the hook finds.

It drops the path of its ``base_url``, so the sandbox serves GoCardless at the root of its port.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import gocardless_pro
import pytest

from airflow_provider_payments._compat import BaseHook
from airflow_provider_payments.operators.list_payments import ListPaymentsOperator
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.sandbox import Sandbox
from airflow_provider_payments.sandbox.gocardless import ACCESS_TOKEN

Collect = Callable[..., list[Payment]]


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with Sandbox(payments={"gocardless": 250}, root="gocardless") as running:
        connection = {**running.connections()["gocardless_default"], "extra": {"page_size": 20}}
        monkeypatch.setenv("AIRFLOW_CONN_GOCARDLESS_DEFAULT", json.dumps(connection))
        yield running


@pytest.fixture
def client(shop: Sandbox) -> gocardless_pro.Client:
    return gocardless_pro.Client(access_token=ACCESS_TOKEN, base_url=shop.url)


def totals(pairs: Any) -> dict[str, Decimal]:
    found: defaultdict[str, Decimal] = defaultdict(Decimal)
    for currency, amount in pairs:
        found[currency] += amount
    return {currency: amount for currency, amount in found.items() if amount}


def net_of(payments: list[Any]) -> dict[str, Decimal]:
    """What is left of the payments by currency, from what the client tells: all eight currencies have two decimals."""
    return totals(
        (each.currency, Decimal(int(each.amount) - int(each.amount_refunded)) / 100)
        for each in payments
        if each.status in ("confirmed", "paid_out")
    )


def test_both_find_the_same_payments(client: gocardless_pro.Client, shop: Sandbox, collect: Collect) -> None:
    theirs = list(client.payments.all(params={"limit": 50}))
    ours = collect(BaseHook.get_hook("gocardless_default"))
    assert len(theirs) == 250
    assert {each.id: each for each in theirs}.keys() == {each.id for each in ours}
    told = {each.id: each for each in theirs}
    for each in ours:
        other = told[each.id]
        assert (each.amount_minor, each.currency, each.provider_status) == (other.amount, other.currency, other.status)
        assert each.amount == Decimal(other.amount) / 100
        assert json.loads(each.raw) == other.attributes
    assert totals((each.currency, each.amount) for each in ours) == totals(
        (each.currency, Decimal(each.amount) / 100) for each in theirs
    )


def test_net_by_currency_is_what_the_client_s_payments_add_up_to(
    client: gocardless_pro.Client, shop: Sandbox, tmp_path: Any
) -> None:
    net = net_of(list(client.payments.all(params={"limit": 500})))
    assert len(net) > 4
    manifest = ListPaymentsOperator(
        task_id="list", payments_conn_id="gocardless_default", output_path=(tmp_path / "p.parquet").as_uri()
    ).execute({})
    gains = {currency: Decimal(amount) for currency, amount in manifest["succeeded_amounts"].items()}
    losses = {currency: Decimal(amount) for currency, amount in manifest["refunded_amounts"].items()}
    assert losses
    assert totals([*gains.items(), *((currency, -amount) for currency, amount in losses.items())]) == net


def test_a_window_is_the_same_window(client: gocardless_pro.Client, shop: Sandbox, collect: Collect) -> None:
    low, high = shop.gocardless.rows[200]["created_at"], shop.gocardless.rows[40]["created_at"]
    window = {"created_at[gte]": low, "created_at[lt]": high}
    theirs = [each.id for each in client.payments.all(params={"limit": 7, **window})]
    ours = collect(BaseHook.get_hook("gocardless_default"), created_from=low, created_to=high)
    assert len(theirs) > 100
    assert sorted(each.id for each in ours) == sorted(theirs)


def test_one_status_and_one_payment(client: gocardless_pro.Client, collect: Collect, ask: Any, shop: Sandbox) -> None:
    hook = BaseHook.get_hook("gocardless_default")
    for word in ("submitted", "charged_back", "failed"):
        theirs = [each.id for each in client.payments.all(params={"status": word})]
        assert theirs
        assert [each.id for each in collect(hook, statuses=[word]) if each.provider_status == word] == theirs
    payment = client.payments.get(theirs[0])
    assert json.loads(ask(hook.get_payment, theirs[0]).raw) == payment.attributes


def test_what_the_client_is_refused(client: gocardless_pro.Client, shop: Sandbox) -> None:
    """The errors are those that its own code tells apart."""
    from gocardless_pro import errors

    with pytest.raises(errors.ValidationFailedError) as invalid:
        client.payments.list(params={"limit": 501})
    assert invalid.value.errors[0]["field"] == "limit"
    with pytest.raises(errors.InvalidApiUsageError) as missing:
        client.payments.get("PM0")
    assert (missing.value.code, missing.value.errors[0]["reason"]) == (404, "resource_not_found")
    wrong = gocardless_pro.Client(access_token="wrong", base_url=shop.url)
    with pytest.raises(errors.AuthenticationError):
        wrong.payments.list()
    shop.gocardless.can_read = False
    with pytest.raises(errors.PermissionsError):
        client.payments.list()
    shop.gocardless.requests_per_minute = 0
    with pytest.raises(errors.RateLimitError) as limited:
        client.payments.list()
    assert limited.value.errors[0]["reason"] == "rate_limit_exceeded"
