"""Stripe.

=============  =====================================================================================================
Documentation  https://docs.stripe.com/api/payment_intents/list, https://docs.stripe.com/api/charges/list
Host           ``https://api.stripe.com``, for live and test mode: the key decides
Credentials    a secret or restricted key, as Bearer; ``Stripe-Version`` on every request, for without it the account's
               own default decides what replies look like; ``Stripe-Account`` for a connected account
List           ``GET /v1/payment_intents`` or ``GET /v1/charges``: a charge is one attempt to pay a PaymentIntent; filters
               ``customer`` and others, ``created[gte]``, ``created[lte]`` (seconds, inclusive); none by status
Pages          newest first; ``limit`` (10, at most 100); ``has_more``; ``starting_after`` (the last id) leads to *older* ones
               (https://docs.stripe.com/api/pagination)
One payment    ``GET /v1/payment_intents/{id}``, ``GET /v1/charges/{id}``
Expansion      the charge and its balance transaction, which has the fee, are ids unless ``expand[]`` asks for them; so they
               are in older versions (https://docs.stripe.com/expand)
Amounts        whole numbers of the smallest unit as Stripe counts it, which is not always ISO 4217's
               (https://docs.stripe.com/currencies)
Time           ``created``, ``canceled_at``: Unix seconds; nothing tells the last change
Secrets        ``client_secret`` of a PaymentIntent lets anybody pay it: "should not be stored, logged, or exposed"
Limits         429, without Retry-After (https://docs.stripe.com/rate-limits); formerly 400 with code ``rate_limit``
Errors         ``{"error": {"type", "code", "message", "param"}}``, and the header ``Request-Id``
=============  =====================================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from airflow_provider_payments import api
from airflow_provider_payments.hooks.base import PaymentsHook

API_VERSION = "2026-06-24.dahlia"
#: Where Stripe counts otherwise than ISO 4217 (https://docs.stripe.com/currencies): kronur and shillings are sent in
#: hundredths although there are none, ariary whole.
DECIMALS = {"ISK": 2, "UGX": 2, "MGA": 0}
_SECOND = timedelta(seconds=1)
_TICK = timedelta(microseconds=1)

# The letters of a key, each of which JSON may write as its number.
_NAME = "".join(rf"(?:{each}|\\u{ord(each):04x})" for each in "client_secret")
_SECRETS = re.compile(rf'(?<=[{{,\s])("{_NAME}"\s*:\s*)"(?:[^"\\]|\\.)*"|({_NAME}=)[^"&#\\\s]+'.encode(), re.IGNORECASE)


class Reference(msgspec.Struct, gc=False):
    """An object of which only the id counts, where it is not an id alone."""

    id: str


class BalanceTransaction(msgspec.Struct, gc=False):
    """What a charge brought to the balance, in the currency that it is settled in."""

    currency: str | None = None
    fee: int | Decimal | None = None
    net: int | Decimal | None = None
    created: int | None = None


class PaymentDetails(msgspec.Struct, gc=False):
    """What a card's issuer is told of the order."""

    order_reference: str | None = None


class Charge(msgspec.Struct, gc=False):
    """An attempt to pay. As a row of a list of charges, it has more fields than within a PaymentIntent."""

    id: str
    status: str | None = None
    amount: int | Decimal | None = None
    amount_captured: int | Decimal | None = None
    amount_refunded: int | Decimal | None = None
    captured: bool | None = None
    refunded: bool | None = None
    disputed: bool | None = None
    balance_transaction: BalanceTransaction | str | None = None
    currency: str | None = None
    created: int | None = None
    customer: Reference | str | None = None
    description: str | None = None
    livemode: bool | None = None
    metadata: Any = None


class PaymentIntent(msgspec.Struct, gc=False):
    """A payment that was asked for."""

    id: str
    status: str | None = None
    amount: int | Decimal | None = None
    amount_received: int | Decimal | None = None
    cancellation_reason: str | None = None
    canceled_at: int | None = None
    latest_charge: Charge | str | None = None
    currency: str | None = None
    created: int | None = None
    customer: Reference | str | None = None
    description: str | None = None
    livemode: bool | None = None
    metadata: Any = None
    payment_details: PaymentDetails | None = None


class Page(msgspec.Struct):
    """``{"object": "list", "url": "/v1/payment_intents", "has_more": false, "data": […]}``."""

    has_more: bool
    data: list[msgspec.Raw]


class StripeApi(api.PaymentsApi):
    """The facts that both lists share."""

    name = "stripe"
    default_page_size = 100
    max_page_size = 100
    throttle_codes = ((400, "rate_limit"),)
    error_fields = ("error",)
    page_type = Page
    expand: str

    def build_auth(self, credentials: api.Credentials) -> api.Auth:
        key = credentials.header_value(credentials.password, "the API key (password)")
        if key.startswith("pk_"):
            raise api.PaymentsConfigError(
                f"Connection {credentials.connection_id!r}: the API key (password) is a publishable key (pk_), which "
                "cannot list payments. Use a restricted key (rk_), or a secret one (sk_)."
            )
        self.order_key = credentials.text("order_key", "order_id")
        version = credentials.header_value(credentials.text("api_version", API_VERSION), "'api_version' in extra")
        headers = {"Authorization": f"Bearer {key}", "Stripe-Version": version}
        if account := credentials.text("stripe_account"):
            headers["Stripe-Account"] = credentials.header_value(account, "'stripe_account' in extra")
        return api.HeaderAuth(headers, (key,))

    def list_reader(self, query: api.PaymentQuery) -> api.MakeReader:
        return partial(
            api.SlicedReader,
            list_from=_list_from,
            order=api.Order.NEWEST_FIRST,
            starts_at=_last_instant(query),
            margin=_SECOND,
        )

    def second_reader(self, query: api.PaymentQuery) -> api.MakeReader:
        return partial(_list_from, order=api.Order.NEWEST_FIRST, starts_at=_last_instant(query))

    def build_params(self, query: api.PaymentQuery, provider_status: str | None) -> dict[str, str]:
        params = {**super().build_params(query, provider_status), "expand[]": f"data.{self.expand}"}
        if query.created_from:
            params["created[gte]"] = str(-_seconds(query.created_from, -1))
        return params

    def detail_request(self, payment_id: str) -> api.Request:
        path = f"{self.list_path}/{api.quote_segment(payment_id)}"
        return self.request(path, {"expand[]": self.expand})
