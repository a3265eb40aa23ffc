"""The trigger that watches for new payments, for Airflow 3's ``AssetWatcher``."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.query import build_query, parse_bound
from airflow_provider_payments.texts import escape_controls, pack, unpack
from airflow_provider_payments.times import format_time, parse_iso
from airflow_provider_payments.triggers.announced import NO_TIME, Announced, shorten

if TYPE_CHECKING:
    from airflow_provider_payments.hooks.api import PaymentsApi
    from airflow_provider_payments.hooks.inquiry import Inquiry
    from airflow_provider_payments.payment import Payment
    from airflow_provider_payments.triggers.lines import Line

#: So many ids go into one event at most; more payments make more events.
MAX_IDS = 500
#: Seconds that Airflow gets to write an event down before its payments count as announced.
_TO_BE_WRITTEN = 5.0


class NewPaymentsTrigger(BaseEventTrigger):
    """Announces payments that match a query, so that a DAG starts when there are new ones (Airflow 3)::

        Asset("x-payments://orders", watchers=[AssetWatcher("new", trigger=NewPaymentsTrigger(payments_conn_id=…))])

    Every ``poke_interval`` it lists the payments created in the last ``lookback``, and announces those that it has not
    announced. So a payment is announced when it *reaches* a status, as long as that takes no longer than ``lookback``.
    The event carries ids and counts: ``{"payments_conn_id", "count", "ids", "statuses", "first_created_at",
    "last_created_at"}``; of more than 500 payments, several events. Control characters in ids are escaped
    there, for databases refuse some of them.

    What was announced is kept in the asset state store of Airflow 3.3. Should the triggerer die in the few seconds
    between an event and its note there, the event is repeated rather than lost. Before 3.3 it is kept in memory only:
    what happens while the triggerer restarts is not announced.

    :param payments_conn_id: the connection.
    :param statuses: normalised statuses or the API's own words; None for all.
    :param filters: the API's own filter parameters.
    :param created_from: ISO 8601 text with a zone: payments from here on are announced, when the watch first begins.
        None announces only what matches later than that.
    :param lookback: seconds, or a ``timedelta``.
    :param poke_interval: seconds between polls, or a ``timedelta``.
    :param max_poll_failures: failed polls in a row that are survived.
    :raises PaymentsConfigError: for an interval that is not positive, or a time without a zone.
    """

    def __init__(
        self,
        *,
        payments_conn_id: str,
        statuses: Sequence[str] | None = ("succeeded",),
        filters: Mapping[str, object] | None = None,
        created_from: str | None = None,
        lookback: timedelta | float = 86_400.0,
        poke_interval: timedelta | float = 60.0,
        max_poll_failures: int = 10,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.payments_conn_id = payments_conn_id
        self.statuses = unpack(statuses)
        self.filters = unpack(filters)
        self.created_from = format_time(parse_bound("created_from", created_from))
        self.lookback = _seconds("lookback", lookback)
        self.poke_interval = _seconds("poke_interval", poke_interval)
        self.max_poll_failures = max_poll_failures
        self._has_warned = False

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the trigger is made from."""
        kind = type(self)
        return f"{kind.__module__}.{kind.__qualname__}", {
            "payments_conn_id": self.payments_conn_id,
            "statuses": None if self.statuses is None else pack(list(self.statuses)),
            "filters": None if self.filters is None else pack(dict(self.filters)),
            "created_from": self.created_from,
            "lookback": self.lookback,
            "poke_interval": self.poke_interval,
            "max_poll_failures": self.max_poll_failures,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Announce new payments, for ever.

        :raises PaymentsError: what a retry cannot mend, or one failed poll too many; after ten intervals, for Airflow
            starts a watching trigger again at once.
        """
        # In a thread, for HTTP clients take long to import.
        lines = await asyncio.to_thread(import_module, "airflow_provider_payments.triggers.lines")
        try:
            announced = await self._load()
            async with lines.borrow_line(self.payments_conn_id) as line:
                while True:
                    for event in await self._poll(line, announced):
                        yield TriggerEvent(event)  # type: ignore[no-untyped-call]
                    await asyncio.sleep(min(_TO_BE_WRITTEN, self.poke_interval))
                    await self._save(announced)
        except Exception as error:
            self.log.error("Watching %r ends, and begins anew in a while. %s", self.payments_conn_id, error)
            await asyncio.sleep(10 * self.poke_interval)
            raise

    async def _poll(self, line: Line, announced: Announced) -> list[dict[str, Any]]:
        """Wait for the next turn, poll, and return the events to make of it."""
        from airflow_provider_payments.triggers.polling import align
        from airflow_provider_payments.waiting.wait import PASSING_ERRORS

        failures, now = 0, time.time()
        polled_at = announced.polled_at
        turn = now if polled_at is None else align(polled_at + self.poke_interval, self.poke_interval, now)
        while True:
            turn = max(turn, now + line.get_pause(self.poke_interval))
            await asyncio.sleep(turn - now)
            now = time.time()
            if line.get_pause(0.0):
                continue  # another trigger was told meanwhile to wait
            listed: dict[str, float] = {}
            try:
                new = await line.ask(lambda api: self._find(api, announced, listed))  # noqa: B023 - used at once
            except PASSING_ERRORS as error:
                failures += 1
                if failures > self.max_poll_failures:
                    raise
                self.log.warning("Poll failed, %d in a row of at most %d. %s", failures, self.max_poll_failures, error)
                now = time.time()
                turn = max(turn + self.poke_interval, now)
                continue
            announced.note(listed, turn, self.lookback)
            self.log.info("%d new payments", len(new))
            return list(self._describe(new))

    def _find(self, api: PaymentsApi, announced: Announced, listed: dict[str, float]) -> Inquiry[list[Payment]]:
        """List the payments of the time to look back on, and return those that are new.

        :param listed: told of each payment its key, and when it was created.
        """
        from airflow_provider_payments.hooks.inquiry import Search
        from airflow_provider_payments.hooks.questions import build_listing

        is_first = announced.polled_at is None
        if is_first and self.created_from is not None:
            start = parse_iso(self.created_from)
        else:
            start = datetime.fromtimestamp((announced.polled_at or time.time()) - self.lookback, timezone.utc)
        query = build_query(
            created_from=start,
            statuses=self.statuses,
            filters=self.filters,
            known_words=api.statuses,
            known_filters=api.filters,
        )

        def is_new(payment: Payment) -> bool:
            key = shorten(payment.id)
            listed[key] = payment.occurred_at.timestamp() if payment.occurred_at else NO_TIME
            # What matched before the watch began is no news.
            return key not in announced.keys and not (is_first and self.created_from is None)

        return (yield Search(build_listing(api, query), is_new))

    def _describe(self, payments: Sequence[Payment]) -> Iterator[dict[str, Any]]:
        for start in range(0, len(payments), MAX_IDS):
            part = payments[start : start + MAX_IDS]
            moments = [payment.occurred_at for payment in part if payment.occurred_at]
            yield {
                "payments_conn_id": self.payments_conn_id,
                "count": len(part),
                "ids": [escape_controls(payment.id) for payment in part],
                "statuses": dict(Counter(payment.status.value for payment in part)),
                "first_created_at": format_time(min(moments, default=None)),
                "last_created_at": format_time(max(moments, default=None)),
            }

    async def _load(self) -> Announced:
        store = getattr(self, "asset_state_store", None)
        try:
            if store is None:
                raise ValueError("the asset state store came with Airflow 3.3")
            # Before 3.3.2 it can only be asked by blocking.
            text = await (store.aget(self._key) if hasattr(store, "aget") else asyncio.to_thread(store.get, self._key))
            return Announced.from_json(text) if text else Announced()
        except ValueError as error:
            self._warn_once(error)
            # Airflow makes a new trigger of one that failed, in the same process.
            return _memory.setdefault(f"{self._key} {self.created_from}", Announced())

    async def _save(self, announced: Announced) -> None:
        store = getattr(self, "asset_state_store", None)
        if store is None:
            return
        text = announced.to_json()
        try:
            await (
                store.aset(self._key, text) if hasattr(store, "aset") else asyncio.to_thread(store.set, self._key, text)
            )
        except ValueError as error:
            self._warn_once(error)

    @property
    def _key(self) -> str:
        """Where the state is kept: each watched query has its own."""
        question = json.dumps([self.payments_conn_id, self.statuses, self.filters], sort_keys=True, default=list)
        return f"payments-{hashlib.sha256(question.encode()).hexdigest()[:32]}"

    def _warn_once(self, error: ValueError) -> None:
        if not self._has_warned:
            self.log.warning("What was announced is kept in memory only, and lost with this process: %s", error)
            self._has_warned = True


#: For triggers without a store.
_memory: dict[str, Announced] = {}


def _seconds(name: str, value: timedelta | float) -> float:
    seconds: Any = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0:
        raise PaymentsConfigError(f"{name} must be seconds or a timedelta, more than 0, and is {value!r}.")
    return float(seconds)
