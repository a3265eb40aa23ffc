"""Razorpay: offsets without a total, 400 for what is not there, fees in another currency, payments that wake up."""

from __future__ import annotations

import base64
import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_payments.exceptions import (
    PaymentNotFound,
    PaymentsAuthError,
    PaymentsConfigError,
    PaymentsRequestError,
)
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.output.stats import PaymentStats
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.sandbox import Call, Sandbox
from airflow_provider_payments.waiting.status import StatusCondition

Connect = Callable[..., PaymentsHook]
Collect = Callable[..., list[Payment]]
Ask = Callable[..., Any]
START = datetime(2025, 11, 1, 12, tzinfo=timezone.utc)
SECOND = timedelta(seconds=1)
PLAIN = {
    "id": "pay_1",
    "status": "captured",
    "amount": 12345,
    "currency": "INR",
    "amount_refunded": 0,
    "fee": 291,
    "tax": 44,
    "order_id": "order_1",
    "notes": [],
    "created_at": 1762000000,
}


def parse(hook: PaymentsHook, **changes: Any) -> Payment:
    row = {name: value for name, value in {**PLAIN, **changes}.items() if value is not ...}
    return hook.resolve()[0].parse_payment(json.dumps(row).encode())


def ids(payments: list[Payment]) -> list[str]:
    return sorted(payment.id for payment in payments)


