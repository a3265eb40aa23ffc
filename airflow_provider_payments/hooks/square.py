"""Square.

=============  =====================================================================================================
Documentation  https://developer.squareup.com/reference/square/payments-api/list-payments
Host           ``https://connect.squareup.com``; for tests ``https://connect.squareupsandbox.com``, with own tokens
Credentials    an access token as Bearer; ``Square-Version``, for else the application's own version answers
List           ``GET /v2/payments``, newest first; **of the main location, unless ``location_id`` names another**;
               ``begin_time`` (counted in; **a year ago by default**), ``end_time``; no filter by status
Locations      ``GET /v2/locations``: all at once, inactive ones too
Pages          ``limit`` (at most 100; more is ignored), any page may have fewer; ``cursor`` leads on for five minutes,
               with the same query; absent on the last page. An empty page is ``{}``
One payment    ``GET /v2/payments/{id}``: ``{"payment": {…}}``, of any location
Amounts        smallest units by ISO 4217; ``total_money`` is ``amount_money`` and the tip; ``processing_fee`` is a list
               that comes hours later; ``refunded_money`` so far, the status stays COMPLETED
Time           ISO 8601 with up to milliseconds and Z; ``created_at`` never changes
Limits         not published: 429, without Retry-After
Errors         ``{"errors": [{"category", "code", "detail", "field"}]}``
=============  =====================================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from airflow_provider_payments import api
from airflow_provider_payments.hooks.base import PaymentsHook

VERSION = "2026-08-19"
#: Where a list without a beginning begins: the earliest time that the API's first version permitted.
_FIRST = datetime(2013, 1, 1, tzinfo=api.UTC)
_SECOND, _DAY = timedelta(seconds=1), timedelta(days=1)


class Money(msgspec.Struct, gc=False):
    """An amount in its currency's smallest unit."""

    amount: int | Decimal | None = None
    currency: str | None = None


class Fee(msgspec.Struct, gc=False):
    """A part of Square's fee; an adjustment may be negative."""

    amount_money: Money | None = None


class CardDetails(msgspec.Struct, gc=False):
    """When a card was charged or let go. The card itself is personal data, and stays in ``raw``."""

    card_payment_timeline: Any = None


class Row(msgspec.Struct, gc=False):
    """A payment."""

    id: str
    status: str | None = None
    location_id: str | None = None
    total_money: Money | None = None
    app_fee_money: Money | None = None
    refunded_money: Money | None = None
    processing_fee: list[Fee] | None = None
    reference_id: str | None = None
    order_id: str | None = None
    note: str | None = None
    customer_id: str | None = None
    card_details: CardDetails | None = None
    created_at: str | None = None
    updated_at: str | None = None
    delayed_until: str | None = None


class Page(msgspec.Struct):
    """``{"payments": […], "cursor": "…"}``; what there is none of is left out."""

    payments: list[msgspec.Raw] = []
    cursor: str | None = None


class Location(msgspec.Struct):
    """Where the merchant sells: a shop, a van, a website."""

    id: str


class Locations(msgspec.Struct):
    """``{"locations": […]}``, all of them; a cursor would be new."""

    locations: list[Location]
    cursor: str | None = None


