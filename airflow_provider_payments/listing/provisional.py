"""Payments whose id is provisional: each is listed once, in its later state where that comes in the same listing."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from math import inf
from typing import TypeVar

from airflow_provider_payments.listing.dedup import HoldbackBuffer
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.times import shift

T = TypeVar("T")
#: The flag of such payments.
PROVISIONAL = "provisional_id"
#: A payment without a time can only become one that is finished after the listing began; clocks differ by so much.
_CLOCKS_DIFFER = timedelta(minutes=10)


class ProvisionalPayments:
    """Holds them back to the end of a listing, in bounded memory, and drops those that have got their final id by then.

    One final payment stands for one provisional one at most, and not for a later one: payers pay the same again. Two
    that are on the same page are two.

    :param former_id: returns the id that a payment has, or had, while that is provisional; None where ids never change.
    :param pages_in_flight: pages that may be read side by side, so that the later state may come first.
    :param listed_at: when the listing began, in UTC.
    """

    def __init__(self, former_id: Callable[[Payment], str | None], pages_in_flight: int, listed_at: datetime) -> None:
        self._former_id = former_id
        self._earliest = shift(listed_at, -_CLOCKS_DIFFER).timestamp()
        self._recent: deque[_FinalPayments] = deque(maxlen=pages_in_flight)
        self._held: _Buffer | None = None

    def sift(self, payments: Sequence[Payment]) -> Sequence[Payment]:
        """Take a page's new payments; return those that need not wait."""
        if not payments:
            return payments
        provisional = [payment for payment in payments if PROVISIONAL in payment.flags]
        if not provisional and (self._held or self._former_id(payments[0])) is None:
            return payments
        final = [payment for payment in payments if PROVISIONAL not in payment.flags] if provisional else payments
        unclaimed = [payment for payment in final if not self._settle(payment)] if self._held else final
        for payment in provisional:
            former_id = self._former_id(payment) or payment.id
            if not any(recent.claim(former_id, self._time(payment)) for recent in self._recent):
                self._held = self._held or _Buffer()
                self._held.put_waiting(payment, former_id, self._time(payment))
        self._recent.append(_FinalPayments(unclaimed, self._former_id))
        return final

    def pages(self) -> Iterator[list[Payment]]:
        """Yield those that kept their provisional id, in the order in which they came."""
        return iter(()) if self._held is None else self._held.pages()

    def close(self) -> None:
        """Give up what is held."""
        self._recent.clear()
        if self._held:
            self._held.close()

    def _settle(self, payment: Payment) -> bool:
        former_id = self._former_id(payment)
        return bool(former_id and self._held and self._held.drop_waiting(former_id, _finished_at(payment, None)))

    def _time(self, payment: Payment) -> float:
        return _finished_at(payment, self._earliest)


def _finished_at(payment: Payment, default: T) -> float | T:
    """Return when a payment was finished, in seconds since 1970; the default where it does not tell."""
    return payment.completed_at.timestamp() if payment.completed_at else default


class _FinalPayments:
    """Final payments of one page, by the id that they had before. That is only worked out when somebody asks."""

    def __init__(self, payments: Sequence[Payment], former_id: Callable[[Payment], str | None]) -> None:
        self._payments = payments
        self._former_id = former_id
        self._times: defaultdict[str | None, list[float]] | None = None

    def claim(self, former_id: str, since: float) -> bool:
        """Return whether one that is not earlier had this id; each counts once."""
        if self._times is None:
            self._times = defaultdict(list)
            for payment in self._payments:
                self._times[self._former_id(payment)].append(_finished_at(payment, inf))
            self._payments = ()
        times = self._times[former_id]
        found = next((time for time in times if time >= since), None)
        if found is not None:
            times.remove(found)
        return found is not None


class _Buffer(HoldbackBuffer):
    """What is held, with the ids and times by which later states are known."""

    def __init__(self) -> None:
        super().__init__()
        self._database.executescript(
            "CREATE TABLE waiting (id TEXT PRIMARY KEY, former_id TEXT, since REAL);"
            "CREATE INDEX by_former_id ON waiting (former_id)"
        )

    def put_waiting(self, payment: Payment, former_id: str, since: float) -> None:
        self.put(payment)
        self._database.execute("INSERT OR REPLACE INTO waiting VALUES (?, ?, ?)", (payment.id, former_id, since))

    def drop_waiting(self, former_id: str, finished: float | None) -> bool:
        """Drop one payment that may have become one with this former id, finished then. Return whether there is one."""
        found = self._database.execute(
            "SELECT id FROM waiting WHERE former_id = ? AND since <= ifnull(?, since) ORDER BY since LIMIT 1",
            (former_id, finished),
        ).fetchone()
        if found is None:
            return False
        self._database.execute("DELETE FROM waiting WHERE id = ?", found)
        self.drop(found[0])
        return True