def fill(sandbox: Sandbox, number: int, per_second: int = 1) -> None:
    """Make so many payments and no others, of which so many share each second."""
    sandbox.razorpay.rows.clear()
    for place in range(number):
        sandbox.razorpay.add(START + place // per_second * SECOND, id=f"pay_{place:05}")


# What is asked for.


@pytest.mark.parametrize(
    ("created_from", "created_to", "asked"),
    [
        (None, None, {"from": "946684800"}),
        ("2025-11-01T12:00:00Z", None, {"from": "1761998399"}),
        (None, "2025-11-01T12:00:00Z", {"from": "946684800", "to": "1761998401"}),
        ("2025-11-01T12:00:00.5Z", "2025-11-01T12:00:00.500001Z", {"from": "1761998399", "to": "1761998401"}),
        # Beyond what the API takes.
        ("1970-01-01T00:00:00Z", "1990-01-01T00:00:00Z", {"from": "946684800", "to": "946684800"}),
        ("2000-01-01T00:00:00Z", "2120-12-31T00:00:00Z", {"from": "946684800", "to": "4765046400"}),
        ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", {"from": "946684800", "to": "4765046400"}),
        ("2500-01-01T00:00:00Z", None, {"from": "4765046400"}),
    ],
)
def test_a_window_is_asked_for_with_a_second_more(
    connect: Connect, collect: Collect, sandbox: Sandbox, created_from: Any, created_to: Any, asked: dict[str, str]
) -> None:
    collect(connect("razorpay"), created_from=created_from, created_to=created_to)
    assert {name: sandbox.requests[0].query.get(name) for name in ("from", "to")} == {"to": None, **asked}
    assert {call.status for call in sandbox.requests} == {200}


@pytest.mark.parametrize("includes_bounds", [True, False])
@pytest.mark.parametrize("page_size", [2, 100])
def test_a_window_is_exact_whether_or_not_the_api_counts_its_bounds_in(
    connect: Connect, collect: Collect, sandbox: Sandbox, page_size: int, includes_bounds: bool
) -> None:
    fill(sandbox, 20, per_second=2)
    sandbox.razorpay.includes_bounds = includes_bounds
    hook = connect("razorpay", {"page_size": page_size})
    for start, end, places in (
        (START + 3 * SECOND, START + 6 * SECOND, range(6, 12)),
        (START + 3 * SECOND, START + 3 * SECOND + timedelta(microseconds=1), range(6, 8)),
        (START + 3 * SECOND + timedelta(microseconds=1), START + 4 * SECOND, range(0)),
        (None, START + SECOND, range(2)),
        (START + 9 * SECOND, None, range(18, 20)),
        (START - 9 * SECOND, START, range(0)),
    ):
        found = collect(hook, created_from=start, created_to=end)
        assert ids(found) == [f"pay_{place:05}" for place in places], (start, end)


@pytest.mark.parametrize("page_size", [2, 7, 100])
@pytest.mark.parametrize("max_concurrency", [1, 4])
def test_payments_that_arrive_in_front_meanwhile(
    connect: Connect, collect: Collect, sandbox: Sandbox, page_size: int, max_concurrency: int
) -> None:
    fill(sandbox, 230, per_second=3)
    wanted = [row["id"] for row in sandbox.razorpay.rows]

    def arrive(call: Call) -> None:
        if len(sandbox.requests) % 2:
            sandbox.razorpay.add()

    sandbox.before_reply = arrive
    hook = connect("razorpay", {"page_size": page_size, "max_concurrency": max_concurrency})
    found = collect(hook)
    assert len(found) == len(set(ids(found)))
    assert set(wanted) <= set(ids(found))
    at_rest = collect(hook, created_to=START + 20 * SECOND)
    assert ids(at_rest) == sorted(wanted)[:60]


def test_a_list_at_rest_takes_few_requests_more_than_it_has_pages(connect: Connect, sandbox: Sandbox) -> None:
    fill(sandbox, 950)
    listing = connect("razorpay", {"max_concurrency": 1}).list_payments()
    assert len(list(listing)) == 950
    assert listing.report.is_complete
    assert listing.report.requests <= 10 + 2  # the end is shown by a page without news, and the head is seen twice


def test_a_list_that_is_not_newest_first_is_read_to_its_end(connect: Connect, sandbox: Sandbox) -> None:
    """The documentation does not promise the order."""
    fill(sandbox, 120)
    for mix in (sandbox.razorpay.rows.reverse, lambda: random.Random(1).shuffle(sandbox.razorpay.rows)):
        mix()
        listing = connect("razorpay", {"page_size": 7}).list_payments(created_from=START)
        assert len(list(listing)) == 120
        assert listing.report.is_complete


# Payments of one second whose order is another at each request: nothing says that Razorpay does so, or does not.


@pytest.mark.parametrize("max_concurrency", [1, 4])
@pytest.mark.parametrize(("number", "per_second", "page_size"), [(100, 100, 40), (250, 100, 100), (300, 3, 50)])
def test_ties_that_change_places_hide_no_payment_in_silence(
    connect: Connect, sandbox: Sandbox, number: int, per_second: int, page_size: int, max_concurrency: int
) -> None:
    fill(sandbox, number, per_second)
    sandbox.razorpay.shuffles_ties = True
    listing = connect("razorpay", {"page_size": page_size, "max_concurrency": max_concurrency}).list_payments()
    found = ids(list(listing))
    assert len(found) == len(set(found))
    assert len(found) == number or not listing.report.is_complete


@pytest.mark.parametrize("per_second", [1, 100])
def test_ties_that_keep_their_places_are_vouched_for(connect: Connect, sandbox: Sandbox, per_second: int) -> None:
    fill(sandbox, 250, per_second)
    listing = connect("razorpay", {"page_size": 40}).list_payments(created_from=START - SECOND)
    assert len(list(listing)) == 250
    assert listing.report.is_complete


# Who asks.


@pytest.mark.parametrize("account", ["", "acc_sandbox0000001"])
def test_the_key_and_the_account_are_sent(connect: Connect, collect: Collect, sandbox: Sandbox, account: str) -> None:
    assert collect(connect("razorpay", {"account_id": account}))
    call = sandbox.requests[0]
    assert base64.b64decode(call.header("Authorization").removeprefix("Basic ")) == (
        b"rzp_live_sandbox:sandbox.razorpay.secret"
    )
    assert call.header("X-Razorpay-Account") == account


@pytest.mark.parametrize(
    ("fields", "extra", "said"),
    [
        ({"login": "rzp_live:x"}, {}, "colon"),
        ({"login": None}, {}, r"the key id \(login\)"),
        ({"password": ""}, {}, r"the key secret \(password\)"),
        ({}, {"account_id": "acc_\u00e9"}, "'account_id' in extra"),
        ({}, {"account_id": ["acc"]}, "'account_id'"),
        ({}, {"order_key": {"a": 1}}, "'order_key'"),
        ({}, {"page_size": 101}, "at most 100"),
    ],
)
def test_a_connection_that_makes_no_sense(
    connect: Connect, fields: dict[str, Any], extra: dict[str, Any], said: str
) -> None:
    with pytest.raises(PaymentsConfigError, match=f"razorpay_default.*{said}"):
        connect("razorpay", extra, **fields).resolve()


@pytest.mark.parametrize(("login", "flags"), [("rzp_test_sandbox", ("test",)), ("rzp_live_sandbox", ())])
def test_payments_of_a_test_key_are_flagged(
    connect: Connect, collect: Collect, ask: Ask, login: str, flags: tuple[str, ...]
) -> None:
    hook = connect("razorpay", login=login)
    found = collect(hook)
    assert found
    for payment in (*found, ask(hook.get_payment, found[0].id)):
        assert ("test" in payment.flags) == bool(flags)


def test_a_wrong_key_is_said(connect: Connect) -> None:
    for wrong in ({"login": "rzp_live_other"}, {"password": "another"}):
        ok, said = connect("razorpay", **wrong).test_connection()
        assert not ok
        assert "HTTP 401" in said
        assert "The api key provided is invalid" in said
        assert "Check 'Key id' and 'Key secret' of connection 'razorpay_default'" in said


@pytest.mark.parametrize("status", [400, 401, 403])
def test_an_address_that_is_not_permitted_is_said(
    connect: Connect, collect: Collect, sandbox: Sandbox, status: int
) -> None:
    sandbox.razorpay.denied_with = status
    hook = connect("razorpay", {"account_id": "acc_sandbox0000001"})
    ok, said = hook.test_connection()
    assert not ok
    assert "Access Denied" in said
    assert "Check 'Key id', 'Key secret' and 'Account id'" in said
    assert "IP addresses" in said
    with pytest.raises(PaymentsAuthError):
        collect(hook)
    assert len(sandbox.requests) == 2  # neither was tried again


def test_a_refused_key_with_another_status_is_an_error_of_the_key(
    connect: Connect, collect: Collect, reply_to_list: Callable[..., None]
) -> None:
    body = b'{"error": {"code": "BAD_REQUEST_ERROR", "description": "The api key provided is invalid"}}'
    reply_to_list("razorpay", 400, body)
    with pytest.raises(PaymentsAuthError, match="Check 'Key id'"):
        collect(connect("razorpay"))


# One payment.


def test_what_is_not_there_is_400(connect: Connect, ask: Ask, sandbox: Sandbox) -> None:
    hook = connect("razorpay")
    with pytest.raises(PaymentNotFound, match="pay_unknown") as caught:
        ask(hook.get_payment, "pay_unknown")
    assert caught.value.status == 400
    refusal = (
        b'{"error": {"code": "BAD_REQUEST_ERROR", "description": "The id provided does not exist or access is no"}}'
    )
    sandbox.faults.reply_with["razorpay"].append((400, {"Content-Type": "application/json"}, refusal))
    with pytest.raises(PaymentNotFound):
        ask(hook.get_payment, sandbox.razorpay.rows[0]["id"])


def test_a_wrong_path_is_400_too_and_no_missing_payment(connect: Connect, ask: Ask, sandbox: Sandbox) -> None:
    hook = connect("razorpay", host=f"{sandbox.url}/razorpay/v2")
    with pytest.raises(PaymentsRequestError, match="The requested URL was not found") as caught:
        ask(hook.get_payment, sandbox.razorpay.rows[0]["id"])
    assert not isinstance(caught.value, PaymentNotFound)
    assert caught.value.status == 400


# Amounts.


@pytest.mark.parametrize(
    ("changes", "fee", "net"),
    [
        ({}, "2.91", "120.54"),  # the tax is within the fee
        ({"fee": 0, "tax": 0}, "0.00", "123.45"),
        ({"fee": None, "tax": None}, None, None),
        ({"fee": ...}, None, None),
        ({"currency": "USD"}, "2.91", "120.54"),
        ({"currency": "USD", "base_currency": "USD", "base_amount": 12345}, "2.91", "120.54"),
        ({"currency": "USD", "base_currency": "INR", "base_amount": 1086360}, None, None),
        ({"currency": "USD", "base_currency": "INR"}, None, None),
        ({"currency": "USD", "base_amount": 1086360}, None, None),
        ({"base_amount": 12345}, "2.91", "120.54"),
        ({"currency": "JPY", "amount": 5000, "fee": 12}, "12", "4988"),
        ({"currency": "KWD", "amount": 5000, "fee": 120}, "0.120", "4.880"),
        ({"currency": "QQQ"}, None, None),
        ({"currency": None}, None, None),
        ({"amount": None}, "2.91", None),
    ],
)
def test_a_fee_is_in_the_payments_currency_or_null(
    connect: Connect, changes: dict[str, Any], fee: str | None, net: str | None
) -> None:
    record = parse(connect("razorpay"), **changes).to_dict()
    assert (record["fee"], record["net_amount"]) == (fee, net)


#: Its own list of currencies, by how many decimals their smallest units have.
CURRENCIES = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: (
        "AED ALL AMD AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BZD CAD CHF CNY COP CRC CUP CVE CZK DKK "
        "DOP DZD EGP ETB EUR FJD GBP GHS GIP GMD GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR JMD KES KGS KHR KYD KZT LAK "
        "LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PEN PGK PHP PKR PLN "
        "QAR RON RSD RUB SAR SCR SEK SGD SLL SOS SVC SZL THB TRY TTD TWD TZS UAH USD UYU UZS XCD YER ZAR ZMW"
    ),
    3: "BHD IQD JOD KWD OMR TND",
}


