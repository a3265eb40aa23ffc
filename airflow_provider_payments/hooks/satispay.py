"""Satispay, GBusiness API.

=============  =====================================================================================================
Documentation  https://developers.satispay.com/reference/get-list-of-payments
Host           ``https://authservices.satispay.com``; for tests ``https://staging.authservices.satispay.com``, with
               keys of its own
Credentials    HTTP signature, RSA-SHA256, over (request-target) with the query, host, date and digest
               (https://developers.satispay.com/reference/create-the-string); the KeyId names shop and key
List           ``GET /g_business/v1/payments``; ``status`` ACCEPTED, PENDING or CANCELED, and **without it ACCEPTED
               only**
Pages          newest first; ``limit`` (20, at most 100); ``has_more``; ``starting_after`` (the last id) and
               ``starting_after_timestamp`` (milliseconds) lead to *older* payments
One payment    ``GET /g_business/v1/payments/{id}``; with the header ``x-satispay-response-wait-time`` (0 to 60 seconds)
               the reply is held until the status changes
               (https://developers.satispay.com/reference/fringe-get-payment-details). The list need not tell
               ``external_code``, a single payment does
Amounts        ``amount_unit``, cents of EUR; positive for refunds too
Time           ``insert_date``, ``expire_date``: ISO 8601 with milliseconds and Z; no time of acceptance
Refunds        payments of their own: type REFUND_TO_BUSINESS, ACCEPTED, from the shop to the consumer
Limits         not published: **HTTP 403 with code 70** means "wait"
Errors         ``{"code", "message", "wlt"}``; ``wlt`` is what to tell their support
Statuses       AUTHORIZED (fund lock) exists besides, but no list shows it: wait for those payments by id
=============  =====================================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

import msgspec

from airflow_provider_payments.api import (
    CENTS,
    Auth,
    Credentials,
    CursorReader,
    HttpSignature,
    ListPage,
    LongPoll,
    MakeReader,
    Order,
    OrderLookup,
    Payment,
    PaymentKind,
    PaymentQuery,
    PaymentsApi,
    PaymentsConfigError,
    PaymentStatus,
    SlicedReader,
    Stage,
    key_texts,
    load_private_key,
    parse_time,
    parse_units,
    scale_units,
    shift,
    unix_milliseconds,
)
from airflow_provider_payments.hooks.base import PaymentsHook

#: Whether the list begins at or after the timestamp is not documented, so it begins a little later.
_MARGIN = timedelta(seconds=1)


class Actor(msgspec.Struct, gc=False):
    """Who pays or is paid. The name and pictures beside are personal data, and stay in ``raw``."""

    id: str | None = None
    type: str | None = None


class Row(msgspec.Struct, gc=False):
    """A payment."""

    id: str
    type: str | None = None
    amount_unit: int | Decimal | None = None
    currency: str | None = None
    status: str | None = None
    expired: bool | None = None
    sender: Actor | None = None
    receiver: Actor | None = None
    insert_date: str | None = None
    expire_date: str | None = None
    external_code: str | None = None


class Page(msgspec.Struct):
    """``{"has_more": true, "data": […]}``."""

    has_more: bool
    data: list[msgspec.Raw]


class SatispayApi(PaymentsApi):
    """The facts of Satispay."""

    name = "satispay"
    list_path = "/g_business/v1/payments"
    detail_path = "/g_business/v1/payments/{id}"
    default_page_size = 100
    max_page_size = 100
    filterable_statuses = ("PENDING", "ACCEPTED", "CANCELED")
    throttle_codes = ((403, "70"),)
    orders = OrderLookup(is_listed=False)
    long_poll = LongPoll("x-satispay-response-wait-time", max_seconds=60)
    error_fields = ("code", "wlt")
    page_type = Page
    row_type = Row
    statuses = {
        "PENDING": PaymentStatus.PENDING,
        "AUTHORIZED": PaymentStatus.AUTHORIZED,
        "ACCEPTED": PaymentStatus.SUCCEEDED,
        "CANCELED": PaymentStatus.CANCELED,
    }

    def build_auth(self, credentials: Credentials) -> Auth:
        key_id = credentials.header_value(credentials.login, "the KeyId (login)")
        if '"' in key_id:
            raise PaymentsConfigError(f"Connection {credentials.connection_id!r}: the KeyId (login) contains a quote.")
        key_file = credentials.file_text(credentials.key_of("key_path", "private_key_path"))
        text = key_file or credentials.require(credentials.password, "the private key (password)")
        passphrase = credentials.text("private_key_passphrase")
        key = load_private_key(text, passphrase)
        return HttpSignature(key_id, key, private_secrets=(*key_texts(text), passphrase))

    def credential_fields(self) -> Sequence[str]:
        paths = [key for key in ("key_path", "private_key_path") if self.credentials.text(key)]
        return ("login", *(paths or ["password"]), "host")  # keys of the test system are refused by the real one

    def list_reader(self, query: PaymentQuery) -> MakeReader:
        return partial(
            SlicedReader, list_from=_list_from, order=Order.NEWEST_FIRST, starts_at=_start(query), margin=_MARGIN
        )

    def second_reader(self, query: PaymentQuery) -> MakeReader:
        return partial(_list_from, order=Order.NEWEST_FIRST, starts_at=_start(query))

    def plan_listing(self, query: PaymentQuery, limit: int, max_concurrency: int) -> list[Stage]:
        """PENDING to its end before the others begin, so that a payment accepted meanwhile is seen there."""
        asked = self.status_filters(query)
        # There is no unfiltered list: without a status it shows ACCEPTED payments only.
        provider_statuses = (
            self.filterable_statuses
            if None in asked
            else [provider_status for provider_status in asked if provider_status]
        )
        lists = {
            provider_status: self.partition(query, provider_status, limit, max_concurrency)
            for provider_status in provider_statuses
        }
        pending = [Stage([lists.pop("PENDING")])] if "PENDING" in lists else []
        return [*pending, Stage(list(lists.values()))] if lists else pending

    def provider_statuses_for(self, status: PaymentStatus) -> Sequence[str]:
        return ["CANCELED"] if status is PaymentStatus.EXPIRED else super().provider_statuses_for(status)

    def unlisted_reason(self, query: PaymentQuery) -> str | None:
        if PaymentStatus.AUTHORIZED in query.statuses or "AUTHORIZED" in query.provider_statuses:
            return "Payments are missing: no Satispay list shows AUTHORIZED payments. Wait for them by their ids."
        return None

    def to_page(self, page: Page) -> ListPage:
        return ListPage(page.data, has_more=page.has_more)

    def to_payment(self, row: Row, raw: bytes) -> Payment:
        provider_status = row.status or ""
        status = self.status_of(provider_status)
        is_refund = row.type == "REFUND_TO_BUSINESS"
        payer = row.receiver if is_refund else row.sender
        cents = parse_units(row.amount_unit)
        return self.new_payment(
            row.id,
            PaymentStatus.EXPIRED if status is PaymentStatus.CANCELED and row.expired else status,
            provider_status,
            kind=PaymentKind.REFUND if is_refund else PaymentKind.PAYMENT,
            # Between expiry and cancellation there is a gap.
            flags=("expired",) if status is PaymentStatus.PENDING and row.expired else (),
            amount=scale_units(cents, CENTS),
            currency=row.currency,
            amount_minor=cents,
            order_id=row.external_code,
            payer_id=payer.id if payer else None,
            created_at=parse_time(row.insert_date),
            expires_at=parse_time(row.expire_date),
            raw=raw,
        )


class SatispayHook(PaymentsHook):
    """Lists the payments of Satispay.

    Connection: the KeyId in ``login``, the RSA private key (PEM) in ``password``. ``extra``: ``key_path``, a file on
    the worker instead of the password, and ``private_key_passphrase``.
    """

    conn_type = "satispay"
    hook_name = "Satispay"
    default_conn_name = "satispay_default"
    default_host = "https://authservices.satispay.com"
    api_class = SatispayApi


_list_from = partial(
    CursorReader, start_params=lambda moment: {"starting_after_timestamp": str(unix_milliseconds(moment))}
)


def _start(query: PaymentQuery) -> datetime | None:
    return shift(query.created_to, _MARGIN) if query.created_to else None
