"""HOT Pay (HOT Labs), Partner API.

=============  =====================================================================================================
Documentation  https://hot-labs.gitbook.io/hot-pay/developer-api
Host           ``https://api.hot-labs.org``; no test system
Credentials    a token in ``Authorization``, without a prefix. The page's OpenAPI block says ``Bearer``, and the
               vendor's own kit sends ``Api-Key``: both can be chosen
List           ``GET /partners/processed_payments``; filters ``item_id``, ``memo``, ``sender_id``; neither by status
               nor by date
Pages          ``limit`` (100, at most 1000) and ``offset``; ``pagination.count`` counts the rows of *this* page, and
               there is no total; the order is not documented
One payment    no request: the list has to be searched
Amounts        integers in the token's smallest unit. Decimals differ by token (up to 24) and are not told
Time           ``timestamp``, Unix seconds, when the payment was finalised; no creation time
Errors         401, without a documented body: one with a field in which APIs usually say what is wrong counts as
               HOT Pay's own
Identity       no documented id; ``near_trx`` may carry several transfers, and ``memo`` may be reused by a payer
=============  =====================================================================================================
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from airflow_provider_payments import api
from airflow_provider_payments.hooks.base import PaymentsHook


class Row(msgspec.Struct, gc=False):
    """A payment. ``payment_id`` is not documented, but the vendor's kit knows it."""

    status: str | None = None
    memo: str | None = None
    item_id: str | None = None
    timestamp: int | None = None
    amount: int | Decimal | None = None
    token_id: str | None = None
    sender_id: str | None = None
    near_trx: str | None = None
    payment_id: str | int | None = None


class Pagination(msgspec.Struct):
    """What the reply says of its page: ``limit`` is the one that was really used."""

    limit: int | None = None


class Page(msgspec.Struct):
    """``{"payments": […], "pagination": {"limit", "offset", "count"}}``."""

    payments: list[msgspec.Raw]
    pagination: Pagination | None = None


class HotPayApi(api.PaymentsApi):
    """The facts of HOT Pay."""

    name = "hotpay"
    list_path = "/partners/processed_payments"
    id_field = "payment_id"
    default_page_size = 1000
    max_page_size = 1000
    filters = ("item_id", "memo", "sender_id")
    orders = api.OrderLookup(filter="memo")
    error_fields = ("error", "errors", "detail", "code", "statusCode")
    page_type = Page
    row_type = Row
    # The statuses are those of NEAR Intents, which https://docs.near-intents.org explains.
    statuses = {
        "PENDING": api.PaymentStatus.PENDING,
        "PENDING_DEPOSIT": api.PaymentStatus.PENDING,
        "KNOWN_DEPOSIT_TX": api.PaymentStatus.PROCESSING,
        "PROCESSING": api.PaymentStatus.PROCESSING,
        "INCOMPLETE_DEPOSIT": api.PaymentStatus.PROCESSING,
        "SUCCESS": api.PaymentStatus.SUCCEEDED,
        "REFUNDED": api.PaymentStatus.REFUNDED,
        "FAILED": api.PaymentStatus.FAILED,
    }
    flags = {"INCOMPLETE_DEPOSIT": "underpaid"}

    def __init__(self, credentials: api.Credentials) -> None:
        super().__init__(credentials)
        self._decimals = _parse_decimals(credentials)

    def build_auth(self, credentials: api.Credentials) -> api.Auth:
        token = credentials.password
        if token.lower().startswith("bearer "):
            token = token[len("bearer ") :]
        token = credentials.header_key(token, "the API token (password)")
        scheme = credentials.choice("auth_scheme", "raw", "bearer", "api-key")
        if scheme == "api-key":
            return api.HeaderAuth({"Api-Key": token}, (token,))
        return api.HeaderAuth({"Authorization": f"Bearer {token}" if scheme == "bearer" else token}, (token,))

    def credential_fields(self) -> Sequence[str]:
        return ("password", "auth_scheme")

    def list_reader(self, query: api.PaymentQuery) -> api.MakeReader:
        return api.OffsetReader

    def to_page(self, page: Page) -> api.ListPage:
        return api.ListPage(page.payments, limit=page.pagination.limit if page.pagination else None)

    def to_payment(self, row: Row, raw: bytes) -> api.Payment:
        units = api.parse_units(row.amount)
        amount = api.scale_units(units, self._decimals.get(row.token_id or ""))
        provider_status = row.status or ""
        payment_id, id_flags = _identify(row, units)
        return self.new_payment(
            payment_id,
            self.status_of(provider_status),
            provider_status,
            flags=(*self.flags_of(provider_status), *id_flags),
            amount=amount,
            currency=row.token_id,
            amount_minor=units,
            crypto_asset=row.token_id,
            crypto_amount=amount,
            transaction_hash=row.near_trx or None,
            order_id=row.memo,
            payer_id=row.sender_id,
            completed_at=api.parse_unix_seconds(row.timestamp),
            raw=raw,
        )

    def particular_ids(self, payment: api.Payment) -> Sequence[str]:
        if "provisional_id" not in payment.flags:
            return ()
        seconds = int(payment.completed_at.timestamp()) if payment.completed_at else 0
        return (f"{payment.id}-{seconds}",)

    def former_id(self, payment: api.Payment) -> str | None:
        row = self.parse_row(payment.raw)
        if row.payment_id:
            return None
        return _identify(msgspec.structs.replace(row, near_trx=None), payment.amount_minor)[0]


