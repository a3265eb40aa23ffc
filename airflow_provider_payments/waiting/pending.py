"""Waiting until nothing in a window is pending, or until something is."""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from airflow_provider_payments.argument_lists import read_filters
from airflow_provider_payments.arguments import optional, read_word
from airflow_provider_payments.hooks.api import PaymentsApi
from airflow_provider_payments.hooks.base import PaymentListing, PaymentsHook
from airflow_provider_payments.hooks.inquiry import Inquiry
from airflow_provider_payments.hooks.questions import PENDING, find_payments, find_pending, find_pending_at_head
from airflow_provider_payments.hooks.report import ListingReport
from airflow_provider_payments.payment import Payment, PaymentStatus
from airflow_provider_payments.query import build_query, parse_bound
from airflow_provider_payments.texts import quote_text
from airflow_provider_payments.waiting.wait import StillWaiting

SETTLED = "settled"
UNTIL = (SETTLED, "pending")
_log = logging.getLogger(__name__)


@dataclass
class PendingWait:
    """Over when nothing in the window is pending (``settled``), or when something is (``pending``).

    Cheap questions cannot see a payment that moves between two of them. So when they find nothing pending, the window
    is listed once in full, and is settled only when that shows final payments alone.

    :param unsettled_id: a payment that was not final when the window was listed: as long as it is not, nothing else
        needs to be asked.
    """

    created_from: datetime | str | None = None
    created_to: datetime | str | None = None
    filters: Mapping[str, object] | None = None
    until: str = SETTLED
    unsettled_id: str | None = None
    report: ListingReport = field(default_factory=ListingReport, init=False)
    _last: str = field(default="Nothing was asked yet.", init=False)

    def __post_init__(self) -> None:
        self.until = read_word("until", self.until, UNTIL)
        self.created_from = parse_bound("created_from", self.created_from)
        self.created_to = parse_bound("created_to", self.created_to)
        self.filters = optional(read_filters, "filters", self.filters)

    def poll(self, api: PaymentsApi) -> Inquiry[bool]:
        """Look for one pending payment."""
        query = build_query(
            created_from=self.created_from,
            created_to=self.created_to,
            filters=self.filters,
            known_words=api.statuses,
            known_filters=api.filters,
        )
        payment = yield from self._ask_for_unsettled(api)
        if payment is None:
            # Where only a walk can tell, it may as well look for unknown statuses.
            statuses = PENDING | {PaymentStatus.UNKNOWN} if self.until == SETTLED else PENDING
            payment = yield from find_pending(api, query, statuses)
        if payment is None and self.until != SETTLED:
            payment = yield from find_pending_at_head(api, query)
        if payment is None:
            self._last = "Nothing pending was found."
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
        statuses = None if self.until == SETTLED else sorted(status.value for status in PENDING)
        payments = hook.list_payments(
            created_from=self.created_from, created_to=self.created_to, statuses=statuses, filters=self.filters
        )
        guard = self._require_settled if self.until == SETTLED else _require_some
        return PaymentListing(guard(payments), payments.report)

    def remember(self) -> Mapping[str, Any]:
        """Return the id of the payment that was not final."""
        return {"unsettled_id": self.unsettled_id} if self.unsettled_id else {}

    def _ask_for_unsettled(self, api: PaymentsApi) -> Inquiry[Payment | None]:
        """Ask for the payment that was not final, where the API can be asked for one."""
        if self.unsettled_id is None or api.detail_request(self.unsettled_id) is None:
            return None
        found = yield from find_payments(api, [self.unsettled_id])
        payment = found.get(self.unsettled_id)
        return None if payment is None or payment.is_final else payment

    def _require_settled(self, payments: PaymentListing) -> Generator[Sequence[Payment], None, None]:
        with payments:
            for page in payments.pages:
                for payment in page:
                    if not payment.is_final:
                        self._note(payment)
                        raise StillWaiting(self._last)
                yield page
        if not payments.report.is_complete:
            raise StillWaiting(f"The window cannot be called settled: {' '.join(payments.report.doubts)}")

    def _note(self, payment: Payment) -> None:
        word = quote_text(payment.provider_status)
        self._last = f"Payment {quote_text(payment.id)} is {payment.status.value} ({word})."
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
