"""The hook that all payment APIs share: connection -> credentials -> pages -> payments."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from airflow_provider_payments.exceptions import PaymentNotFound, PaymentsError, PaymentsRequestError
from airflow_provider_payments.hooks.api import PaymentsApi
from airflow_provider_payments.hooks.connected import ConnectedHook
from airflow_provider_payments.hooks.listing import Listing
from airflow_provider_payments.hooks.stage import Stage
from airflow_provider_payments.hooks.walk import ListingReport
from airflow_provider_payments.http.message import Reply, Request
from airflow_provider_payments.http.retry import RetryPolicy
from airflow_provider_payments.http.transport import Conversation
from airflow_provider_payments.payment import Payment, PaymentStatus
from airflow_provider_payments.query import PaymentQuery, build_query

_PENDING = frozenset(status for status in PaymentStatus if status.is_pending)


class PaymentListing(Iterator[Payment]):
    """The payments of one listing, read as they are asked for.

    :param report: what can be said about the listing so far.
    """

    def __init__(self, payments: Iterator[Payment], report: ListingReport) -> None:
        self._payments = payments
        self.report = report

    def __next__(self) -> Payment:
        return next(self._payments)


class PaymentsHook(ConnectedHook):
    """Base of the hooks: the payments behind one Airflow connection.

    :param payments_conn_id: the connection.
    """

    def list_payments(
        self,
        *,
        created_from: datetime | str | None = None,
        created_to: datetime | str | None = None,
        statuses: Sequence[str] | None = None,
        filters: Mapping[str, object] | None = None,
    ) -> PaymentListing:
        """List payments, each once, reading pages as they are asked for.

        :param created_from: first instant of the window: an aware datetime or ISO 8601 text with a zone; None is
            unbounded.
        :param created_to: first instant after the window.
        :param statuses: normalised statuses or the API's own words; None for all.
        :param filters: the API's own filter parameters.
        :raises PaymentsConfigError: for a bad question or connection, before any request.
        """
        query = self._build_query(created_from, created_to, statuses, filters)
        api, conversation = self.open()
        listing = Listing(api, query, _stages(api, query))
        return PaymentListing(self._list(listing, conversation), listing.report)

    def get_payment(self, payment_id: str) -> Payment:
        """Return one payment, with what the API adds for a single one.

        :raises PaymentNotFound: when the API knows none by this id.
        """
        api, conversation = self.open()
        request = api.detail_request(api.require_id(payment_id))
        if request is None:
            return _found(payment_id, next((each for each in self.list_payments() if each.id == payment_id), None))
        with self.driver(conversation) as driver, _not_found_by(payment_id):
            return api.read_one(request, driver.send(request))

    def has_pending(
        self,
        *,
        created_from: datetime | str | None = None,
        created_to: datetime | str | None = None,
        filters: Mapping[str, object] | None = None,
    ) -> bool:
        """Say whether a pending payment was seen.

        Where the API can filter, this takes one small request for each pending status. True is certain. False means
        only that the cheap questions found none.
        """
        query = self._build_query(created_from, created_to, None, filters)
        api, conversation = self.open()
        questions = _small_questions(api, query)
        if not questions:
            return any(True for _ in self._list(_pending_listing(api, query), conversation))
        with self.driver(conversation) as driver:
            return any(_shows_pending(api, query, question, driver.send(question)) for question in questions)

    def alist_payments(
        self,
        *,
        created_from: datetime | str | None = None,
        created_to: datetime | str | None = None,
        statuses: Sequence[str] | None = None,
        filters: Mapping[str, object] | None = None,
    ) -> AsyncIterator[Payment]:
        """List payments without blocking the event loop; see :meth:`list_payments`."""
        return self._alist(self._build_query(created_from, created_to, statuses, filters))

    async def aget_payment(self, payment_id: str) -> Payment:
        """Return one payment without blocking the event loop; see :meth:`get_payment`."""
        api, conversation = await self.aopen()
        request = api.detail_request(api.require_id(payment_id))
        if request is None:
            return _found(payment_id, await anext((e async for e in self.alist_payments() if e.id == payment_id), None))
        async with self.async_driver(conversation) as driver:
            with _not_found_by(payment_id):
                return api.read_one(request, await driver.send(request))

    async def ahas_pending(
        self,
        *,
        created_from: datetime | str | None = None,
        created_to: datetime | str | None = None,
        filters: Mapping[str, object] | None = None,
    ) -> bool:
        """Say whether a pending payment was seen, without blocking the event loop; see :meth:`has_pending`."""
        query = self._build_query(created_from, created_to, None, filters)
        api, conversation = await self.aopen()
        questions = _small_questions(api, query)
        if not questions:
            payments = self._alist_pages(_pending_listing(api, query), conversation)
            return await anext(payments, None) is not None
        async with self.async_driver(conversation) as driver:
            for question in questions:
                if _shows_pending(api, query, question, await driver.send(question)):
                    return True
        return False

    def test_connection(self) -> tuple[bool, str]:
        """Read one payment, and say whether that worked or what to fix."""
        try:
            api, conversation = self.open()
            # One attempt: somebody is waiting.
            with self.driver(replace(conversation, retry=RetryPolicy(max_attempts=1))) as driver:
                request = _first_request(api, api.build_stages(PaymentQuery(), limit=1, max_batch=1)[0])
                api.read_page(request, driver.send(request))
        except PaymentsError as error:
            return False, str(error)
        except Exception as error:
            self.log.exception("Testing connection %r failed", self.payments_conn_id)
            return False, f"Unexpected {type(error).__name__}; the log has the details."
        return True, f"{self.hook_name} accepts the credentials, and payments can be listed."

    def _build_query(
        self,
        created_from: datetime | str | None,
        created_to: datetime | str | None,
        statuses: Sequence[str] | None,
        filters: Mapping[str, object] | None,
    ) -> PaymentQuery:
        return build_query(
            created_from=created_from,
            created_to=created_to,
            statuses=statuses,
            filters=filters,
            known_words=self.api_class.statuses,
            known_filters=self.api_class.filters,
        )

    def _list(self, listing: Listing, conversation: Conversation) -> Iterator[Payment]:
        with self.driver(conversation) as driver, listing:
            for walk in listing.walks():
                for payments in driver.walk(walk):
                    yield from payments
                listing.report.requests = driver.requests
            yield from listing.remaining()

    async def _alist(self, query: PaymentQuery) -> AsyncIterator[Payment]:
        api, conversation = await self.aopen()
        async for payment in self._alist_pages(Listing(api, query, _stages(api, query)), conversation):
            yield payment

    async def _alist_pages(self, listing: Listing, conversation: Conversation) -> AsyncIterator[Payment]:
        async with self.async_driver(conversation) as driver:
            with listing:
                for walk in listing.walks():
                    async for payments in driver.walk(walk):
                        for payment in payments:
                            yield payment
                    listing.report.requests = driver.requests
                for payment in listing.remaining():
                    yield payment


def _stages(api: PaymentsApi, query: PaymentQuery) -> Sequence[Stage]:
    return api.build_stages(query, limit=api.page_size, max_batch=api.credentials.options.max_concurrency)


def _pending_words(api: PaymentsApi) -> list[str]:
    return [word for word in api.filterable_words if api.statuses[word].is_pending]


def _small_questions(api: PaymentsApi, query: PaymentQuery) -> list[Request]:
    """Return a request for one payment of each pending status. None when only a walk can tell."""
    is_asked_whole = query.filters.items() <= api.build_params(query, None).items()
    if query.created_from or query.created_to or not is_asked_whole:
        return []
    asked = (replace(query, words=frozenset({word})) for word in _pending_words(api))
    return [_first_request(api, api.build_stages(question, limit=1, max_batch=1)[0]) for question in asked]


def _pending_listing(api: PaymentsApi, query: PaymentQuery) -> Listing:
    """Return the listing of pending payments that costs least: filtered where the API can, all statuses at once."""
    asked = [replace(query, words=frozenset({word})) for word in _pending_words(api)] or [query]
    strands = [strand for question in asked for stage in _stages(api, question) for strand in stage.strands]
    return Listing(api, replace(query, statuses=_PENDING), [Stage(strands)])


def _first_request(api: PaymentsApi, stage: Stage) -> Request:
    strand = stage.strands[0]
    return api.list_request({**strand.params, **strand.paging.params(strand.paging.first())})


def _shows_pending(api: PaymentsApi, query: PaymentQuery, request: Request, reply: Reply) -> bool:
    payments = map(api.read_payment, api.read_page(request, reply).rows)
    return any(payment.status.is_pending and api.matches(query, payment) for payment in payments)


@contextmanager
def _not_found_by(payment_id: str) -> Iterator[None]:
    """Tell an unknown id from a wrong path."""
    try:
        yield
    except PaymentsRequestError as error:
        if error.status != 404:
            raise
        raise PaymentNotFound(f"No payment has the id {payment_id!r}. {error}", error.status, error.code) from None


def _found(payment_id: str, payment: Payment | None) -> Payment:
    if payment is None:
        raise PaymentNotFound(f"No payment has the id {payment_id!r}.")
    return payment
