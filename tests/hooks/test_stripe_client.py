"""Stripe's own client and our hook read the same list: the same payments, amounts, fees and totals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
import stripe

from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.sandbox import Sandbox
from airflow_provider_payments.sandbox.stripe_data import CURRENCIES, MATTERS

KEY = "rk_test_sandbox"
DECIMALS = {"usd": 2, "eur": 2, "gbp": 2, "jpy": 0, "isk": 2, "ugx": 2, "kwd": 3}


@pytest.fixture
def many() -> Iterator[Sandbox]:
    """Five pages of a hundred, with all that can be the matter, and each currency."""
    with Sandbox(payments={"stripe": 420}) as running:
        assert len(MATTERS) * len(CURRENCIES) < 420
        yield running


@pytest.mark.parametrize("resource", ["payment_intents", "charges"])
@pytest.mark.parametrize("limit", [7, 100])
def test_stripes_own_client_reads_the_same(
    many: Sandbox, connect: Callable[..., PaymentsHook], resource: str, limit: int
) -> None:
    """Ids, amounts and totals by currency, each worked out from the client's objects alone."""
    client = stripe.StripeClient(KEY, base_addresses={"api": f"{many.url}/stripe"}, max_network_retries=0)
    if resource == "charges":
        listed = client.v1.charges.list({"limit": limit, "expand": ["data.balance_transaction"]})
    else:
        listed = client.v1.payment_intents.list({"limit": limit, "expand": ["data.latest_charge.balance_transaction"]})
    amounts: dict[str, tuple[str, Decimal]] = {}
    net: defaultdict[str, Decimal] = defaultdict(Decimal)
    fees: dict[str, Decimal | None] = {}
    for each in listed.auto_paging_iter():
        charge: Any = each if resource == "charges" else each.latest_charge
        is_paid = each.status == "succeeded" and (resource != "charges" or each.captured)
        received = charge.amount_captured if is_paid else each.amount
        scale = DECIMALS[each.currency]
        amounts[each.id] = (each.currency.upper(), Decimal(received).scaleb(-scale))
        settled = charge and charge.balance_transaction
        is_told = settled and settled.currency == each.currency
        fees[each.id] = Decimal(settled.fee).scaleb(-scale) if is_told else None
        if is_paid:
            back = charge.amount_refunded - (charge.amount - charge.amount_captured)
            net[each.currency.upper()] += Decimal(received - back).scaleb(-scale)

    hook = connect("stripe", {"resource": resource, "page_size": limit}, host=f"{many.url}/stripe")
    listing = hook.list_payments()
    payments = list(listing)
    assert listing.report.is_complete
    assert len(payments) == len(amounts)
    assert {each.id: (each.currency, each.amount) for each in payments} == amounts
    assert {each.id: each.fee for each in payments} == fees
    ours: defaultdict[str, Decimal] = defaultdict(Decimal)
    for each in payments:
        if each.status.value == "succeeded":
            assert each.amount is not None
            assert each.refunded_amount is not None
            ours[str(each.currency)] += each.amount - each.refunded_amount
    assert {key: value for key, value in ours.items() if value} == {key: value for key, value in net.items() if value}
    assert len(ours) == len(CURRENCIES)


def test_a_window_is_that_of_stripes_own_client(many: Sandbox, connect: Callable[..., PaymentsHook]) -> None:
    client = stripe.StripeClient(KEY, base_addresses={"api": f"{many.url}/stripe"}, max_network_retries=0)
    start, end = many.stripe.rows[300]["created"], many.stripe.rows[4]["created"]
    listed = client.v1.payment_intents.list({"limit": 100, "created": {"gte": start, "lt": end}})
    wanted = [each.id for each in listed.auto_paging_iter()]
    hook = connect("stripe", {"page_size": 20}, host=f"{many.url}/stripe")
    window = [datetime.fromtimestamp(seconds, timezone.utc) for seconds in (start, end)]
    found = hook.list_payments(created_from=window[0], created_to=window[1])
    assert sorted(each.id for each in found) == sorted(wanted)
    assert len(wanted) > 250
