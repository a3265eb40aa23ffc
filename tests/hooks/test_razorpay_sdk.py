"""Razorpay's own client, in a plain loop over the sandbox, finds what our hook finds: payments, amounts, net."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
import razorpay

from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.output.stats import PaymentStats
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.sandbox import Sandbox
from airflow_provider_payments.sandbox.razorpay import KEY_IDS, KEY_SECRET

Connect = Callable[..., PaymentsHook]
Collect = Callable[..., list[Payment]]
Ask = Callable[..., Any]
DECIMALS = {"INR": 2, "USD": 2, "JPY": 0, "KWD": 3}


@pytest.fixture
def client(sandbox: Sandbox) -> razorpay.Client:
    return razorpay.Client(auth=(KEY_IDS[0], KEY_SECRET), base_url=f"{sandbox.url}/razorpay")


def list_all(client: razorpay.Client, count: int, **params: Any) -> Iterator[dict[str, Any]]:
    """Page through the list: the client has nothing for that."""
    skip = 0
    while rows := client.payment.all({"count": count, "skip": skip, **params})["items"]:
        yield from rows
        skip += len(rows)


def net_of(rows: list[dict[str, Any]]) -> dict[str, Decimal]:
    """Captured less refunded, in major units, by currency; what was never captured is nobody's."""
    net: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        if row["status"] in ("captured", "refunded") and row["captured"]:
            net[row["currency"]] += Decimal(row["amount"] - row["amount_refunded"]).scaleb(-DECIMALS[row["currency"]])
    return {currency: total for currency, total in net.items() if total}


@pytest.mark.parametrize("page_size", [2, 7, 100])
def test_both_find_the_same(
    client: razorpay.Client, connect: Connect, collect: Collect, sandbox: Sandbox, page_size: int
) -> None:
    for _ in range(90):
        sandbox.razorpay.add()
    theirs = list(list_all(client, page_size))
    ours = collect(connect("razorpay", {"page_size": page_size}))
    assert len(theirs) == len(sandbox.razorpay.rows) == 130
    assert [(each.id, each.provider_status, each.currency) for each in ours] == [
        (row["id"], row["status"], row["currency"]) for row in theirs
    ]
    assert [each.amount for each in ours] == [
        Decimal(row["amount"]).scaleb(-DECIMALS[row["currency"]]) for row in theirs
    ]
    assert [each.refunded_amount for each in ours] == [
        Decimal(row["amount_refunded"]).scaleb(-DECIMALS[row["currency"]]) for row in theirs
    ]
    stats = PaymentStats()
    stats.add(ours)
    told = stats.summary()
    net = {
        currency: Decimal(total) - Decimal(told["refunded_amounts"].get(currency, 0))
        for currency, total in told["succeeded_amounts"].items()
    }
    assert {currency: total for currency, total in net.items() if total} == net_of(theirs)


def test_a_window_a_payment_and_an_order(
    client: razorpay.Client, connect: Connect, collect: Collect, ask: Ask, sandbox: Sandbox
) -> None:
    times = sorted({row["created_at"] for row in sandbox.razorpay.rows})
    first, last = times[5], times[-5]
    hook = connect("razorpay")
    ours = collect(
        hook,
        created_from=next(each.created_at for each in collect(hook) if int(each.created_at.timestamp()) == first),
        created_to=next(each.created_at for each in collect(hook) if int(each.created_at.timestamp()) == last),
    )
    theirs = list_all(client, 100, **{"from": first, "to": last - 1})  # the sandbox counts both in
    assert [each.id for each in ours] == [row["id"] for row in theirs]
    payment = ask(hook.get_payment, ours[0].id)
    assert client.payment.fetch(payment.id)["amount"] == payment.amount_minor
    tries = client.order.payments("order_sandbox0000002")["items"]
    assert [row["status"] for row in tries] == ["failed", "captured"]  # oldest first
    with pytest.raises(razorpay.errors.BadRequestError, match="The id provided does not exist"):
        client.payment.fetch("pay_unknown")
