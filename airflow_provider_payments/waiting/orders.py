"""The payments of the merchant's orders: how they are found, and which of several decides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from itertools import chain

from airflow_provider_payments.api.base import PaymentsApi
from airflow_provider_payments.hooks.listing_builders import (
    build_latest_listing,
    build_listing,
    build_pending_listing,
    can_filter_pending,
)
from airflow_provider_payments.hooks.lookups import find_order_payments, find_payments
from airflow_provider_payments.listing.lookup import Lookup, Search
from airflow_provider_payments.payment import Payment, PaymentKind, PaymentStatus
from airflow_provider_payments.query import PaymentQuery

#: Payments that a search looks at, at most.
REACH = 2000
#: An order whose known payments are not final is searched for again at one poll in so many.
POLLS_PER_SEARCH = 10
#: Where only a single payment's reply tells its order, no more payments than this are asked for at one poll.
MAX_DETAILS = 20


def choose_decisive(payments: Sequence[Payment]) -> Payment | None:
    """Return the payment that says how an order stands; None when there is none yet.

    One that has succeeded decides. Else the order is undecided as long as one is not final: a customer who failed may
    be trying again. Else the latest decides. Refunds, which are payments of their own, do not count.
    """
    counting = [payment for payment in payments if payment.kind is not PaymentKind.REFUND]
    succeeded = [payment for payment in counting if payment.status is PaymentStatus.SUCCEEDED]
    undecided = [payment for payment in counting if not payment.is_final]
    return max(succeeded or undecided or counting, key=_time, default=None)


def is_open(payments: Iterable[Payment]) -> bool:
    """Whether an order has payments, and is undecided."""
    decisive = choose_decisive(list(payments))
    return decisive is not None and not decisive.is_final


def _time(payment: Payment) -> float:
    return payment.occurred_at.timestamp() if payment.occurred_at else float("-inf")


@dataclass
class OrderFinder:
    """Finds the payments of orders: by the API's filter or request for an order, or in a bounded search.

    A payment that a search has found is asked for by its id from then on.

    :param created_from: older payments do not count.
    :param known: ids of payments that were found, by order.
    """

    created_from: datetime | None = None
    known: dict[str, set[str]] = field(default_factory=dict)
    #: Whether the last search did not look at every payment.
    is_cut: bool = field(default=False, init=False)
    #: Since when the last search went, where nobody said it.
    reaches_from: datetime | None = field(default=None, init=False)
    #: Order id by payment id, as replies for single payments told it.
    _told: dict[str, str | None] = field(default_factory=dict, init=False)
    _polls: int = field(default=0, init=False)

    def find(self, api: PaymentsApi, order_ids: Sequence[str]) -> Lookup[dict[str, list[Payment]]]:
        """Find the payments of orders.

        An order that is known to have a payment which is not final is seldom searched for again, any other at each
        poll: it may have got another payment.
        """
        self._polls += 1
        is_thorough = self._polls % POLLS_PER_SEARCH == 0
        found: dict[str, dict[str, Payment]] = {order_id: {} for order_id in order_ids}

        def take(payments: Iterable[Payment]) -> None:
            # Not every listing applies the window.
            for payment in filter(PaymentQuery(created_from=self.created_from).wants, payments):
                for order_id in found.keys() & api.order_ids_of(payment):
                    found[order_id][payment.id] = payment

        def list_unclear() -> list[str]:
            return [order_id for order_id in order_ids if is_thorough or not is_open(found[order_id].values())]

        known = sorted({each for order_id in order_ids for each in self.known.get(order_id, ())})
        take((yield from find_payments(api, known)).values())
        if api.orders.filter is not None:
            for order_id in list_unclear():
                query = PaymentQuery(created_from=self.created_from, filters={api.orders.filter: order_id})
                listing = build_listing(api, query)
                take((yield Search(listing, reach=REACH)))
            if api.orders.is_exhaustive:
                return {order_id: list(payments.values()) for order_id, payments in found.items()}
        asked = yield from find_order_payments(api, list_unclear())
        take(chain.from_iterable(asked.values()))
        left = [order_id for order_id in list_unclear() if order_id not in asked]
        unclear = [order_id for order_id in left if order_id in self.known or not found[order_id]]
        if unclear:
            take((yield from self._search(api, unclear)))
            self.known.update({order_id: set(found[order_id]) for order_id in unclear if found[order_id]})
        return {order_id: list(payments.values()) for order_id, payments in found.items()}

    def _search(self, api: PaymentsApi, order_ids: Sequence[str]) -> Lookup[list[Payment]]:
        """Search the pending payments, where most orders that are waited for are found, and then all.

        Where the list cannot be filtered by a pending status, finding those would take the whole list at each poll.
        Then only the latest payments are searched. Nothing is searched further back than the API's page says, unless
        ``created_from`` does.
        """
        reach = None if self.created_from else api.orders.reach
        self.reaches_from = datetime.now(timezone.utc).replace(microsecond=0) - reach if reach else None
        query = PaymentQuery(created_from=self.reaches_from or self.created_from)
        seen = 0

        def is_silent(payment: Payment) -> bool:
            return payment.order_id is None and not api.orders.is_listed

        def is_candidate(payment: Payment) -> bool:
            nonlocal seen
            seen += 1
            if is_silent(payment):
                # Which order a payment belongs to does not change.
                return payment.id not in self._told or self._told[payment.id] in order_ids
            return any(each in order_ids for each in api.order_ids_of(payment))

        candidates: dict[str, Payment] = {}
        self.is_cut = False
        pending = [build_pending_listing(api, query)] if can_filter_pending(api) else []
        for listing in (*pending, build_latest_listing(api, query)):
            seen = 0
            for payment in (yield Search(listing, is_candidate, reach=REACH)):
                candidates[payment.id] = payment
            self.is_cut |= seen >= REACH
        silent = [payment.id for payment in candidates.values() if is_silent(payment)]
        self.is_cut |= len(silent) > MAX_DETAILS
        told = yield from find_payments(api, silent[:MAX_DETAILS])
        self._told.update({payment.id: payment.order_id for payment in told.values()})
        return [*candidates.values(), *told.values()]
