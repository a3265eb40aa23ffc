"""What a run says of the payments it wrote: counts, totals, and warnings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from airflow_provider_payments.money import add, format_amount
from airflow_provider_payments.payment import Payment, PaymentKind, PaymentStatus
from airflow_provider_payments.times import format_time


class Tally:
    """Counts payments as they go by."""

    def __init__(self) -> None:
        self.records = 0
        self._pending = 0
        self._undated = 0
        self._amounts_unknown = 0
        self._statuses: Counter[str] = Counter()
        self._unknown_statuses: Counter[str] = Counter()
        self._succeeded: dict[str, Decimal] = {}
        self._refunded: dict[str, Decimal] = {}
        self._first: datetime | None = None
        self._last: datetime | None = None

    def count(self, payments: Iterable[Payment]) -> Iterator[Payment]:
        """Yield the payments and count them."""
        for payment in payments:
            self._add(payment)
            yield payment

    def summary(self, amounts_unfit: int = 0) -> dict[str, Any]:
        """Return counts and totals as plain JSON values. Totals are exact, by currency.

        :param amounts_unfit: payments with an amount that the file format could not hold. The totals include them.
        """
        return {
            "first_created_at": format_time(self._first),
            "last_created_at": format_time(self._last),
            "statuses": dict(sorted(self._statuses.items())),
            "pending": self._pending,
            "unknown_statuses": dict(sorted(self._unknown_statuses.items())),
            "succeeded_amounts": {key: format_amount(value) for key, value in sorted(self._succeeded.items())},
            "refunded_amounts": {key: format_amount(value) for key, value in sorted(self._refunded.items())},
            "amounts_unknown": self._amounts_unknown,
            "amounts_unfit": amounts_unfit,
        }

    def warnings(self) -> list[str]:
        """Return what a person should know of these payments."""
        found = []
        if self._unknown_statuses:
            words = ", ".join(f"{word!r} ({number})" for word, number in sorted(self._unknown_statuses.items()))
            found.append(f"Unknown status words, kept as 'unknown': {words}.")
        if self._undated:
            found.append(f"{self._undated} payments have no time, so they are in every window (flag 'undated').")
        return found

    def _add(self, payment: Payment) -> None:
        self.records += 1
        self._statuses[payment.status.value] += 1
        self._pending += payment.status.is_pending
        self._undated += "undated" in payment.flags
        if payment.status is PaymentStatus.UNKNOWN:
            self._unknown_statuses[payment.provider_status] += 1
        if payment.amount is None:
            self._amounts_unknown += 1
        elif payment.status is PaymentStatus.SUCCEEDED:
            totals = self._refunded if payment.kind is PaymentKind.REFUND else self._succeeded
            currency = payment.currency or ""
            totals[currency] = add(totals.get(currency, Decimal(0)), payment.amount)
        moment = payment.occurred_at
        if moment is not None:
            self._first = moment if self._first is None else min(self._first, moment)
            self._last = moment if self._last is None else max(self._last, moment)
