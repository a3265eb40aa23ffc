"""What a hook returns of payments: read page by page as they are asked for, with a report."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Generator, Iterator, Sequence
from itertools import chain
from typing import NoReturn

from airflow_provider_payments.exceptions import refuse_xcom
from airflow_provider_payments.listing.report import ListingReport
from airflow_provider_payments.payment import Payment


class PaymentListing(Iterator[Payment]):
    """The payments of one listing, read as they are asked for.

    Nothing is opened before the first is asked for. A listing that is not read to its end should be closed, as ``with``
    does: then no page is asked for any more, and its threads, sockets and scratch files are gone. A listing that was
    read to its end, or has failed, is closed already. Nothing comes from a closed listing.

    :param pages: the same payments, page by page. Whoever takes many is faster with these.
    :param report: what can be said about the listing so far.
    """

    def __init__(self, pages: Generator[Sequence[Payment], None, None], report: ListingReport) -> None:
        self.pages = pages
        self.report = report
        self._payments = chain.from_iterable(pages)

    def __next__(self) -> Payment:
        return next(self._payments)

    def __enter__(self) -> PaymentListing:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop reading."""
        self._payments = chain()
        self.pages.close()

    def serialize(self) -> NoReturn:
        """Refuse to become an XCom, which is what a task that returns this asks of it."""
        refuse_xcom(type(self).__name__)


class AsyncPaymentListing(AsyncIterator[Payment]):
    """The payments of one listing, read without blocking the event loop; see :class:`PaymentListing`."""

    def __init__(self, pages: AsyncGenerator[Sequence[Payment], None], report: ListingReport) -> None:
        self.pages = pages
        self.report = report
        self._payments = _flatten(pages)

    def __anext__(self) -> Awaitable[Payment]:
        return self._payments.__anext__()

    async def __aenter__(self) -> AsyncPaymentListing:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop reading."""
        await self._payments.aclose()
        await self.pages.aclose()

    def serialize(self) -> NoReturn:
        """Refuse to become an XCom, which is what a task that returns this asks of it."""
        refuse_xcom(type(self).__name__)


async def _flatten(pages: AsyncIterator[Sequence[Payment]]) -> AsyncGenerator[Payment, None]:
    async for payments in pages:
        for payment in payments:
            yield payment
