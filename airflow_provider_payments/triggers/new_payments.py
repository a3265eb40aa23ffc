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

from airflow_provider_payments._supervisor import await_to_end
from airflow_provider_payments.argument_lists import read_filters, read_statuses
from airflow_provider_payments.arguments import optional, read_conn_id, read_seconds, read_whole_number
from airflow_provider_payments.exceptions import TRANSIENT_ERRORS
from airflow_provider_payments.query import build_query, parse_bound
from airflow_provider_payments.texts import escape_controls, pack, unpack
from airflow_provider_payments.times import format_time, look_back
from airflow_provider_payments.triggers.checkpoint import NO_TIME, Checkpoint, hash_id
from airflow_provider_payments.waiting.failures import FailureCounter

if TYPE_CHECKING:
    from airflow_provider_payments.api.base import PaymentsApi
    from airflow_provider_payments.listing.lookup import Lookup
    from airflow_provider_payments.payment import Payment
    from airflow_provider_payments.triggers.client_pool import PooledClient

#: Ids in one event, at most; more payments make more events.
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
    :param statuses: normalised or provider statuses; None for all.
    :param filters: the API's own filter parameters.
    :param created_from: an aware datetime of any class, or ISO 8601 text with a zone: payments from here on are
        announced, when the watch first begins. None announces only what matches later than that.
    :param lookback: seconds, or a ``timedelta``; more than 0.
    :param poke_interval: seconds between polls, or a ``timedelta``; more than 0.
    :param max_poll_failures: failed polls in a row that are survived.
    :raises PaymentsConfigError: for a bad argument.
    """

    def __init__(
        self,
        *,
        payments_conn_id: str,
        statuses: Sequence[str] | str | None = ("succeeded",),
        filters: Mapping[str, object] | str | None = None,
        created_from: datetime | str | None = None,
        lookback: timedelta | float | str = 86_400.0,
        poke_interval: timedelta | float | str = 60.0,
        max_poll_failures: int = 10,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.payments_conn_id = read_conn_id("payments_conn_id", payments_conn_id)
        self.statuses = optional(read_statuses, "statuses", unpack(statuses))
        self.filters = optional(read_filters, "filters", unpack(filters))
        self.created_from = format_time(parse_bound("created_from", created_from))
        self.lookback = read_seconds("lookback", lookback, is_positive=True)
        self.poke_interval = read_seconds("poke_interval", poke_interval, is_positive=True)
        self.max_poll_failures = read_whole_number("max_poll_failures", max_poll_failures)
        self._has_warned = False

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the trigger is made from."""
        kind = type(self)
        return f"{kind.__module__}.{kind.__qualname__}", {
            "payments_conn_id": self.payments_conn_id,
            "statuses": pack(self.statuses),
            "filters": pack(self.filters),
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
        client_pool = await asyncio.to_thread(import_module, "airflow_provider_payments.triggers.client_pool")
        try:
            checkpoint = await self._load()
            async with client_pool.acquire_client(self.payments_conn_id) as client:
                while True:
                    for event in await self._poll(client, checkpoint):
                        yield TriggerEvent(event)  # type: ignore[no-untyped-call]
                    await asyncio.sleep(min(_TO_BE_WRITTEN, self.poke_interval))
                    await self._save(checkpoint)
        except Exception as error:
            self.log.error("Watching connection %r failed, and begins anew later. %s", self.payments_conn_id, error)
            await asyncio.sleep(10 * self.poke_interval)
            raise

    async def _poll(self, client: PooledClient, checkpoint: Checkpoint) -> list[dict[str, Any]]:
        """Wait until the next poll is due, poll, and return the events to make of it."""
        from airflow_provider_payments.triggers.polling import align

        failures, now = FailureCounter(self.max_poll_failures), time.time()
        polled_at = checkpoint.polled_at
        poll_at = now if polled_at is None else align(polled_at + self.poke_interval, self.poke_interval, now)
        while True:
            poll_at = max(poll_at, now + client.retry_after(self.poke_interval))
            await asyncio.sleep(poll_at - now)
            now = time.time()
            if client.retry_after(0.0):
                continue  # another trigger was told meanwhile to wait
            listed: dict[int, float] = {}
            try:
                new = await client.ask(lambda api: self._find(api, checkpoint, listed))  # noqa: B023 - used at once
            except TRANSIENT_ERRORS as error:
                failures.add(error, self.log, self.payments_conn_id)
                now = time.time()
                poll_at = max(poll_at + self.poke_interval, now)
                continue
            await asyncio.to_thread(checkpoint.note, listed, poll_at, self.lookback)  # of 100,000 it takes a while
            self.log.info("%d new payments of connection %r", len(new), self.payments_conn_id)
            return list(self._describe(new))

    def _find(self, api: PaymentsApi, checkpoint: Checkpoint, listed: dict[int, float]) -> Lookup[list[Payment]]:
        """List the payments of the last ``lookback``, and return those that are new.

        :param listed: filled with the key of each payment listed, and when it was created, in seconds since 1970.
        """
        from airflow_provider_payments.hooks.listing_builders import build_listing
        from airflow_provider_payments.listing.lookup import Search

        is_first = checkpoint.polled_at is None
        if is_first and self.created_from is not None:
            start = parse_bound("created_from", self.created_from)
        else:
            last = datetime.fromtimestamp(checkpoint.polled_at or time.time(), timezone.utc)
            start = look_back(last, timedelta(seconds=self.lookback))
        query = build_query(
            created_from=start,
            statuses=self.statuses,
            filters=self.filters,
            known_provider_statuses=api.statuses,
            known_filters=api.filters,
        )

        def is_new(payment: Payment) -> bool:
            key = hash_id(payment.id)
            listed[key] = payment.occurred_at.timestamp() if payment.occurred_at else NO_TIME
            # What matched before the watch began is no news.
            return key not in checkpoint.keys and not (is_first and self.created_from is None)

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

    async def _load(self) -> Checkpoint:
        store = getattr(self, "asset_state_store", None)
        try:
            if store is None:
                raise ValueError("the asset state store came with Airflow 3.3")
            text = await self._exchange(store, "get", self._key)
            return await asyncio.to_thread(Checkpoint.from_text, text) if text else Checkpoint()
        except ValueError as error:
            self._warn_once(error)
            # Airflow makes a new trigger of one that failed, in the same process.
            return _memory.setdefault(f"{self._key} {self.created_from}", Checkpoint())

    async def _save(self, checkpoint: Checkpoint) -> None:
        store = getattr(self, "asset_state_store", None)
        if store is None or not checkpoint.is_outdated(self.lookback):
            return
        text = await asyncio.to_thread(checkpoint.to_text)
        try:
            await self._exchange(store, "set", self._key, text)
        except ValueError as error:
            self._warn_once(error)
        else:
            checkpoint.note_written()

    async def _exchange(self, store: Any, verb: str, *values: str) -> Any:
        """Ask the store to get or to set."""
        awaited = getattr(store, f"a{verb}", None)
        if awaited is not None:
            return await await_to_end(awaited(*values))
        # Airflow 3.3.0 and 3.3.1 have no other call. It does not block: within a trigger's own coroutine, Airflow's
        # greenlets await it.
        return getattr(store, verb)(*values)

    @property
    def _key(self) -> str:
        """The checkpoint's key in the asset state store: each watched query has its own."""
        question = json.dumps([self.payments_conn_id, self.statuses, self.filters], sort_keys=True, default=list)
        return f"payments-{hashlib.sha256(question.encode()).hexdigest()[:32]}"

    def _warn_once(self, error: ValueError) -> None:
        if not self._has_warned:
            self.log.warning("What was announced is kept in memory only, and lost with this process: %s", error)
            self._has_warned = True


#: Checkpoints of triggers without a store.
_memory: dict[str, Checkpoint] = {}
