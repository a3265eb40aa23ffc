"""The triggers that wait for a task: what they tell, when they poll, how they end."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_payments.exceptions import (
    PaymentsAuthError,
    PaymentsConfigError,
    PaymentsError,
    PaymentsProtocolError,
    PaymentsRequestError,
    PaymentsThrottled,
    PaymentsUnavailable,
)
from airflow_provider_payments.sandbox import Call
from airflow_provider_payments.triggers.payments import PaymentStatusTrigger, PendingPaymentsTrigger
from airflow_provider_payments.triggers.polling import align
from tests.waits import SEARCHED, WITH_IDS, Shop, are_apart, end_at_call, first_event, rebuild


def timing(seconds: float = 20, **settings: Any) -> dict[str, Any]:
    """A trigger's times: it polls at once, and every tenth of a second."""
    now = time.time()
    return {"poke_interval": 0.1, "deadline": now + seconds, "next_poll": now, **settings}


def for_order(shop: Shop, seconds: float = 20, **settings: Any) -> PaymentStatusTrigger:
    given = {"payments_conn_id": shop.conn_id, "order_ids": ["one-order"], **timing(seconds)}
    return PaymentStatusTrigger(**{**given, **settings})


def for_settled(shop: Shop, seconds: float = 20, **settings: Any) -> PendingPaymentsTrigger:
    return PendingPaymentsTrigger(**{"payments_conn_id": shop.conn_id, **timing(seconds), **settings})


async def test_an_order_is_paid(shop: Shop) -> None:
    row = shop.sell("pending", "one-order")

    def settle(call: Call) -> None:
        if len(shop.calls) > 6:
            shop.move(row, "succeeded")

    shop.sandbox.before_reply = settle
    trigger = rebuild(for_order(shop))
    event = await first_event(trigger)
    assert event["outcome"] == "look"
    assert event["last"] == "1 of 1 orders have reached a final status."
    assert event["deadline"] == trigger.deadline
    known = {"known_ids": {"one-order": [shop.id_of(row)]}} if shop.conn_type in SEARCHED else {}
    assert event["state"] == known
    assert json.loads(json.dumps(event)) == event
    assert row["status"] == shop.words["succeeded"]


async def test_everything_has_settled(shop: Shop) -> None:
    shop.finish()
    row = shop.sell("pending")

    def settle(call: Call) -> None:
        if len(shop.calls) > 3:
            shop.move(row, "failed")

    shop.sandbox.before_reply = settle
    event = await first_event(rebuild(for_settled(shop)))
    assert event["outcome"] == "look"
    assert event["last"] == "Nothing pending was found."
    assert row["status"] == shop.words["failed"]


@pytest.mark.parametrize("conn_type", ["hotpay", "jframework"])
async def test_something_is_pending(shop: Shop) -> None:
    shop.finish()

    def sell(call: Call) -> None:
        if len(shop.calls) == 6:
            shop.sell("pending")

    shop.sandbox.before_reply = sell
    event = await first_event(rebuild(for_settled(shop, until="pending")))
    assert event["outcome"] == "look"
    assert "is pending" in event["last"]


@pytest.mark.parametrize("conn_type", ["spacepay"])
async def test_a_failure_wakes_the_task(shop: Shop) -> None:
    """Which asks for itself, and fails then."""
    shop.sell("failed", "one-order")
    event = await first_event(for_order(shop, target_statuses=["succeeded"], failure_statuses=["failed"]))
    assert event["outcome"] == "look"


@pytest.mark.parametrize("conn_type", ["spacepay"])
async def test_the_first_poll_is_when_it_was_told(shop: Shop) -> None:
    shop.sell("succeeded", "one-order")
    began = time.monotonic()
    await first_event(for_order(shop, next_poll=time.time() + 0.6))
    assert shop.calls[0].received_at - began > 0.55


@pytest.mark.parametrize("conn_type", ["spacepay"])
async def test_polls_keep_their_distance(shop: Shop) -> None:
    ids = [shop.id_of(shop.sell("pending"))]
    trigger = for_order(shop, 60, order_ids=(), payment_ids=ids, poke_interval=0.3)
    end_at_call(shop, trigger, 5)
    began = time.monotonic()
    event = await first_event(trigger)
    assert event["outcome"] == "timeout"
    times = [call.received_at for call in shop.calls]
    assert 5 <= len(times) <= 6
    assert are_apart(times, began, 0.3)


