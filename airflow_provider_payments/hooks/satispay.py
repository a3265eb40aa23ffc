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
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import msgspec

from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.hooks.api import PaymentsApi
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.hooks.credentials import Credentials
from airflow_provider_payments.hooks.private_key import key_texts, load_private_key
from airflow_provider_payments.hooks.stage import RawPage, Stage, Strand
from airflow_provider_payments.http.auth import Auth
from airflow_provider_payments.http.message import Request, quote_segment
from airflow_provider_payments.http.paging import CursorPages, Order, Paging
from airflow_provider_payments.http.signature import HttpSignature
from airflow_provider_payments.money import CENTS, parse_units, scale_units
from airflow_provider_payments.payment import Payment, PaymentKind, PaymentStatus
from airflow_provider_payments.query import PaymentQuery
from airflow_provider_payments.times import read_time, shift, unix_milliseconds

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
    default_page_size = 100
    max_page_size = 100
    filterable_words = ("PENDING", "ACCEPTED", "CANCELED")
    throttle_signals = ((403, "70"),)
    lists_order_ids = False
    hold_header = "x-satispay-response-wait-time"
    max_hold = 60
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
        text = _read_key_file(credentials) or credentials.require(credentials.password, "the private key (password)")
        passphrase = credentials.text("private_key_passphrase")
        key = load_private_key(text, passphrase)
        return HttpSignature(key_id, key, private_secrets=(*key_texts(text), passphrase))

    def credential_fields(self) -> Sequence[str]:
        paths = [key for key in ("key_path", "private_key_path") if self.credentials.text(key)]
        return ("login", *(paths or ["password"]), "host")  # keys of the test system are refused by the real one

    def build_paging(self, query: PaymentQuery, limit: int, max_concurrency: int) -> Paging:
        return CursorPages(limit, max_concurrency, Order.NEWEST_FIRST)

    def build_stages(self, query: PaymentQuery, limit: int, max_concurrency: int) -> list[Stage]:
        """PENDING to its end before the others begin, so that a payment accepted meanwhile is seen there."""
        asked = self.words_to_ask(query)
        # There is no unfiltered list: without a status it shows ACCEPTED payments only.
        words = self.filterable_words if None in asked else [word for word in asked if word]
        paging = self.build_paging(query, limit, max_concurrency)
        strands = {word: _begin_at(query.created_to, Strand(paging, self.build_params(query, word))) for word in words}
        pending = [Stage([strands.pop("PENDING")], is_volatile=True)] if "PENDING" in strands else []
        return [*pending, Stage(list(strands.values()))] if strands else pending

    def words_for(self, status: PaymentStatus) -> Sequence[str]:
        return ["CANCELED"] if status is PaymentStatus.EXPIRED else super().words_for(status)

    def find_blind_spot(self, query: PaymentQuery) -> str | None:
        if PaymentStatus.AUTHORIZED in query.statuses or "AUTHORIZED" in query.words:
            return "Payments are missing: no Satispay list shows AUTHORIZED payments. Wait for them by their ids."
        return None

    def detail_request(self, payment_id: str) -> Request:
        return self.request(f"{self.list_path}/{quote_segment(payment_id)}")

    def to_page(self, page: Page) -> RawPage:
        return RawPage(page.data, has_more=page.has_more)

    def to_payment(self, row: Row, raw: bytes) -> Payment:
        word = row.status or ""
        status = self.status_of(word)
        is_refund = row.type == "REFUND_TO_BUSINESS"
        payer = row.receiver if is_refund else row.sender
        cents = parse_units(row.amount_unit)
        return Payment(
            self.name,
            self.credentials.connection_id,
            row.id,
            PaymentStatus.EXPIRED if status is PaymentStatus.CANCELED and row.expired else status,
            word,
            PaymentKind.REFUND if is_refund else PaymentKind.PAYMENT,
            # Between expiry and cancellation there is a gap.
            ("expired",) if status is PaymentStatus.PENDING and row.expired else (),
            scale_units(cents, CENTS),
            row.currency,
            cents,
            None,  # fee
            None,  # net_amount
            None,  # crypto_asset
            None,  # crypto_amount
            None,  # crypto_network
            None,  # crypto_address
            None,  # transaction_hash
            row.external_code,
            None,  # description
            payer.id if payer else None,
            read_time(row.insert_date),
            None,  # updated_at
            None,  # completed_at
            read_time(row.expire_date),
            raw,
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


def _begin_at(moment: datetime | None, strand: Strand) -> Strand:
    """Return a list that begins at a creation time, or with the newest payment."""
    strand = replace(strand, cut=partial(_begin_at, strand=strand), margin=_MARGIN)
    if moment is None:
        return strand
    begins_at = shift(moment, _MARGIN)
    start = {"starting_after_timestamp": str(unix_milliseconds(begins_at))}
    return replace(strand, paging=replace(strand.paging, start=start), begins_at=begins_at)  # type: ignore[call-arg]


def _read_key_file(credentials: Credentials) -> str | None:
    path = credentials.text(key := credentials.key_of("key_path", "private_key_path"))
    if not path:
        return None
    try:
        return Path(path).read_text()
    except (OSError, ValueError) as error:  # a NUL in the path, or a file that is no text
        raise PaymentsConfigError(
            f"Connection {credentials.connection_id!r}: the file of {key} cannot be read on this machine "
            f"({type(error).__name__})."
        ) from None
