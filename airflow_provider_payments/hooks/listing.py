"""A listing: which walks it takes, each payment once, and what can be said about the whole."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from hashlib import blake2b

import msgspec

from airflow_provider_payments.hooks.report import ListingReport, Taken
from airflow_provider_payments.hooks.stage import ListingApi, Stage
from airflow_provider_payments.hooks.walk import PageWalk
from airflow_provider_payments.payment import Payment, stamp
from airflow_provider_payments.query import PaymentQuery
from airflow_provider_payments.times import UTC

#: A walk during which rows may have been skipped is made again, so often in all.
MAX_PASSES = 4


class SeenIds:
    """Ids that were seen, in about 9 bytes each, so that a million take 9 MB.

    Kept are 78 bits of each id's BLAKE2 hash. That one of a million payments is taken for another one has a chance of
    1 : 7 * 10^10; of a hundred million, 1 : 7 * 10^6 (a mark may be found across two others).
    """

    def __init__(self) -> None:
        # Looking through the few hundred bytes of one of them is fast, and much smaller than a set of objects.
        self._groups: defaultdict[int, bytearray] = defaultdict(bytearray)

    def add(self, keys: Iterable[str]) -> list[bool]:
        """Note ids; return of each whether it is new."""
        groups = self._groups
        found = []
        for key in keys:
            digest = blake2b(key.encode(), digest_size=10).digest()
            group, mark = groups[digest[0] << 6 | digest[1] & 63], digest[2:]
            is_new = group.find(mark) < 0
            if is_new:
                group += mark
            found.append(is_new)
        return found


class HeldBack:
    """Payments that wait for a later walk, in bounded memory: a scratch database that moves to disk as it grows."""

    def __init__(self) -> None:
        # Used by one thread at a time, but not always by the same.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-4096; PRAGMA locking_mode=EXCLUSIVE;"
            "CREATE TABLE held (number INTEGER PRIMARY KEY, id TEXT UNIQUE, payment BLOB); BEGIN"
        )

    def __contains__(self, payment_id: str) -> bool:
        return self._database.execute("SELECT 1 FROM held WHERE id = ?", (payment_id,)).fetchone() is not None

    def put(self, payment: Payment) -> None:
        """Hold a payment, in the place of an earlier sighting of it."""
        self._database.execute(
            "INSERT INTO held (id, payment) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET payment = excluded.payment",
            (payment.id, msgspec.msgpack.encode(payment)),
        )

    def drop(self, payment_id: str) -> None:
        """Hold a payment no more."""
        self._database.execute("DELETE FROM held WHERE id = ?", (payment_id,))

    def pages(self) -> Iterator[list[Payment]]:
        """Yield what is held, in the order in which it came."""
        rows = self._database.execute("SELECT payment FROM held ORDER BY number")
        while page := rows.fetchmany(1000):
            yield [msgspec.msgpack.decode(payment, type=Payment) for (payment,) in page]

    def close(self) -> None:
        """Delete the scratch database."""
        self._database.close()


class Listing:
    """All payments that match a query, each once and in its most final state.

    :param stages: the walks to make, in order. Payments that are not final are held back until the last stage has
        ended, for a later one may find them again in their final state.
    :param report: told what can be said about the listing; None is a new one.
    """

    def __init__(
        self, api: ListingApi, query: PaymentQuery, stages: Sequence[Stage], report: ListingReport | None = None
    ) -> None:
        self.report = report or ListingReport()
        if blind_spot := api.find_blind_spot(query):
            self.report.doubts.append(blind_spot)
        self._api = api
        self._query = query
        self._stages = stages
        self._seen = self._seen_in_walk = SeenIds()
        self._others = SeenIds()
        self._held: HeldBack | None = None
        self._holds_back = False
        self._is_repeating = False

    def walks(self) -> Iterator[PageWalk]:
        """Yield the walks to make, each after the one before has ended."""
        self.report.listed_at = datetime.now(UTC)
        for number, stage in enumerate(self._stages, start=1):
            self._holds_back = number < len(self._stages)
            previous = None
            for attempt in range(1, MAX_PASSES + 1):
                if number > 1 or attempt > 1:
                    self._seen_in_walk = SeenIds()
                self._is_repeating = attempt > 1
                # Where slices were in doubt, the list is read as the API's guide says.
                walk = PageWalk(self._api, self._query, stage, self._take, self.report, may_slice=attempt == 1)
                yield walk
                if walk.has_settled(previous):
                    break
                if attempt == MAX_PASSES or walk.repeats(previous):
                    self.report.doubts.append(walk.last_word(attempt))
                    break
                previous = walk

    def remaining(self) -> Iterator[list[Payment]]:
        """Yield what was held back, after the last walk, by pages."""
        return iter(()) if self._held is None else self._held.pages()

    def __enter__(self) -> Listing:
        return self

    def __exit__(self, *_: object) -> None:
        if self._held:
            self._held.close()

    def _take(self, payments: Sequence[Payment]) -> Taken:
        keys, payments = self._identify(payments)
        new_to_walk = self._seen_in_walk.add(keys)
        new = new_to_walk if self._seen_in_walk is self._seen else self._seen.add(keys)
        new_rows = sum(new_to_walk)
        self.report.duplicates_dropped += len(keys) - (new_rows if self._is_repeating else sum(new))
        if all(new):
            found = payments
        else:
            found = [
                payment
                for payment, is_new, is_new_to_walk in zip(payments, new, new_to_walk, strict=True)
                if is_new or (is_new_to_walk and self._held and payment.id in self._held)
            ]
        wanted = self._select(found)
        stamp(wanted, self.report.listed_at)
        return Taken(self._hold_back(wanted), keys, new_rows, any(new))

    def _identify(self, payments: Sequence[Payment]) -> tuple[list[str], Sequence[Payment]]:
        """Return what each payment is told apart by. One whose id was taken by another payment gets another id."""
        keys = [payment.id for payment in payments]
        # Only an id that a flag calls in question may be shared.
        others = {n: key for n, each in enumerate(payments) if each.flags and (key := self._api.alternative_id(each))}
        if not others:
            return keys, payments
        payments = list(payments)
        for number, key in others.items():
            keys[number] = key
            is_first_sighting, is_first_owner = self._others.add([key, payments[number].id])
            if is_first_sighting and not is_first_owner:
                payments[number] = msgspec.structs.replace(payments[number], id=key)
        return keys, payments

    def _select(self, payments: Sequence[Payment]) -> Sequence[Payment]:
        query = self._query
        if query.wants_all:
            return payments
        return [payment for payment in payments if query.wants(payment) and self._api.matches(query, payment)]

    def _hold_back(self, payments: Sequence[Payment]) -> Sequence[Payment]:
        """Return those payments that need not wait for a later walk."""
        if self._holds_back and self._held is None:
            self._held = HeldBack()
        if self._held is None:
            return payments
        ready = []
        for payment in payments:
            if self._holds_back and not payment.is_final:
                self._held.put(payment)
            else:
                self._held.drop(payment.id)
                ready.append(payment)
        return ready
