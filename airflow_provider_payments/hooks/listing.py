"""A listing: which walks it takes, each payment once, and what can be said about the whole."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

import msgspec

from airflow_provider_payments.hooks.stage import ListingApi, Stage
from airflow_provider_payments.hooks.walk import ListingReport, PageWalk, Sighting
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.query import PaymentQuery

#: A walk during which rows may have been skipped is made again, so often in all.
MAX_PASSES = 4


class SeenIds:
    """Ids that were seen, in bounded memory: an SQLite scratch database that moves to disk as it grows."""

    def __init__(self) -> None:
        # Used by one thread at a time, but not always by the same.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-4096; PRAGMA locking_mode=EXCLUSIVE;"
            "CREATE TABLE seen (id TEXT PRIMARY KEY, walk INTEGER NOT NULL) WITHOUT ROWID; BEGIN"
        )

    def add(self, payment_id: str, walk: int) -> tuple[bool, bool]:
        """Note an id; return whether it is new at all, and whether it is new to this walk."""
        cursor = self._database.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (payment_id, walk))
        if cursor.rowcount == 1:
            return True, True
        cursor = self._database.execute("UPDATE seen SET walk = ? WHERE id = ? AND walk < ?", (walk, payment_id, walk))
        return False, cursor.rowcount == 1

    def close(self) -> None:
        """Delete the scratch database."""
        self._database.close()


class Listing:
    """All payments that match a query, each once and in its most final state.

    :param stages: the walks to make, in order. Payments that are not final are held back until the last stage has
        ended, for a later one may find them again in their final state.
    """

    def __init__(self, api: ListingApi, query: PaymentQuery, stages: Sequence[Stage]) -> None:
        blind_spot = api.find_blind_spot(query)
        self.report = ListingReport(doubts=[blind_spot] if blind_spot else [])
        self._api = api
        self._query = query
        self._stages = stages
        self._seen = SeenIds()
        self._held: dict[str, Payment] = {}
        self._holds_back = False
        self._is_repeating = False
        self._walk_number = 0

    def walks(self) -> Iterator[PageWalk]:
        """Yield the walks to make, each after the one before has ended."""
        for number, stage in enumerate(self._stages, start=1):
            self._holds_back = number < len(self._stages)
            previous = None
            for attempt in range(1, MAX_PASSES + 1):
                self._walk_number += 1
                self._is_repeating = attempt > 1
                walk = PageWalk(self._api, self._query, stage, self._take, self.report)
                yield walk
                if walk.has_settled(previous):
                    break
                if attempt == MAX_PASSES or walk.repeats(previous):
                    self.report.doubts.append(walk.last_word(attempt))
                    break
                previous = walk

    def remaining(self) -> list[Payment]:
        """Return what was held back, after the last walk."""
        held, self._held = list(self._held.values()), {}
        return held

    def __enter__(self) -> Listing:
        return self

    def __exit__(self, *_: object) -> None:
        self._seen.close()

    def _take(self, payment: Payment) -> Sighting:
        key, payment, is_new, is_new_to_walk = self._identify(payment)
        if not is_new and not (self._is_repeating and is_new_to_walk):
            self.report.duplicates_dropped += 1
        held = self._held.get(payment.id)
        is_wanted = self._query.wants(payment) and self._api.matches(self._query, payment)
        if (not is_new and held is None) or not is_new_to_walk or not is_wanted:
            return Sighting(key, None, is_new, is_new_to_walk)
        if self._holds_back and not payment.is_final:
            self._held[payment.id] = payment
            return Sighting(key, None, is_new, is_new_to_walk)
        self._held.pop(payment.id, None)
        return Sighting(key, payment, is_new, is_new_to_walk)

    def _identify(self, payment: Payment) -> tuple[str, Payment, bool, bool]:
        particular = self._api.alternative_id(payment)
        if particular is None:
            return (payment.id, payment, *self._seen.add(payment.id, self._walk_number))
        is_new, is_new_to_walk = self._seen.add(particular, self._walk_number)
        if is_new and not self._seen.add(payment.id, self._walk_number)[0]:
            payment = msgspec.structs.replace(payment, id=particular)
        return particular, payment, is_new, is_new_to_walk