def test_amounts_have_the_decimals_of_its_own_list_of_currencies(connect: Connect) -> None:
    hook = connect("razorpay")
    for decimals, currencies in CURRENCIES.items():
        for currency in currencies.split():
            payment = parse(hook, currency=currency, amount_refunded=5)
            assert payment.amount == Decimal(12345).scaleb(-decimals), currency
            assert payment.refunded_amount == Decimal(5).scaleb(-decimals), currency
            assert payment.amount_minor == 12345


@pytest.mark.parametrize(
    ("changes", "status", "flags", "refunded"),
    [
        ({}, "succeeded", (), "0.00"),
        ({"amount_refunded": 45, "refund_status": "partial"}, "succeeded", ("partly_refunded",), "0.45"),
        ({"status": "refunded", "amount_refunded": 12345, "refund_status": "full"}, "refunded", (), "123.45"),
        ({"status": "refunded", "amount_refunded": 12345, "captured": False}, "refunded", (), "123.45"),
        ({"amount_refunded": 12345, "refund_status": "full"}, "refunded", (), "123.45"),  # not yet called so
        ({"amount_refunded": None}, "succeeded", (), None),
        ({"amount_refunded": ...}, "succeeded", (), None),
        ({"status": "authorized"}, "authorized", (), "0.00"),
        ({"status": "failed"}, "failed", (), "0.00"),
    ],
)
def test_refunds(connect: Connect, changes: dict[str, Any], status: str, flags: Any, refunded: str | None) -> None:
    payment = parse(connect("razorpay"), **changes)
    assert (payment.status.value, payment.flags) == (status, flags)
    assert payment.to_dict()["refunded_amount"] == refunded