@pytest.mark.parametrize("conn_type", ["spacepay"])
async def test_however_short_the_interval_it_does_not_spin(shop: Shop) -> None:
    ids = [shop.id_of(shop.sell("pending"))]
    await first_event(for_order(shop, 0.8, order_ids=(), payment_ids=ids, poke_interval=0))
    assert len(shop.calls) <= 9


def test_the_grid_of_polls() -> None:
    """A trigger that starts anew keeps its phase: it neither asks at once, nor later than an interval."""
    assert align(100.0, 30.0, 90.0) == 100.0
    assert align(100.0, 30.0, 100.0) in (100.0, 130.0)
    assert align(100.0, 30.0, 101.0) == pytest.approx(130.0)
    assert align(100.0, 30.0, 159.0) == pytest.approx(160.0)
    assert align(100.0, 30.0, 1000.5) == pytest.approx(1030.0)
    assert 100.0 <= align(10.0, 0.0, 100.0) <= 100.2
    for now in range(100, 400, 7):
        turn = align(100.0, 30.0, float(now))
        assert now <= turn <= now + 30
        assert (turn - 100) % 30 == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("conn_type", ["spacepay"])
async def test_a_trigger_that_was_started_anew_keeps_its_phase(shop: Shop) -> None:
    shop.sell("succeeded", "one-order")
    began = time.monotonic()
    next_poll = time.time() - 0.9 + 0.5  # an interval of 0.9 s: the next one is due in half a second
    await first_event(rebuild(for_order(shop, next_poll=next_poll, poke_interval=0.9)))
    assert 0.4 < shop.calls[0].received_at - began < 5


@pytest.mark.parametrize("conn_type", ["spacepay"])
async def test_the_deadline(shop: Shop) -> None:
    shop.sell("pending", "one-order")
    trigger = for_order(shop, 60)
    end_at_call(shop, trigger)
    event = await first_event(trigger)
    assert 0 <= time.time() - trigger.deadline < 5
    assert event["outcome"] in ("timeout", "last look")  # whether a poll would be due
    assert "1 pending (one-order)" in event["last"]


@pytest.mark.parametrize("conn_type", ["spacepay"])
async def test_the_deadline_before_the_first_poll(shop: Shop) -> None:
    began = time.monotonic()
    event = await first_event(for_order(shop, 0.3, next_poll=time.time() + 3600))
    assert 0.25 < time.monotonic() - began < 5
    assert event["outcome"] == "timeout"
    assert shop.calls == []


@pytest.mark.parametrize("conn_type", ["spacepay"])
async def test_a_deadline_that_has_gone_by(shop: Shop) -> None:
    """The triggerer was down when it came."""
    shop.sell("pending", "one-order")
    began = time.monotonic()
    event = await first_event(rebuild(for_order(shop, -60)))
    assert time.monotonic() - began < 5
    assert event["outcome"] == "last look"
    assert shop.calls == []


