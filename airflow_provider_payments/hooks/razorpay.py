"""Razorpay, payments in India, Malaysia, Singapore and the USA.

=============  =====================================================================================================
Documentation  https://razorpay.com/docs/api/payments/fetch-all-payments/
Host           ``https://api.razorpay.com`` everywhere, for test and for live
Credentials    HTTP Basic, key id and key secret; ``rzp_test_`` begins the id of a test key, and nothing else tells the
               mode. Partners name a merchant's account in ``X-Razorpay-Account``
List           ``GET /v1/payments``: every attempt to pay, failed ones too; ``from`` and ``to`` on ``created_at``, Unix
               seconds from 2000 to 2120, **whether inclusive is not documented**; no filter by status or order
Pages          ``count`` (10, at most 100) and ``skip``, newest first as the examples show; **the reply's** ``count``
               **counts this page**, and there is no total
One payment    ``GET /v1/payments/{id}``: the bare object; an unknown id is **HTTP 400**
One order      ``GET /v1/orders/{id}/payments``: all its payments on one page, oldest first
Amounts        integers in the currency's smallest unit; ``fee`` includes ``tax`` (GST), null until captured, and is in
               ``base_currency`` where there is one
Time           ``created_at``: Unix seconds, and no other time
Refunds        ``amount_refunded`` on the payment; ``captured`` until all has gone back, then ``refunded``
Errors         ``{"error": {"code", "description", …}}``: most share one code, so the description tells
Statuses       https://razorpay.com/docs/payments/payments/; a sixth, ``pending``, for cash on delivery
               (https://razorpay.com/docs/payments/magic-checkout/)
=============  =====================================================================================================
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from airflow_provider_payments import api
from airflow_provider_payments.hooks.base import PaymentsHook

#: The times that ``from`` and ``to`` may have, in Unix seconds.
_FIRST_SECOND, _LAST_SECOND = 946_684_800, 4_765_046_400
#: What the API says when it refuses the caller, with whichever status.
_REFUSALS = ("api key provided is invalid", "Authentication failed", "Access Denied")


class Row(msgspec.Struct, gc=False):
    """A payment. The payer's email address, number and card stay in ``raw``."""

    id: str
    status: str | None = None
    amount: int | Decimal | None = None
    currency: str | None = None
    amount_refunded: int | Decimal | None = None
    fee: int | Decimal | None = None
    base_amount: int | Decimal | None = None
    base_currency: str | None = None
    order_id: str | None = None
    description: str | None = None
    customer_id: str | None = None
    notes: Any = None  # an object, or an empty list
    created_at: int | None = None


class Page(msgspec.Struct):
    """``{"entity": "collection", "count": 2, "items": […]}``."""

    items: list[msgspec.Raw]