def test_net_is_what_has_succeeded_less_what_was_refunded(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    stats = PaymentStats()
    stats.add(collect(connect("razorpay")))
    told = stats.summary()
    net: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in sandbox.razorpay.rows:
        if row["captured"]:  # what was never captured has never been the merchant's
            kept = Decimal(row["amount"] - row["amount_refunded"])
            net[row["currency"]] += kept.scaleb(-{"JPY": 0, "KWD": 3}.get(row["currency"], 2))
    ours = {
        currency: Decimal(total) - Decimal(told["refunded_amounts"].get(currency, 0))
        for currency, total in told["succeeded_amounts"].items()
    }
    assert ours == {currency: total for currency, total in net.items() if currency in ours or total}
    assert {"INR", "USD", "JPY", "KWD"} <= set(ours)


# The merchant's order.


@pytest.mark.parametrize(
    ("notes", "found"),
    [
        ({"shop_order": "S-1"}, "S-1"),
        ({"shop_order": 1001}, "1001"),
        ({"other": "S-1"}, "order_1"),
        ({"shop_order": ""}, "order_1"),
        ({"shop_order": None}, "order_1"),
        ({"shop_order": {"a": 1}}, "order_1"),
        ({}, "order_1"),
        ([], "order_1"),
        (["shop_order"], "order_1"),
        (None, "order_1"),
        ("shop_order", "order_1"),
        (..., "order_1"),
    ],
)
def test_an_order_id_out_of_the_notes(connect: Connect, notes: Any, found: str) -> None:
    assert parse(connect("razorpay", {"order_key": "shop_order"}), notes=notes).order_id == found
    assert parse(connect("razorpay"), notes=notes).order_id == "order_1"


def test_an_order_is_asked_for(connect: Connect, sandbox: Sandbox) -> None:
    """By one request for each, among however many payments."""
    hook = connect("razorpay")
    wait = StatusCondition(order_ids=["order_one", "order_two"])
    assert not hook.look_up(wait.poll)
    assert sandbox.requests.pop().route == "/v1/payments"  # once, where none is found: whether the API is there
    sandbox.razorpay.add(order_id="order_one", status="failed")
    sandbox.razorpay.add(order_id="order_one")
    sandbox.razorpay.add(order_id="order_two", status="authorized")
    assert not hook.look_up(wait.poll)
    sandbox.razorpay.rows[0]["status"] = "captured"
    assert hook.look_up(wait.poll)
    routes = Counter(call.route for call in sandbox.requests)
    assert set(routes) == {"/v1/orders/order_one/payments", "/v1/orders/order_two/payments"}
    assert sum(routes.values()) <= 3 * 2 + 2  # once more before an end is believed


def test_an_order_of_the_merchants_own_is_searched_for(connect: Connect, sandbox: Sandbox) -> None:
    hook = connect("razorpay", {"order_key": "shop_order"})
    wait = StatusCondition(order_ids=["S-77"])
    assert not hook.look_up(wait.poll)
    sandbox.razorpay.add(notes={"shop_order": "S-77"})
    assert hook.look_up(wait.poll)
    assert {call.route for call in sandbox.requests} == {"/v1/payments"}


def test_a_refused_request_for_an_order_is_an_error(connect: Connect, sandbox: Sandbox) -> None:
    hook = connect("razorpay", host=f"{sandbox.url}/razorpay/v2")
    with pytest.raises(PaymentsRequestError, match="The requested URL was not found"):
        hook.look_up(StatusCondition(order_ids=["order_one"]).poll)


# Statuses.


@pytest.mark.parametrize("request_number", [2, 25])
def test_a_failed_payment_that_wakes_up(
    connect: Connect, collect: Collect, sandbox: Sandbox, request_number: int
) -> None:
    """In its own place, for the list is sorted by creation: so a window has to reach back as far."""
    fill(sandbox, 30)
    late = sandbox.razorpay.rows[20]
    late.update(status="failed", captured=False, fee=None, tax=None)

    def wake_up(call: Call) -> None:
        if len(sandbox.requests) == request_number:
            late["status"] = "authorized"

    sandbox.before_reply = wake_up
    hook = connect("razorpay", {"page_size": 2, "max_concurrency": 1})

    def statuses() -> list[str]:
        return [payment.status.value for payment in collect(hook) if payment.id == late["id"]]

    assert statuses() == ["authorized" if request_number == 2 else "failed"]
    assert statuses() == ["authorized"]
    assert late["id"] not in ids(collect(hook, created_from=START + 10 * SECOND))


def test_an_unknown_status_is_kept_apart(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    sandbox.razorpay.add(status="on_hold")
    found = Counter((each.status.value, each.provider_status) for each in collect(connect("razorpay")))
    assert found["unknown", "on_hold"] == 1
