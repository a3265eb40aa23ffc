"""Payments that are named, by their own ids or by those of orders: each as it is now, in flat memory.

Where the API answers a request for each name, these are sent side by side, and payments come in the order of the names
as responses do. Where its list has to be searched, that is read once for all names, and what is found waits on disk,
to come in that order, too.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import chain, islice

from airflow_provider_payments.api.base import PaymentsApi
from airflow_provider_payments.exceptions import (
    NamedPaymentNotFound,
    PaymentNotFound,
    PaymentsConfigError,
)
from airflow_provider_payments.hooks.connection_check import check_list
from airflow_provider_payments.hooks.listing_builders import build_listing, build_orders_listing, build_seen_listing
from airflow_provider_payments.hooks.lookups import order_request, parse_detail, parse_order
from airflow_provider_payments.http.client import Outcome
from airflow_provider_payments.http.messages import Request
from airflow_provider_payments.http.sync_client import SyncClient
from airflow_provider_payments.listing.dedup import FoundPayments, SeenIds
from airflow_provider_payments.listing.listing import Listing
from airflow_provider_payments.listing.lookup import NamedRequests, ParseNamed
from airflow_provider_payments.listing.report import NamedReport
from airflow_provider_payments.listing.run import look_up, read
from airflow_provider_payments.payment import Payment, PaymentStatus, stamp
from airflow_provider_payments.query import PaymentQuery
from airflow_provider_payments.times import UTC

#: Payments that are handed out at once. Few, so that what is too much for XCom is known soon.
_PAGE = 100
#: Requests that a search for one payment takes, about: PayPal's three years have 36 windows.
_REQUESTS_A_SEARCH = 36
#: Orders that one listing asks for.
_ORDERS_AT_ONCE = 100


@dataclass
class NamedPayments:
    """Payments to read, by their ids or by those of orders.

    :param payment_ids: None where orders are named.
    :param order_ids: None where payments are.
    :param created_from: where the list is searched, it is from here on; older payments of an order do not count.
    :param fails_on_missing: whether a name without a payment is an error once all were asked for.
    :raises PaymentsConfigError: when the API's payments have no ids to ask for.
    """

    api: PaymentsApi
    payment_ids: Sequence[str] | None
    order_ids: Sequence[str] | None
    created_from: datetime | None = None
    fails_on_missing: bool = True
    report: NamedReport = field(init=False)

    def __post_init__(self) -> None:
        api, by_id = self.api, self.payment_ids is not None
        if by_id and api.detail_request("id") is None and api.query_for("id") is None:
            raise PaymentsConfigError(f"{api.name} cannot be asked for a payment by id. Name its order: order_ids.")
        self._names = [*(self.payment_ids or self.order_ids or ())]
        self.report = NamedReport(names="payment ids" if by_id else "order ids", named=len(self._names))

    def read(self, client: SyncClient) -> Generator[Sequence[Payment], None, None]:
        """Yield the payments, each once, in the order of the names.

        :raises NamedPaymentNotFound: when some names have none, if that is an error.
        """
        report, seen = self.report, SeenIds()
        report.listed_at = datetime.now(UTC)
        try:
            with closing(self._find(client)) as payments:
                while page := [*islice(payments, _PAGE)]:
                    is_new = seen.add(payment.id for payment in page)
                    report.duplicates_dropped += is_new.count(False)
                    page = [payment for payment, is_first in zip(page, is_new, strict=True) if is_first]
                    stamp(page, report.listed_at)
                    yield page
            if report.missing == report.named > 0:
                look_up(check_list(self.api), client)
        finally:
            report.requests = client.requests
        if report.missing and self.fails_on_missing:
            doubts = "".join(f" {doubt}" for doubt in report.doubts)
            raise NamedPaymentNotFound(
                f"{self.api.name}: {report.describe_missing()}{doubts} With on_missing='report', the others are "
                "delivered without."
            )
        report.is_read_to_end = True

    def _find(self, client: SyncClient) -> Generator[Payment, None, None]:
        api, names = self.api, self._names
        if not names:
            return
        if self.payment_ids and api.detail_request(names[0]):
            yield from self._ask(client, names, api.detail_request, partial(self._parse_detail, self.report.miss))
        elif self.order_ids and api.orders.path:
            yield from self._ask(client, names, partial(order_request, api), self._parse_order)
        else:
            with closing(FoundPayments(names)) as found:
                if self.payment_ids:
                    self._search_payments(client, found)
                else:
                    self._search_orders(client, found)
                for name in found.left():
                    self.report.miss(name)
                yield from found.payments()

    def _ask(
        self,
        client: SyncClient,
        names: Sequence[str],
        build_request: Callable[[str], Request | None],
        parse: ParseNamed,
    ) -> Generator[Payment, None, None]:
        with closing(client.fetch_pages(NamedRequests(names, build_request, parse))) as pages:
            yield from chain.from_iterable(pages)

    def _parse_detail(
        self,
        miss: Callable[[str], None],
        payment_id: str,
        request: Request,
        response: Outcome,
    ) -> Sequence[Payment]:
        try:
            return [parse_detail(self.api, payment_id, request, response, self.report.listed_at)]
        except PaymentNotFound:
            miss(payment_id)
            return []

    def _parse_order(self, order_id: str, request: Request, response: Outcome) -> Sequence[Payment]:
        payments = parse_order(self.api, request, response, self.report.listed_at)
        found = [*filter(PaymentQuery(created_from=self.created_from).wants, payments)]
        if not found:
            self.report.miss(order_id)
        return found

    def _search_payments(self, client: SyncClient, found: FoundPayments) -> None:
        """Read the list for all, until they are found: but not for more requests than a search for each would take.

        Those that are left are searched for one by one then, each by what narrows the list to it. So are those whose
        money has not come, by the row that was found: there may be another one.
        """
        queries = {
            name: replace(query, created_from=self.created_from)
            for name in self._names
            if (query := self.api.query_for(name))
        }
        if len(queries) > 1:
            before = client.requests

            def is_enough() -> bool:
                return client.requests - before > _REQUESTS_A_SEARCH * len(found.left())

            common = set.intersection(*(set(query.filters.items()) for query in queries.values()))
            listing = build_listing(
                self.api, replace(queries[self._names[0]], filters=dict(common)), waits_to_end=False
            )
            self._search(client, listing, found, _id_of, is_enough)
            self._confirm(client, found, queries)
            if listing.report.is_read_to_end:
                return
        for name in found.left():
            listing = build_listing(self.api, queries[name], waits_to_end=False)
            self._search(client, listing, found, _id_of, partial(found.has, name))

    def _confirm(self, client: SyncClient, found: FoundPayments, queries: Mapping[str, PaymentQuery]) -> None:
        """Ask once more for what was found and has not succeeded."""
        unsettled = [
            (payment.id, payment.created_at)
            for payment in found.payments()
            if payment.status is not PaymentStatus.SUCCEEDED
        ]
        for payment_id, moment in unsettled:
            self._search(client, build_seen_listing(self.api, queries[payment_id], moment), found, _id_of)

    def _search_orders(self, client: SyncClient, found: FoundPayments) -> None:
        api, orders = self.api, self.api.orders
        without_order_id: list[str] = []

        def orders_of(payment: Payment) -> Sequence[str]:
            if payment.order_id is None and not orders.is_listed:
                without_order_id.append(payment.id)
            return api.order_ids_of(payment)

        for listing in self._order_listings():
            self._search(client, listing, found, orders_of)
        parse = partial(self._parse_detail, lambda payment_id: None)
        with closing(self._ask(client, without_order_id, api.detail_request, parse)) as payments:
            for payment in payments:
                found.put(payment, api.order_ids_of(payment))

    def _order_listings(self) -> Iterator[Listing]:
        api = self.api
        if api.orders.filter and api.orders.is_exhaustive:
            for start in range(0, len(self._names), _ORDERS_AT_ONCE):
                order_ids = self._names[start : start + _ORDERS_AT_ONCE]
                yield build_orders_listing(api, order_ids, self.created_from)
        else:
            # Whatever their status: where that is not asked, some lists leave out what is pending.
            yield build_listing(api, PaymentQuery(self.created_from, statuses=frozenset(PaymentStatus)))

    def _search(
        self,
        client: SyncClient,
        listing: Listing,
        found: FoundPayments,
        names_of: Callable[[Payment], Iterable[str]],
        is_enough: Callable[[], bool] = lambda: False,
    ) -> None:
        """Look through a listing. What may be missing in it counts only if it is read to the end."""
        with closing(read(listing, client)) as pages:
            for payments in pages:
                for payment in payments:
                    found.put(payment, names_of(payment))
                if is_enough():
                    return
        self.report.add(listing.report)


def _id_of(payment: Payment) -> Sequence[str]:
    return (payment.id,)
