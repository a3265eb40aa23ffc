"""Lookups that show whether a connection leads to the API, and may list its payments."""

from __future__ import annotations

from contextlib import suppress

from airflow_provider_payments.api.base import PaymentsApi
from airflow_provider_payments.exceptions import (
    PaymentsAuthError,
    PaymentsRequestError,
    PaymentsThrottled,
    PaymentsUnavailable,
)
from airflow_provider_payments.hooks.lookups import first_request
from airflow_provider_payments.listing.lookup import Lookup, ask, discover
from airflow_provider_payments.query import PaymentQuery


def read_one_page(api: PaymentsApi) -> Lookup[None]:
    """Ask for a page with one payment, to see whether the connection works."""
    query = PaymentQuery()
    yield from discover(api, query)
    request = first_request(api, api.plan_listing(query, limit=1, max_concurrency=1)[0])
    response = yield from ask(request)
    api.parse_page(request, response)


def check_list(api: PaymentsApi) -> Lookup[None]:
    """Check that the API's list is where the connection leads, when no payment was found.

    With a wrong host or path, the reply to a request for a payment may look like that for one that does not exist.

    :raises PaymentsRequestError: when it is not there.
    """
    with suppress(PaymentsAuthError):  # a key that may read payments, and not list them, will do
        yield from read_one_page(api)


def check_list_at_poll(api: PaymentsApi) -> Lookup[None]:
    """Check the same for a sensor, which waits for payments that do not exist yet.

    :raises PaymentsRequestError: when the API says of its list what it says of an unknown payment. Any other trouble
        may pass, and the next poll shows it.
    """
    try:
        yield from check_list(api)
    except PaymentsRequestError as error:
        if api.is_not_found(error):
            raise
    except (PaymentsThrottled, PaymentsUnavailable):
        pass