class RazorpayApi(api.PaymentsApi):
    """The facts of Razorpay."""

    name = "razorpay"
    list_path = "/v1/payments"
    detail_path = "/v1/payments/{id}"
    default_page_size = 100
    max_page_size = 100
    orders = api.OrderLookup(path="/v1/orders/{id}/payments")
    error_fields = ("error.description",)
    page_type = Page
    row_type = Row
    statuses = {
        "created": api.PaymentStatus.PENDING,
        "pending": api.PaymentStatus.PENDING,  # cash on delivery
        "authorized": api.PaymentStatus.AUTHORIZED,
        "captured": api.PaymentStatus.SUCCEEDED,
        "refunded": api.PaymentStatus.REFUNDED,
        "failed": api.PaymentStatus.FAILED,
    }

    def __init__(self, credentials: api.Credentials) -> None:
        super().__init__(credentials)
        self._order_key = credentials.text("order_key")
        if self._order_key:
            self.orders = api.OrderLookup()  # by the path, only Razorpay's own order ids are found
        self._mode_flags = ("test",) if credentials.login.startswith("rzp_test_") else ()

    def build_auth(self, credentials: api.Credentials) -> api.Auth:
        key_id = credentials.secret(credentials.login, "the key id (login)")
        if ":" in key_id:
            raise api.PaymentsConfigError(f"Connection {credentials.connection_id!r}: the key id (login) has a colon.")
        secret = credentials.secret(credentials.password, "the key secret (password)")
        basic = base64.b64encode(f"{key_id}:{secret}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}"}
        if account := credentials.text("account_id"):
            headers["X-Razorpay-Account"] = credentials.header_value(account, "the account ('account_id' in extra)")
        return api.HeaderAuth(headers, (secret, basic))

    def credential_fields(self) -> Sequence[str]:
        return ("login", "password", *(["account_id"] if self.credentials.text("account_id") else []))

    def list_reader(self, query: api.PaymentQuery) -> api.MakeReader:
        reader = partial(api.OffsetReader, order=api.Order.NEWEST_FIRST, end_params=partial(_until, query, 1))
        return partial(reader, limit_param="count", offset_param="skip")

    def second_reader(self, query: api.PaymentQuery) -> api.MakeReader:
        reader = partial(api.ByEndTimeReader, start_params=partial(_until, query, 0))
        return partial(reader, limit_param="count", offset_param="skip")

    def build_params(self, query: api.PaymentQuery, provider_status: str | None) -> dict[str, str]:
        # A second more on both sides, for whether a bound is included is not documented.
        params = {"from": str(_second(query.created_from, -1) if query.created_from else _FIRST_SECOND)}
        return params | (_until(query, 1, query.created_to) if query.created_to else {})

    def raise_for_error(self, request: api.Request, response: api.Response) -> None:
        try:
            return super().raise_for_error(request, response)
        except (api.PaymentsAuthError, api.PaymentsRequestError) as error:
            trouble: api.PaymentsError = error
        if isinstance(trouble, api.PaymentsRequestError) and any(words in str(trouble) for words in _REFUSALS):
            trouble = api.PaymentsAuthError(f"{trouble} Check {self.credentials_to_check}.")
        if "Access Denied" in str(trouble):
            trouble = api.PaymentsAuthError(f"{trouble} Check the IP addresses that Razorpay's dashboard permits, too.")
        raise trouble

    def is_not_found(self, error: api.PaymentsRequestError) -> bool:
        return error.status == 400 and "does not exist" in str(error)  # a wrong path is 400, too

    def to_page(self, page: Page) -> api.ListPage:
        return api.ListPage(page.items)

    def to_payment(self, row: Row, raw: bytes) -> api.Payment:
        provider_status = row.status or ""
        units, refunded, fee = api.parse_units(row.amount), api.parse_units(row.amount_refunded), _fee(row)
        status, flags = api.after_refunds(self.status_of(provider_status), units, refunded)
        decimals = api.currency_decimals(row.currency)
        order_id = api.text_of(row.notes, self._order_key) if self._order_key else None
        return self.new_payment(
            row.id,
            status,
            provider_status,
            flags=(*flags, *self._mode_flags),
            amount=api.scale_units(units, decimals),
            currency=row.currency,
            amount_minor=units,
            fee=api.scale_units(fee, decimals),
            net_amount=None if units is None or fee is None else api.scale_units(units - fee, decimals),
            refunded_amount=api.scale_units(refunded, decimals),
            order_id=order_id or row.order_id,
            description=row.description,
            payer_id=row.customer_id,
            created_at=api.parse_unix_seconds(row.created_at),
            raw=raw,
        )


class RazorpayHook(PaymentsHook):
    """Lists the payments of Razorpay.

    Connection: the key id in ``login``, the key secret in ``password``. ``extra``: ``account_id``, the merchant's
    account (partners only), and ``order_key``, the key of ``notes`` that has your own order id.
    """

    conn_type = "razorpay"
    hook_name = "Razorpay"
    default_conn_name = "razorpay_default"
    default_host = "https://api.razorpay.com"
    api_class = RazorpayApi


def _until(query: api.PaymentQuery, shift: int, moment: datetime) -> dict[str, str]:
    """Return the parameter that leaves out payments from after a time moved by seconds, and from after the window."""
    last = _second(query.created_to, 1) if query.created_to else _LAST_SECOND
    return {"to": str(min(_second(moment, shift), last))}


def _second(moment: datetime, shift: int) -> int:
    """Return a time moved by seconds, in whole Unix seconds that the API takes."""
    return min(max(api.unix_milliseconds(moment) // 1000 + shift, _FIRST_SECOND), _LAST_SECOND)


def _fee(row: Row) -> int | None:
    """Return the fee in the payment's own currency; None where it is in the account's, which is another."""
    base = api.parse_units(row.base_amount)
    is_own = row.base_currency == row.currency if row.base_currency else base in (None, api.parse_units(row.amount))
    return api.parse_units(row.fee) if is_own else None
