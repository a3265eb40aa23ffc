"""What is to be known of a payment API as plain values: attributes of the class that a page of facts defines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import msgspec

from airflow_provider_payments.api.capabilities import LongPoll, OrderLookup
from airflow_provider_payments.payment import PaymentStatus


class ApiFacts:
    """The facts of an API that are values. Those without a default have to be given."""

    #: Provider name in records: the connection type.
    name: ClassVar[str]
    #: Normalised status by the provider status, in the order that a payment goes through them.
    statuses: ClassVar[Mapping[str, PaymentStatus]]
    #: Flag by the provider status, for those that mean more than their normalised status.
    flags: ClassVar[Mapping[str, str]] = {}
    #: Provider statuses that the list can be filtered by.
    filterable_statuses: ClassVar[Sequence[str]] = ()
    #: Name of the query parameter that filters by one of those.
    status_param: ClassVar[str] = "status"
    #: A sentence for each provider status that no list shows: what becomes of such payments.
    unlisted_statuses: ClassVar[Mapping[str, str]] = {}
    #: Whether a list may show one payment in several rows, in different states. The one that says that money came
    #: counts; else one that is final; else the one that was updated last.
    repeats_payments: ClassVar[bool] = False
    #: Names of the API's filter parameters that users may give in ``filters``.
    filters: ClassVar[Sequence[str]] = ()
    #: How sensors find the payments of an order.
    orders: OrderLookup = OrderLookup()
    #: How a sensor can wait for a change of one payment within a request; None where the API cannot do that.
    long_poll: ClassVar[LongPoll | None] = None
    #: Query parameters that make the list begin with the newest payment, where it does not by itself.
    newest_first_params: ClassVar[Mapping[str, str]] = {}
    #: Path of the list, below the connection's host.
    list_path: ClassVar[str]
    #: Path of a single payment, with ``{id}`` for its id; None where there is none: the list has to be searched.
    detail_path: ClassVar[str | None] = None
    #: Payments on one page: by default, and at most.
    default_page_size: ClassVar[int]
    max_page_size: ClassVar[int]
    #: Requests per second where the connection says nothing; None for no limit.
    default_requests_per_second: ClassVar[float | None] = None
    #: Pairs of HTTP status and error code that mean "wait", besides 429.
    throttle_codes: ClassVar[Sequence[tuple[int, str]]] = ()
    #: Seconds to wait at least after a reply that means "wait" and does not say how long.
    throttle_wait: ClassVar[float] = 0.0
    #: Fields of which each of the API's errors has one, unlike a proxy's: ``error.type`` within an object or the first
    #: one of a list, ``title _links`` for several together. None: any will do.
    error_fields: ClassVar[Sequence[str]] = ()
    #: What the JSON of a page, and of a row, looks like. The rows in a page are ``msgspec.Raw``.
    page_type: ClassVar[type[msgspec.Struct]]
    row_type: ClassVar[type[msgspec.Struct]]
    #: The row's field with the payment's id; a point leads into an object.
    id_field: ClassVar[str] = "id"
