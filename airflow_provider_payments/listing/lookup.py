"""Lookups: questions smaller than a listing, described without I/O. They are answered by :mod:`.run`.

A lookup is a generator. It yields :class:`Requests` or a :class:`Search`, is sent what these found, and returns its
answer.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from airflow_provider_payments.exceptions import PaymentsRequestError
from airflow_provider_payments.http.client import Outcome
from airflow_provider_payments.http.messages import Request, Response
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
        """See :class:`~airflow_provider_payments.http.client.PageSource`, also for the methods below."""
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
    """A request for each name: of a payment, or of an order. Its response holds payments.

    :param names: ids of payments or orders.
    :param build_request: returns the request for a name; never None, for it is asked only where the API has such.
    :param parse: reads the payments out of a response.
    """

    names: Sequence[str]
    build_request: Callable[[str], Request | None]
    parse: ParseNamed

    def first_steps(self) -> Sequence[str]:
        """See :class:`~airflow_provider_payments.http.client.PageSource`, also for the methods below."""
        return self.names

    def request(self, step: str) -> Request:
        """The request for the name."""
        request = self.build_request(step)
        assert request is not None  # noqa: S101
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