@pytest.fixture
def silence() -> Iterator[str]:
    """The address of a server that accepts, and never says a word."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(16)
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("conn_type", ["satispay"])
async def test_the_deadline_when_the_api_is_silent(shop: Shop, silence: str) -> None:
    shop.connect(host=silence)
    trigger = for_order(shop, 2)
    event = await first_event(trigger)
    assert event["outcome"] == "timeout"
    assert 0 <= time.time() - trigger.deadline < 5


@pytest.mark.parametrize("conn_type", ["cryptofuse"])
async def test_silence_is_a_failed_poll(shop: Shop, silence: str) -> None:
    shop.connect({"timeout": 0.2}, host=silence)
    with pytest.raises(PaymentsUnavailable, match="Timeout"):
        await first_event(for_order(shop, max_poll_failures=1))


@pytest.mark.parametrize("conn_type", ["satispay"])
async def test_a_held_reply_is_cut_at_the_deadline(shop: Shop) -> None:
    row = shop.sell("pending")
    trigger = for_order(shop, 2, order_ids=(), payment_ids=[row["id"]], long_poll_seconds=30)
    event = await first_event(trigger)
    assert event["outcome"] == "timeout"
    assert time.time() - trigger.deadline < 5
    assert [call.header("x-satispay-response-wait-time") for call in shop.calls] == ["30"]


@pytest.mark.parametrize("conn_type", ["satispay"])
async def test_held_replies_do_not_wait_for_each_other(shop: Shop) -> None:
    """Forty at once, and the only one whose status changes is told at once."""
    rows = [shop.sell("pending") for _ in range(40)]
    shop.sandbox.before_reply = lambda call: shop.move(rows[-1], "succeeded") if len(shop.calls) == 40 else None
    soon = {"next_poll": time.time() + 1, "poke_interval": 60}
    triggers = [
        for_order(shop, 25, order_ids=(), payment_ids=[row["id"]], long_poll_seconds=30, **soon) for row in rows
    ]
    began = time.monotonic()
    tasks = [asyncio.create_task(first_event(trigger)) for trigger in triggers]
    assert (await tasks[-1])["outcome"] == "look"
    assert time.monotonic() - began < 20
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class ClientOfATest:
    """Leads nowhere; the test answers."""

    def __init__(self) -> None:
        self.reply = asyncio.get_running_loop().create_future()

    async def ask(self, poll: Any) -> bool:
        return await self.reply  # type: ignore[no-any-return]


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("reply", [True, False, PaymentsUnavailable("odd")])
async def test_a_cancellation_is_not_lost_when_the_reply_comes_too(turns: int, reply: Any) -> None:
    """Python's own ``wait_for`` forgets it before 3.12: the trigger of a task that is gone would poll on."""
    line = ClientOfATest()
    trigger = PaymentStatusTrigger(payments_conn_id="x", payment_ids=["x"], **timing())
    task = asyncio.create_task(trigger._poll(line, trigger.arguments.build_condition()))  # type: ignore[arg-type]
    await asyncio.sleep(0.01)
    line.reply.set_exception(reply) if isinstance(reply, Exception) else line.reply.set_result(reply)
    for _ in range(turns):
        await asyncio.sleep(0)
    if task.done():
        return  # the reply came first
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


BAD: list[tuple[dict[str, Any], type[PaymentsError]]] = [
    ({"password": "sk_wrong"}, PaymentsAuthError),
    ({"password": ""}, PaymentsConfigError),
    ({"conn_type": "http"}, PaymentsConfigError),
    ({"extra": {"page_size": 5000}}, PaymentsConfigError),
]


@pytest.mark.parametrize("conn_type", ["spacepay"])
@pytest.mark.parametrize(("change", "error"), BAD, ids=["key", "empty", "type", "extra"])
async def test_what_somebody_has_to_mend_ends_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], error: type[PaymentsError]
) -> None:
    connection = {**shop.sandbox.connections()[shop.conn_id], **change}
    monkeypatch.setenv(f"AIRFLOW_CONN_{shop.conn_id.upper()}", json.dumps(connection))
    with pytest.raises(error):
        await first_event(for_settled(shop))
    assert len(shop.calls) == (error is PaymentsAuthError)


async def test_a_wrong_key_ends_it_at_once(shop: Shop) -> None:
    shop.connect(**shop.facts.wrong)
    with pytest.raises(PaymentsAuthError):
        await first_event(for_settled(shop))
    assert len(shop.sandbox.requests) == 1


@pytest.mark.parametrize("conn_type", ["spacepay"])
async def test_a_key_that_was_replaced_is_read_again(shop: Shop) -> None:
    """The triggerer outlives a change of the connection."""
    row = shop.sell("succeeded", "one-order")
    wrong = {"password": "sk_wrong_until_mended"}
    shop.connect(**wrong)
    mended: list[str] = []

    def mend(call: Call) -> None:
        if call.header("X-SpacePay-Secret-Key") == wrong["password"] and not mended:
            mended.append(row["id"])
            shop.connect()

    shop.sandbox.before_reply = mend
    assert (await first_event(for_order(shop)))["outcome"] == "look"
    assert mended


@pytest.mark.parametrize("conn_type", ["spacepay"])
@pytest.mark.parametrize("is_replaced", [True, False])
async def test_a_key_that_was_good_and_is_refused(shop: Shop, is_replaced: bool) -> None:
    """It may have been replaced meanwhile; else it may be accepted again, and the poll has failed."""
    row = shop.sell("pending", "one-order")
    ids = [shop.id_of(row)]

    def refuse(call: Call) -> None:
        if len(shop.calls) == 2:
            shop.reply(401)
            if is_replaced:
                shop.connect({"page_size": 7})
        if len(shop.calls) == 4:
            shop.move(row, "succeeded")

    shop.sandbox.before_reply = refuse
    trigger = for_order(shop, order_ids=(), payment_ids=ids, max_poll_failures=0 if is_replaced else 1)
    assert (await first_event(trigger))["outcome"] == "look"
    assert [call.status for call in shop.calls].count(401) == 1