class SquareApi(api.PaymentsApi):
    """The facts of Square."""

    name = "square"
    list_path = "/v2/payments"
    detail_path = "/v2/payments/{id}"
    default_page_size = max_page_size = 100
    filters = ("location_id", "total", "last_4", "card_brand", "is_offline_payment")
    error_fields = ("errors.category",)
    page_type, row_type = Page, Row
    statuses = {
        "PENDING": api.PaymentStatus.PROCESSING,  # a bank transfer, which takes days
        "APPROVED": api.PaymentStatus.AUTHORIZED,
        "COMPLETED": api.PaymentStatus.SUCCEEDED,
        "FAILED": api.PaymentStatus.FAILED,
        "CANCELED": api.PaymentStatus.CANCELED,
    }

    def __init__(self, credentials: api.Credentials) -> None:
        super().__init__(credentials)
        self._locations = api.Discovery(credentials.texts("location_ids") or None)

    def build_auth(self, credentials: api.Credentials) -> api.Auth:
        token = credentials.header_key(credentials.password, "the access token (password)")
        version = credentials.header_value(credentials.text("api_version", VERSION), "'api_version' in extra")
        return api.HeaderAuth({"Authorization": f"Bearer {token}", "Square-Version": version}, (token,))

    @property
    def credentials_to_check(self) -> str:
        needed = "the permissions PAYMENTS_READ and (unless 'location_ids' names the locations) MERCHANT_PROFILE_READ"
        return f"{super().credentials_to_check}: the token needs {needed}; tests have a host and tokens of their own"

    def discovery_request(self, query: api.PaymentQuery) -> api.Request | None:
        is_needed = "location_id" not in query.filters and self._locations.is_due
        return self.request("/v2/locations") if is_needed else None

    def discover(self, request: api.Request, response: api.Response) -> None:
        found = api.decode_reply(self.error_mapper, request, response, _decode_locations)
        if found.cursor or not found.locations:  # each merchant has one
            raise self.error_mapper.unreadable(request, response, "it does not have all locations")
        self._locations.learn([each.id for each in found.locations])

    def list_reader(self, query: api.PaymentQuery) -> api.MakeReader:
        list_from = partial(
            api.TokenReader, start_params=partial(_end_at, _begin(query)), max_page_size=self.max_page_size
        )
        sliced = partial(api.SlicedReader, list_from=list_from, order=api.Order.NEWEST_FIRST, margin=_SECOND)
        return partial(sliced, starts_at=_end(query))

    def build_params(self, query: api.PaymentQuery, provider_status: str | None) -> dict[str, str]:
        order = {"sort_field": "CREATED_AT", "sort_order": "DESC"}
        return {**query.filters, "begin_time": api.format_milliseconds(_begin(query)), **order}

    def plan_listing(self, query: api.PaymentQuery, limit: int, max_concurrency: int) -> list[api.Stage]:
        """The list of each location."""
        if not self.status_filters(query):
            return []
        of_all = self.partition(query, None, limit, max_concurrency)
        asked = [query.filters["location_id"]] if "location_id" in query.filters else self._locations.value
        return [api.Stage([replace(of_all, params={**of_all.params, "location_id": each}) for each in asked])]

    def provider_statuses_for(self, status: api.PaymentStatus) -> Sequence[str]:
        return ["COMPLETED"] if status is api.PaymentStatus.REFUNDED else super().provider_statuses_for(status)

    def parse_page(self, request: api.Request, response: api.Response) -> api.ListPage:
        page = super().parse_page(request, response)
        # As an empty page is ``{}``, any object of somebody else would look like one.
        if not (page.rows or page.next_cursor or api.decode_json(response.body).keys() <= {"payments", "cursor"}):
            raise self.error_mapper.unreadable(request, response, "it has no payments")
        return page

    def to_page(self, page: Page) -> api.ListPage:
        return api.ListPage(page.payments, next_cursor=page.cursor or "")

    def unwrap_detail(self, body: bytes) -> bytes:
        return bytes(msgspec.json.decode(body, type=dict[str, msgspec.Raw]).get("payment", b""))

    def to_payment(self, row: Row, raw: bytes) -> api.Payment:
        if row.total_money is None and row.location_id is None:  # of others, too, payments are under "payments"
            raise api.PaymentsProtocolError("it has neither an amount nor a location")
        total, provider_status = row.total_money or Money(), row.status or ""
        amount, decimals = api.parse_units(total.amount), api.currency_decimals(total.currency)
        fee = _add_up(total.currency, [each.amount_money for each in row.processing_fee or ()])
        net = None if amount is None or fee is None or row.app_fee_money else amount - fee
        refunded = _add_up(total.currency, [row.refunded_money])
        status, flags = api.after_refunds(self.status_of(provider_status), amount, refunded)
        ended_at = {"COMPLETED": "captured_at", "CANCELED": "voided_at"}.get(provider_status, "")
        timeline = row.card_details.card_payment_timeline if row.card_details else None
        return self.new_payment(
            row.id,
            status,
            provider_status,
            api.PaymentKind.PAYMENT,
            flags,
            api.scale_units(amount, decimals),
            total.currency,
            amount,
            api.scale_units(fee, decimals),
            api.scale_units(net, decimals),
            api.scale_units(refunded, decimals),
            order_id=row.reference_id or row.order_id,
            description=row.note,
            payer_id=row.customer_id,
            created_at=api.parse_time(row.created_at),
            updated_at=api.parse_time(row.updated_at),
            completed_at=api.parse_time(api.text_of(timeline, ended_at)),
            expires_at=api.parse_time(row.delayed_until) if provider_status == "APPROVED" else None,
            raw=raw,
        )


class SquareHook(PaymentsHook):
    """Lists the payments of Square.

    Connection: an access token in ``password``. ``extra``: ``location_ids`` (default: all locations), ``api_version``.
    """

    conn_type = "square"
    hook_name = "Square"
    default_conn_name = "square_default"
    default_host = "https://connect.squareup.com"
    api_class = SquareApi


_decode_locations = api.Decoder(Locations).decode


def _begin(query: api.PaymentQuery) -> datetime:
    """Return where the list ends, for it is newest first."""
    return query.created_from or min(_FIRST, query.created_to or _FIRST)


def _end(query: api.PaymentQuery) -> datetime | None:
    """Return where the list begins; None is now, by a clock that may be behind a window that has just begun."""
    if query.created_to:
        return api.shift(query.created_to, _SECOND)
    begin = _begin(query)
    return api.shift(begin, 2 * _DAY) if begin > datetime.now(api.UTC) - _DAY else None


def _end_at(begin: datetime, moment: datetime) -> dict[str, str]:
    """Begin the list at a time. A second later at least than where it ends, for else the API might refuse."""
    return {"end_time": api.format_milliseconds(max(moment, api.shift(begin, _SECOND)))}


def _add_up(currency: str | None, parts: Sequence[Money | None]) -> int | None:
    """Return the sum of amounts in a currency; None where there are none, or one is unknown or in another currency."""
    units = [api.parse_units(each.amount) if each and each.currency == currency else None for each in parts]
    return None if not units or None in units else sum(filter(None, units))
