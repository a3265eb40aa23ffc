"""PayPal, Transaction Search.

=============  =====================================================================================================
Documentation  https://developer.paypal.com/docs/api/transaction-search/v1/
Host           ``https://api-m.paypal.com``; for tests ``https://api-m.sandbox.paypal.com``, with an app of its own
Credentials    OAuth 2.0 client credentials; the app needs the permission "Transaction Search"
List           ``GET /v1/reporting/transactions``, the account's ledger: ``start_date`` and ``end_date``, at most 31
               days apart and three years back (does an end count in? not told, nor the order); what moved the balance,
               and with ``balance_affecting_records_only=N`` the rest. One payment: ``transaction_id``
Pages          ``page`` from 1, ``page_size`` (100, at most 500), ``total_items``; more than 10,000 rows: refused
Delay          up to three hours: ``last_refreshed_datetime`` tells until when there are rows, and an ``end_date`` that
               is earlier than was asked; a ``start_date`` later than that is refused, with 400 or 404
Rows           ``transaction_event_code`` says what happened, and the amount's sign who got the money
               (https://developer.paypal.com/docs/transaction-search/transaction-event-codes/). Where there are none,
               ``transaction_details`` is left out (https://github.com/OCA/bank-statement-import/pull/843)
Amounts        signed texts in major units; ``fee_amount`` is negative, and may be in another currency
Time           ``transaction_initiation_date``, ``transaction_updated_date``: with Z, or like ``+0000``
Refunds        rows of their own; the payment's status is V once all of it went back. So are chargebacks, and what comes
               back of those (T1202: "chargeback reversal"), with the other sign
Limits         not published; clients that ask 50 times a minute report to be locked out for five minutes; 429: wait for
               30 seconds where there is no ``Retry-After`` (https://developer.paypal.com/api/rate-limiting/)
Errors         ``{"name", "message", "debug_id", "details": [{"issue"}]}``; of the token ``{"error": "invalid_client"}``
=============  =====================================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from airflow_provider_payments import api
from airflow_provider_payments.hooks.base import PaymentsHook

#: Groups of event codes that are payments where money came in: to the account, by card, by another instrument.
PAYMENTS = ("T00", "T07", "T30")
#: Event codes that are refunds and reversals where money went out.
REFUNDS = ("T1106", "T1107", "T1113", "T1114", "T1115", "T1116", "T1118")
#: Event codes of chargebacks: where money went out, and where it came back (reversed, reimbursed, cancelled).
CHARGEBACKS = ("T1201", "T1202", "T1205", "T1207", "T1208")
#: What is pending or was denied has moved no balance.
_WITH_UNSETTLED = {"balance_affecting_records_only": "N"}
#: The flag of all other rows, which count and are not listed.
_OTHER = "other"
_LONGEST = timedelta(days=31)


class Money(msgspec.Struct, gc=False):
    """An amount."""

    currency_code: str | None = None
    value: Decimal | None = None


class TransactionInfo(msgspec.Struct, gc=False):
    """What the ledger says of a transaction."""

    transaction_id: str
    paypal_account_id: str | None = None
    transaction_event_code: str | None = None
    transaction_initiation_date: str | None = None
    transaction_updated_date: str | None = None
    transaction_amount: Money | None = None
    fee_amount: Money | None = None
    transaction_status: str | None = None
    invoice_id: str | None = None
    custom_field: str | None = None


class Row(msgspec.Struct, gc=False):
    """A row of the ledger. Of who paid, only the id is not personal data."""

    transaction_info: TransactionInfo
    payer_info: Any = None


class Page(msgspec.Struct):
    """``{"transaction_details": […], "end_date", "last_refreshed_datetime", "page", "total_items", "total_pages"}``."""

    transaction_details: list[msgspec.Raw] | None = None
    total_items: int | None = None
    end_date: str | None = None
    last_refreshed_datetime: str | None = None


class PayPalApi(api.PaymentsApi):
    """The facts of PayPal."""

    name = "paypal"
    list_path = "/v1/reporting/transactions"
    id_field = "transaction_info.transaction_id"
    default_page_size = max_page_size = 500
    default_requests_per_second = 0.5
    throttle_wait = 30.0
    repeats_payments = True
    #: A day less than a window, for time passes between a search's lists. Each poll asks three times, not a hundred.
    orders = api.OrderLookup(reach=_LONGEST - timedelta(days=1))
    status_param = "transaction_status"
    #: Not by S: most payments have it, and leave that list when they get V, so that it would have to be read twice.
    filterable_statuses = ("P", "D", "V")
    filters = (
        *("balance_affecting_records_only", "payment_instrument_type", "store_id", "terminal_id"),
        *("transaction_amount", "transaction_currency", "transaction_id", "transaction_type"),
    )
    error_fields = ("name message", "debug_id", "error_description")
    page_type = Page
    row_type = Row
    statuses = {
        "P": api.PaymentStatus.PENDING,
        "D": api.PaymentStatus.FAILED,
        "S": api.PaymentStatus.SUCCEEDED,
        "V": api.PaymentStatus.SUCCEEDED,  # what went back is a row of its own
    }
    flags = {"V": "reversed"}

    def build_auth(self, credentials: api.Credentials) -> api.Auth:
        return api.client_credentials(
            f"{credentials.base_url}/v1/oauth2/token",
            client_id=credentials.secret(credentials.login, "the client id (login)"),
            client_secret=credentials.secret(credentials.password, "the client secret (password)"),
            scope=None,
            in_body=False,
            parse_token=partial(api.parse_access_token, self.name),
        )

    def credential_fields(self) -> Sequence[str]:
        return ("login", "password", "host")  # those of the sandbox are refused by the live host

    @property
    def credentials_to_check(self) -> str:
        return (
            f"{super().credentials_to_check}; and, where it answers 403, whether the app has the permission "
            "'Transaction Search', which new tokens get up to nine hours later"
        )

    def list_reader(self, query: api.PaymentQuery) -> api.MakeReader:
        pages = partial(api.PageNumberReader, size_param="page_size", first_page=1)
        return partial(
            api.WindowsReader,
            company="PayPal",
            list_within=pages if "P" in self.status_filters(query) else api.LedgerReader,  # rows leave only the former
            window_params=lambda start, end: {"start_date": _write_time(start), "end_date": _write_time(end)},
            is_too_large=lambda refusal: "RESULTSET_TOO_LARGE" in str(refusal),
            is_too_late=lambda refusal: "start date is not available" in str(refusal),
            longest=_LONGEST,
            reaches_back=timedelta(days=3 * 365 - 1),  # a day less: what is too early would be refused
            delay=timedelta(hours=3),
            splitting_filters=("transaction_currency", "transaction_type"),
        )

    def build_params(self, query: api.PaymentQuery, provider_status: str | None) -> dict[str, str]:
        widened = _WITH_UNSETTLED if provider_status in ("P", "D") else {}
        return {**widened, **super().build_params(query, provider_status), "fields": "transaction_info,payer_info"}

    def plan_listing(self, query: api.PaymentQuery, limit: int, max_concurrency: int) -> list[api.Stage]:
        if query.has_statuses:
            limit = self.page_size  # the only row of a small page may be no payment
        if "transaction_id" in query.filters:
            max_concurrency = 1  # from the latest window back to the one that has it
        plan = super().plan_listing
        stages = plan(query, limit, max_concurrency)
        if self.status_filters(query) != [None] or not _WITH_UNSETTLED.keys().isdisjoint(query.filters):
            return stages
        # That list has what moved the balance. What is pending comes first: settled meanwhile, it is seen once more.
        # One list of both (N) would not tell which of two rows with one id did, and be cut and counted with more rows.
        narrowed = partial(replace, query, statuses=frozenset())
        lists = {
            word: plan(narrowed(provider_statuses=frozenset({word})), limit, max_concurrency)[0].partitions
            for word in ("P", "D")
            if not query.has_statuses or word in query.provider_statuses or self.statuses[word] in query.statuses
        }
        pending = [api.Stage(lists.pop("P"))] if "P" in lists else []
        return [*pending, api.Stage([*stages[0].partitions, *lists.get("D", ())])]

    def query_for(self, payment_id: str) -> api.PaymentQuery:
        return api.PaymentQuery(filters={"transaction_id": re.split(r":T\d{4}", payment_id)[0], **_WITH_UNSETTLED})

    def matches(self, query: api.PaymentQuery, payment: api.Payment) -> bool:
        return _OTHER not in payment.flags

    def particular_ids(self, payment: api.Payment) -> Sequence[str]:
        info = self.parse_row(payment.raw).transaction_info
        by_code = f"{info.transaction_id}:{info.transaction_event_code}"
        moment = payment.created_at and _write_time(payment.created_at)
        value = _read_money(info.transaction_amount)[0]
        return by_code, f"{by_code}:{moment}:{value}"  # neither changes when the status does

    def to_page(self, page: Page) -> api.ListPage:
        rows, total = page.transaction_details, page.total_items
        told = list(filter(None, map(api.parse_time, (page.end_date, page.last_refreshed_datetime))))
        if rows is None and total is None and not told:  # the object of somebody else
            raise api.PaymentsProtocolError("it has neither transactions nor says that there are none")
        total = total or 0 if rows is None else total
        return api.ListPage(rows or [], total=total, data_until=min(told, default=None))

    def to_payment(self, row: Row, raw: bytes) -> api.Payment:
        info = row.transaction_info
        provider_status, code = info.transaction_status or "", info.transaction_event_code or ""
        amount, currency = _read_money(info.transaction_amount)
        fee, fee_currency = _read_money(info.fee_amount)
        if fee_currency != currency:
            fee = None
        has_gone, has_come = (amount is None or amount < 0), (amount is None or amount > 0)
        is_refund = (code in REFUNDS and has_gone) or (code in CHARGEBACKS and (has_gone or has_come))
        is_listed = is_refund or (code.startswith(PAYMENTS) and has_come)
        flags = self.flags_of(provider_status) if is_listed else (_OTHER,)
        net = None if amount is None or fee is None else api.add(amount, fee)
        if is_refund:  # what went out is positive, and what came back is negative
            amount, net = (each and each.copy_negate() for each in (amount, net))  # - would round
            flags = flags if amount is None or amount > 0 else (*flags, "reversal_canceled")
        return self.new_payment(
            info.transaction_id if is_listed else f"{info.transaction_id}:{code}",  # which a payment may have, too
            self.status_of(provider_status),
            provider_status,
            api.PaymentKind.REFUND if is_refund else api.PaymentKind.PAYMENT,
            flags,
            amount,
            currency,
            fee=fee and fee.copy_negate(),
            net_amount=net,
            order_id=info.invoice_id or info.custom_field,
            payer_id=api.text_of(row.payer_info, "account_id") or info.paypal_account_id,
            created_at=api.parse_time(info.transaction_initiation_date),
            updated_at=api.parse_time(info.transaction_updated_date),
            raw=raw,
        )


class PayPalHook(PaymentsHook):
    """Lists the payments and refunds of PayPal.

    Connection: client id in ``login``, client secret in ``password``.
    """

    conn_type = "paypal"
    hook_name = "PayPal"
    default_conn_name = "paypal_default"
    default_host = "https://api-m.paypal.com"
    api_class = PayPalApi


def _read_money(money: Money | None) -> tuple[Decimal | None, str | None]:
    return (api.parse_amount(money.value), money.currency_code) if money else (None, None)


def _write_time(moment: datetime) -> str:
    return api.format_milliseconds(moment).replace(".000", "")
