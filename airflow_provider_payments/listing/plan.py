"""What a listing is made of: the lists to read, in which order, and what a response says of its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import msgspec

from airflow_provider_payments.http.messages import Request, Response
from airflow_provider_payments.listing.readers import MakeReader
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.query import PaymentQuery


@dataclass(frozen=True, slots=True)
class ListPage:
    """A page as the API sent it: rows that are not decoded yet, and what the response says of them.

    :param rows: the payments, each as its JSON text.
    :param total: how many payments match, over all pages.
    :param limit: the page size that was used.
    :param has_more: whether more pages follow.
    :param next_cursor: what leads to the next page; empty on the last one. None where the API has no such thing.
    :param data_until: until when the API has data, where the response tells it.
    :param rows_mended: how many rows had texts that are no Unicode.
    """

    rows: Sequence[bytes | msgspec.Raw]
    total: int | None = None
    limit: int | None = None
    has_more: bool | None = None
    next_cursor: str | None = None
    data_until: datetime | None = None
    rows_mended: int = 0


@dataclass(frozen=True, slots=True)
class Partition:
    """One list to read.

    :param reader: makes its reader: a class of this package, or one with some of its arguments (``functools.partial``).
    :param params: query parameters of every page.
    :param page_size: rows to ask for on each page.
    :param max_concurrency: requests that may be in flight at once.
    :param second_reader: makes the reader of a second reading, where that should go another way; and of a search that
        begins with the newest payment.
    """

    reader: MakeReader
    params: Mapping[str, str]
    page_size: int
    max_concurrency: int = 1
    second_reader: MakeReader | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """Partitions that may be read side by side. The next stage begins when all of them have ended."""

    partitions: Sequence[Partition]


class ListingApi(Protocol):
    """The part of ``PaymentsApi`` that a listing uses."""

    @property
    def repeats_payments(self) -> bool: ...

    def discovery_request(self, query: PaymentQuery) -> Request | None: ...

    def discover(self, request: Request, response: Response) -> None: ...

    def list_request(self, params: Mapping[str, str]) -> Request: ...

    def parse_page(self, request: Request, response: Response) -> ListPage: ...

    def parse_payments(self, rows: Sequence[bytes | msgspec.Raw]) -> list[Payment]: ...

    def matches(self, query: PaymentQuery, payment: Payment) -> bool: ...

    def unlisted_reason(self, query: PaymentQuery) -> str | None: ...

    def unlisted_note(self, query: PaymentQuery) -> str | None: ...

    def particular_ids(self, payment: Payment) -> Sequence[str]: ...

    def former_id(self, payment: Payment) -> str | None: ...
