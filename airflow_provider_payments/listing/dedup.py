"""Which payments were seen, which of their rows counts, and those that wait for the end of a listing or a search; all
in bounded memory.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from struct import Struct

import msgspec

from airflow_provider_payments.payment import Payment, PaymentStatus
from airflow_provider_payments.scratch import open_scratch_database
from airflow_provider_payments.times import UTC

_GROUPS = 1 << 14
_to_bytes = Struct("q").pack
_NEVER = datetime.min.replace(tzinfo=UTC)


class SeenIds:
    """Ids that were seen, in about 9 bytes each, so that a million take 9 MB.

    Kept are 78 bits of two of Python's own hashes of each id: SipHash with a key of the process, the second one of
    another text. The chance that one of a million payments is mistaken for another is 1 : 7 * 10^10; of a hundred
    million, 1 : 7 * 10^6 (a mark may be found across two others).
    """

    def __init__(self) -> None:
        # Looking through the few hundred bytes of one of them is fast, and much smaller than a set of objects.
        self._groups: defaultdict[int, bytearray] = defaultdict(bytearray)

    def add(self, keys: Iterable[str]) -> list[bool]:
        """Add ids; return for each whether it is new."""
        groups = self._groups
        found = []
        for key in keys:
            text = key.encode()  # hashes of two texts are the same where their characters happen to lie alike in memory
            group, mark = groups[hash(b"." + text) % _GROUPS], _to_bytes(hash(text))
            is_new = group.find(mark) < 0
            if is_new:
                group += mark
            found.append(is_new)
        return found


def prefer_settled(keys: Sequence[str], payments: Sequence[Payment]) -> Sequence[Payment]:
    """Return a page's payments, of several rows with one key each time the one that counts.

    That is one by which money came; else one that is final; else the one that was updated last.
    """
    if len(set(keys)) == len(keys):
        return payments
    settled: dict[str, Payment] = {}
    for key, payment in zip(keys, payments, strict=True):
        settled[key] = max(settled.get(key, payment), payment, key=_rank)
    return [settled[key] for key in keys]


def _rank(payment: Payment) -> tuple[bool, bool, datetime]:
    return payment.status is PaymentStatus.SUCCEEDED, payment.is_final, payment.updated_at or _NEVER


class HoldbackBuffer:
    """Payments that wait for the end of a listing: a scratch database that moves to disk as it grows."""

    def __init__(self) -> None:
        self._database = open_scratch_database(cache_kib=4096)
        self._database.execute(
            "CREATE TABLE held (number INTEGER PRIMARY KEY, id TEXT UNIQUE, payment BLOB, amount_minor TEXT, "
            "is_final INTEGER)"
        )

    def __contains__(self, payment_id: str) -> bool:
        return self._database.execute("SELECT 1 FROM held WHERE id = ?", (payment_id,)).fetchone() is not None

    def put(self, payment: Payment, number: int | None = None) -> None:
        """Hold a payment; it replaces an earlier sighting of it, in its place, unless only the earlier one was final.

        :param number: its place among the others, which no other has; None is after all of them.
        """
        # MessagePack has no integers beyond 64 bits.
        amount = None if payment.amount_minor is None else str(payment.amount_minor)
        packed = msgspec.msgpack.encode(msgspec.structs.replace(payment, amount_minor=None))
        self._database.execute(
            "INSERT INTO held (number, id, payment, amount_minor, is_final) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) "
            "DO UPDATE SET payment = excluded.payment, amount_minor = excluded.amount_minor, "
            "is_final = excluded.is_final "
            "WHERE excluded.is_final >= held.is_final",
            (number, payment.id, packed, amount, payment.is_final),
        )

    def drop(self, payment_id: str) -> None:
        """Stop holding a payment."""
        self._database.execute("DELETE FROM held WHERE id = ?", (payment_id,))

    def pages(self) -> Iterator[list[Payment]]:
        """Yield what is held, by its numbers: in the order in which it came."""
        rows = self._database.execute("SELECT payment, amount_minor FROM held ORDER BY number")
        while page := rows.fetchmany(1000):
            yield [_unpack(packed, amount) for packed, amount in page]

    def close(self) -> None:
        """Delete the scratch database."""
        self._database.close()


class FoundPayments:
    """What a search has found: payments on disk, in the order of the names that they were found by."""

    def __init__(self, names: Sequence[str]) -> None:
        self._places = {name: place for place, name in enumerate(names)}
        self._left = dict.fromkeys(names)
        self._held = HoldbackBuffer()
        self._put = 0

    def put(self, payment: Payment, names: Iterable[str]) -> None:
        """Keep a payment if one of these names is asked for."""
        places = [self._places[name] for name in names if name in self._places]
        if places:
            for name in names:
                self._left.pop(name, None)
            self._put += 1
            self._held.put(payment, min(places) << 32 | self._put)

    def has(self, name: str) -> bool:
        """Whether a payment was found by a name."""
        return name not in self._left

    def left(self) -> Sequence[str]:
        """Return the names that no payment was found by."""
        return [*self._left]

    def payments(self) -> Iterator[Payment]:
        """Yield what was found."""
        return chain.from_iterable(self._held.pages())

    def close(self) -> None:
        """Delete what was found."""
        self._held.close()


def _unpack(packed: bytes, amount: str | None) -> Payment:
    payment = msgspec.msgpack.decode(packed, type=Payment)
    return msgspec.structs.replace(payment, amount_minor=None if amount is None else int(amount))
