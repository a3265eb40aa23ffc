"""Mollie, Payments API v2.

=============  =====================================================================================================
Documentation  https://docs.mollie.com/reference/list-payments, https://github.com/mollie/openapi
Host           ``https://api.mollie.com``, for test payments too
Credentials    ``Authorization: Bearer``. An API key (``live_…``, ``test_…``) is of one website, in one mode, and must
               come without ``profileId`` and ``testmode``. An access token (``access_…``) is of the organization:
               ``profileId`` says which website, ``testmode=true`` which mode; it needs the permission payments.read
List           ``GET /v2/payments``: newest first; no filter by date, status, amount or order
               (https://github.com/mollie/mollie-api-php/issues/160)
Pages          ``limit`` (50, at most 250); ``_links.next.href`` or null; the ``from`` in its query is the first payment
               of the next page. ``count`` is that of the page. No total
One payment    ``GET /v2/payments/{id}``; ``testmode``, but no ``profileId``
Amounts        ``{"value": "10.00", "currency": "EUR"}``, major units; "1000" yen. ``amountRefunded`` may exceed the
               amount, by 25 euros (https://docs.mollie.com/payments/refunds); ``amountChargedBack`` was negative before
               2021. No fee: ``settlementAmount`` is an estimate, converted, and to be removed in 2027
Time           ``createdAt``, ``paidAt``, …: ISO 8601, whole seconds, with an offset; nothing tells a later change
Statuses       seven (https://docs.mollie.com/docs/handling-payment-status); refunds and chargebacks leave ``paid``
Metadata       what the merchant wrote: a text, a number, a list, an object, null
Errors         ``{"status", "title", "detail", "field", "_links"}``; no code, no request id; 429 with ``Retry-After``
=============  =====================================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from functools import partial
from urllib.parse import parse_qs

import msgspec

from airflow_provider_payments import api
from airflow_provider_payments.hooks.base import PaymentsHook


class Amount(msgspec.Struct, gc=False):
    """An amount in major units."""

    value: Decimal | None = None
    currency: str | None = None


class Row(msgspec.Struct, gc=False):
    """A payment. What is personal in ``details`` and addresses stays in ``raw``."""

    id: str
    status: str | None = None
    mode: str | None = None
    amount: Amount | None = None
    amountCaptured: Amount | None = None
    amountRefunded: Amount | None = None
    amountChargedBack: Amount | None = None
    description: str | None = None
    metadata: msgspec.Raw = msgspec.Raw(b"null")
    orderId: str | None = None
    customerId: str | None = None
    createdAt: str | None = None
    paidAt: str | None = None
    canceledAt: str | None = None
    expiresAt: str | None = None
    expiredAt: str | None = None
    failedAt: str | None = None


class Embedded(msgspec.Struct):
    """The rows of a page."""

    payments: list[msgspec.Raw]


class Link(msgspec.Struct):
    """An address."""

    href: str


class Links(msgspec.Struct):
    """Where else to go."""

    next: Link | None


class Page(msgspec.Struct):
    """``{"count", "_embedded": {"payments": […]}, "_links": {"next": {"href"}}}``."""

    _embedded: Embedded
    _links: Links


class MollieApi(api.PaymentsApi):
    """The facts of Mollie."""

    name = "mollie"
    list_path = "/v2/payments"
    detail_path = "/v2/payments/{id}"
    default_page_size = 250
    max_page_size = 250
    error_fields = ("title", "_links")
    page_type = Page
    row_type = Row
    statuses = {
        "open": api.PaymentStatus.PENDING,
        "pending": api.PaymentStatus.PROCESSING,  # the payer has done what is to be done
        "authorized": api.PaymentStatus.AUTHORIZED,
        "paid": api.PaymentStatus.SUCCEEDED,
        "canceled": api.PaymentStatus.CANCELED,
        "expired": api.PaymentStatus.EXPIRED,
        "failed": api.PaymentStatus.FAILED,
    }

    def build_auth(self, credentials: api.Credentials) -> api.Auth:
        key = credentials.header_value(credentials.password, "the API key or access token (password)")
        self.is_token = key.startswith("access_")
        profile, is_test = credentials.text("profile_id"), credentials.flag("testmode", default=False)
        if self.is_token:
            credentials.require(profile, "the id of the website whose payments to list (profile_id), 'pfl_…'")
        for name in ("profile_id", "testmode") if not self.is_token else ():
            if credentials.text(name):
                raise credentials.wrong(name, "left out with an API key, which is of one website and one mode")
        self.mode_params = {"testmode": "true"} if is_test else {}
        self.list_params = {**({"profileId": profile} if self.is_token else {}), **self.mode_params}
        self.order_key = credentials.text("order_key", "order_id")
        return api.HeaderAuth({"Authorization": f"Bearer {key}"}, (key,))

    def credential_fields(self) -> Sequence[str]:
        return ("password", "profile_id") if self.is_token else ("password",)

    def list_reader(self, query: api.PaymentQuery) -> api.MakeReader:
        return partial(api.TokenReader, order=api.Order.NEWEST_FIRST, token_param="from")

    def build_params(self, query: api.PaymentQuery, provider_status: str | None) -> dict[str, str]:
        return {**super().build_params(query, provider_status), **self.list_params}

    def provider_statuses_for(self, status: api.PaymentStatus) -> Sequence[str]:
        return ["paid"] if status is api.PaymentStatus.REFUNDED else super().provider_statuses_for(status)

    def detail_request(self, payment_id: str) -> api.Request:
        return self.request(self.detail_path.format(id=api.quote_segment(payment_id)), self.mode_params)

    def to_page(self, page: Page) -> api.ListPage:
        following = page._links.next
        # Of the address, only the cursor: the host may be another, and would get the key.
        query = parse_qs(following.href.partition("#")[0].partition("?")[2]) if following else {}
        cursor = query.get("from", [""])[0]
        return api.ListPage(page._embedded.payments, has_more=following is not None, next_cursor=cursor)

    def to_payment(self, row: Row, raw: bytes) -> api.Payment:
        provider_status = row.status or ""
        asked = row.amount or Amount()
        amount = asked_amount = api.parse_amount(asked.value)
        captured = _in_currency(row.amountCaptured, asked)
        if captured:  # "0.00" before the first capture
            amount = captured
        refunded, charged_back = _in_currency(row.amountRefunded, asked), _in_currency(row.amountChargedBack, asked)
        gone_back = refunded if charged_back is None else abs(charged_back) + (refunded or 0)
        status, flags = api.after_refunds(self.status_of(provider_status), amount, gone_back)
        if captured and asked_amount and captured < asked_amount:
            flags += ("partly_captured",)
        if charged_back:
            flags += ("charged_back",)
        if row.mode == "test":
            flags += ("test",)
        return self.new_payment(
            row.id,
            status,
            provider_status,
            api.PaymentKind.PAYMENT,
            flags,
            amount,
            asked.currency,
            refunded_amount=gone_back,
            order_id=_text_under(self.order_key, row.metadata) or row.orderId,
            description=row.description,
            payer_id=row.customerId,
            created_at=api.parse_time(row.createdAt),
            completed_at=api.parse_time(row.paidAt or row.canceledAt or row.expiredAt or row.failedAt),
            expires_at=api.parse_time(row.expiresAt),
            raw=raw,
        )


class MollieHook(PaymentsHook):
    """Lists the payments of one website at Mollie.

    Connection: the API key or access token in ``password``. ``extra``: ``profile_id`` and ``testmode``, with an access
    token only; ``order_key`` (default ``order_id``), under which the metadata has your own order's id.
    """

    conn_type = "mollie"
    hook_name = "Mollie"
    default_conn_name = "mollie_default"
    default_host = "https://api.mollie.com"
    api_class = MollieApi


def _in_currency(part: Amount | None, whole: Amount) -> Decimal | None:
    """Return an amount that is a part of another; None in another currency, for then nothing can be said of it."""
    return api.parse_amount(part.value) if part and part.currency == whole.currency else None
