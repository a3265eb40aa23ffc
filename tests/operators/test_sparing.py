"""Side by side as far as permitted, and sparing with requests, connections, sockets and tokens."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from airflow_provider_payments._compat import BaseHook
from airflow_provider_payments.api.base import PaymentsApi
from airflow_provider_payments.get_provider_info import get_provider_info
from airflow_provider_payments.hooks.listing_builders import build_latest_listing
from airflow_provider_payments.listing.lookup import Lookup, Search
from airflow_provider_payments.operators.list_payments import ListPaymentsOperator
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.query import PaymentQuery
from airflow_provider_payments.sandbox import Sandbox
from tests.recent import be_recent

CONN_TYPES = [each["connection-type"] for each in get_provider_info()["connection-types"]]

LATENCY = 0.05

pytestmark = pytest.mark.without_airflow


class Watch:
    """When requests came."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.began: list[float] = []
        sandbox.faults.latency_ms = LATENCY * 1000
        sandbox.before_reply = lambda call: self.began.append(time.monotonic())

    @property
    def most(self) -> int:
        """How many were under way together: each takes longer than these lie apart."""
        near = LATENCY * 0.9
        return max(sum(first <= other < first + near for other in self.began) for first in self.began)


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with Sandbox(payments=600) as running:
        be_recent(running)
        for conn_id, connection in running.connections().items():
            extra = connection.get("extra") or {}
            extra = json.loads(extra) if isinstance(extra, str) else extra
            extra["page_size"] = 20
            monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps({**connection, "extra": extra}))
        yield running


def limit(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, conn_type: str, **extra: Any) -> None:
    connection = sandbox.connections()[f"{conn_type}_default"]
    before = connection.get("extra") or {}
    before = json.loads(before) if isinstance(before, str) else before
    extra = {**before, "page_size": 20, **extra}
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_type.upper()}_DEFAULT", json.dumps({**connection, "extra": extra}))


def ids(conn_type: str, **question: Any) -> list[str]:
    if conn_type == "paypal":  # which lists three years
        question = {"created_from": datetime.now(timezone.utc) - timedelta(days=60), **question}
    listing = BaseHook.get_hook(f"{conn_type}_default").list_payments(**question)
    found = [payment.id for payment in listing]
    assert listing.report.is_complete
    return found


@pytest.mark.parametrize("conn_type", CONN_TYPES)
def test_side_by_side_finds_what_page_by_page_finds(
    shop: Sandbox, conn_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, requests = {}, {}
    for at_once in (1, 4):
        limit(monkeypatch, shop, conn_type, max_concurrency=at_once)
        shop.requests.clear()
        watch = Watch(shop)
        found[at_once] = ids(conn_type)
        requests[at_once] = len(shop.requests)
        # Each page of Mollie's is only known from the one before, and nothing leads into the middle of its list.
        assert (watch.most > 1) == (at_once > 1 and conn_type != "mollie")
        assert watch.most <= at_once
        assert ids(conn_type) == found[at_once]  # in the same order each time
    assert len(found[1]) == len(set(found[1]))
    assert sorted(found[1]) == sorted(found[4])
    assert requests[4] <= requests[1] * 1.3 + 8


@pytest.mark.parametrize("conn_type", ["spacepay", "satispay"])
def test_one_at_a_time_and_five_a_second_are_kept(
    shop: Sandbox, conn_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, shop, conn_type, max_concurrency=1, requests_per_second=5, page_size=80)
    watch = Watch(shop)
    started = time.monotonic()
    ids(conn_type)
    assert len(watch.began) >= 8
    assert watch.most == 1
    # Since then, not since the first one came: on a busy machine that may be late, and the next ones would look early.
    assert all(came - started >= number / 5 for number, came in enumerate(watch.began))


@pytest.mark.parametrize("conn_type", CONN_TYPES)
def test_a_task_looks_its_connection_up_once(sandbox: Sandbox, conn_type: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[str] = []
    look_up = BaseHook.get_connection

    def count(conn_id: str) -> Any:
        looked_up.append(conn_id)
        return look_up(conn_id)

    monkeypatch.setattr(BaseHook, "get_connection", count)
    ListPaymentsOperator(task_id="list", payments_conn_id=f"{conn_type}_default").execute({})
    assert looked_up == [f"{conn_type}_default"]


@pytest.mark.parametrize("conn_type", CONN_TYPES)
def test_a_hook_keeps_its_sockets_and_its_token(sandbox: Sandbox, conn_type: str) -> None:
    hook = BaseHook.get_hook(f"{conn_type}_default")
    for _ in range(3):
        list(hook.list_payments())
        hook.has_pending()
    tokens = [call for call in sandbox.requests if call.path.endswith("/o/token/")]
    assert len(tokens) == (conn_type == "cryptofuse")
    session = hook._session
    assert session is not None
    (pool,) = {id(pool): pool for pool in _pools(session)}.values()
    assert pool.num_connections <= 4


def _pools(session: Any) -> list[Any]:
    manager = session.get_adapter("http://").poolmanager
    return [manager.pools[key] for key in manager.pools.keys()]  # noqa: SIM118 - it cannot be iterated


def test_replies_may_be_compressed(sandbox: Sandbox) -> None:
    ids("spacepay")
    assert all("gzip" in (call.header("Accept-Encoding") or "") for call in sandbox.requests)


@pytest.mark.parametrize("conn_type", CONN_TYPES)
def test_a_search_through_the_latest_asks_for_page_after_page(shop: Sandbox, conn_type: str) -> None:
    watch = Watch(shop)

    def search(api: PaymentsApi) -> Lookup[list[Payment]]:
        return (yield Search(build_latest_listing(api, PaymentQuery()), reach=100))

    hook = BaseHook.get_hook(f"{conn_type}_default")
    found = hook.look_up(search)
    # One for each of two statuses, of three locations; of what moved the balance and of what was denied.
    lists = {"satispay": 2, "square": 3, "paypal": 2}.get(conn_type, 1)
    assert watch.most == lists
    assert len({payment.id for payment in found}) == 100
    # 100 payments are on six pages of 20, which overlap; one more is a token. PayPal has rows that are no payments, and
    # each page of what moved the balance comes with a window of what was denied.
    assert len(watch.began) <= (7 + lists) * (2 if conn_type == "paypal" else 1)
    if conn_type in ("spacepay", "jframework"):
        latest = sorted((payment.created_at for payment in hook.list_payments()), reverse=True)
        assert [payment.created_at for payment in found] == latest[:100]


def test_a_search_that_has_looked_far_enough_asks_for_no_further_page(shop: Sandbox, is_async: bool) -> None:
    def look_for_long(payment: Payment) -> bool:
        """On the last of five pages, leave another thread the time to ask for a sixth."""
        deadline = time.monotonic() + 0.02
        while len(shop.requests) == 5 and time.monotonic() < deadline:
            time.sleep(0.005)
        return False

    def search(api: PaymentsApi) -> Lookup[list[Payment]]:
        return (yield Search(build_latest_listing(api, PaymentQuery()), look_for_long, reach=100))

    hook = BaseHook.get_hook("mollie_default")
    assert (asyncio.run(hook.alook_up(search)) if is_async else hook.look_up(search)) == []
    assert len(shop.requests) == 5
