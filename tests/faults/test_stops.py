"""A task that is told to stop, or whose time is over, in the middle of a failure: it ends soon, and leaves nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from airflow_provider_payments.operators.list_payments import ListPaymentsOperator
from airflow_provider_payments.triggers import client_pool
from airflow_provider_payments.triggers.payments import PendingPaymentsTrigger
from tests.faults.conftest import OLDER, Way
from tests.faults.faults import drip, status
from tests.faults.proxy import WAIT, Exchange, Proxy

try:
    from airflow.sdk.execution_time.timeout import TimeoutPosix as Timeout
except ImportError:  # Airflow 2.11
    from airflow.utils.timeout import TimeoutPosix as Timeout

pytestmark = pytest.mark.on_both_lines  # they are Airflow's own ways to end a task

SOON = 40
"""Seconds. Each of these failures would go on for a minute and more."""
FOR_LONG: dict[str, Callable[[Exchange], object]] = {
    "silent": lambda exchange: exchange.is_left(WAIT),
    "dripping": drip,
    "asked to wait": status(429, Retry_After="200"),
}


@pytest.fixture(params=FOR_LONG)
def stuck(request: pytest.FixtureRequest, proxy: Proxy, make_way: Callable[..., Way]) -> Way:
    """A way on which the second page takes long."""
    way = make_way("spacepay", proxy, is_async=False, extra={"timeout": [30, 45]})
    way.output.write_bytes(OLDER)
    proxy.begin(way.route, 2, FOR_LONG[request.param], is_lasting=True)
    return way


def wait_until(is_so: Callable[[], object], seconds: float = WAIT) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def threads() -> list[str]:
    """The names of threads that still ask for pages."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("payments_")]


@pytest.fixture
def at_fault(stuck: Way) -> Iterator[Callable[[Callable[[], object]], list[float]]]:
    """Act when the failure has begun; when that is, will be in the list that is returned."""
    started: list[threading.Thread] = []

    def act_then(act: Callable[[], object]) -> list[float]:
        acted_at: list[float] = []

        def act_once_stuck() -> None:
            wait_until(lambda: stuck.proxy.faulted)
            time.sleep(0.2)
            acted_at.append(time.monotonic())
            act()

        started.append(threading.Thread(target=act_once_stuck))
        started[-1].start()
        return acted_at

    yield act_then
    for thread in started:
        thread.join()


def build_operator(way: Way) -> ListPaymentsOperator:
    operator = ListPaymentsOperator(
        task_id="list", payments_conn_id="spacepay_default", output_path=way.output.as_uri()
    )
    operator.hook = way.hook
    return operator


def check_all_is_over(way: Way) -> None:
    way.check_nothing_published()
    if way.proxy.sent:  # a thread that waits for silence to end has to wait for its read timeout
        wait_until(lambda: not threads(), SOON)
    assert way.proxy.faulted == 1


def test_told_to_stop(stuck: Way, at_fault: Callable[..., list[float]]) -> None:
    """As Airflow tells it: by SIGTERM, whose handler calls ``on_kill``."""
    operator = build_operator(stuck)
    old = signal.signal(signal.SIGTERM, lambda *_: operator.on_kill())
    try:
        stopped_at = at_fault(lambda: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(SystemExit, match="told to stop"):
            operator.execute({})
    finally:
        signal.signal(signal.SIGTERM, old)
    assert time.monotonic() - stopped_at[0] < SOON
    check_all_is_over(stuck)


def test_out_of_time(stuck: Way, at_fault: Callable[..., list[float]]) -> None:
    """As Airflow measures ``execution_timeout``, which here is over when the failure has begun."""
    operator = build_operator(stuck)
    stopped_at = at_fault(lambda: signal.setitimer(signal.ITIMER_REAL, 0.01))
    with pytest.raises(BaseException, match="Timeout") as caught, Timeout(500):
        operator.execute({})
    assert type(caught.value).__name__ == "AirflowTaskTimeout"
    operator.on_kill()  # as Airflow does then
    assert stuck.proxy.faulted
    assert time.monotonic() - stopped_at[0] < SOON
    check_all_is_over(stuck)


@pytest.mark.parametrize("key", FOR_LONG)
def test_a_trigger_that_is_cancelled(key: str, proxy: Proxy, make_way: Callable[..., Way]) -> None:
    make_way("spacepay", proxy, is_async=True, extra={"timeout": [30, 45]})
    proxy.begin("/payments", 1, FOR_LONG[key], is_lasting=True)

    async def run() -> float:
        trigger = PendingPaymentsTrigger(
            payments_conn_id="spacepay_default",
            poke_interval=30,
            deadline=time.time() + 600,
            next_poll=time.time() + 0.5,
        )
        task = asyncio.create_task(_first(trigger))
        deadline = time.monotonic() + WAIT
        while not proxy.faulted:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert client_pool._pool == {}
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return time.monotonic() - began

    assert asyncio.run(run()) < SOON
    assert proxy.faulted == 1


async def _first(trigger: Any) -> Any:
    async for event in trigger.run():
        return event
    return None
