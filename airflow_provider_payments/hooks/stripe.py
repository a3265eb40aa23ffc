"""Stripe.

=============  =====================================================================================================
Documentation  https://docs.stripe.com/api/payment_intents/list, https://docs.stripe.com/api/charges/list
Host           ``https://api.stripe.com``, for live and test mode alike: the key decides
Credentials    a restricted or secret key as Bearer; ``Stripe-Version``, for else an account's own decides what replies
               look like; ``Stripe-Account`` for an account that is connected to the key's
List           ``GET /v1/payment_intents``: payments that were asked for; ``GET /v1/charges``: attempts to pay;
               ``created[gte]``, ``created[lte]`` (whole seconds, counted in); no filter by status
Pages          newest first; ``limit`` (10, at most 100); ``has_more``; ``starting_after`` (the last id) leads to older
               ones (https://docs.stripe.com/api/pagination)
One payment    ``GET /v1/payment_intents/{id}``, ``GET /v1/charges/{id}``
Expansion      a charge, and its balance transaction with the fee, are ids unless ``expand[]`` asks for them
Amounts        whole numbers of a unit that is not always ISO 4217's (https://docs.stripe.com/currencies)
Time           Unix seconds; nothing tells the last change
Refunds        ``amount_refunded`` of the charge, together with what was authorized and never captured
Secrets        a ``client_secret`` "should not be stored, logged, or exposed", for whoever has it can pay
Limits         429 without Retry-After (https://docs.stripe.com/rate-limits); formerly 400 with code ``rate_limit``;
               409 with code ``lock_timeout`` while somebody else changes an object
Errors         ``{"error": {"type", "code", "message", "param"}}``, and the header ``Request-Id``
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

VERSION = "2026-06-24.dahlia"
DECIMALS = {"ISK": 2, "UGX": 2, "MGA": 0}  # where Stripe counts otherwise than ISO 4217
_SECOND, _MICROSECOND = timedelta(seconds=1), timedelta(microseconds=1)
_withhold_secrets = api.make_withholder("client_secret")


class BalanceTransaction(msgspec.Struct, gc=False):
    """What a charge brought to the balance, in the currency that it was settled in."""

    currency: str | None = None
    fee: int | Decimal | None = None
    net: int | Decimal | None = None
    created: int | None = None


class Charge(msgspec.Struct, gc=False):
    """An attempt to pay, within a PaymentIntent or by itself."""

    id: str
    created: int | None = None
    amount_refunded: int | Decimal | None = None
    captured: bool | None = None
    refunded: bool | None = None
    disputed: bool | None = None
    balance_transaction: BalanceTransaction | str | None = None


class Row(Charge, gc=False):
    """A PaymentIntent, or a charge by itself."""

    status: str | None = None
    amount: int | Decimal | None = None
    amount_received: int | Decimal | None = None
    amount_captured: int | Decimal | None = None
    currency: str | None = None
    customer: Any = None
    description: str | None = None
    livemode: bool | None = None
    metadata: Any = None
    payment_details: Any = None
    canceled_at: int | None = None
    cancellation_reason: str | None = None
    latest_charge: Charge | str | None = None


class Page(msgspec.Struct):
    """``{"object": "list", "url": "/v1/payment_intents", "has_more": false, "data": […]}``."""

    has_more: bool
    data: list[msgspec.Raw]


class PaymentIntentsApi(api.PaymentsApi):
    """Payments that were asked for, each with its latest charge."""

    name = "stripe"
    list_path = "/v1/payment_intents"
    default_page_size = max_page_size = 100
    filters = ("customer", "customer_account", "payment_intent", "transfer_group")
    own_filters: tuple[str, ...] = ("customer", "customer_account")  # ChargesApi has others
    throttle_codes = ((400, "rate_limit"), (409, "lock_timeout"))
    error_fields = ("error.type",)
    page_type = Page
    row_type = Row
    #: What of a payment is to be written out.
    expand = "latest_charge.balance_transaction"
    statuses = {
        "requires_payment_method": api.PaymentStatus.PENDING,  # also after a declined attempt; abandoned ones stay so
        "requires_confirmation": api.PaymentStatus.PENDING,
        "requires_action": api.PaymentStatus.PENDING,
        "processing": api.PaymentStatus.PROCESSING,
        "requires_capture": api.PaymentStatus.AUTHORIZED,
        "succeeded": api.PaymentStatus.SUCCEEDED,
        "canceled": api.PaymentStatus.CANCELED,
    }

    def __init__(self, credentials: api.Credentials) -> None:
        super().__init__(credentials)
        self._order_key = credentials.text("order_key", "order_id")

    def build_auth(self, credentials: api.Credentials) -> api.Auth:
        key = credentials.header_key(credentials.password, "the API key (password)")
        if key.startswith("pk_"):
            what = f"Connection {credentials.connection_id!r}: the API key (password)"
            raise api.PaymentsConfigError(f"{what} is publishable (pk_). Use a restricted key (rk_) or a secret one.")
        version = credentials.header_value(credentials.text("api_version", VERSION), "'api_version' in extra")
        headers = {"Authorization": f"Bearer {key}", "Stripe-Version": version}
        if account := credentials.text("stripe_account"):
            headers["Stripe-Account"] = credentials.header_value(account, "'stripe_account' in extra")
        return api.HeaderAuth(headers, (key,))

    def list_reader(self, query: api.PaymentQuery) -> api.MakeReader:
        return partial(api.SlicedReader, list_from=_list_from, margin=_SECOND, **_newest_first(query))

    def second_reader(self, query: api.PaymentQuery) -> api.MakeReader:
        return partial(_list_from, **_newest_first(query))

    def build_params(self, query: api.PaymentQuery, provider_status: str | None) -> dict[str, str]:
        if other := query.filters.keys() - set(self.own_filters):
            own = ", ".join(self.own_filters)
            raise api.PaymentsConfigError(f"{self.list_path} has no filter {min(other)!r}. Its filters: {own}.")
        params = {**super().build_params(query, provider_status), "expand[]": f"data.{self.expand}"}
        if end := _last_moment(query):  # a slice begins at a time of its own, on its first page
            params["created[lte]"] = _whole_seconds(end)
        if query.created_from:
            params["created[gte]"] = _whole_seconds(api.shift(query.created_from, _SECOND - _MICROSECOND))
        return params

    def status_filters(self, query: api.PaymentQuery) -> Sequence[str | None]:
        return [None]  # also for refunded and expired, which no word means by itself

    def detail_request(self, payment_id: str) -> api.Request:
        return self.request(f"{self.list_path}/{api.quote_segment(payment_id)}", {"expand[]": self.expand})

    def to_page(self, page: Page) -> api.ListPage:
        return api.ListPage(page.data, has_more=page.has_more)

    def read(self, row: Row) -> tuple[api.PaymentStatus, int | Decimal | None, Charge | None]:
        """Return a payment's status, refunds aside, what was received, and the charge as far as the reply has it."""
        status = self.status_of(row.status or "")
        if status is api.PaymentStatus.CANCELED and row.cancellation_reason in ("expired", "automatic"):
            status = api.PaymentStatus.EXPIRED
        if isinstance(row.latest_charge, str):  # without the charge, nobody could tell what was refunded
            raise api.PaymentsAuthError(
                f"stripe: the charge of payment {row.id} came as an id, although it was asked for whole. The key needs "
                f"the permission to read Charges. Check {self.credentials_to_check}."
            )
        return status, row.amount_received, row.latest_charge

    def to_payment(self, row: Row, raw: bytes) -> api.Payment:
        status, captured, charge = self.read(row)
        currency = row.currency.upper() if row.currency else None
        decimals = api.currency_decimals(currency, DECIMALS)
        asked, received = api.parse_units(row.amount), api.parse_units(captured)
        is_paid = status is api.PaymentStatus.SUCCEEDED
        units = received if is_paid and received is not None else asked
        # What was authorized and never captured counts as refunded, too. It never left the payer.
        released = max(0, (asked or 0) - ((units if is_paid else received) or 0))
        counted = api.parse_units(charge.amount_refunded) if charge else None
        refunded = None if counted is None else max(0, counted - released)
        status, flags = api.after_refunds(status, units, refunded)
        flags += ("partly_captured",) if is_paid and released > 0 else ()
        flags += ("disputed",) if charge and charge.disputed else ()
        flags += ("test",) if row.livemode is False else ()
        balance = charge.balance_transaction if charge else None
        settled = balance if isinstance(balance, BalanceTransaction) else None  # else its id
        paid = settled or charge
        told = settled if settled and (settled.currency or "").upper() == currency else BalanceTransaction()
        return self.new_payment(
            row.id,
            status,
            row.status or "",
            flags=flags,
            amount=api.scale_units(units, decimals),
            currency=currency,
            amount_minor=units,
            fee=api.scale_units(api.parse_units(told.fee), decimals),
            net_amount=api.scale_units(api.parse_units(told.net), decimals),
            refunded_amount=api.scale_units(refunded, decimals),
            order_id=api.text_of(row.metadata, self._order_key) or api.text_of(row.payment_details, "order_reference"),
            description=row.description,
            payer_id=row.customer if isinstance(row.customer, str) else api.text_of(row.customer, "id"),
            created_at=api.parse_unix_seconds(row.created),
            completed_at=api.parse_unix_seconds(paid.created if is_paid and paid else row.canceled_at),
            raw=_withhold_secrets(raw),
        )


