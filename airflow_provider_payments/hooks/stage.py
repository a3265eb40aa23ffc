"""What a listing is made of: pages as replies have them, and the walks that an API wants made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from airflow_provider_payments.http.message import Reply, Request
from airflow_provider_payments.http.paging import Paging
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.query import PaymentQuery


@dataclass(frozen=True, slots=True)
class RawPage:
    """A page as the API's reply has it.

    :param rows: the payments, each as its JSON text.
    :param rows_mended: how many of them had texts that are no Unicode.
    """

    rows: Sequence[bytes | msgspec.Raw]
    total: int | None = None
    limit: int | None = None
    has_more: bool | None = None
    rows_mended: int = 0


@dataclass(frozen=True, slots=True)
class Strand:
    """One series of pages.

    :param paging: how to get from page to page.
    :param params: query parameters that stay the same on every page.
    :param begins_at: where the list was told to begin, going back in time from there.
    :param cut: returns the same list, begun at a creation time; None where that cannot be asked for. Payments of that
        very time are in it.
    :param margin: how much later than that it may begin.
    """

    paging: Paging
    params: dict[str, str] = field(default_factory=dict)
    begins_at: datetime | None = None
    cut: Callable[[datetime], Strand] | None = None
    margin: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Stage:
    """Strands that may be read side by side. The next stage begins when all of them have ended.

    :param is_volatile: whether payments may leave these lists, because they are filtered by a status that is not final.
    """

    strands: Sequence[Strand]
    is_volatile: bool = False


class ListingApi(Protocol):
    """What a listing asks of an API. Hooks are this."""

    def list_request(self, params: Mapping[str, str]) -> Request:
        """Return the request of a page."""

    def read_page(self, request: Request, reply: Reply) -> RawPage:
        """Take a reply apart."""

    def read_payments(self, rows: Sequence[bytes | msgspec.Raw]) -> list[Payment]:
        """Normalise a page's rows."""

    def matches(self, query: PaymentQuery, payment: Payment) -> bool:
        """Whether a payment passes those filters that the API itself is not asked to apply."""

    def find_blind_spot(self, query: PaymentQuery) -> str | None:
        """Return which of the wanted payments no list shows, or None."""

    def alternative_id(self, payment: Payment) -> str | None:
        """Return a more particular id, for a payment whose id others may share."""
