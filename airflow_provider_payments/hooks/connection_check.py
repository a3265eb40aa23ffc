"""Whether a connection leads to the API: what is asked to see that."""

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


def require_list(api: PaymentsApi) -> Lookup[None]:
    """See that the API's list is where the connection leads. Of a wrong host or path, it may say: no such payment."""
    with suppress(PaymentsAuthError):  # a key that may not list is understood
        yield from read_one_page(api)


def see_list(api: PaymentsApi) -> Lookup[None]:
    """The same for those who go on waiting: unless the API has the words for it that it has for an unknown payment."""
    try:
        yield from require_list(api)
    except PaymentsRequestError as error:
        if api.is_not_found(error):
            raise
    except (PaymentsThrottled, PaymentsUnavailable):
        pass