class ChargesApi(PaymentIntentsApi):
    """Attempts to pay: several of one PaymentIntent, and those of none. What is not here is alike."""

    list_path = "/v1/charges"
    own_filters = ("customer", "payment_intent", "transfer_group")
    expand = "balance_transaction"
    statuses = {
        "pending": api.PaymentStatus.PROCESSING,
        "succeeded": api.PaymentStatus.SUCCEEDED,
        "failed": api.PaymentStatus.FAILED,
    }

    def read(self, row: Row) -> tuple[api.PaymentStatus, int | Decimal | None, Charge | None]:
        status = self.status_of(row.status or "")
        if status is api.PaymentStatus.SUCCEEDED and row.captured is False:
            # One that was let go is called refunded, although no money has moved.
            status = api.PaymentStatus.EXPIRED if row.refunded else api.PaymentStatus.AUTHORIZED
        return status, row.amount_captured, row


class StripeHook(PaymentsHook):
    """Lists the payments of Stripe.

    Connection: a restricted or secret key in ``password``. ``extra``: ``resource`` (``payment_intents``, the default,
    or ``charges``), ``stripe_account``, ``api_version``, ``order_key`` (default ``order_id``).
    """

    conn_type = "stripe"
    hook_name = "Stripe"
    default_conn_name = "stripe_default"
    default_host = "https://api.stripe.com"
    api_class = PaymentIntentsApi

    def build_api(self, credentials: api.Credentials) -> api.PaymentsApi:
        resources = {"payment_intents": PaymentIntentsApi, "charges": ChargesApi}
        return resources[credentials.choice("resource", *resources)](credentials)


_list_from = partial(api.CursorReader, start_params=lambda moment: {"created[lte]": _whole_seconds(moment)})


def _newest_first(query: api.PaymentQuery) -> dict[str, Any]:
    return {"order": api.Order.NEWEST_FIRST, "starts_at": _last_moment(query)}


def _last_moment(query: api.PaymentQuery) -> datetime | None:
    return api.shift(query.created_to, -_MICROSECOND) if query.created_to else None


def _whole_seconds(moment: datetime) -> str:
    return str(max(0, api.unix_milliseconds(moment) // 1000))
