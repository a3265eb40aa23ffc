"""Builds the listings that are read: of a query, of the latest payments, of pending ones, of a payment, of orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from airflow_provider_payments.api.base import PaymentsApi
from airflow_provider_payments.listing.list_pass import open_reader
from airflow_provider_payments.listing.listing import Listing
from airflow_provider_payments.listing.pages import Order
from airflow_provider_payments.listing.plan import Partition, Stage
from airflow_provider_payments.listing.readers import COARSEST_TIME
from airflow_provider_payments.listing.report import ListingReport
from airflow_provider_payments.payment import PaymentStatus
from airflow_provider_payments.query import PaymentQuery

#: Normalised statuses of payments that are still on their way.
PENDING = frozenset(status for status in PaymentStatus if status.is_pending)


def build_listing(
    api: PaymentsApi, query: PaymentQuery, report: ListingReport | None = None, *, waits_to_end: bool = True
) -> Listing:
    """Return the listing of all payments of a query.

    :param report: told what can be said about the listing; None is a new one.
    :param waits_to_end: see :class:`~airflow_provider_payments.listing.listing.Listing`.
    """
    return Listing(api, query, partial(_stages, api, query), report, waits_to_end=waits_to_end)


def build_latest_listing(api: PaymentsApi, query: PaymentQuery) -> Listing:
    """Return the listing of a query with the latest payments first, for a search that does not read it to the end.

    Pages are read one by one: side by side, some would be asked for although the search has ended, and older payments
    would come between. Where the order is not known, the window is left out: it would not end the search, but hide how
    far it has got. Where an API lists what is pending first, that list is left out, and so is what is pending: see
    :func:`build_pending_listing`.
    """
    head = _with_latest_first(api, api.partition(query, None, limit=api.page_size, max_concurrency=1))
    if open_reader(head, query).order is Order.UNKNOWN:
        query = replace(query, created_from=None, created_to=None)

    def plan() -> Sequence[Stage]:
        stages = api.plan_listing(query, limit=api.page_size, max_concurrency=1)[-1:]
        return [Stage([_with_latest_first(api, each) for each in stage.partitions]) for stage in stages]

    return Listing(api, query, plan, waits_to_end=False)


def _with_latest_first(api: PaymentsApi, partition: Partition) -> Partition:
    reader = partition.second_reader or partition.reader
    return replace(partition, reader=reader, params={**partition.params, **api.newest_first_params})


def build_pending_listing(
    api: PaymentsApi,
    query: PaymentQuery,
    statuses: frozenset[PaymentStatus] = PENDING,
    *,
    waits_to_end: bool = True,
) -> Listing:
    """Return the listing of pending payments that costs least: filtered where the API can, all statuses at once.

    :param statuses: normalised statuses that count as pending.
    :param waits_to_end: see :class:`~airflow_provider_payments.listing.listing.Listing`.
    """
    asked = [narrow_to(query, each) for each in filterable_statuses(api, statuses)] or [query]
    plan = partial(_side_by_side, api, asked)
    return Listing(api, replace(query, statuses=statuses), plan, waits_to_end=waits_to_end)


def build_seen_listing(api: PaymentsApi, by_id: PaymentQuery, created_at: datetime | None) -> Listing:
    """Return the listing of a payment that was seen by one of its rows. Of several on a page, the right one is taken.

    :param by_id: what narrows the list to the payment.
    :param created_at: its creation as it was seen; None when it was not.
    """
    if created_at:
        by_id = replace(by_id, created_from=created_at, created_to=created_at + COARSEST_TIME)
    return build_listing(api, by_id, waits_to_end=False)


def build_orders_listing(api: PaymentsApi, order_ids: Sequence[str], created_from: datetime | None) -> Listing:
    """Return the listing of the payments of orders, where the API filters by one: the lists of all, side by side."""
    name = api.orders.filter or ""
    asked = [PaymentQuery(created_from, filters={name: order_id}) for order_id in order_ids]
    return Listing(api, PaymentQuery(created_from), partial(_side_by_side, api, asked))


def can_filter_pending(api: PaymentsApi) -> bool:
    """Whether a listing of pending payments costs less than one of all."""
    return bool(filterable_statuses(api, PENDING))


def _stages(api: PaymentsApi, query: PaymentQuery) -> Sequence[Stage]:
    limit = max(api.page_size, 2)  # a page of one row has none to share with the next, so nothing could be vouched for
    return api.plan_listing(query, limit=limit, max_concurrency=api.credentials.options.max_concurrency)


def _side_by_side(api: PaymentsApi, queries: Sequence[PaymentQuery]) -> Sequence[Stage]:
    """Return one stage with the lists of all queries."""
    return [Stage([each for query in queries for stage in _stages(api, query) for each in stage.partitions])]


def narrow_to(query: PaymentQuery, provider_status: str) -> PaymentQuery:
    """Return the query for payments in one provider status."""
    return replace(query, provider_statuses=frozenset({provider_status}))


def filterable_statuses(api: PaymentsApi, statuses: frozenset[PaymentStatus]) -> list[str]:
    """Return the provider statuses with one of these meanings that the list can be filtered by."""
    return [provider_status for provider_status in api.filterable_statuses if api.statuses[provider_status] in statuses]
