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

from airflow_provider_payments import api
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


class SatispayApi(api.PaymentsApi):
    """The facts of Satispay."""

    name = "satispay"
    list_path = "/g_business/v1/payments"
    detail_path = "/g_business/v1/payments/{id}"
    default_page_size = 100
    max_page_size = 100
    filterable_statuses = ("PENDING", "ACCEPTED", "CANCELED")
    throttle_codes = ((403, "70"),)
    orders = api.OrderLookup(is_listed=False)
    long_poll = api.LongPoll("x-satispay-response-wait-time", max_seconds=60)
    error_fields = ("code message", "wlt")
    page_type = Page
    row_type = Row
    statuses = {
        "PENDING": api.PaymentStatus.PENDING,
        "AUTHORIZED": api.PaymentStatus.AUTHORIZED,
        "ACCEPTED": api.PaymentStatus.SUCCEEDED,
        "CANCELED": api.PaymentStatus.CANCELED,
    }
    unlisted_statuses = {
        "AUTHORIZED": "No list of Satispay shows AUTHORIZED payments (money that is held): any there are come once "
        "they are captured or canceled."
    }

    def build_auth(self, credentials: api.Credentials) -> api.Auth:
        key_id = credentials.header_key(credentials.login, "the KeyId (login)")
        if '"' in key_id:
            raise api.PaymentsConfigError(
                f"Connection {credentials.connection_id!r}: the KeyId (login) contains a quote."
            )
        key_file = credentials.file_text(credentials.key_of("key_path", "private_key_path"))
        text = key_file or credentials.require(credentials.password, "the private key (password)")
        passphrase = credentials.text("private_key_passphrase")
        try:
            key = api.load_private_key(text, passphrase)
        except api.PaymentsConfigError as error:
            raise api.PaymentsConfigError(f"Connection {credentials.connection_id!r}: {error}") from None
        return api.HttpSignature(key_id, key, private_secrets=(*api.key_texts(text), passphrase))

    def credential_fields(self) -> Sequence[str]:
        paths = [key for key in ("key_path", "private_key_path") if self.credentials.text(key)]
        return ("login", *(paths or ["password"]), "host")  # keys of the test system are refused by the real one

    def list_reader(self, query: api.PaymentQuery) -> api.MakeReader:
        return partial(
            api.SlicedReader,
            list_from=_list_from,
            order=api.Order.NEWEST_FIRST,
            starts_at=_start(query),
            margin=_MARGIN,
        )

    def second_reader(self, query: api.PaymentQuery) -> api.MakeReader:
        return partial(_list_from, order=api.Order.NEWEST_FIRST, starts_at=_start(query))

    def plan_listing(self, query: api.PaymentQuery, limit: int, max_concurrency: int) -> list[api.Stage]:
        """PENDING to its end before the others begin, so that a payment accepted meanwhile is seen there."""
        asked = self.status_filters(query)
        # There is no unfiltered list: without a status it shows ACCEPTED payments only.
        statuses = self.filterable_statuses if None in asked else [each for each in asked if each]
        lists = {each: self.partition(query, each, limit, max_concurrency) for each in statuses}
        pending = [api.Stage([lists.pop("PENDING")])] if "PENDING" in lists else []
        return [*pending, api.Stage(list(lists.values()))] if lists else pending

    def provider_statuses_for(self, status: api.PaymentStatus) -> Sequence[str]:
        return ["CANCELED"] if status is api.PaymentStatus.EXPIRED else super().provider_statuses_for(status)

    def to_page(self, page: Page) -> api.ListPage:
        return api.ListPage(page.data, has_more=page.has_more)

    def to_payment(self, row: Row, raw: bytes) -> api.Payment:
        provider_status = row.status or ""
        status = self.status_of(provider_status)
        is_refund = row.type == "REFUND_TO_BUSINESS"
        payer = row.receiver if is_refund else row.sender
        cents = api.parse_units(row.amount_unit)
        return self.new_payment(
            row.id,
            api.PaymentStatus.EXPIRED if status is api.PaymentStatus.CANCELED and row.expired else status,
            provider_status,
            kind=api.PaymentKind.REFUND if is_refund else api.PaymentKind.PAYMENT,
            # Between expiry and cancellation there is a gap.
            flags=("expired",) if status is api.PaymentStatus.PENDING and row.expired else (),
            amount=api.scale_units(cents, api.CENTS),
            currency=row.currency,
            amount_minor=cents,
            order_id=row.external_code,
            payer_id=payer.id if payer else None,
            created_at=api.parse_time(row.insert_date),
            expires_at=api.parse_time(row.expire_date),
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
    api.CursorReader, start_params=lambda moment: {"starting_after_timestamp": str(api.unix_milliseconds(moment))}
)


def _start(query: api.PaymentQuery) -> datetime | None:
    return api.shift(query.created_to, _MARGIN) if query.created_to else None
