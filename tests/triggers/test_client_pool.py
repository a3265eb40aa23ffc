"""What triggers of one process share: a session, a token, an API's wish to be left alone. And that nothing is left."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from typing import Any

import pytest

from airflow_provider_payments.exceptions import PaymentsAuthError, PaymentsConfigError
from airflow_provider_payments.sandbox import Call
from airflow_provider_payments.triggers import client_pool
from airflow_provider_payments.triggers.payments import PaymentStatusTrigger
from tests.waits import Shop, first_event


def for_payment(shop: Shop, payment_id: str, seconds: float = 20, **settings: Any) -> PaymentStatusTrigger:
    now = time.time()
    given = {"poke_interval": 0.1, "deadline": now + seconds, "next_poll": now, "payments_conn_id": shop.conn_id}
    return PaymentStatusTrigger(payment_ids=[payment_id], **{**given, **settings})


@pytest.mark.parametrize("conn_type", ["cryptofuse"])
async def test_one_token_for_all(shop: Shop) -> None:
    ids = [shop.id_of(shop.sell("succeeded")) for _ in range(8)]
    async with client_pool.acquire_client(shop.conn_id):  # so that none finds the client closed by those before it
        events = await asyncio.gather(*(first_event(for_payment(shop, each)) for each in ids))
    assert [event["outcome"] for event in events] == ["look"] * 8
    assert sum(call.route == "/o/token/" for call in shop.sandbox.requests) == 1
    assert len(shop.calls) == 8
    assert client_pool._pool == {}


@pytest.mark.parametrize("conn_type", ["cryptofuse"])
async def test_a_line_is_open_as_long_as_somebody_uses_it(shop: Shop) -> None:
    waiting, paid = shop.sell("pending"), shop.sell("succeeded")
    task = asyncio.create_task(first_event(for_payment(shop, shop.id_of(waiting))))
    while not shop.calls:
        await asyncio.sleep(0.02)
    for _ in range(3):
        await first_event(for_payment(shop, shop.id_of(paid)))
    assert len(client_pool._pool) == 1
    shop.move(waiting, "succeeded")
    await task
    assert sum(call.route == "/o/token/" for call in shop.sandbox.requests) == 1
    assert client_pool._pool == {}
    await first_event(for_payment(shop, shop.id_of(paid)))
    assert sum(call.route == "/o/token/" for call in shop.sandbox.requests) == 2


@pytest.mark.parametrize("conn_type", ["spacepay"])
async def test_a_changed_connection_has_another_client(shop: Shop) -> None:
    waiting, paid = shop.sell("pending"), shop.sell("succeeded")
    task = asyncio.create_task(first_event(for_payment(shop, shop.id_of(waiting))))
    while not shop.calls:
        await asyncio.sleep(0.02)
    shop.connect(password="sk_another_key")
    with pytest.raises(PaymentsAuthError):
        await first_event(for_payment(shop, shop.id_of(paid)))
    shop.connect({"page_size": 7})
    assert (await first_event(for_payment(shop, shop.id_of(paid))))["outcome"] == "look"
    shop.move(waiting, "succeeded")
    assert (await task)["outcome"] == "look"
    assert client_pool._pool == {}


@pytest.mark.parametrize("conn_type", ["spacepay"])
async def test_a_wish_to_wait_silences_those_that_come_later(shop: Shop) -> None:
    ids = [shop.id_of(shop.sell("succeeded")) for _ in range(2)]
    shop.reply(429, headers={"Retry-After": "1"})
    first = asyncio.create_task(first_event(for_payment(shop, ids[0])))
    while not any(
        entry.client and entry.client._silent_until for entry in client_pool._pool.values()
    ):  # the wish is not read yet
        await asyncio.sleep(0.02)
    await asyncio.gather(first, first_event(for_payment(shop, ids[1])))
    times = [call.received_at for call in shop.calls]
    assert len(times) == 3
    assert times[1] - times[0] > 0.95


@pytest.mark.parametrize("conn_type", ["spacepay"])
async def test_a_wish_to_wait_silences_those_that_sleep(shop: Shop) -> None:
    """They had reckoned their next poll before the API asked to be left alone."""
    ids = [shop.id_of(shop.sell("succeeded")) for _ in range(3)]
    shop.reply(429, headers={"Retry-After": "4"})
    async with client_pool.acquire_client(
        shop.conn_id
    ):  # the line is open: only the reply has to come before the others' turn
        now = time.time()
        await asyncio.gather(
            *(first_event(for_payment(shop, each, next_poll=now + 1.5 * place)) for place, each in enumerate(ids))
        )
    times = [call.received_at for call in shop.calls]
    assert len(times) == 4
    assert min(times[1:]) - times[0] > 3.95


@pytest.mark.parametrize("conn_type", ["spacepay"])
async def test_other_connections_are_not_silenced(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Shop(shop.sandbox, "cryptofuse", monkeypatch)
    ids = shop.id_of(shop.sell("succeeded")), other.id_of(other.sell("succeeded"))
    shop.reply(429, headers={"Retry-After": "15"})
    task = asyncio.create_task(first_event(for_payment(shop, ids[0])))
    while not shop.calls:
        await asyncio.sleep(0.02)
    began = time.monotonic()
    await first_event(for_payment(other, ids[1]))
    assert time.monotonic() - began < 10
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("conn_type", ["cryptofuse"])
def test_nothing_is_left_open(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """However it ends: told, failed, or cancelled while it sleeps, while it asks, before it has begun."""
    paid, waiting = shop.sell("succeeded"), shop.sell("pending")

    async def run() -> None:
        await first_event(for_payment(shop, shop.id_of(paid)))
        shop.reply_always(400)
        with pytest.raises(Exception, match="HTTP 400"):
            await first_event(for_payment(shop, shop.id_of(paid)))
        shop.sandbox.before_reply = None
        shop.sandbox.faults.latency_ms = 60_000
        for first_poll, has_come in (
            (0, lambda: True),  # nowhere yet
            (15, lambda: any(entry.client for entry in client_pool._pool.values())),  # to its sleep
            (0, lambda: bool(shop.sandbox.requests)),  # to the API
        ):
            shop.forget_calls()
            trigger = for_payment(shop, shop.id_of(waiting), next_poll=time.time() + first_poll)
            task = asyncio.create_task(first_event(trigger))
            while not has_come():
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.1 if first_poll else 0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert client_pool._pool == {}
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left

    with caplog.at_level(logging.WARNING):
        asyncio.run(run())
        gc.collect()
    assert "Unclosed" not in caplog.text
    assert "never retrieved" not in caplog.text
    assert "was destroyed" not in caplog.text


@pytest.mark.parametrize("conn_type", ["spacepay"])
async def test_the_others_go_on_when_one_is_cancelled(shop: Shop) -> None:
    rows = [shop.sell("pending") for _ in range(3)]
    tasks = [asyncio.create_task(first_event(for_payment(shop, shop.id_of(row)))) for row in rows]
    while len(shop.calls) < 3:
        await asyncio.sleep(0.02)
    tasks[0].cancel()
    for row in rows:
        shop.move(row, "succeeded")
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert [event["outcome"] for event in results[1:]] == ["look", "look"]
    assert client_pool._pool == {}


@pytest.mark.parametrize("conn_type", ["spacepay"])
async def test_a_connection_that_cannot_be_opened_leaves_nothing(shop: Shop) -> None:
    shop.connect(password="")
    results = await asyncio.gather(*(first_event(for_payment(shop, "x")) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(result, PaymentsConfigError) for result in results)
    assert client_pool._pool == {}
    shop.connect()
    assert (await first_event(for_payment(shop, shop.id_of(shop.sell("succeeded")))))["outcome"] == "look"


def test_each_event_loop_has_its_own(shop: Shop) -> None:
    """A process may run one loop after the other; sockets belong to one."""
    shop.sell("succeeded", "one-order")
    for _ in range(2):
        now = time.time()
        waiting = PaymentStatusTrigger(
            payments_conn_id=shop.conn_id,
            order_ids=["one-order"],
            poke_interval=0.1,
            deadline=now + 20,
            next_poll=now,
        )
        assert asyncio.run(first_event(waiting))["outcome"] == "look"
    assert client_pool._pool == {}


@pytest.mark.parametrize("conn_type", ["spacepay"])
async def test_the_pace_of_the_connection_is_that_of_the_process(shop: Shop) -> None:
    shop.connect({"requests_per_second": 10})
    ids = [shop.id_of(shop.sell("succeeded")) for _ in range(6)]
    async with client_pool.acquire_client(shop.conn_id):
        began = time.monotonic()
        await asyncio.gather(*(first_event(for_payment(shop, each)) for each in ids))
    times = sorted(call.received_at - began for call in shop.calls)
    assert len(times) == 6
    # A busy server notices a request late, never early.
    assert all(moment > 0.099 * number for number, moment in enumerate(times))


@pytest.mark.parametrize("conn_type", ["spacepay"])
async def test_the_concurrency_of_the_connection_is_that_of_the_process(shop: Shop) -> None:
    shop.connect({"max_concurrency": 2})
    shop.sandbox.faults.latency_ms = 60
    ids = [shop.id_of(shop.sell("succeeded")) for _ in range(6)]
    async with client_pool.acquire_client(shop.conn_id):
        await asyncio.gather(*(first_event(for_payment(shop, each)) for each in ids))
    assert most_at_once(shop.calls) <= 2


def most_at_once(calls: list[Call]) -> int:
    return max(sum(each.received_at <= call.received_at < each.answered_at for each in calls) for call in calls)
