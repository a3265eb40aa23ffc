"""A thousand deferred sensors in one process: is the event loop held up, how much memory, how late do they fire?

    .venv/airflow-3.3.2/bin/python benchmarks/deferred_sensors.py [--sensors 1000] [--interval 30] [--latency-ms 300]

The triggers run in one event loop, as in a triggerer process, and all poll first at the same moment: the worst case.
The API is the sandbox, in a process of its own. After two and a half intervals all payments settle.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from typing import Any

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="benchmark-"))
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"

from airflow_provider_payments._compat import BaseHook
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.triggers.payments import PaymentStatusTrigger, PendingPaymentsTrigger

#: How often the loop is looked at, in seconds.
HEARTBEAT = 0.01


def serve(latency_ms: float, pipe: Any) -> None:
    """Run the sandbox, and settle its payments when told to."""
    from airflow_provider_payments.sandbox import Sandbox

    with Sandbox(payments=200) as sandbox:
        pipe.send(sandbox.connections())
        while (order := pipe.recv()) != "stop":
            if order == "slow":
                sandbox.faults.latency_ms = latency_ms
            elif order == "settle":
                sandbox.settle()
            pipe.send(len(sandbox.requests))


def tell(pipe: Any, order: str) -> int:
    pipe.send(order)
    return int(pipe.recv())


def list_pending(conn_id: str) -> list[Payment]:
    """Return the pending payments, of orders that have no other: it might have succeeded."""
    hook: PaymentsHook = BaseHook.get_hook(conn_id)
    payments = list(hook.list_payments())
    orders = Counter(payment.order_id for payment in payments)
    return [payment for payment in payments if payment.status.is_pending and orders[payment.order_id] == 1]


def build_triggers(conn_ids: list[str], number: int, interval: float) -> list[Any]:
    """Return as many triggers of each connection, and of each kind."""
    pending = {conn_id: list_pending(conn_id) for conn_id in conn_ids}
    now = time.time()
    polling = {"poke_interval": interval, "deadline": now + 3600, "next_poll": now + 5}
    triggers: list[Any] = []
    for place in range(number):
        conn_id = conn_ids[place % len(conn_ids)]
        payment = pending[conn_id][place // len(conn_ids) % len(pending[conn_id])]
        if place // len(conn_ids) % 2:
            triggers.append(PendingPaymentsTrigger(payments_conn_id=conn_id, **polling))
        elif conn_id.startswith("hotpay"):
            triggers.append(PaymentStatusTrigger(payments_conn_id=conn_id, order_ids=[payment.order_id], **polling))
        else:
            triggers.append(PaymentStatusTrigger(payments_conn_id=conn_id, payment_ids=[payment.id], **polling))
    return triggers


async def wait_for(trigger: Any) -> float:
    """Return when the trigger fired."""
    async for event in trigger.run():
        assert event.payload["outcome"] == "look", event  # noqa: S101
        return time.monotonic()
    raise AssertionError("no event")


async def watch_the_loop(lags: list[float], work: list[float]) -> None:
    """Note how much later than asked for the loop comes back, and how much of that its own thread has worked."""
    while True:
        began, worked = time.monotonic(), time.thread_time()
        await asyncio.sleep(HEARTBEAT)
        lags.append(time.monotonic() - began - HEARTBEAT)
        work.append(time.thread_time() - worked)


async def run(triggers: list[Any], interval: float, pipe: Any) -> dict[str, Any]:
    lags: list[float] = []
    work: list[float] = []
    watch = asyncio.create_task(watch_the_loop(lags, work))
    requests, began, processor = tell(pipe, "count"), time.monotonic(), time.process_time()
    waits = []
    for trigger in triggers:
        waits.append(asyncio.create_task(wait_for(trigger)))
        await asyncio.sleep(0)  # as the triggerer does
    await asyncio.sleep(5 + 2.5 * interval)
    early = sum(wait.done() for wait in waits)
    requests, settled = tell(pipe, "settle") - requests, time.monotonic()
    spent = (time.process_time() - processor) / (settled - began)
    fired = await asyncio.gather(*waits)
    watch.cancel()
    late = sorted(moment - settled for moment in fired)
    return {
        "sensors": len(triggers),
        "fired_before_settling": early,
        "last_fired_after_s": round(late[-1], 2),
        "median_fired_after_s": round(late[len(late) // 2], 2),
        "loop_held_up_at_most_ms": round(max(lags) * 1000, 1),
        "of_that_its_own_work_at_most_ms": round(max(work) * 1000, 1),
        "loop_held_up_99.9_percent_ms": round(sorted(lags)[int(len(lags) * 0.999)] * 1000, 1),
        "peak_memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "processor_share": round(spent, 3),
        "requests_per_second": round(requests / (settled - began), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sensors", type=int, default=1000)
    parser.add_argument("--interval", type=float, default=30.0)
    parser.add_argument("--latency-ms", type=float, default=300.0)
    parser.add_argument("--only", help="one API, like satispay; all by default")
    options = parser.parse_args()
    logging.disable(logging.WARNING)

    context = multiprocessing.get_context("spawn")
    pipe, other = context.Pipe()
    server = context.Process(target=serve, args=(options.latency_ms, other), daemon=True)
    server.start()
    connections = pipe.recv()
    for conn_id, connection in connections.items():
        os.environ[f"AIRFLOW_CONN_{conn_id.upper()}"] = json.dumps(connection)
    conn_ids = [conn_id for conn_id in connections if conn_id.startswith(options.only or "")]
    triggers = build_triggers(conn_ids, options.sensors, options.interval)
    tell(pipe, "slow")
    result = asyncio.run(run(triggers, options.interval, pipe))
    pipe.send("stop")
    json.dump(result, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
