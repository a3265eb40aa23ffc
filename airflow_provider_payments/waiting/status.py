"""Waiting until named payments, or the payments of named orders, have reached a status."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from airflow_provider_payments.argument_lists import read_ids, read_statuses
from airflow_provider_payments.arguments import optional, read_seconds
from airflow_provider_payments.exceptions import PaymentFailed, PaymentsConfigError
from airflow_provider_payments.hooks.api import PaymentsApi
from airflow_provider_payments.hooks.base import PaymentListing, PaymentsHook
from airflow_provider_payments.hooks.inquiry import Inquiry
from airflow_provider_payments.hooks.questions import find_payments
from airflow_provider_payments.hooks.report import ListingReport
from airflow_provider_payments.payment import Payment, PaymentStatus, stamp
from airflow_provider_payments.query import PaymentQuery, build_query, parse_bound
from airflow_provider_payments.texts import escape_controls, quote_text
from airflow_provider_payments.times import UTC
from airflow_provider_payments.waiting.orders import OrderFinder, choose_decisive

#: So many payments are named in a log line.
_NAMED = 5
_log = logging.getLogger(__name__)


@dataclass
class StatusWait:
    """Over when every payment has reached a target status.

    :param payment_ids: the payments; or
    :param order_ids: the orders, each decided by one of its payments (see
        :func:`~airflow_provider_payments.waiting.orders.choose_decisive`).
    :param target_statuses: None is any final status.
    :param failure_statuses: one of these ends the wait at once.
    :param created_from: payments from here on are searched for orders, where the API cannot be asked for them.
    :param hold_seconds: how long the API may hold its reply, where it can and one payment only is waited for.
    :param known_ids: payments that orders are known to have, from another process.
    """

    payment_ids: Sequence[str] = ()
    order_ids: Sequence[str] = ()
    target_statuses: Sequence[str] | None = None
    failure_statuses: Sequence[str] = ()
    created_from: datetime | None = None
    hold_seconds: float = 0.0
    known_ids: Mapping[str, Sequence[str]] = field(default_factory=dict)
    report: ListingReport = field(default_factory=ListingReport, init=False)
    _found: dict[str, list[Payment]] = field(default_factory=dict, init=False)
    _target: PaymentQuery = field(default_factory=PaymentQuery, init=False)

    def __post_init__(self) -> None:
        self.payment_ids = read_ids("payment_ids", self.payment_ids)
        self.order_ids = read_ids("order_ids", self.order_ids)
        self.target_statuses = optional(read_statuses, "target_statuses", self.target_statuses)
        self.failure_statuses = optional(read_statuses, "failure_statuses", self.failure_statuses) or []
        self.created_from = parse_bound("created_from", self.created_from)
        self.hold_seconds = read_seconds("long_poll_seconds", self.hold_seconds)
        if bool(self.payment_ids) == bool(self.order_ids):
            raise PaymentsConfigError(
                "Name what to wait for: payment_ids or order_ids, one of them, and not an empty list."
            )
        self._names = self.payment_ids or self.order_ids
        self._finder = OrderFinder(self.created_from, {name: set(ids) for name, ids in self.known_ids.items()})

    def poll(self, api: PaymentsApi) -> Inquiry[bool]:
        """Ask for those payments that have not reached a target status yet."""
        self.report.listed_at = datetime.now(UTC)
        self._target = build_query(statuses=self.target_statuses, known_words=api.statuses)
        failure = build_query(statuses=self.failure_statuses or None, known_words=api.statuses)
        left = [name for name in self._names if not self._has_reached(name)]
        self._found.update((yield from self._find(api, left)))
        if len(left) < len(self._names) and all(map(self._has_reached, self._names)):
            # What had got there earlier may have moved on.
            self._found.update((yield from self._find(api, self._names)))
        for name in self._names:
            payment = self._choose(name)
            if payment and failure.has_statuses and failure.wants(payment):
                raise PaymentFailed(
                    f"{'Payment' if self.payment_ids else 'Order'} {name!r} is {payment.status.value} "
                    f"({quote_text(payment.provider_status)}), one of the failure_statuses."
                )
            if payment and payment.status is PaymentStatus.UNKNOWN:
                _log.warning("%r is %s.", name, _place(payment))
        return all(map(self._has_reached, self._names))

    def describe(self) -> str:
        """Say how many are where."""
        if not self._found:
            return f"Nothing was asked yet about {_enumerate(self._names)}."
        reached = sum(map(self._has_reached, self._names))
        what = "payments" if self.payment_ids else "orders"
        target = ", ".join(self.target_statuses or ["a final status"])
        places: dict[str, list[str]] = {}
        for name in (name for name in self._names if not self._has_reached(name)):
            payment = self._choose(name)
            places.setdefault(_place(payment), []).append(name)
        others = "; ".join(f"{len(names)} {place} ({_enumerate(names)})" for place, names in places.items())
        text = f"{reached} of {len(self._names)} {what} have reached {target}" + (f"; {others}." if others else ".")
        if others and self._finder.is_cut:
            text += " Not every payment was searched: name payment_ids, or a later created_from."
        return text

    def list_payments(self, hook: PaymentsHook) -> PaymentListing:
        """Return the payments as the last poll found them, each once."""
        payments = {payment.id: payment for name in self._names for payment in self._found[name]}
        stamp(payments.values(), self.report.listed_at)  # one poll asks for them all, but not with one request
        self.report.is_read_to_end = True
        return PaymentListing((page for page in [list(payments.values())]), self.report)

    def remember(self) -> Mapping[str, Any]:
        """Return the payments that orders are known to have."""
        known = {name: sorted(ids) for name, ids in self._finder.known.items() if ids}
        return {"known_ids": known} if known else {}

    def _find(self, api: PaymentsApi, names: Sequence[str]) -> Inquiry[dict[str, list[Payment]]]:
        if self.order_ids:
            return (yield from self._finder.find(api, names))
        hold_seconds = self.hold_seconds if len(self._names) == 1 else 0.0
        found = yield from find_payments(api, names, hold_seconds)
        return {name: [found[name]] if name in found else [] for name in names}

    def _choose(self, name: str) -> Payment | None:
        payments = self._found.get(name, [])
        return choose_decisive(payments) if self.order_ids else next(iter(payments), None)

    def _has_reached(self, name: str) -> bool:
        payment = self._choose(name)
        if payment is None:
            return False
        return self._target.wants(payment) if self._target.has_statuses else payment.is_final


def _place(payment: Payment | None) -> str:
    if payment is None:
        return "not found yet"
    if payment.is_final:
        return f"{payment.status.value}, which is final and no target"
    if payment.status is PaymentStatus.UNKNOWN:
        return f"in a status that is not known here, {quote_text(payment.provider_status)}"
    return str(payment.status.value)


def _enumerate(names: Sequence[str]) -> str:
    return escape_controls(", ".join(names[:_NAMED])) + (", …" if len(names) > _NAMED else "")
