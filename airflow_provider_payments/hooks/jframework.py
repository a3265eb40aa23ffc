"""JFramework (JFW, 1Byte Software).

=============  =====================================================================================================
Documentation  https://developers.jframework.io/references/api-reference/endpoints/payments/get-payments
Host           ``https://protocol.jframework.io``
Credentials    ``Brand-URL`` and ``Auth-Key``. The key belongs to a session and expires; with user name and password it
               comes from ``POST /api/v1/users/auth`` (https://developers.jframework.io/references/api-reference/authentication)
List           ``GET /api/v1/payments``; filters by status (one word), by ``CreatedDateFrom`` and ``CreatedDateTo``,
               and others
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
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

import msgspec

from airflow_provider_payments.api import (
    UNREADABLE,
    Auth,
    ByTimeReader,
    Credentials,
    Decoder,
    HeaderAuth,
    IssuedToken,
    ListPage,
    MakeReader,
    Order,
    OrderLookup,
    PageNumberReader,
    Payment,
    PaymentQuery,
    PaymentsApi,
    PaymentsAuthError,
    PaymentsProtocolError,
    PaymentStatus,
    Request,
    Response,
    SlicedReader,
    TokenAuth,
    decode_json,
    decode_reply,
    parse_amount,
    parse_expiry,
    parse_time,
    shift,
)
from airflow_provider_payments.hooks.base import PaymentsHook

#: Whether the ends of CreatedDateFrom and CreatedDateTo are inclusive is not documented: ask for more, and check here.
_MARGIN = timedelta(seconds=1)


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


class Verdict(msgspec.Struct):
    """What an envelope says of itself."""

    success: bool | None = None
    statusCode: int | None = None


_parse_verdict = Decoder(Verdict).decode


class Detail(msgspec.Struct):
    """One payment in its envelope."""

    data: msgspec.Raw


class JFrameworkApi(PaymentsApi):
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
    orders = OrderLookup(filter="Code", is_exhaustive=False)  # which finds no invoice numbers
    newest_first_params = {"SortOrder": "desc"}
    error_fields = ("success", "errors")
    page_type = Page
    row_type = Row
    statuses = {
        "Created": PaymentStatus.PENDING,
        "Pending": PaymentStatus.PENDING,
        "Reserved": PaymentStatus.AUTHORIZED,
        "Completed": PaymentStatus.SUCCEEDED,
        "CanceledReversal": PaymentStatus.SUCCEEDED,  # a reversal was taken back: the money is there
        "Refunded": PaymentStatus.REFUNDED,
        "Failed": PaymentStatus.FAILED,
        "Denied": PaymentStatus.FAILED,
        "Voided": PaymentStatus.CANCELED,
        "Deleted": PaymentStatus.CANCELED,
    }
    filterable_statuses = tuple(statuses)
    flags = {"CanceledReversal": "reversal_canceled"}

    def __init__(self, credentials: Credentials) -> None:
        super().__init__(credentials)
        self._first_page = credentials.number("first_page", 0)

    def build_auth(self, credentials: Credentials) -> Auth:
        brand = credentials.header_value(credentials.text("brand_url"), "the brand URL ('brand_url' in extra)")
        if credentials.login:
            user = credentials.secret(credentials.login, "the user name (login)")
            password = credentials.secret(credentials.password, "the user's password")
            login = {"username": user, "password": password}
            token_request = self.post_request("/api/v1/users/auth", login).with_headers({"Brand-URL": brand})
            token_request = replace(token_request, is_token_request=True)
            return TokenAuth(
                token_request=token_request,
                parse_token=partial(self._parse_session, token_request),
                headers=lambda key: {"Brand-URL": brand, "Auth-Key": key},
                permanent_secrets=(password,),
            )
        key = credentials.header_value(credentials.password, "the Auth-Key (password)")
        return HeaderAuth({"Brand-URL": brand, "Auth-Key": key}, (key,))

    def credential_fields(self) -> Sequence[str]:
        return ("brand_url", *(["login"] if self.credentials.login else []), "password")

    def list_reader(self, query: PaymentQuery) -> MakeReader:
        list_from = partial(
            ByTimeReader,
            start_params=_created_from,
            number_param="PageNumber",
            size_param="PageSize",
            first_page=self._first_page,
        )
        starts_at = shift(query.created_from, -_MARGIN) if query.created_from else None
        return partial(SlicedReader, list_from=list_from, order=Order.OLDEST_FIRST, starts_at=starts_at)

    def second_reader(self, query: PaymentQuery) -> MakeReader:
        return partial(
            PageNumberReader,
            order=Order.OLDEST_FIRST,
            number_param="PageNumber",
            size_param="PageSize",
            first_page=self._first_page,
        )

    def build_params(self, query: PaymentQuery, provider_status: str | None) -> dict[str, str]:
        # Oldest first: rows that are added meanwhile come last, and move none. What is listed without TestMode is not
        # documented; payments of the test mode are no money.
        params = {"TestMode": "false", **super().build_params(query, provider_status)}
        params |= {"SortDataField": "createdDate", "SortOrder": "asc"}
        if query.created_from:
            params |= _created_from(shift(query.created_from, -_MARGIN))
        if query.created_to:
            params["CreatedDateTo"] = shift(query.created_to, _MARGIN).isoformat()
        return params

    def matches_order(self, payment: Payment, order_id: str) -> bool:
        row = self.parse_row(payment.raw)
        return order_id in (row.invoiceNo, row.code)

    def unwrap_detail(self, body: bytes) -> bytes:
        return msgspec.json.decode(body, type=Detail).data

    def check_body(self, request: Request, response: Response) -> None:
        verdict = decode_reply(self.error_mapper, request, response, lambda body: decode_json(body, _parse_verdict))
        self.error_mapper.raise_for_error(request, response, status=verdict.statusCode)
        if verdict.success is None and verdict.statusCode is None:
            raise self.error_mapper.unreadable(request, response, "it does not say whether it is a success")
        if verdict.success is not True:
            raise self.error_mapper.refuse(request, response)

    def _parse_session(self, login: Request, response: Response, now: datetime) -> IssuedToken:
        """Find the session key in a login's reply; ``expiresIn`` is a date-time, and year 1 when it is not set."""
        try:
            verdict, body = decode_json(response.body, _parse_verdict), decode_json(response.body)
            data = body.get("data") or body
            key, until = data.get("authKey"), data.get("expiresIn")
        except (
            *UNREADABLE,
            AttributeError,
        ):  # a page of something in between, say, which tells nothing of the password
            raise PaymentsProtocolError("jframework: the login's reply is not what the API documents.") from None
        self.error_mapper.raise_for_error(login, response, status=verdict.statusCode)
        if verdict.success is False:
            raise PaymentsAuthError(f"jframework: the login brought no session key. Check {self.credentials_to_check}.")
        if not isinstance(key, str) or not key:
            raise PaymentsProtocolError("jframework: the login's reply holds no session key.")
        return IssuedToken(key, parse_expiry(until, now))

    def to_page(self, page: Page) -> ListPage:
        return ListPage(page.data.items or [], total=page.data.totalItems)

    def to_payment(self, row: Row, raw: bytes) -> Payment:
        provider_status = row.status or ""
        status = self.status_of(provider_status)
        return self.new_payment(
            row.id,
            status,
            provider_status,
            flags=self.flags_of(provider_status),
            amount=parse_amount(row.amountGross if row.amount is None else row.amount),
            currency=row.currencyCode,
            fee=parse_amount(row.amountFee),
            net_amount=parse_amount(row.amountNet),
            order_id=row.invoiceNo or row.code,
            description=row.description,
            payer_id=row.user.id if row.user else None,
            created_at=parse_time(row.createdDate),
            completed_at=parse_time(row.paymentDate) if status.is_final else None,
            raw=raw,
        )


def _created_from(moment: datetime) -> dict[str, str]:
    return {"CreatedDateFrom": moment.isoformat()}


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
