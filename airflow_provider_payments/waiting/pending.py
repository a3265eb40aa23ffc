"""Waiting until nothing in a window is pending, or until something is."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from airflow_provider_payments.api.base import PaymentsApi
from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.hooks.base import PaymentListing, PaymentsHook
from airflow_provider_payments.hooks.listing_builders import PENDING
from airflow_provider_payments.hooks.lookups import can_be_listed, find_payments, find_pending, find_pending_at_head
from airflow_provider_payments.listing.lookup import Lookup
from airflow_provider_payments.listing.report import ListingReport
from airflow_provider_payments.payment import Payment, PaymentStatus
from airflow_provider_payments.query import PaymentQuery, build_query
from airflow_provider_payments.texts import quote_text
from airflow_provider_payments.waiting.arguments import SETTLED, PendingArguments
from airflow_provider_payments.waiting.condition import StillWaiting

_log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class PendingCondition(PendingArguments):
    """Met when nothing in the window is pending (``settled``), or when something is (``pending``).

    A poll sends a few small requests, one for each pending status, and misses a payment that changes its status between
    two of them. So when it finds nothing pending, the window is listed once in full, and is settled only when that
    shows final payments alone; besides those in a pending status that is not among ``pending_statuses``.
    """

    report: ListingReport = field(default_factory=ListingReport, init=False)
    _last: str = field(default="Nothing was asked yet.", init=False)

    def __post_init__(self, takes_numbers: bool) -> None:
        super().__post_init__(takes_numbers)
        self._statuses = frozenset(map(PaymentStatus, self.pending_statuses or PENDING))
        self._disregarded = PENDING - self._statuses

    def poll(self, api: PaymentsApi) -> Lookup[bool]:
        """Look for one pending payment.

        :raises PaymentsConfigError: when a payment is waited for that no list of this API shows.
        """
        query = build_query(
            created_from=self.created_from,
            created_to=self.created_to,
            filters=self.filters,
            known_provider_statuses=api.statuses,
            known_filters=api.filters,
        )
        self._require_listable(api, query)
        payment = yield from self._ask_for_unsettled(api)
        if payment is None:
            # Where the list has to be read through, unknown statuses are looked for as well: it costs nothing.
            unknown = {PaymentStatus.UNKNOWN} if self.until == SETTLED else set()
            payment = yield from find_pending(api, query, self._statuses | unknown)
        if payment is None and self.until != SETTLED:
            payment = yield from find_pending_at_head(api, query, self._statuses)
        if payment is None:
            self._last = f"Nothing {self._what} was found."
            if self.until == SETTLED and query.created_to and query.created_to > datetime.now(timezone.utc):
                _log.warning("The window ends at %s, so it may yet get payments.", query.created_to.isoformat())
            return self.until == SETTLED
        self._note(payment)
        return self.until != SETTLED

    def describe(self) -> str:
        """Say what was found."""
        return self._last

    def list_payments(self, hook: PaymentsHook) -> PaymentListing:
        """List the window's payments, or those of them that are pending."""
        statuses = None if self.until == SETTLED else sorted(status.value for status in self._statuses)
        payments = hook.list_payments(
            created_from=self.created_from, created_to=self.created_to, statuses=statuses, filters=self.filters
        )
        guard = self._require_settled if self.until == SETTLED else _require_some
        return PaymentListing(guard(payments), payments.report)

    @property
    def state(self) -> Mapping[str, Any]:
        """The id of the payment that was not final."""
        return {"unsettled_id": self.unsettled_id} if self.unsettled_id else {}

    def _ask_for_unsettled(self, api: PaymentsApi) -> Lookup[Payment | None]:
        """Ask for the payment that was not final, where the API can be asked for one."""
        payment_id = self.unsettled_id
        if payment_id is None or not (api.detail_request(payment_id) or api.query_for(payment_id)):
            return None
        found = yield from find_payments(api, [payment_id])
        payment = found.get(payment_id)
        return payment if payment is not None and self._is_unsettled(payment) else None

    @property
    def _what(self) -> str:
        """What is waited for, in a sentence."""
        return " or ".join(self.pending_statuses) if self.pending_statuses else "pending"

    def _is_unsettled(self, payment: Payment) -> bool:
        """Whether a payment keeps the window from being settled. One in an unknown status always does."""
        return not (payment.is_final or payment.status in self._disregarded)

    def _require_listable(self, api: PaymentsApi, query: PaymentQuery) -> None:
        if self.pending_statuses is None or can_be_listed(api, query, self._statuses):
            return
        reason = f"No list of {api.name} shows payments that are {self._what}."
        if self.until != SETTLED:
            raise PaymentsConfigError(
                f"{reason} Name other pending_statuses, or wait for payments by their ids: PaymentStatusSensor."
            )
        _log.warning("%s So no payment keeps this sensor waiting, but one in an unknown status.", reason)

    def _require_settled(self, payments: PaymentListing) -> Generator[Sequence[Payment], None, None]:
        disregarded: Counter[str] = Counter()
        with payments:
            for page in payments.pages:
                for payment in page:
                    if self._is_unsettled(payment):
                        self._note(payment)
                        raise StillWaiting(self._last)
                    if not payment.is_final:
                        disregarded[payment.status.value] += 1
                yield page
        if not payments.report.is_complete:
            raise StillWaiting(f"The window cannot be called settled: {' '.join(payments.report.doubts)}")
        if disregarded:
            counts = ", ".join(f"{number} {status}" for status, number in disregarded.items())
            _log.info("These payments are not final, and pending_statuses leaves them out: %s.", counts)

    def _note(self, payment: Payment) -> None:
        provider_status = quote_text(payment.provider_status)
        self._last = f"Payment {quote_text(payment.id)} is {payment.status.value} ({provider_status})."
        if self.until == SETTLED:
            self.unsettled_id = payment.id
        if payment.status is PaymentStatus.UNKNOWN:
            _log.warning("%s This word is not known here, so it is not taken for settled.", self._last)


def _require_some(payments: PaymentListing) -> Generator[Sequence[Payment], None, None]:
    is_empty = True
    with payments:
        for page in payments.pages:
            is_empty = is_empty and not page
            yield page
    if is_empty:
        raise StillWaiting("The payment that was pending has settled meanwhile.")
