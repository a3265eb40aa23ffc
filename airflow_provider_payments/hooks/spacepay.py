"""SpacePay, crypto payments in US dollars.

=============  =====================================================================================================
Documentation  https://docs.spacepay.solutions/api-reference/endpoint/external-payments-list.md
Host           ``https://api.spacepay.solutions``; keys that begin with ``sk_test_`` are test keys
Credentials    the secret key in ``X-SpacePay-Secret-Key``
List           ``GET /v1/external/secretkey-auth/payments``; filters ``type`` (payment, deposit), ``status``,
               ``search`` (not by order id); ``sortBy``, ``sortOrder``; not by date
Pages          ``limit`` (100, at most 1000) and ``offset``; ``pagination.total`` and ``hasMore``
One payment    ``GET …/payments/{id}``: the bare object, without an envelope
               (https://docs.spacepay.solutions/api-reference/endpoint/external-payments-get.md)
Amounts        ``amountInCents``, US cents; null or 0 for a deposit until it is paid. Token amounts are integers in
               the token's smallest unit, with the decimals beside them
Time           ISO 8601 with milliseconds and Z
Errors         ``{"error": {"type", "message", "code"}}``; elsewhere ``{"message", "code"}``, and of its framework
               ``{"statusCode", "message"}``
Receipts       two shapes: ``transactionHash``, ``completedAt`` in the page; ``txHash``, ``txTimestamp``, ``settled…``
               in the SDK
=============  =====================================================================================================
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from airflow_provider_payments import api
from airflow_provider_payments.hooks.base import PaymentsHook


class Token(msgspec.Struct, gc=False):
    """A token: ``decimals`` tells its smallest unit."""

    symbol: str | None = None
    decimals: int | None = None


class Quote(msgspec.Struct, gc=False):
    """An offer to pay in one token."""

    token: Token | None = None
    chainId: int | str | None = None
    expectedAmountAsset: int | Decimal | None = None


class Receipt(msgspec.Struct, gc=False):
    """How a payment was paid, in either shape."""

    transactionHash: str | None = None
    txHash: str | None = None
    completedAt: str | None = None
    txTimestamp: Any = None
    txSenderAddress: str | None = None
    settledAmountAsset: msgspec.Raw = msgspec.Raw(b"null")
    settledToken: Any = None


class DepositAddress(msgspec.Struct, gc=False):
    """Where the customer pays to."""

    address: str | None = None


class Row(msgspec.Struct, gc=False):
    """A payment."""

    id: str
    type: str | None = None
    amountInCents: int | Decimal | None = None
    currency: str | None = None
    status: str | None = None
    depositAddress: DepositAddress | None = None
    quotes: list[Quote] | None = None
    receipt: Receipt | None = None
    orderId: str | None = None
    createdAt: str | None = None
    updatedAt: str | None = None


class Pagination(msgspec.Struct):
    """How far the list goes."""

    total: int
    hasMore: bool | None = None
    limit: int | None = None


class Page(msgspec.Struct):
    """``{"data": […], "pagination": {"total", "limit", "offset", "hasMore", …}}``."""

    data: list[msgspec.Raw]
    pagination: Pagination


class SpacePayApi(api.PaymentsApi):
    """The facts of SpacePay."""

    name = "spacepay"
    list_path = "/v1/external/secretkey-auth/payments"
    detail_path = "/v1/external/secretkey-auth/payments/{id}"
    default_page_size = 1000
    max_page_size = 1000
    filters = ("type", "search")
    filterable_statuses = ("pending", "processing", "completed", "failed", "expired", "cancelled")
    newest_first_params = {"sortOrder": "DESC"}
    error_fields = ("error.type", "error.code", "code message", "statusCode message")
    page_type = Page
    row_type = Row
    statuses = {
        "pending": api.PaymentStatus.PENDING,
        "processing": api.PaymentStatus.PROCESSING,
        "completed": api.PaymentStatus.SUCCEEDED,
        "failed": api.PaymentStatus.FAILED,
        "expired": api.PaymentStatus.EXPIRED,
        "cancelled": api.PaymentStatus.CANCELED,
    }

    def build_auth(self, credentials: api.Credentials) -> api.Auth:
        key = credentials.header_key(credentials.password, "the secret key (password)")
        return api.HeaderAuth({"X-SpacePay-Secret-Key": key}, (key,))

    def list_reader(self, query: api.PaymentQuery) -> api.MakeReader:
        return partial(api.OffsetReader, order=_order(query))

    def build_params(self, query: api.PaymentQuery, provider_status: str | None) -> dict[str, str]:
        direction = "DESC" if _order(query) is api.Order.NEWEST_FIRST else "ASC"
        return {**super().build_params(query, provider_status), "sortBy": "createdAt", "sortOrder": direction}

    def to_page(self, page: Page) -> api.ListPage:
        about = page.pagination
        return api.ListPage(page.data, total=about.total, limit=about.limit, has_more=about.hasMore)

    def to_payment(self, row: Row, raw: bytes) -> api.Payment:
        cents = api.parse_units(row.amountInCents)
        provider_status = row.status or ""
        receipt = row.receipt or Receipt()
        quote = _quote(row, receipt)
        token = quote.token or Token()
        return self.new_payment(
            row.id,
            self.status_of(provider_status),
            provider_status,
            api.PaymentKind.DEPOSIT if row.type == "deposit" else api.PaymentKind.PAYMENT,
            (),  # no status carries a flag
            api.scale_units(cents, api.CENTS),
            row.currency,
            cents,
            crypto_asset=token.symbol,
            crypto_amount=api.parse_token_amount(quote.expectedAmountAsset, token.decimals),
            crypto_network=None if quote.chainId is None else str(quote.chainId),
            crypto_address=row.depositAddress.address if row.depositAddress else None,
            transaction_hash=receipt.transactionHash or receipt.txHash,
            order_id=row.orderId,
            payer_id=receipt.txSenderAddress,
            created_at=api.parse_time(row.createdAt),
            updated_at=api.parse_time(row.updatedAt),
            completed_at=api.parse_time(receipt.completedAt or _text(receipt.txTimestamp)),
            raw=raw,
        )


class SpacePayHook(PaymentsHook):
    """Lists the payments of SpacePay.

    Connection: the secret key in ``password``.
    """

    conn_type = "spacepay"
    hook_name = "SpacePay"
    default_conn_name = "spacepay_default"
    default_host = "https://api.spacepay.solutions"
    api_class = SpacePayApi


def _order(query: api.PaymentQuery) -> api.Order:
    """Return the order that reads least: down to the window's start, or all, where new rows come last."""
    return api.Order.OLDEST_FIRST if query.created_from is None else api.Order.NEWEST_FIRST


def _quote(row: Row, receipt: Receipt) -> Quote:
    """Return what was settled, else the only offer. Of several offers, nothing tells which one was accepted."""
    settled = receipt.settledToken
    if isinstance(settled, dict):
        return Quote(msgspec.convert(settled, Token), expectedAmountAsset=_parse_units(receipt.settledAmountAsset))
    if isinstance(settled, str):
        return Quote(Token(settled))
    return row.quotes[0] if row.quotes and len(row.quotes) == 1 else Quote()


def _parse_units(value: msgspec.Raw) -> int | Decimal | None:
    """Read an amount, only where it is needed, for the other shape may have anything here; and never as a float."""
    return msgspec.json.decode(value, type=int | Decimal | None)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
