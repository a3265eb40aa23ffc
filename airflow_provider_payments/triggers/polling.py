"""Polling: what all triggers that wait for a task have in common."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_payments.arguments import read_conn_id, read_seconds, read_whole_number
from airflow_provider_payments.exceptions import TRANSIENT_ERRORS, PaymentFailed
from airflow_provider_payments.texts import pack, unpack
from airflow_provider_payments.waiting.arguments import WaitArguments
from airflow_provider_payments.waiting.failures import FailureCounter

if TYPE_CHECKING:
    from airflow_provider_payments.triggers.client_pool import PooledClient
    from airflow_provider_payments.waiting.condition import WaitCondition

T = TypeVar("T")

#: Outcomes that a trigger tells its task, which then checks for itself. Their texts, and the names of the arguments,
#: are stored by Airflow, and stay the same so that sensors survive an upgrade.
CHECK, FINAL_CHECK, TIMEOUT = "look", "last look", "timeout"
#: Seconds. However short an interval is asked for, a trigger must not keep the event loop busy.
_SHORTEST_INTERVAL = 0.1


def align(moment: float, interval: float, now: float) -> float:
    """Return a moment; or, if it has passed, the next one that is a whole number of intervals after it.

    So a trigger that was started again keeps its rhythm, and polls no more often than before. All are seconds.
    """
    return moment if moment > now else now + (moment - now) % max(interval, _SHORTEST_INTERVAL)


async def _within(seconds: float, asking: Coroutine[Any, Any, T]) -> T:
    """Await a coroutine for some seconds at most.

    Python 3.10 lacks ``asyncio.timeout``, and before 3.12 ``asyncio.wait_for`` loses a cancellation that comes at the
    same moment as the reply: the trigger of a task that is gone would poll on.

    :raises asyncio.TimeoutError: when it has not ended by then.
    """
    task = asyncio.create_task(asking)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    finally:
        task.cancel()  # no matter to one that is done
        await asyncio.gather(task, return_exceptions=True)
    if not done:
        raise asyncio.TimeoutError
    return task.result()


class PollingTrigger(BaseTrigger):
    """Polls a payment API until the condition seems met, then wakes the task.

    Its arguments go through the metadata database: ids, windows and times, neither secrets nor records. Times are
    seconds since 1970. Ids and filters with control characters, which a database may refuse, are packed there (see
    :func:`~airflow_provider_payments.texts.pack`).

    :param payments_conn_id: the connection.
    :param poke_interval: seconds between polls.
    :param deadline: when to give up, in seconds since 1970.
    :param next_poll: when to poll first, in seconds since 1970.
    :param max_poll_failures: failed polls in a row that are survived.
    :param poll_failures: failed polls in a row so far.
    :param look_failures: checks of the task itself that failed in a row; passed back to it in the event.
    :param arguments: what is waited for: the arguments of :attr:`arguments_type`.
    :raises PaymentsConfigError: for a bad argument.
    """

    arguments_type: ClassVar[type[WaitArguments]]

    def __init__(
        self,
        *,
        payments_conn_id: str,
        poke_interval: float,
        deadline: float,
        next_poll: float,
        max_poll_failures: int = 10,
        poll_failures: int = 0,
        look_failures: int = 0,
        **arguments: Any,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.payments_conn_id = read_conn_id("payments_conn_id", payments_conn_id)
        self.poke_interval = read_seconds("poke_interval", poke_interval)
        self.deadline = read_seconds("deadline", deadline)
        self.next_poll = read_seconds("next_poll", next_poll)
        self.max_poll_failures = read_whole_number("max_poll_failures", max_poll_failures)
        self.poll_failures = read_whole_number("poll_failures", poll_failures)
        self.look_failures = read_whole_number("look_failures", look_failures)
        self.arguments = self.arguments_type(**{name: unpack(value) for name, value in arguments.items()})
        # What is serialised stays as it is.
        self._last_poll = 0.0
        self._next_poll = self.next_poll
        self._failures = FailureCounter(self.max_poll_failures, self.poll_failures)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the trigger is made from."""
        names = (
            "payments_conn_id",
            "poke_interval",
            "deadline",
            "next_poll",
            "max_poll_failures",
            "poll_failures",
            "look_failures",
        )
        kind = type(self)
        stored = {name: getattr(self, name) for name in names}
        stored |= {name: pack(value) for name, value in self.arguments.to_dict().items()}
        return f"{kind.__module__}.{kind.__qualname__}", stored

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll until the condition seems met, or the deadline has come.

        :raises PaymentsError: what a retry cannot mend, or one failed poll too many.
        """
        # In a thread, for HTTP clients take long to import; and not at the top, for DAG files that name a trigger are
        # parsed every few seconds.
        client_pool = await asyncio.to_thread(import_module, "airflow_provider_payments.triggers.client_pool")
        condition = self.arguments.build_condition()
        self._last_poll = self.next_poll - self.poke_interval
        self._next_poll = align(self.next_poll, self.poke_interval, time.time())
        self._failures = FailureCounter(self.max_poll_failures, self.poll_failures)
        outcome = None
        while outcome is None:
            try:
                async with client_pool.acquire_client(self.payments_conn_id) as client:
                    outcome = await self._poll_until_done(client, condition)
            except client_pool.ConnectionOutdated:
                self.log.info("Connection %r was changed, and is read again.", self.payments_conn_id)
            except client_pool.ConnectionUnreadable as error:
                self._failures.add(error, self.log, self.payments_conn_id)
                left = self.deadline - time.time()
                await asyncio.sleep(max(min(self.poke_interval, left), _SHORTEST_INTERVAL))
                outcome = TIMEOUT if left <= self.poke_interval else None
        yield TriggerEvent(  # type: ignore[no-untyped-call]
            {
                "outcome": outcome,
                "deadline": self.deadline,
                "last": condition.describe(),
                "state": pack(dict(condition.state)),
                "look_failures": self.look_failures,
            }
        )

    async def _poll_until_done(self, client: PooledClient, condition: WaitCondition) -> str:
        while True:
            now = time.time()
            poll_at = max(now, self._next_poll, now + client.retry_after(self.poke_interval))
            if poll_at >= self.deadline:
                await asyncio.sleep(max(self.deadline - now, 0.0))
                is_due = time.time() - self._last_poll >= 0.9 * self.poke_interval
                return FINAL_CHECK if is_due and not client.retry_after(0.0) else TIMEOUT
            await asyncio.sleep(poll_at - now)
            async with client.slot(is_long_poll=self.arguments.is_long_poll):
                if client.retry_after(0.0):
                    continue  # another sensor was told meanwhile to wait
                self._last_poll = time.time()
                self._next_poll = self._last_poll + max(self.poke_interval, _SHORTEST_INTERVAL)
                outcome = await self._poll(client, condition)
            if outcome is not None:
                return outcome

    async def _poll(self, client: PooledClient, condition: WaitCondition) -> str | None:
        """Poll once; return the outcome, if there is one."""
        try:
            is_met = await _within(self.deadline - time.time(), client.ask(condition.poll))
        except asyncio.TimeoutError:
            return TIMEOUT
        except PaymentFailed as failure:
            self.log.info("%s", failure)
            return CHECK
        except TRANSIENT_ERRORS as error:
            self._failures.add(error, self.log, self.payments_conn_id)
            return None
        self._failures.reset()
        self.log.info("%s", condition.describe())
        return CHECK if is_met else None