class HotPayHook(PaymentsHook):
    """Lists the payments of HOT Pay.

    Connection: the API token in ``password``. ``extra``: ``auth_scheme`` (``raw``, ``bearer``, ``api-key``), and
    ``decimals``, a text like ``nep141:usdt.tether-token.near=6, nep141:wrap.near=24``, for amounts in major units.

    Payments have no id of their own, so :meth:`get_payment` searches the list; wait for an order by its ``memo``
    instead.
    """

    conn_type = "hotpay"
    hook_name = "HOT Pay"
    default_conn_name = "hotpay_default"
    default_host = "https://api.hot-labs.org"
    api_class = HotPayApi


def _identify(row: Row, units: int | None) -> tuple[str, tuple[str, ...]]:
    """Return a payment's id, and its flag while the id may still change.

    :param units: the amount, for it may be written as 5, "5" and 5.0.

    ``status`` and ``timestamp`` are left out: both change while a payment advances.
    """
    if row.payment_id not in (None, ""):
        return str(row.payment_id), ()
    amount = None if units is None else str(units)
    what = [row.near_trx or None, row.item_id, row.memo, row.sender_id, row.token_id, amount]
    # As json.dumps writes a list without blanks, in a third of the time: that is two microseconds a payment.
    text = ",".join(["null" if each is None else json.encoder.encode_basestring_ascii(each) for each in what])
    return hashlib.sha256(f"[{text}]".encode()).hexdigest(), () if row.near_trx else ("provisional_id",)


#: Decimals of a token at most: 10**77 is the largest power of ten below 2**256, which is as far as tokens count.
_MOST_DECIMALS = 77


def _parse_decimals(credentials: api.Credentials) -> Mapping[str, int]:
    """Read ``decimals``, a text that Airflow's forms and URIs leave as it is, and ``token_decimals``, an object."""
    listed = credentials.listed_numbers(
        "decimals", _MOST_DECIMALS, "a text of token ids with their decimals, like 'nep141:wrap.near=24'"
    )
    given = credentials.named_numbers(
        "token_decimals", _MOST_DECIMALS, 'an object of numbers by token id, like {"nep141:wrap.near": 24}'
    )
    if any(given.get(token, number) != number for token, number in listed.items()):
        raise api.PaymentsConfigError(
            f"Connection {credentials.connection_id!r}: 'decimals' and 'token_decimals' in extra differ. Keep one."
        )
    return {**given, **listed}
