"""Waiting until named payments, or the payments of named orders, have reached a status."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from airflow_provider_payments.api.base import PaymentsApi
from airflow_provider_payments.exceptions import PaymentFailed
from airflow_provider_payments.hooks.base import PaymentListing, PaymentsHook
from airflow_provider_payments.hooks.connection_check import check_list_at_poll
from airflow_provider_payments.hooks.lookups import find_payments
from airflow_provider_payments.listing.lookup import Lookup
from airflow_provider_payments.listing.report import ListingReport
from airflow_provider_payments.payment import Payment, PaymentStatus, stamp
from airflow_provider_payments.query import PaymentQuery, build_query
from airflow_provider_payments.texts import escape_controls, quote_text
from airflow_provider_payments.times import UTC
from airflow_provider_payments.waiting.arguments import StatusArguments
from airflow_provider_payments.waiting.orders import OrderFinder, choose_decisive

#: Payments that are named in a log line, at most.
_NAMED = 5
_log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class StatusCondition(StatusArguments):
    """Met when every payment has reached a target status."""

    report: ListingReport = field(default_factory=ListingReport, init=False)
    _found: dict[str, list[Payment]] = field(default_factory=dict, init=False)
    _target: PaymentQuery = field(default_factory=PaymentQuery, init=False)

    def __post_init__(self, takes_numbers: bool) -> None:
        super().__post_init__(takes_numbers)
        self._names = self.payment_ids or self.order_ids
        self._finder = OrderFinder(self.created_from, {name: set(ids) for name, ids in self.known_ids.items()})

    def poll(self, api: PaymentsApi) -> Lookup[bool]:
        """Ask for those payments that have not reached a target status yet."""
        self.report.listed_at = datetime.now(UTC)
        self._target = build_query(statuses=self.target_statuses, known_provider_statuses=api.statuses)
        failure = build_query(statuses=self.failure_statuses or None, known_provider_statuses=api.statuses)
        left = [name for name in self._names if not self._has_reached(name)]
        self._found.update((yield from self._find(api, left)))
        if not self.is_list_proven and not any(self._found.values()) and self._is_asked_for(api):
            yield from check_list_at_poll(api)
            self.is_list_proven = True
        if len(left) < len(self._names) and all(map(self._has_reached, self._names)):
            # Those that had reached a target earlier may have left it since.
            self._found.update((yield from self._find(api, self._names)))
        for name in self._names:
            payment = self._choose(name)
            if payment and failure.has_statuses and failure.wants(payment):
                raise PaymentFailed(
                    f"{'Payment' if self.payment_ids else 'Order'} {name!r} is {payment.status.value} "
                    f"({quote_text(payment.provider_status)}), one of the failure_statuses."
                )
            if payment and payment.status is PaymentStatus.UNKNOWN:
                _log.warning("%r is %s.", name, _describe(payment))
        return all(map(self._has_reached, self._names))

    def describe(self) -> str:
        """Say how many have reached a target status, and in which status the others are."""
        if not self._found:
            return f"Nothing was asked yet about {_enumerate(self._names)}."
        reached = sum(map(self._has_reached, self._names))
        what = "payments" if self.payment_ids else "orders"
        target = ", ".join(self.target_statuses or ["a final status"])
        names_by_status: dict[str, list[str]] = {}
        for name in (name for name in self._names if not self._has_reached(name)):
            payment = self._choose(name)
            names_by_status.setdefault(_describe(payment), []).append(name)
        others = "; ".join(f"{len(names)} {status} ({_enumerate(names)})" for status, names in names_by_status.items())
        text = f"{reached} of {len(self._names)} {what} have reached {target}" + (f"; {others}." if others else ".")
        if others and self._finder.is_cut:
            text += " Not every payment was searched: name payment_ids, or a later created_from."
        elif self._finder.reaches_from and not all(map(self._choose, self._names)):
            since = self._finder.reaches_from.isoformat()
            text += f" Searched since {since}: name a created_from for an older order."
        return text

    def list_payments(self, hook: PaymentsHook) -> PaymentListing:
        """Return the payments as the last poll found them, each once."""
        payments = {payment.id: payment for name in self._names for payment in self._found[name]}
        stamp(payments.values(), self.report.listed_at)  # one poll asks for them all, but not with one request
        self.report.is_read_to_end = True
        return PaymentListing((page for page in [list(payments.values())]), self.report)

    @property
    def state(self) -> Mapping[str, Any]:
        """The ids of payments that orders are known to have, and whether the API's list has been seen."""
        known = {name: sorted(ids) for name, ids in self._finder.known.items() if ids}
        proven = {"is_list_proven": True} if self.is_list_proven else {}
        return {**({"known_ids": known} if known else {}), **proven}

    def _is_asked_for(self, api: PaymentsApi) -> bool:
        """Whether the API has requests for what is waited for, so that its list is not read."""
        return bool(api.detail_request(self._names[0]) if self.payment_ids else api.orders.path)

    def _find(self, api: PaymentsApi, names: Sequence[str]) -> Lookup[dict[str, list[Payment]]]:
        if self.order_ids:
            return (yield from self._finder.find(api, names))
        long_poll_seconds = self.long_poll_seconds if len(self._names) == 1 else 0.0
        found = yield from find_payments(api, names, long_poll_seconds)
        return {name: [found[name]] if name in found else [] for name in names}

    def _choose(self, name: str) -> Payment | None:
        payments = self._found.get(name, [])
        return choose_decisive(payments) if self.order_ids else next(iter(payments), None)

    def _has_reached(self, name: str) -> bool:
        payment = self._choose(name)
        if payment is None:
            return False
        return self._target.wants(payment) if self._target.has_statuses else payment.is_final


def _describe(payment: Payment | None) -> str:
    if payment is None:
        return "not found yet"
    if payment.is_final:
        return f"{payment.status.value}, which is final and no target"
    if payment.status is PaymentStatus.UNKNOWN:
        return f"in a status that is not known here, {quote_text(payment.provider_status)}"
    return str(payment.status.value)


def _enumerate(names: Sequence[str]) -> str:
    return escape_controls(", ".join(names[:_NAMED])) + (", …" if len(names) > _NAMED else "")
