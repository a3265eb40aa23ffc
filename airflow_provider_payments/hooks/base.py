"""The hook that all payment APIs share: connection -> credentials -> pages -> payments."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TypeVar

from airflow_provider_payments.api.base import PaymentsApi
from airflow_provider_payments.argument_lists import ON_MISSING, read_id, read_names
from airflow_provider_payments.arguments import read_choice
from airflow_provider_payments.exceptions import PaymentsError
from airflow_provider_payments.hooks.connection_check import read_one_page
from airflow_provider_payments.hooks.http_hook import ApiHttpHook
from airflow_provider_payments.hooks.listing_builders import build_listing
from airflow_provider_payments.hooks.lookups import find_payment, find_pending
from airflow_provider_payments.hooks.named_payments import NamedPayments
from airflow_provider_payments.hooks.payment_listings import AsyncPaymentListing, PaymentListing
from airflow_provider_payments.http.client import ClientConfig
from airflow_provider_payments.http.retry import RetryPolicy
from airflow_provider_payments.http.sync_client import SyncClient
from airflow_provider_payments.listing.lookup import Lookup
from airflow_provider_payments.listing.report import ListingReport
from airflow_provider_payments.listing.run import alook_up, aread, look_up, read
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.query import PaymentQuery, build_query, parse_bound

__all__ = ["AsyncPaymentListing", "PaymentListing", "PaymentsHook"]

T = TypeVar("T")


class PaymentsHook(ApiHttpHook):
    """Base of the hooks: the payments behind one Airflow connection.

    :param payments_conn_id: the connection.
    """

    def list_payments(
        self,
        *,
        created_from: datetime | str | None = None,
        created_to: datetime | str | None = None,
        statuses: Sequence[str] | str | None = None,
        filters: Mapping[str, object] | str | None = None,
    ) -> PaymentListing:
        """List payments, each once, reading pages as they are asked for.

        :param created_from: first instant of the window: an aware datetime of any class, or ISO 8601 text with a zone;
            None is unbounded.
        :param created_to: first instant after the window.
        :param statuses: a list of normalised or provider statuses; None for all.
        :param filters: the API's own filter parameters.
        :raises PaymentsConfigError: for a bad argument or connection, before any request.
        """
        query = self._build_query(created_from, created_to, statuses, filters)
        api, config = self.resolve()
        listing = build_listing(api, query)
        return PaymentListing(self._read_pages(partial(read, listing), config), listing.report)

    def get_payment(self, payment_id: str) -> Payment:
        """Return one payment, with what the API adds for a single one.

        :param payment_id: its id, a text.
        :raises PaymentsConfigError: when it is no id.
        :raises PaymentNotFound: when the API knows none by this id.
        """
        return self.look_up(partial(find_payment, payment_id=read_id("payment_id is", payment_id)))

    def get_payments(
        self,
        *,
        payment_ids: Sequence[str] | str | None = None,
        order_ids: Sequence[str] | str | None = None,
        created_from: datetime | str | None = None,
        on_missing: str = "fail",
    ) -> PaymentListing:
        """Read payments that are named, as they are now: each once, in the order of the names, as they are asked for.

        :param payment_ids: a list of ids of payments, which may be empty; or
        :param order_ids: of the merchant's ids of orders. All payments of each are read.
        :param created_from: older payments of an order do not count, and where payments have to be searched for, they
            are from here on: an aware datetime of any class, or ISO 8601 text with a zone.
        :param on_missing: what follows when some have no payment, once all were asked for: ``fail`` raises an error
            after the last payment, ``report`` only tells it in the listing's report.
        :raises PaymentsConfigError: for a bad argument or connection, before any request.
        :raises NamedPaymentNotFound: a PaymentNotFound, while payments are read.
        """
        payment_ids, order_ids = read_names(payment_ids, order_ids)
        fails_on_missing = read_choice("on_missing", on_missing, ON_MISSING) == "fail"
        api, config = self.resolve()
        named = NamedPayments(api, payment_ids, order_ids, parse_bound("created_from", created_from), fails_on_missing)
        return PaymentListing(self._read_pages(named.read, config), named.report)

    def has_pending(
        self,
        *,
        created_from: datetime | str | None = None,
        created_to: datetime | str | None = None,
        filters: Mapping[str, object] | str | None = None,
    ) -> bool:
        """Say whether a pending payment was seen.

        Where the API can filter, this takes one small request for each pending status. True is certain. False means
        only that these requests found none.
        """
        query = self._build_query(created_from, created_to, None, filters)
        return self.look_up(partial(find_pending, query=query)) is not None

    def look_up(
        self,
        ask: Callable[[PaymentsApi], Lookup[T]],
        *,
        retry: RetryPolicy | None = None,
        report: ListingReport | None = None,
    ) -> T:
        """Answer a lookup.

        :param ask: begins the lookup, given the connection's API.
        :param retry: when to retry; None is as the connection says.
        :param report: the number of requests is added to it.
        """
        api, config = self.resolve()
        with self.sync_client(replace(config, retry=retry or config.retry)) as client:
            try:
                return look_up(ask(api), client)
            finally:
                if report:
                    report.requests += client.requests

    def alist_payments(
        self,
        *,
        created_from: datetime | str | None = None,
        created_to: datetime | str | None = None,
        statuses: Sequence[str] | str | None = None,
        filters: Mapping[str, object] | str | None = None,
    ) -> AsyncPaymentListing:
        """List payments without blocking the event loop; see :meth:`list_payments`."""
        query = self._build_query(created_from, created_to, statuses, filters)
        report = ListingReport()
        return AsyncPaymentListing(self._alist(query, report), report)

    async def aget_payment(self, payment_id: str) -> Payment:
        """Return one payment without blocking the event loop; see :meth:`get_payment`."""
        return await self.alook_up(partial(find_payment, payment_id=read_id("payment_id is", payment_id)))

    async def ahas_pending(
        self,
        *,
        created_from: datetime | str | None = None,
        created_to: datetime | str | None = None,
        filters: Mapping[str, object] | str | None = None,
    ) -> bool:
        """Say whether a pending payment was seen, without blocking the event loop; see :meth:`has_pending`."""
        query = self._build_query(created_from, created_to, None, filters)
        return await self.alook_up(partial(find_pending, query=query)) is not None

    async def alook_up(self, ask: Callable[[PaymentsApi], Lookup[T]]) -> T:
        """Answer a lookup without blocking the event loop; see :meth:`look_up`."""
        api, config = await self.aresolve()
        async with self.async_client(config) as client:
            return await alook_up(ask(api), client)

    def test_connection(self) -> tuple[bool, str]:
        """Read one payment, and say whether that worked or what to fix."""
        try:
            self.look_up(read_one_page, retry=RetryPolicy(max_attempts=1))  # somebody is waiting
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
        statuses: Sequence[str] | str | None,
        filters: Mapping[str, object] | str | None,
    ) -> PaymentQuery:
        return build_query(
            created_from=created_from,
            created_to=created_to,
            statuses=statuses,
            filters=filters,
            known_provider_statuses=self.api_class.statuses,
            known_filters=self.api_class.filters,
        )

    def _read_pages(
        self, pages: Callable[[SyncClient], Generator[Sequence[Payment], None, None]], config: ClientConfig
    ) -> Generator[Sequence[Payment], None, None]:
        with self.own_client(config) as client:
            yield from pages(client)

    async def _alist(self, query: PaymentQuery, report: ListingReport) -> AsyncGenerator[Sequence[Payment], None]:
        api, config = await self.aresolve()
        async with (
            self.async_client(config) as client,
            aclosing(aread(build_listing(api, query, report), client)) as pages,
        ):
            async for payments in pages:
                yield payments
