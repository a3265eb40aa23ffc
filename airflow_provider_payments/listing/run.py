"""Lookups: questions smaller than a listing, described without I/O, and driven like everything else: once for tasks,
once awaited.

A lookup is a generator. It yields :class:`Requests` or a :class:`Search`, is sent what these found, and returns its
answer.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, TypeVar

from airflow_provider_payments.exceptions import PaymentsError, PaymentsRequestError
from airflow_provider_payments.http.async_client import AsyncClient, compute, len_of
from airflow_provider_payments.http.client import Outcome
from airflow_provider_payments.http.messages import Request, Response
from airflow_provider_payments.http.sync_client import SyncClient
from airflow_provider_payments.listing.listing import Listing
from airflow_provider_payments.listing.plan import ListingApi
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.query import PaymentQuery

T = TypeVar("T")


@dataclass(frozen=True)
class Requests:
    """Requests that may be sent side by side. Answered with a list: of each, its response or the API's refusal."""

    requests: Sequence[Request]

    def first_steps(self) -> Sequence[Request]:
        """See :class:`~airflow_provider_payments.http.client.PageSource`, as the next three."""
        return self.requests

    def request(self, step: Request) -> Request:
        """The step is the request."""
        return step

    def is_urgent(self, step: Request) -> bool:
        """None comes before others."""
        return False

    def receive(self, step: Request, response: Outcome) -> tuple[list[Outcome], list[Request]]:
        """Every response is an answer, and nothing follows from it."""
        return [response], []


#: Reads the payments out of the response to the request for a name.
ParseNamed = Callable[[str, Request, Outcome], Sequence[Payment]]


@dataclass(frozen=True)
class NamedRequests:
    """A request for each name, of which payments are read; as many as there are, one after the other or side by side.

    :param build_request: returns the request for a name.
    """

    names: Sequence[str]
    build_request: Callable[[str], Request | None]
    parse: ParseNamed

    def first_steps(self) -> Sequence[str]:
        """See :class:`~airflow_provider_payments.http.client.PageSource`, as the next three."""
        return self.names

    def request(self, step: str) -> Request:
        """The request for the name."""
        request = self.build_request(step)
        assert request is not None  # noqa: S101 - asked only where the API has such requests
        return request

    def is_urgent(self, step: str) -> bool:
        """None comes before others."""
        return False

    def receive(self, step: str, response: Outcome) -> tuple[Sequence[Payment], Sequence[str]]:
        """Read the payments; nothing follows from them."""
        return self.parse(step, self.request(step), response), ()


@dataclass(frozen=True)
class Search:
    """A search through a listing. Answered with a list of payments.

    :param is_wanted: which payments count.
    :param limit: payments to find, at most; None for no limit.
    :param reach: payments to look at, at most; None is to the end of the listing.
    """

    listing: Listing
    is_wanted: Callable[[Payment], bool] = lambda payment: True
    limit: int | None = None
    reach: int | None = None

    @property
    def is_to_the_end(self) -> bool:
        """Whether every page of the listing is read: then the next one may be asked for before this one is searched."""
        return self.limit is None and self.reach is None


Lookup = Generator[Requests | Search, list[Any], T]


def ask(request: Request) -> Lookup[Response]:
    """Ask for one response.

    :raises PaymentsRequestError: the API's refusal.
    """
    found: list[Outcome] = yield Requests([request])
    if isinstance(found[0], PaymentsRequestError):
        raise found[0]
    return found[0]


def discover(api: ListingApi, query: PaymentQuery) -> Lookup[None]:
    """Ask what an API has to be asked before its list can be read, unless that is known already.

    :param query: what will be listed.

    :raises PaymentsRequestError: when the API refuses to tell.
    """
    request = api.discovery_request(query)
    if request is None:
        return
    response = yield from ask(request)
    api.discover(request, response)


def look_up(lookup: Lookup[T], client: SyncClient) -> T:
    """Find the answer to a lookup. An error is raised within it: it may know a way on."""
    found: list[Any] | PaymentsError | None = None
    while True:
        question, value = _advance(lookup, found)
        if question is None:
            return value  # type: ignore[return-value]
        try:
            found = _answer(question, client)
        except PaymentsError as error:
            found = error


def _answer(question: Requests | Search, client: SyncClient) -> list[Any]:
    if isinstance(question, Requests):
        return [response for responses in client.fetch_pages(question) for response in responses]
    with closing(read(question.listing, client, ahead=question.is_to_the_end)) as pages:
        payments = chain.from_iterable(pages)
        wanted = filter(question.is_wanted, islice(payments, question.reach))
        return list(islice(wanted, question.limit))


async def alook_up(lookup: Lookup[T], client: AsyncClient) -> T:
    """Find the answer to a lookup without blocking the event loop."""
    found: list[Any] | PaymentsError | None = None
    while True:
        size = len_of(found) if isinstance(found, list) else 0
        question, value = await compute(size, _advance, lookup, found)
        if question is None:
            return value  # type: ignore[return-value]
        try:
            if isinstance(question, Requests):
                found = [response async for responses in client.fetch_pages(question) for response in responses]
            else:
                found = await _search(question, client)
        except PaymentsError as error:
            found = error


def _advance(lookup: Lookup[T], found: list[Any] | PaymentsError | None) -> tuple[Requests | Search | None, T | None]:
    try:
        if isinstance(found, PaymentsError):
            return lookup.throw(found), None
        return lookup.send(found), None  # type: ignore[arg-type]  # None begins
    except StopIteration as end:  # which cannot leave a thread
        return None, end.value


async def _search(search: Search, client: AsyncClient) -> list[Payment]:
    found: list[Payment] = []
    seen = 0
    async with aclosing(aread(search.listing, client, ahead=search.is_to_the_end)) as pages:
        async for payments in pages:
            for payment in payments:
                seen += 1
                if search.is_wanted(payment):
                    found.append(payment)
                if len(found) == search.limit or seen == search.reach:
                    return found
    return found


def read(listing: Listing, client: SyncClient, *, ahead: bool = True) -> Generator[Sequence[Payment], None, None]:
    """Yield a listing's payments, page by page.

    :param ahead: whether the next page is asked for before this one's payments are yielded.
    """
    with listing:
        try:
            look_up(discover(listing.api, listing.query), client)
            for one_pass in listing.passes():
                yield from client.fetch_pages(one_pass, ahead=ahead)
            yield from listing.remaining()
        finally:
            listing.report.requests = client.requests
        listing.report.is_read_to_end = True


async def aread(
    listing: Listing, client: AsyncClient, *, ahead: bool = True
) -> AsyncGenerator[Sequence[Payment], None]:
    """Yield a listing's payments without blocking the event loop; see :func:`read`."""
    with listing:
        try:
            await alook_up(discover(listing.api, listing.query), client)
            for one_pass in listing.passes():
                async with aclosing(client.fetch_pages(one_pass, ahead=ahead)) as pages:
                    async for payments in pages:
                        yield payments
            for payments in listing.remaining():
                yield payments
        finally:
            listing.report.requests = client.requests
        listing.report.is_read_to_end = True
