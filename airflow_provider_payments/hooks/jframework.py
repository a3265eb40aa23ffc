"""JFramework (JFW, 1Byte Software).

=============  =====================================================================================================
Documentation  https://developers.jframework.io/references/api-reference/endpoints/payments/get-payments
Host           ``https://protocol.jframework.io``
Credentials    ``Brand-URL`` and ``Auth-Key``. The key belongs to a session and expires; with user name and password it
               comes from ``POST /api/v1/users/auth`` (https://developers.jframework.io/references/api-reference/authentication)
List           ``GET /api/v1/payments``; filters ``Status`` (one), ``CreatedDateFrom``, ``CreatedDateTo`` and others
Pages          ``PageNumber`` (from 0 or from 1: not documented), ``PageSize`` (200; maximum not documented);
               ``totalItems`` counts all pages
One payment    ``GET /api/v1/payments/{id}``, in the same envelope
Amounts        JSON doubles in major units of ``currencyCode``
Time           ISO 8601 with seven fractional digits and an offset
Envelope       ``success``, ``statusCode``, ``message``, ``data``, ``errors``: **HTTP 2xx is no proof of success**, 209
               is "over quota" (https://developers.jframework.io/references/api-reference/overview)
Statuses       ten words in the vendor's SDK
=============  =====================================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from airflow_provider_payments import api
from airflow_provider_payments.hooks.base import PaymentsHook

#: Whether the ends of CreatedDateFrom and CreatedDateTo are inclusive is not documented: ask for more, and check here.
_MARGIN = timedelta(seconds=1)
_PAGE_PARAMS: dict[str, Any] = {"number_param": "PageNumber", "size_param": "PageSize"}


class User(msgspec.Struct, gc=False):
    """Who paid. E-mail address and phone number beside are personal data, and stay in ``raw``."""

    id: str | None = None


class Row(msgspec.Struct, gc=False):
    """A payment. Properties that are null may be left out."""

    id: str
    status: str | None = None
    amount: Decimal | None = None
    amountGross: Decimal | None = None
    amountFee: Decimal | None = None
    amountNet: Decimal | None = None
    currencyCode: str | None = None
    invoiceNo: str | None = None
    code: str | None = None
    description: str | None = None
    user: User | None = None
    createdDate: str | None = None
    paymentDate: str | None = None


class Items(msgspec.Struct):
    """The rows of a page."""

    items: list[msgspec.Raw] | None = None
    totalItems: int | None = None


class Page(msgspec.Struct):
    """``{"success": true, "statusCode": 200, "data": {"items": […], "totalItems": 1}, "errors": []}``."""

    data: Items


class JFrameworkApi(api.EnvelopeApi):
    """The facts of JFramework."""

    name = "jframework"
    list_path = "/api/v1/payments"
    detail_path = "/api/v1/payments/{id}"
    default_page_size = 200
    max_page_size = 1000
    status_param = "Status"
    filters = (
        "AppIntegrationPaymentGatewayId",
        "PriceId",
        "Code",
        "UserId",
        "ReferralUserCode",
        "PaymentType",
        "CurrencyCode",
        "Keywords",
        "TestMode",
    )
    orders = api.OrderLookup(filter="Code", is_exhaustive=False)  # which finds no invoice numbers
    newest_first_params = {"SortOrder": "desc"}
    page_type = Page
    row_type = Row
    statuses = {
        "Created": api.PaymentStatus.PENDING,
        "Pending": api.PaymentStatus.PENDING,
        "Reserved": api.PaymentStatus.AUTHORIZED,
        "Completed": api.PaymentStatus.SUCCEEDED,
        "CanceledReversal": api.PaymentStatus.SUCCEEDED,  # a reversal was taken back: the money is there
        "Refunded": api.PaymentStatus.REFUNDED,
        "Failed": api.PaymentStatus.FAILED,
        "Denied": api.PaymentStatus.FAILED,
        "Voided": api.PaymentStatus.CANCELED,
        "Deleted": api.PaymentStatus.CANCELED,
    }
    filterable_statuses = tuple(statuses)
    flags = {"CanceledReversal": "reversal_canceled"}

    def __init__(self, credentials: api.Credentials) -> None:
        super().__init__(credentials)
        self._first_page = credentials.number("first_page", 0)

    def build_auth(self, credentials: api.Credentials) -> api.Auth:
        brand = credentials.header_value(credentials.text("brand_url"), "the brand URL ('brand_url' in extra)")
        if credentials.login:
            user = credentials.secret(credentials.login, "the user name (login)")
            password = credentials.secret(credentials.password, "the user's password")
            login = self.post_request("/api/v1/users/auth", {"username": user, "password": password})
            return self.session_auth(
                login.with_headers({"Brand-URL": brand}),
                secrets=(password,),
                key_field="authKey",
                expiry_field="expiresIn",  # a date-time; year 1 when it is not set
                headers=lambda key: {"Brand-URL": brand, "Auth-Key": key},
            )
        key = credentials.header_key(credentials.password, "the Auth-Key (password)")
        return api.HeaderAuth({"Brand-URL": brand, "Auth-Key": key}, (key,))

    def credential_fields(self) -> Sequence[str]:
        return ("brand_url", *(["login"] if self.credentials.login else []), "password")

    def list_reader(self, query: api.PaymentQuery) -> api.MakeReader:
        list_from = partial(
            api.ByTimeReader,
            start_params=lambda moment: {"CreatedDateFrom": moment.isoformat()},
            first_page=self._first_page,
            **_PAGE_PARAMS,
        )
        starts_at = api.shift(query.created_from, -_MARGIN) if query.created_from else None
        return partial(api.SlicedReader, list_from=list_from, order=api.Order.OLDEST_FIRST, starts_at=starts_at)

    def second_reader(self, query: api.PaymentQuery) -> api.MakeReader:
        return partial(api.PageNumberReader, order=api.Order.OLDEST_FIRST, first_page=self._first_page, **_PAGE_PARAMS)

    def build_params(self, query: api.PaymentQuery, provider_status: str | None) -> dict[str, str]:
        # Oldest first: rows that are added move none. Whether test payments are listed without TestMode is not told.
        params = {"TestMode": "false", **super().build_params(query, provider_status)}
        params |= {"SortDataField": "createdDate", "SortOrder": "asc"}
        if query.created_from:
            params["CreatedDateFrom"] = api.shift(query.created_from, -_MARGIN).isoformat()
        if query.created_to:
            params["CreatedDateTo"] = api.shift(query.created_to, _MARGIN).isoformat()
        return params

    def order_ids_of(self, payment: api.Payment) -> Sequence[str]:
        row = self.parse_row(payment.raw)
        return [each for each in (row.invoiceNo, row.code) if each]

    def to_page(self, page: Page) -> api.ListPage:
        return api.ListPage(page.data.items or [], total=page.data.totalItems)

    def to_payment(self, row: Row, raw: bytes) -> api.Payment:
        provider_status = row.status or ""
        status = self.status_of(provider_status)
        return self.new_payment(
            row.id,
            status,
            provider_status,
            flags=self.flags_of(provider_status),
            amount=api.parse_amount(row.amountGross if row.amount is None else row.amount),
            currency=row.currencyCode,
            fee=api.parse_amount(row.amountFee),
            net_amount=api.parse_amount(row.amountNet),
            order_id=row.invoiceNo or row.code,
            description=row.description,
            payer_id=row.user.id if row.user else None,
            created_at=api.parse_time(row.createdDate),
            completed_at=api.parse_time(row.paymentDate) if status.is_final else None,
            raw=raw,
        )


class JFrameworkHook(PaymentsHook):
    """Lists the payments of JFramework.

    Connection: an Auth-Key in ``password``, which will expire; or a user name in ``login`` and the password in
    ``password``, from which a key is got each time. ``extra``: ``brand_url`` (required), ``first_page`` (default 0).
    """

    conn_type = "jframework"
    hook_name = "JFramework"
    default_conn_name = "jframework_default"
    default_host = "https://protocol.jframework.io"
    api_class = JFrameworkApi
