"""Lookups and listings, run by an HTTP client: once for tasks, and once awaited."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing, closing
from itertools import chain, islice
from typing import Any, TypeVar

from airflow_provider_payments.exceptions import PaymentsError
from airflow_provider_payments.http.async_client import AsyncClient, compute, len_of
from airflow_provider_payments.http.sync_client import SyncClient
from airflow_provider_payments.listing.listing import Listing
from airflow_provider_payments.listing.lookup import Lookup, Requests, Search, discover
from airflow_provider_payments.payment import Payment

T = TypeVar("T")


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
