"""Mollie, Payments API v2.

=============  =====================================================================================================
Documentation  https://docs.mollie.com/reference/list-payments, https://github.com/mollie/openapi
Host           ``https://api.mollie.com``, also for test payments
Credentials    Bearer: an API key (``live_…``, ``test_…``) of one website and mode; or an access token (``access_…``)
               with the permission payments.read, and ``profileId`` and ``testmode`` besides
List           ``GET /v2/payments``: newest first; no filter (https://github.com/mollie/mollie-api-php/issues/160)
Pages          ``limit`` (50, at most 250); ``_links.next.href`` or null: ``from`` in its query is the first payment of
               the next page. ``count`` is that of the page; no total
One payment    ``GET /v2/payments/{id}``, with ``testmode``, without ``profileId``
Amounts        ``{"value": "10.00", "currency": "EUR"}``, major units, "1000" yen. ``amountRefunded`` may exceed the
               amount (https://docs.mollie.com/payments/refunds); ``amountChargedBack`` was negative before 2021. No
               fee: ``settlementAmount`` is an estimate, which goes away in 2027
Time           ``createdAt``, ``paidAt``, …: ISO 8601, whole seconds, with an offset; nothing tells a later change
Statuses       seven (https://docs.mollie.com/docs/handling-payment-status); refunds and chargebacks leave ``paid``
Metadata       what the merchant wrote: a text, a number, a list, an object, null
Errors         ``{"status", "title", "detail", "field", "_links"}``, without code and request id
=============  =====================================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import partial, reduce
from typing import Any
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


class Links(msgspec.Struct):
    """Where the next page is; null after the last one."""

    next: dict[str, Any] | None


class Page(msgspec.Struct):
    """``{"count", "_embedded": {"payments": […]}, "_links": {"next": {"href": "…"}}}``."""

    _embedded: Embedded
    _links: Links
    count: int | None = None


class MollieApi(api.PaymentsApi):
    """The facts of Mollie."""

    name = "mollie"
    list_path = "/v2/payments"
    detail_path = "/v2/payments/{id}"
    default_page_size = 250
    max_page_size = 250
    error_fields = ("title _links",)
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

    def __init__(self, credentials: api.Credentials) -> None:
        super().__init__(credentials)
        self._order_key = credentials.text("order_key", "order_id")
        self._mode_params = {"testmode": "true"} if credentials.flag("testmode", default=False) else {}

    def build_auth(self, credentials: api.Credentials) -> api.Auth:
        key = credentials.header_key(credentials.password, "the API key or access token (password)")
        if self.is_token:
            credentials.require(credentials.text("profile_id"), "profile_id: an access token needs a website, 'pfl_…'")
        elif given := [name for name in ("profile_id", "testmode") if credentials.value(name) is not None]:
            raise credentials.wrong(given[0], "left out with an API key, which is of one website and one mode")
        return api.HeaderAuth({"Authorization": f"Bearer {key}"}, (key,))

    @property
    def is_token(self) -> bool:
        """Whether the credential is an access token rather than an API key."""
        return self.credentials.password.startswith("access_")

    @property
    def credentials_to_check(self) -> str:
        permission = ", and whether the token has the permission payments.read" if self.is_token else ""
        return super().credentials_to_check + permission

    def credential_fields(self) -> Sequence[str]:
        return ("password", "profile_id") if self.is_token else ("password",)

    def list_reader(self, query: api.PaymentQuery) -> api.MakeReader:
        return partial(api.TokenReader, order=api.Order.NEWEST_FIRST, token_param="from", names_next_row=True)  # noqa: S106

    def build_params(self, query: api.PaymentQuery, provider_status: str | None) -> dict[str, str]:
        profile = {"profileId": self.credentials.text("profile_id")} if self.is_token else {}
        return {**super().build_params(query, provider_status), **profile, **self._mode_params}

    def provider_statuses_for(self, status: api.PaymentStatus) -> Sequence[str]:
        return ["paid"] if status is api.PaymentStatus.REFUNDED else super().provider_statuses_for(status)

    def detail_request(self, payment_id: str) -> api.Request:
        return self.request(self.detail_path.format(id=api.quote_segment(payment_id)), self._mode_params)

    def to_page(self, page: Page) -> api.ListPage:
        following, rows = page._links.next, page._embedded.payments
        if page.count not in (None, len(rows)):
            raise api.PaymentsProtocolError(f"it says that it has {page.count} payments, and has {len(rows)}")
        # Of the address, only the cursor: the host may be another, and would get the key.
        query = str(following.get("href")).partition("#")[0].partition("?")[2] if following else ""
        cursor = parse_qs(query).get("from", [""])[0]
        return api.ListPage(rows, has_more=following is not None, next_cursor=cursor)

    def to_payment(self, row: Row, raw: bytes) -> api.Payment:
        provider_status = row.status or ""
        asked = row.amount or Amount()
        whole, captured = api.parse_amount(asked.value), _add_up(asked.currency, row.amountCaptured)
        amount = captured or whole  # "0.00" before the first capture
        back = _add_up(asked.currency, row.amountRefunded, row.amountChargedBack)
        status, flags = api.after_refunds(self.status_of(provider_status), amount, back)
        flags += ("partly_captured",) if captured and whole and captured < whole else ()
        flags += ("charged_back",) if row.amountChargedBack and row.amountChargedBack.value else ()
        flags += ("test",) if row.mode == "test" else ()
        ended = {"paid": row.paidAt, "canceled": row.canceledAt, "expired": row.expiredAt, "failed": row.failedAt}
        return self.new_payment(
            row.id,
            status,
            provider_status,
            flags=flags,
            amount=amount,
            currency=asked.currency,
            refunded_amount=back,
            order_id=api.text_of(row.metadata, self._order_key) or row.orderId,
            description=row.description,
            payer_id=row.customerId,
            created_at=api.parse_time(row.createdAt),
            completed_at=api.parse_time(ended.get(provider_status)),
            expires_at=api.parse_time(row.expiresAt),
            raw=raw,
        )


class MollieHook(PaymentsHook):
    """Lists the payments of one website at Mollie.

    Connection: the API key or access token in ``password``. ``extra``: ``profile_id`` and ``testmode`` of an access
    token; ``order_key``, under which the metadata has your order's id (default ``order_id``).
    """

    conn_type = "mollie"
    hook_name = "Mollie"
    default_conn_name = "mollie_default"
    default_host = "https://api.mollie.com"
    api_class = MollieApi


def _add_up(currency: str | None, *parts: Amount | None) -> Decimal | None:
    """Return the sum of amounts in a currency; None where there are none, or one is in another currency."""
    amounts = [api.parse_amount(part.value) for part in parts if part and part.currency == currency]
    told = [amount.copy_abs() for amount in amounts if amount is not None]
    return reduce(api.add, told) if told and len(told) == len(list(filter(None, parts))) else None
