"""Square's own client reads the sandbox, and finds what the hook finds."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
from square import AsyncSquare, Square
from square.core.api_error import ApiError

from airflow_provider_payments._compat import BaseHook
from airflow_provider_payments.operators.list_payments import ListPaymentsOperator
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.sandbox import Sandbox
from airflow_provider_payments.sandbox.square import ACCESS_TOKEN

Collect = Callable[..., list[Payment]]
DECIMALS = {"USD": 2, "CAD": 2, "JPY": 0}
FIRST = "2013-01-01T00:00:00Z"


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with Sandbox(payments={"square": 250}) as running:
        connection = {**running.connections()["square_default"], "extra": {"page_size": 20}}
        monkeypatch.setenv("AIRFLOW_CONN_SQUARE_DEFAULT", json.dumps(connection))
        yield running


@pytest.fixture
def client(shop: Sandbox) -> Iterator[Square]:
    with httpx.Client() as http:
        yield Square(base_url=f"{shop.url}/square", token=ACCESS_TOKEN, httpx_client=http)


def list_all(client: Square, **window: str) -> list[Any]:
    """What the client lists at every location that it is told of."""
    places = [place.id for place in client.locations.list().locations or ()]
    asked: dict[str, Any] = {"begin_time": FIRST, "limit": 7, **window}
    return [payment for place in places for payment in client.payments.list(location_id=place, **asked)]


def add_up(pairs: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    found: defaultdict[str, Decimal] = defaultdict(Decimal)
    for currency, amount in pairs:
        found[currency] += amount
    return {currency: amount for currency, amount in found.items() if amount}


def in_units(money: Any) -> tuple[str, Decimal]:
    return money.currency, Decimal(money.amount).scaleb(-DECIMALS[money.currency])


def test_both_find_the_same_payments(client: Square, collect: Collect) -> None:
    theirs = {each.id: each for each in list_all(client)}
    ours = {each.id: each for each in collect(BaseHook.get_hook("square_default"))}
    assert len(theirs) == 250
    assert ours.keys() == theirs.keys()
    for each in ours.values():
        other = theirs[each.id]
        assert (each.amount_minor, each.provider_status) == (other.total_money.amount, other.status)
        assert (each.currency, each.amount) == in_units(other.total_money)
        assert json.loads(each.raw)["created_at"] == other.created_at
        assert each.order_id == (other.reference_id or other.order_id)
        fees = [in_units(part.amount_money)[1] for part in other.processing_fee or ()]
        assert each.fee == (sum(fees) if fees else None)
        assert each.refunded_amount == (in_units(other.refunded_money)[1] if other.refunded_money else None)


def test_net_by_currency_is_what_the_client_s_payments_add_up_to(client: Square, tmp_path: Any) -> None:
    paid = [each for each in list_all(client) if each.status == "COMPLETED"]
    gains = [in_units(each.total_money) for each in paid]
    losses = [in_units(each.refunded_money) for each in paid if each.refunded_money]
    assert losses
    manifest = ListPaymentsOperator(
        task_id="list", payments_conn_id="square_default", output_path=(tmp_path / "p.parquet").as_uri()
    ).execute({})
    succeeded, refunded = (
        [(currency, Decimal(amount)) for currency, amount in manifest[name].items()]
        for name in ("succeeded_amounts", "refunded_amounts")
    )
    net = add_up([*gains, *((currency, -amount) for currency, amount in losses)])
    assert net.keys() == {"USD", "CAD", "JPY"}
    assert add_up([*succeeded, *((currency, -amount) for currency, amount in refunded)]) == net
    assert manifest["complete"] is True


def test_a_window_is_the_same_window(client: Square, shop: Sandbox, collect: Collect) -> None:
    low, high = shop.square.rows[200]["created_at"], shop.square.rows[40]["created_at"]
    shop.square.counts_end_in = False
    theirs = [each.id for each in list_all(client, begin_time=low, end_time=high)]
    assert len(theirs) > 100
    ours = collect(BaseHook.get_hook("square_default"), created_from=low, created_to=high)
    assert sorted(each.id for each in ours) == sorted(theirs)


def test_one_payment(client: Square, shop: Sandbox, ask: Any) -> None:
    row = shop.square.rows[100]
    theirs = client.payments.get(payment_id=row["id"]).payment
    ours = ask(BaseHook.get_hook("square_default").get_payment, row["id"])
    assert theirs is not None
    assert (ours.id, ours.provider_status, json.loads(ours.raw)) == (theirs.id, theirs.status, row)


def test_the_awaited_client_finds_the_same(client: Square, shop: Sandbox) -> None:
    async def gather() -> list[Any]:
        async with httpx.AsyncClient() as http:
            awaited = AsyncSquare(base_url=f"{shop.url}/square", token=ACCESS_TOKEN, httpx_client=http)
            pager = await awaited.payments.list(location_id="LSANDBOXTOKYO2", begin_time=FIRST, limit=7)
            return [each.id async for each in pager]

    listed = list(client.payments.list(location_id="LSANDBOXTOKYO2", begin_time=FIRST))
    assert len(listed) > 20
    assert asyncio.run(gather()) == [each.id for each in listed]


def test_what_the_client_is_refused(client: Square, shop: Sandbox) -> None:
    """The errors are those that its own code tells apart."""

    def refuse(**asked: Any) -> tuple[int, Any]:
        with pytest.raises(ApiError) as caught:
            list(client.payments.list(**asked))
        return caught.value.status_code or 0, caught.value.body["errors"][0]["code"]

    assert refuse(cursor="foreign") == (400, "INVALID_CURSOR")
    assert refuse(begin_time="yesterday") == (400, "INVALID_TIME")
    shop.square.permissions.clear()
    assert refuse() == (403, "INSUFFICIENT_SCOPES")