@pytest.mark.parametrize("conn_type", ["spacepay"])
async def test_a_refusal_ends_it(shop: Shop) -> None:
    shop.reply_always(400)
    with pytest.raises(PaymentsRequestError):
        await first_event(for_settled(shop))
    assert len(shop.calls) == 1


@pytest.mark.parametrize("conn_type", ["stripe"])
async def test_where_the_api_is_not_the_wait_ends(shop: Shop) -> None:
    """The worker's own polls have failed otherwise, so that none has shown it."""
    shop.connect(host=f"{shop.sandbox.connections()[shop.conn_id]['host']}/v9")
    with pytest.raises(PaymentsRequestError, match=r"GET /stripe/v9/v1/payment_intents with HTTP 404"):
        await first_event(rebuild(for_order(shop, order_ids=(), payment_ids=["pi_1"])))
    assert len(shop.calls) == 2


@pytest.mark.parametrize("conn_type", ["spacepay"])
@pytest.mark.parametrize(
    ("status", "body", "error"),
    [(500, b"{}", PaymentsUnavailable), (429, b"{}", PaymentsThrottled), (200, b"<html>", PaymentsProtocolError)],
)
@pytest.mark.parametrize("before", [0, 1])
async def test_one_failed_poll_too_many(
    shop: Shop, status: int, body: bytes, error: type[PaymentsError], before: int
) -> None:
    """The worker's failed polls count."""
    shop.connect({"max_attempts": 5})
    shop.reply_always(status, body)
    began = time.monotonic()
    with pytest.raises(error):
        await first_event(rebuild(for_settled(shop, max_poll_failures=2, poll_failures=before, poke_interval=0.3)))
    assert len(shop.calls) == 3 - before
    assert are_apart([call.received_at for call in shop.calls], began, 0.3)


@pytest.mark.parametrize("conn_type", ["spacepay"])
async def test_a_good_poll_begins_the_count_anew(shop: Shop) -> None:
    row = shop.sell("pending")

    def fail_often(call: Call) -> None:
        if len(shop.calls) % 3:
            shop.reply(500)
        elif len(shop.calls) > 8:
            shop.move(row, "succeeded")

    shop.sandbox.before_reply = fail_often
    trigger = for_order(shop, order_ids=(), payment_ids=[shop.id_of(row)], max_poll_failures=2)
    assert (await first_event(trigger))["outcome"] == "look"
    assert len(shop.calls) == 9


@pytest.mark.parametrize("conn_type", ["spacepay"])
async def test_retry_after(shop: Shop) -> None:
    ids = [shop.id_of(shop.sell("succeeded"))]
    shop.reply(429, headers={"Retry-After": "1"})
    assert (await first_event(for_order(shop, order_ids=(), payment_ids=ids)))["outcome"] == "look"
    first, second = (call.received_at for call in shop.calls)
    assert 0.95 < second - first < 6


@pytest.mark.parametrize("conn_type", ["spacepay"])
async def test_a_retry_after_beyond_the_deadline(shop: Shop) -> None:
    ids = [shop.id_of(shop.sell("succeeded"))]
    shop.reply(429, headers={"Retry-After": "3600"})
    trigger = for_order(shop, 60, order_ids=(), payment_ids=ids)
    end_at_call(shop, trigger)
    assert (await first_event(trigger))["outcome"] == "timeout"
    assert 0 <= time.time() - trigger.deadline < 5
    assert len(shop.calls) == 1


@pytest.mark.parametrize("conn_type", WITH_IDS)
async def test_one_request_for_each_poll(shop: Shop) -> None:
    """A found order is asked for by id, an unsettled payment too, and a reply is waited for but once."""
    shop.finish()
    row = shop.sell("pending")
    trigger = for_settled(shop, 60, poke_interval=0.2, unsettled_id=shop.id_of(row))
    end_at_call(shop, trigger, 3)
    event = await first_event(trigger)
    assert event["outcome"] == "timeout"
    assert event["state"] == {"unsettled_id": shop.id_of(row)}
    assert 3 <= len(shop.calls) <= 4
    assert shop.list_calls == []
