"""CryptoFuse, crypto payment gateway.

=============  =====================================================================================================
Documentation  https://docs.cryptofuse.io/api-reference/payments/list-payments
Host           ``https://api.cryptofuse.io``, without a version prefix
Credentials    OAuth 2.0 client credentials at ``POST /o/token/``, HTTP Basic or form fields; read *and* write scope
               are needed (https://docs.cryptofuse.io/pl/authentication)
List           ``GET /payments/``, with the slash; filters ``status`` (seven words), ``currency``, ``blockchain``,
               ``token``
Pages          ``limit`` (20, at most 100: more is an error) and ``offset``; ``count`` is the number of matching
               payments; the order is not documented
One payment    ``POST /payments/status/``: a read, safe to repeat (…/api-reference/payments/get-payment-status)
Amounts        decimal strings: ``amount_usd`` in US dollars, ``amount_crypto`` in ``token``; what was asked, not what
               was received
Time           ``created_at``, ``updated_at``: ISO 8601 with Z
Errors         ``{"error": {"code", "message"}}``; of the token endpoint ``{"error": "invalid_client"}`` (RFC 6749);
               of its framework ``{"detail"}``
Statuses       seven words in the list's page, and ``pending``, ``partially_paid``, ``partially_completed`` elsewhere
               (…/guides/payment-lifecycle-webhooks, …/guides/webhook-flow-guide)
=============  =====================================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import partial

import msgspec

from airflow_provider_payments import api
from airflow_provider_payments.hooks.base import PaymentsHook


class Row(msgspec.Struct, gc=False):
    """A payment, in the list or (with more fields) by itself."""

    transaction_id: str
    status: str | None = None
    blockchain: str | None = None
    token: str | None = None
    amount_usd: Decimal | None = None
    amount_crypto: Decimal | None = None
    address: str | None = None
    order_id: str | None = None
    order_description: str | None = None
    transaction_hash: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    expiry_time: str | None = None


class Page(msgspec.Struct):
    """``{"count", "total", "offset", "limit", "results": […]}``. Whether ``total`` respects filters is not told."""

    count: int
    results: list[msgspec.Raw]
    limit: int | None = None


class CryptoFuseApi(api.PaymentsApi):
    """The facts of CryptoFuse."""

    name = "cryptofuse"
    list_path = "/payments/"
    id_field = "transaction_id"
    default_page_size = 100
    max_page_size = 100
    filters = ("currency", "blockchain", "token")
    filterable_statuses = ("waiting", "confirming", "confirmed", "sending", "completed", "expired", "failed")
    error_fields = ("error.code", "error request_id", "detail")
    page_type = Page
    row_type = Row
    statuses = {
        "waiting": api.PaymentStatus.PENDING,
        "pending": api.PaymentStatus.PENDING,
        "partially_paid": api.PaymentStatus.PROCESSING,
        "confirming": api.PaymentStatus.PROCESSING,
        "confirmed": api.PaymentStatus.PROCESSING,  # on the chain; not yet completed
        "sending": api.PaymentStatus.PROCESSING,
        "completed": api.PaymentStatus.SUCCEEDED,
        "partially_completed": api.PaymentStatus.PARTIAL,
        "expired": api.PaymentStatus.EXPIRED,
        "failed": api.PaymentStatus.FAILED,
    }
    flags = {"partially_paid": "underpaid", "partially_completed": "underpaid"}

    def build_auth(self, credentials: api.Credentials) -> api.Auth:
        path = credentials.text(key := credentials.key_of("auth_path", "token_path"), "/o/token/")
        if not api.is_url_text(path):
            raise credentials.wrong(key, "a path as it stands in a URL, like '/o/token/'")
        return api.client_credentials(
            f"{credentials.base_url}/{path.lstrip('/')}",
            client_id=credentials.secret(credentials.login, "the client id (login)"),
            client_secret=credentials.secret(credentials.password, "the client secret (password)"),
            scope=credentials.text("scope", "read write"),
            in_body=credentials.choice("client_auth", "basic", "body") == "body",
            parse_token=partial(api.parse_access_token, self.name),
        )

    def credential_fields(self) -> Sequence[str]:
        return ("login", "password", "client_auth")

    def list_reader(self, query: api.PaymentQuery) -> api.MakeReader:
        return api.OffsetReader

    def build_params(self, query: api.PaymentQuery, provider_status: str | None) -> dict[str, str]:
        params = super().build_params(query, provider_status)
        if params.get("blockchain") in _TRON:
            # The page filters by "TRON" and replies with "TRX". Asking for the wrong one would silently find nothing.
            del params["blockchain"]
        return params

    def matches(self, query: api.PaymentQuery, payment: api.Payment) -> bool:
        return query.filters.get("blockchain") not in _TRON or payment.crypto_network in _TRON

    def detail_request(self, payment_id: str) -> api.Request:
        return self.post_request("/payments/status/", {"transaction_id": payment_id})

    def to_page(self, page: Page) -> api.ListPage:
        return api.ListPage(page.results, total=page.count, limit=page.limit)

    def to_payment(self, row: Row, raw: bytes) -> api.Payment:
        provider_status = row.status or ""
        return self.new_payment(
            row.transaction_id,
            self.status_of(provider_status),
            provider_status,
            api.PaymentKind.PAYMENT,
            self.flags_of(provider_status),
            api.parse_amount(row.amount_usd),
            currency="USD",  # amount_usd is "in price currency (USD)"
            crypto_asset=row.token,
            crypto_amount=api.parse_amount(row.amount_crypto),
            crypto_network=row.blockchain,
            crypto_address=row.address,
            transaction_hash=row.transaction_hash,
            order_id=row.order_id,
            description=row.order_description,
            created_at=api.parse_time(row.created_at),
            updated_at=api.parse_time(row.updated_at),
            expires_at=api.parse_time(row.expiry_time),
            raw=raw,
        )


class CryptoFuseHook(PaymentsHook):
    """Lists the payments of CryptoFuse.

    Connection: client id in ``login``, client secret in ``password``. ``extra``: ``scope`` (default ``read write``),
    ``client_auth`` (``basic`` or ``body``), ``auth_path`` (default ``/o/token/``).
    """

    conn_type = "cryptofuse"
    hook_name = "CryptoFuse"
    default_conn_name = "cryptofuse_default"
    default_host = "https://api.cryptofuse.io"
    api_class = CryptoFuseApi


_TRON = ("TRON", "TRX")
