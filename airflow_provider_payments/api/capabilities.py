"""What sensors need to know of an API: how it finds an order's payments, and whether it can hold back a response."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from airflow_provider_payments.http.messages import Request


@dataclass(frozen=True, slots=True)
class OrderLookup:
    """How the payments of one of the merchant's orders are found.

    :param filter: name of the filter parameter that takes an order id.
    :param is_exhaustive: whether that filter finds every payment of the order; else the list is searched besides.
    :param is_listed: whether the rows of a list have the order id. If not, payments are asked for one by one.
    :param path: path of all payments of an order, on one page, with ``{id}`` for the order's id. Where there is neither
        a path nor a filter, the list is searched.
    :param reach: how far back the list is searched where nobody says since when; None is to its end.
    """

    filter: str | None = None
    is_exhaustive: bool = True
    is_listed: bool = True
    path: str | None = None
    reach: timedelta | None = None


@dataclass(frozen=True, slots=True)
class LongPoll:
    """A request header that makes the API keep back its response for one payment until the payment's status changes.

    :param header: name of the header; its value is a whole number of seconds.
    :param max_seconds: the largest value that the API permits.
    """

    header: str
    max_seconds: int

    def apply(self, request: Request, seconds: float) -> Request:
        """Return the request for one payment with the header; as it is for less than a second.

        :param seconds: how long the response may be kept back; more than the API permits is cut to that.
        """
        whole = min(int(seconds), self.max_seconds)
        return (
            replace(request.with_headers({self.header: str(whole)}), long_poll_seconds=whole) if whole >= 1 else request
        )
