"""GoCardless, bank debits: Direct Debit and pay by bank. Not the Bank Account Data API of the same company.

=============  =====================================================================================================
Documentation  https://developer.gocardless.com/api-reference
Host           ``https://api.gocardless.com``; for tests ``https://api-sandbox.gocardless.com``, with accounts and
               tokens of its own
Credentials    ``Authorization: Bearer`` with an access token of scope read-only or read-write; on every request
               ``GoCardless-Version``, of which there is one
List           ``GET /payments``; filters ``status`` (one word), ``created_at[gte]``, ``[lt]`` (exact, to the
               millisecond), and those in ``filters``; newest created first, unless sorted
Pages          ``limit`` (50, at most 500: more is an error); ``meta.cursors.after`` leads to older payments, with the
               filters given again; null, or not there, on the last page. No total
One payment    ``GET /payments/{id}``: under the plural, ``{"payments": {…}}``
Amounts        ``amount``, ``amount_refunded``: smallest units of ``currency``; numbers, or text by one SDK's types. A
               refund leaves the status as it is. No fee: fees are items of payouts
Time           ``created_at``: ISO 8601 with milliseconds and Z. ``charge_date`` is a day, null or to come: no instant
Limits         429 with ``RateLimit-Reset``, an HTTP date; 1000 requests a minute, by what users report
Errors         ``{"error": {"code", "message", "request_id", "errors": [{"reason", "message"}]}}``; ``code`` is the HTTP
               status, the reason is the telling word
Statuses       none is final for ever: ``confirmed`` and ``paid_out`` can still fail or be charged back, ``failed`` can
               be retried, a chargeback can be taken back
=============  =====================================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from airflow_provider_payments import api
from airflow_provider_payments.hooks.base import PaymentsHook

_CHARGE_DATES = ("charge_date[gt]", "charge_date[gte]", "charge_date[lt]", "charge_date[lte]")
#: From these a payment may go back to one of those: by a retry, or when a chargeback is taken back.
_REVIVABLE = frozenset({"failed", "charged_back"})
_ALIVE = frozenset({"pending_submission", "submitted", "confirmed", "paid_out"})
_MILLISECOND = timedelta(milliseconds=1)


class Row(msgspec.Struct, gc=False):
    """A payment."""

    id: str
    status: str | None = None
    amount: int | Decimal | None = None
    amount_refunded: int | Decimal | None = None
    currency: str | None = None
    description: str | None = None
    reference: str | None = None
    metadata: Any = None
    created_at: str | None = None


class Cursors(msgspec.Struct):
    """What leads to the pages beside this one."""

    after: str | None = None


class Meta(msgspec.Struct):
    """What a page tells besides its rows."""

    cursors: Cursors
    limit: int | None = None


class Page(msgspec.Struct):
    """``{"payments": […], "meta": {"cursors": {"before": null, "after": "PM…"}, "limit": 50}}``."""

    payments: list[msgspec.Raw]
    meta: Meta


class Detail(msgspec.Struct):
    """``{"payments": {…}}``."""

    payments: msgspec.Raw


class GoCardlessApi(api.PaymentsApi):
    """The facts of GoCardless."""

    name = "gocardless"
    list_path = "/payments"
    detail_path = "/payments/{id}"
    default_page_size = 500
    max_page_size = 500
    filters = ("creditor", "customer", "mandate", "subscription", "currency", "scheme", *_CHARGE_DATES)
    error_fields = ("error.type",)
    page_type = Page
    row_type = Row
    statuses = {
        "pending_customer_approval": api.PaymentStatus.PENDING,
        "pending_submission": api.PaymentStatus.PENDING,
        "submitted": api.PaymentStatus.PROCESSING,
        "confirmed": api.PaymentStatus.SUCCEEDED,  # collected, not yet in a payout
        "paid_out": api.PaymentStatus.SUCCEEDED,
        "charged_back": api.PaymentStatus.REFUNDED,  # the payer has the money back
        "failed": api.PaymentStatus.FAILED,
        "customer_approval_denied": api.PaymentStatus.FAILED,
        "cancelled": api.PaymentStatus.CANCELED,
    }
    filterable_statuses = tuple(statuses)
    flags = {"charged_back": "charged_back"}

    def __init__(self, credentials: api.Credentials) -> None:
        super().__init__(credentials)
        self._order_key = credentials.text("order_key", "order_id")

    def build_auth(self, credentials: api.Credentials) -> api.Auth:
        token = credentials.header_key(credentials.password, "the access token (password)")
        return api.HeaderAuth({"Authorization": f"Bearer {token}", "GoCardless-Version": "2015-07-06"}, (token,))

    def credential_fields(self) -> Sequence[str]:
        return ("password", "host")

    @property
    def credentials_to_check(self) -> str:
        scope = "the token needs the scope read-only or read-write; live host and sandbox have tokens of their own"
        return f"{super().credentials_to_check}: {scope}"

    def list_reader(self, query: api.PaymentQuery) -> api.MakeReader:
        sliced = partial(api.SlicedReader, list_from=_list_from, order=api.Order.NEWEST_FIRST, margin=_MILLISECOND)
        return partial(sliced, starts_at=query.created_to)

    def build_params(self, query: api.PaymentQuery, provider_status: str | None) -> dict[str, str]:
        params = super().build_params(query, provider_status)
        if query.created_from:
            params["created_at[gte]"] = api.format_milliseconds(query.created_from)
        return params  # the window's end is where the list begins

    def provider_statuses_for(self, status: api.PaymentStatus) -> Sequence[str]:
        words = super().provider_statuses_for(status)
        # No status tells that all was refunded.
        return ["confirmed", "paid_out", *words] if status is api.PaymentStatus.REFUNDED else words

    def status_filters(self, query: api.PaymentQuery) -> Sequence[str | None]:
        """Return the words to filter by, unless a payment could go back to a word whose list was read before."""
        asked = super().status_filters(query)
        return asked if _REVIVABLE.isdisjoint(asked) or _ALIVE.isdisjoint(asked) else [None]

    def to_page(self, page: Page) -> api.ListPage:
        cursor = page.meta.cursors.after
        if cursor == "":
            raise api.PaymentsProtocolError("an empty cursor neither leads on nor says that this is the last page")
        return api.ListPage(page.payments, limit=page.meta.limit, next_cursor=cursor or "")

    def unwrap_detail(self, body: bytes) -> bytes:
        return bytes(msgspec.json.decode(body, type=Detail).payments)

    def to_payment(self, row: Row, raw: bytes) -> api.Payment:
        provider_status = row.status or ""
        decimals = api.currency_decimals(row.currency)
        units, refunded = api.parse_units(row.amount), api.parse_units(row.amount_refunded)
        if provider_status == "charged_back":
            refunded = units  # all of it, whatever was refunded before
        status, flags = api.after_refunds(self.status_of(provider_status), units, refunded)
        return self.new_payment(
            row.id,
            status,
            provider_status,
            flags=(*self.flags_of(provider_status), *flags),
            amount=api.scale_units(units, decimals),
            currency=row.currency,
            amount_minor=units,
            refunded_amount=api.scale_units(refunded, decimals),
            order_id=api.text_of(row.metadata, self._order_key) or row.reference,
            description=row.description,
            created_at=api.parse_time(row.created_at),
            raw=raw,
        )


class GoCardlessHook(PaymentsHook):
    """Lists the payments of GoCardless.

    Connection: an access token in ``password``. ``extra``: ``order_key``, the key of a payment's metadata that has the
    merchant's order id (default ``order_id``).
    """

    conn_type = "gocardless"
    hook_name = "GoCardless"
    default_conn_name = "gocardless_default"
    default_host = "https://api.gocardless.com"
    api_class = GoCardlessApi


def _begin_at(moment: datetime) -> dict[str, str]:
    """Begin the list with what was created before a time: of one within a millisecond, all of that millisecond."""
    return {"created_at[lt]": api.format_milliseconds(api.shift(moment, _MILLISECOND - timedelta(microseconds=1)))}


_list_from = partial(
    api.TokenReader,
    token_param="after",  # noqa: S106 - a name
    start_params=_begin_at,
    max_page_size=GoCardlessApi.max_page_size,
)
