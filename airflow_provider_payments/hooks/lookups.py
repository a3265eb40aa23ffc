"""What can be asked of a payment API besides a listing: one payment, several, a pending one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from airflow_provider_payments.api.base import PaymentsApi
from airflow_provider_payments.exceptions import PaymentNotFound, PaymentsConfigError, PaymentsRequestError
from airflow_provider_payments.hooks.listing_builders import (
    PENDING,
    build_latest_listing,
    build_listing,
    build_pending_listing,
    build_seen_listing,
    filterable_statuses,
    narrow_to,
)
from airflow_provider_payments.http.client import Outcome
from airflow_provider_payments.http.messages import Request, quote_segment
from airflow_provider_payments.listing.list_pass import open_reader
from airflow_provider_payments.listing.lookup import Lookup, Requests, Search, ask, discover
from airflow_provider_payments.listing.plan import Stage
from airflow_provider_payments.payment import Payment, PaymentStatus, stamp
from airflow_provider_payments.query import PaymentQuery
from airflow_provider_payments.times import UTC

#: Of how many pending rows it is asked one by one whether their payments are pending, at most.
_MOST_CONFIRMED = 20


def find_payment(api: PaymentsApi, payment_id: str) -> Lookup[Payment]:
    """Find one payment, with what the API adds for a single one.

    :raises PaymentNotFound: when the API knows none by this id.
    """
    request = api.detail_request(payment_id)
    if request is None:
        listing = build_listing(api, api.query_for(payment_id) or PaymentQuery(), waits_to_end=False)
        payments = yield Search(listing, lambda each: each.id == payment_id, limit=1)
        if not payments:
            raise PaymentNotFound(f"No payment has the id {payment_id!r}.")
        return payments[0]  # type: ignore[no-any-return]
    listed_at = datetime.now(UTC)
    (response,) = yield Requests([request])
    return parse_detail(api, payment_id, request, response, listed_at)


def find_payments(
    api: PaymentsApi, payment_ids: Sequence[str], long_poll_seconds: float = 0.0
) -> Lookup[dict[str, Payment]]:
    """Find payments by id, as far as the API knows them.

    :param long_poll_seconds: the API is asked to hold its reply until the payment's status changes, but no longer.
    :raises PaymentsConfigError: when its payments have no ids to ask for.
    """
    if any(api.query_for(payment_id) for payment_id in payment_ids):
        return (yield from _search_payments(api, payment_ids))
    requests = [api.detail_request(payment_id) for payment_id in payment_ids]
    asked = [request for request in requests if request is not None]
    if len(asked) < len(payment_ids):
        raise PaymentsConfigError(f"{api.name} cannot be asked for a payment by id. Wait for its order: order_ids.")
    if api.long_poll:
        asked = [api.long_poll.apply(request, long_poll_seconds) for request in asked]
    listed_at = datetime.now(UTC)
    responses = (yield Requests(asked)) if asked else []
    found = {}
    for payment_id, request, response in zip(payment_ids, asked, responses, strict=True):
        with suppress(PaymentNotFound):
            found[payment_id] = parse_detail(api, payment_id, request, response, listed_at)
    return found


def _search_payments(api: PaymentsApi, payment_ids: Sequence[str]) -> Lookup[dict[str, Payment]]:
    found = {}
    for payment_id in payment_ids:
        with suppress(PaymentNotFound):
            found[payment_id] = yield from find_payment(api, payment_id)
    return found


def find_order_payments(api: PaymentsApi, order_ids: Sequence[str]) -> Lookup[dict[str, list[Payment]]]:
    """Find the payments of orders, where the API can be asked for those; an order that it does not know has none."""
    requests = {each: order_request(api, each) for each in order_ids} if api.orders.path else {}
    listed_at = datetime.now(UTC)
    responses = (yield Requests([*requests.values()])) if requests else []
    found: dict[str, list[Payment]] = {}
    for (order_id, request), response in zip(requests.items(), responses, strict=True):
        found[order_id] = parse_order(api, request, response, listed_at)
    return found


def order_request(api: PaymentsApi, order_id: str) -> Request:
    """Return the request for the payments of an order, where the API has one."""
    return api.request((api.orders.path or "").format(id=quote_segment(order_id)))


def parse_order(api: PaymentsApi, request: Request, response: Outcome, listed_at: datetime | None) -> list[Payment]:
    """Read the reply to a request for the payments of an order; none where the API does not know it."""
    if isinstance(response, PaymentsRequestError):
        if not api.is_not_found(response):
            raise response
        return []
    payments = api.parse_payments(api.parse_page(request, response).rows)
    stamp(payments, listed_at)
    return payments


def parse_detail(
    api: PaymentsApi,
    payment_id: str,
    request: Request,
    response: Outcome,
    listed_at: datetime | None,
) -> Payment:
    """Read the reply to a request for one payment.

    :raises PaymentNotFound: when the API knows none by this id, as opposed to a wrong path.
    """
    if isinstance(response, PaymentsRequestError):
        if not api.is_not_found(response):
            raise response
        raise PaymentNotFound(f"No payment has the id {payment_id!r}. {response}", response.status, response.code)
    payment = api.parse_detail(request, response)
    if payment.id.casefold() != payment_id.casefold():  # UUIDs are the same in both cases
        raise api.error_mapper.unreadable(request, response, f"it has another payment than {payment_id!r}")
    stamp([payment], listed_at)
    return payment


def find_pending(
    api: PaymentsApi, query: PaymentQuery, statuses: frozenset[PaymentStatus] = PENDING
) -> Lookup[Payment | None]:
    """Find a payment that is pending, as cheaply as the API permits.

    Where it can filter, this takes one small request for each pending status. What is found is certain; None means
    only that these requests found none.

    :param statuses: which payments count. The API is asked for no others, where it can filter.
    """
    if api.filterable_statuses and not can_be_listed(api, query, statuses):
        return None
    yield from discover(api, query)
    questions = _small_questions(api, query, statuses)
    if not questions:
        for limit in (1, _MOST_CONFIRMED + 1) if api.repeats_payments else (1,):  # mostly, the first is pending
            found = yield Search(build_pending_listing(api, query, statuses, waits_to_end=False), limit=limit)
            payment = yield from _find_confirmed(api, query, statuses, found)
            if payment or len(found) < limit:
                return payment
        return None
    for question in questions:
        response = yield from ask(question)
        payments = map(api.parse_payment, api.parse_page(question, response).rows)
        found = [each for each in payments if each.status in statuses and api.matches(query, each)]
        earliest = min((each.created_at for each in found if each.created_at), default=None)
        payment = yield from _find_confirmed(api, replace(query, created_from=earliest), statuses, found)
        if payment:
            return payment
    return None


def _find_confirmed(
    api: PaymentsApi, query: PaymentQuery, statuses: frozenset[PaymentStatus], pending: Sequence[Payment]
) -> Lookup[Payment | None]:
    """Find a payment that is not settled, of some that are pending by one row.

    Where a payment may have several rows, each is asked for by its id. Should many have settled ones, the query's
    payments are listed, all rows of them: so none is hidden by however many, and a listing is all that it costs.
    """
    for payment in pending[:_MOST_CONFIRMED]:
        by_id = api.query_for(payment.id) if api.repeats_payments else None
        if by_id is None or payment.created_at is None:
            return payment
        listing = build_seen_listing(api, by_id, payment.created_at)
        found = yield Search(listing, lambda each: each.id == payment.id, limit=1)  # noqa: B023 - used at once
        if not found or not found[0].is_final:
            return payment
    if len(pending) > _MOST_CONFIRMED:
        found = yield Search(build_listing(api, query), lambda each: each.status in statuses, limit=1)
        return next(iter(found), None)
    return None


def can_be_listed(api: PaymentsApi, query: PaymentQuery, statuses: frozenset[PaymentStatus]) -> bool:
    """Whether the API has a provider status with one of these meanings, and its list shows payments in it."""
    return any(_is_listed(api, query, each) for each, status in api.statuses.items() if status in statuses)


def find_pending_at_head(
    api: PaymentsApi, query: PaymentQuery, statuses: frozenset[PaymentStatus] = PENDING
) -> Lookup[Payment | None]:
    """Look among the latest page of payments for a pending one whose status the list cannot be filtered by.

    :func:`find_pending` sees no such payment. This asks nothing where there is no such status.

    :param statuses: which payments count.
    """
    pending = {each for each, status in api.statuses.items() if status in statuses}
    unfilterable = pending.difference(api.filterable_statuses)
    if not api.filterable_statuses or not any(_is_listed(api, query, each) for each in unfilterable):
        return None
    listing = build_latest_listing(api, PaymentQuery(filters=query.filters))

    def is_pending(payment: Payment) -> bool:
        return payment.status in statuses and query.wants(payment)

    found = yield Search(listing, is_pending, limit=1, reach=api.page_size)
    return found[0] if found else None


def first_request(api: PaymentsApi, stage: Stage) -> Request:
    """Return the request of a stage's first page."""
    return api.list_request(open_reader(stage.partitions[0], PaymentQuery()).start()[0].params)


def _is_listed(api: PaymentsApi, query: PaymentQuery, provider_status: str) -> bool:
    return api.unlisted_reason(narrow_to(query, provider_status)) is None


def _small_questions(api: PaymentsApi, query: PaymentQuery, statuses: frozenset[PaymentStatus]) -> list[Request]:
    """Return a request for one payment of each of these statuses; none where the list has to be read through."""
    is_asked_whole = query.filters.items() <= api.build_params(query, None).items()
    if query.created_from or query.created_to or not is_asked_whole:
        return []
    asked = (narrow_to(query, each) for each in filterable_statuses(api, statuses))
    return [first_request(api, api.plan_listing(question, limit=1, max_concurrency=1)[0]) for question in asked]
