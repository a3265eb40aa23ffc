"""What a run says of the payments it wrote: counts, totals, and warnings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from airflow_provider_payments.money import add, format_amount
from airflow_provider_payments.payment import Payment, PaymentKind, PaymentStatus
from airflow_provider_payments.texts import escape_controls, quote_text
from airflow_provider_payments.times import format_time

T = TypeVar("T")

_ZERO = Decimal(0)


class PaymentStats:
    """Counts payments as they go by."""

    def __init__(self) -> None:
        self.records = 0
        self._undated: Counter[str] = Counter()
        self._amounts_unknown = 0
        self._statuses: Counter[PaymentStatus] = Counter()
        self._unknown_statuses: Counter[str] = Counter()
        self._succeeded: dict[str, Decimal] = {}
        self._refunded: dict[str, Decimal] = {}
        self._first: datetime | None = None
        self._last: datetime | None = None

    def add(self, payments: Sequence[Payment]) -> None:
        """Count payments."""
        self.records += len(payments)
        self._statuses.update([payment.status for payment in payments])
        for payment in payments:
            status, amount = payment.status, payment.amount
            if amount is None:
                self._amounts_unknown += 1
            elif status is PaymentStatus.SUCCEEDED:
                currency, refunded = payment.currency or "", payment.refunded_amount
                if payment.kind is PaymentKind.REFUND:
                    refunded = amount
                else:
                    self._succeeded[currency] = add(self._succeeded.get(currency, _ZERO), amount)
                if refunded:
                    self._refunded[currency] = add(self._refunded.get(currency, _ZERO), refunded)
            if status is PaymentStatus.UNKNOWN:
                self._unknown_statuses[payment.provider_status] += 1
            if payment.flags and "undated" in payment.flags:
                self._undated[payment.provider] += 1
        moments = [moment for payment in payments if (moment := payment.occurred_at) is not None]
        if moments:
            self._first = min([*moments, self._first or moments[0]])
            self._last = max([*moments, self._last or moments[0]])

    def summary(self, amounts_unfit: int = 0) -> dict[str, Any]:
        """Return counts and totals as plain JSON values. Totals are exact, by currency.

        What has succeeded less what was refunded is net. A payment that was refunded whole is in neither.

        :param amounts_unfit: payments with an amount that the file format could not hold. The totals include them.
        """
        return {
            "first_created_at": format_time(self._first),
            "last_created_at": format_time(self._last),
            "statuses": {status.value: number for status, number in sorted(self._statuses.items())},
            "pending": sum(number for status, number in self._statuses.items() if status.is_pending),
            "unknown_statuses": _escape_keys(self._unknown_statuses),
            "succeeded_amounts": {key: format_amount(value) for key, value in _escape_keys(self._succeeded).items()},
            "refunded_amounts": {key: format_amount(value) for key, value in _escape_keys(self._refunded).items()},
            "amounts_unknown": self._amounts_unknown,
            "amounts_unfit": amounts_unfit,
        }

    def warnings(self) -> list[str]:
        """Return what a person should know of these payments."""
        found = []
        if self._unknown_statuses:
            names = ", ".join(f"{quote_text(name)} ({n})" for name, n in sorted(self._unknown_statuses.items()))
            found.append(f"Unknown status words, kept as 'unknown': {names}.")
        for provider, number in sorted(self._undated.items()):
            found.append(f"{number} payments of {provider} have no time, so they are in every window (flag 'undated').")
        return found


def _escape_keys(counts: Mapping[str, T]) -> dict[str, T]:
    """Return counts with keys that logs and databases can keep, sorted. No two keys become one."""
    escaped: dict[str, T] = {}
    for name, count in sorted(counts.items()):
        key = escape_controls(name)
        while key in escaped:
            key += "'"
        escaped[key] = count
    return escaped
