"""Stripe: money that came, went back or never moved; secrets; keys; two lists."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.http.operators.http import HttpOperator

from airflow_provider_payments.exceptions import (
    PaymentNotFound,
    PaymentsAuthError,
    PaymentsConfigError,
    PaymentsError,
    PaymentsProtocolError,
    PaymentsRequestError,
    PaymentsThrottled,
)
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.operators.list_payments import ListPaymentsOperator
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.sandbox import Sandbox
from tests.listing.drift import build_api

Connect = Callable[..., PaymentsHook]
Collect = Callable[..., list[Payment]]
Row = dict[str, Any]
ONCE = {"max_attempts": 1}
CHARGES = {"resource": "charges"}
DAY = 1767225600
"""The first second of 2026."""
PAID: Row = {
    "id": "pi_1",
    "status": "succeeded",
    "amount": 1000,
    "amount_received": 1000,
    "currency": "usd",
    "created": DAY,
}
CHARGE: Row = {
    "id": "ch_1",
    "status": "succeeded",
    "amount": 1000,
    "amount_captured": 1000,
    "amount_refunded": 0,
    "created": DAY,
}
DECIMALS = {"usd": 2, "eur": 2, "gbp": 2, "jpy": 0, "isk": 2, "ugx": 2, "kwd": 3}


def read(row: Row, **extra: Any) -> Payment:
    """Return the payment of a row of PaymentIntents."""
    return build_api("stripe", 100, 1, **extra).parse_payment(json.dumps(row).encode())


def read_charge(connect: Connect, row: Row) -> Payment:
    return connect("stripe", CHARGES).resolve()[0].parse_payment(json.dumps(row).encode())


def paid(charge: Row | str | None, **changes: Any) -> Payment:
    return read({**PAID, "latest_charge": {**CHARGE, **charge} if isinstance(charge, dict) else charge, **changes})


# Money.


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("10.00", "0.00", "succeeded", ())),
        ({"amount_refunded": 1}, ("10.00", "0.01", "succeeded", ("partly_refunded",))),
        ({"amount_refunded": 999}, ("10.00", "9.99", "succeeded", ("partly_refunded",))),
        ({"amount_refunded": 1000, "refunded": True}, ("10.00", "10.00", "refunded", ())),
        ({"disputed": True}, ("10.00", "0.00", "succeeded", ("disputed",))),
        ({"amount_refunded": None}, ("10.00", None, "succeeded", ())),
    ],
)
def test_what_went_back(changes: Row, expected: tuple[Any, ...]) -> None:
    record = paid(changes).to_dict()
    assert (record["amount"], record["refunded_amount"], record["status"], tuple(record["flags"])) == expected


@pytest.mark.parametrize(
    ("counted", "back", "status", "flags"),
    [
        (300, "0.00", "succeeded", ("partly_captured",)),
        (301, "0.01", "succeeded", ("partly_refunded", "partly_captured")),
        (1000, "7.00", "refunded", ("partly_captured",)),
        (0, "0.00", "succeeded", ("partly_captured",)),  # the rest is not released yet
    ],
)
def test_what_was_not_captured_never_left_the_payer(
    connect: Connect, counted: int, back: str, status: str, flags: tuple[str, ...]
) -> None:
    """Stripe counts it among what was refunded."""
    changes = {"amount_captured": 700, "amount_refunded": counted, "captured": True}
    for payment in (
        paid(changes, amount_received=700),
        read_charge(connect, {**CHARGE, **changes, "currency": "usd"}),
    ):
        record = payment.to_dict()
        assert (record["amount"], record["refunded_amount"], record["amount_minor"]) == ("7.00", back, "700")
        assert (record["status"], tuple(record["flags"])) == (status, flags)


@pytest.mark.parametrize("currency", ["USD", "usd", "isk", "ugx", "jpy", "kwd", "mga", "clf", "xof", "huf", "twd"])
def test_units_are_stripes_own(currency: str) -> None:
    decimals = {"jpy": 0, "mga": 0, "xof": 0, "kwd": 3, "clf": 4}.get(currency, 2)
    settled = {"currency": currency, "fee": 30, "net": 970}
    payment = paid({"amount_refunded": 10, "balance_transaction": settled}, currency=currency)
    amounts = (payment.amount, payment.fee, payment.net_amount, payment.refunded_amount)
    assert amounts == tuple(Decimal(units).scaleb(-decimals) for units in (1000, 30, 970, 10))
    assert (payment.currency, payment.amount_minor) == (currency.upper(), 1000)


def test_a_currency_that_is_not_known_is_no_guess() -> None:
    payment = paid({"amount_refunded": 10, "balance_transaction": {"currency": "zzz", "fee": 1}}, currency="zzz")
    assert (payment.amount, payment.fee, payment.refunded_amount, payment.amount_minor) == (None, None, None, 1000)
    assert payment.currency == "ZZZ"
    assert payment.flags == ("partly_refunded",)


@pytest.mark.parametrize("settled", [None, "txn_1", {"currency": "eur", "fee": 30, "net": 970}, {"fee": 30}])
def test_a_fee_that_is_not_told_in_the_payments_currency_is_null(settled: Any) -> None:
    payment = paid({"balance_transaction": settled})
    assert (payment.fee, payment.net_amount) == (None, None)
    assert payment.amount == Decimal("10.00")


def test_a_payment_without_a_charge_says_nothing_of_refunds() -> None:
    payment = paid(None)
    assert (payment.status.value, payment.amount) == ("succeeded", Decimal("10.00"))
    assert (payment.refunded_amount, payment.fee, payment.completed_at) == (None, None, None)


def test_a_charge_that_came_as_an_id_is_a_permission_that_the_key_lacks(
    connect: Connect, collect: Collect, sandbox: Sandbox
) -> None:
    """Listed without it, a payment that was refunded would count as money."""
    row = next(row for row in sandbox.stripe.rows if row["latest_charge"])
    row["latest_charge"] = "ch_1"
    hook = connect("stripe")
    for ask in (lambda: collect(hook), lambda: hook.get_payment(row["id"])):
        with pytest.raises(PaymentsAuthError, match=f"{row['id']}.*permission to read Charges"):
            ask()


def test_money_that_was_held_and_let_go_was_not_refunded(connect: Connect) -> None:
    let_go = {"amount_captured": 0, "amount_refunded": 1000, "captured": False, "refunded": True}
    payment = paid(
        let_go, status="canceled", amount_received=0, canceled_at=DAY + 604_800, cancellation_reason="expired"
    )
    assert (payment.status.value, payment.amount, payment.refunded_amount) == ("expired", Decimal("10.00"), 0)
    assert payment.completed_at == datetime(2026, 1, 8, tzinfo=timezone.utc)
    payment = read_charge(connect, {**CHARGE, **let_go, "currency": "usd"})
    assert (payment.status.value, payment.provider_status) == ("expired", "succeeded")
    assert (payment.refunded_amount, payment.flags) == (0, ())


@pytest.mark.parametrize(
    ("reason", "status"),
    [("expired", "expired"), ("automatic", "expired"), ("requested_by_customer", "canceled"), (None, "canceled")],
)
def test_why_it_was_canceled(reason: str | None, status: str) -> None:
    assert read({**PAID, "status": "canceled", "cancellation_reason": reason}).status.value == status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"status": "pending", "captured": False}, "processing"),
        ({"status": "failed", "captured": False}, "failed"),
        ({"captured": False}, "authorized"),
        ({"captured": True}, "succeeded"),
        ({}, "succeeded"),
        ({"captured": True, "amount_refunded": 1000}, "refunded"),
        ({"status": "brand_new", "captured": False}, "unknown"),
    ],
)
def test_charges_have_words_of_their_own(connect: Connect, changes: Row, status: str) -> None:
    assert read_charge(connect, {**CHARGE, "currency": "usd", **changes}).status.value == status


def test_net_by_currency_is_what_the_merchant_has(connect: Connect, sandbox: Sandbox, tmp_path: Path) -> None:
    """As somebody would add it up who knows nothing of statuses: what was received, less what refunds are."""
    wanted: defaultdict[str, int] = defaultdict(int)
    for row in sandbox.stripe.rows:
        charge = row["latest_charge"]
        if charge and charge["captured"]:
            wanted[row["currency"]] += charge["amount_captured"]
            wanted[row["currency"]] -= charge["amount_refunded"] - (charge["amount"] - charge["amount_captured"])
    for extra in ({}, CHARGES):
        connect("stripe", extra)
        operator = ListPaymentsOperator(
            task_id="list", payments_conn_id="stripe_default", output_path=(tmp_path / "p.jsonl").as_uri()
        )
        manifest: Any = operator.execute({})
        assert manifest["complete"]
        net = {
            currency: Decimal(amount) - Decimal(manifest["refunded_amounts"].get(currency, 0))
            for currency, amount in manifest["succeeded_amounts"].items()
        }
        kept = {code.upper(): Decimal(units).scaleb(-DECIMALS[code]) for code, units in wanted.items()}
        assert {code: amount for code, amount in net.items() if amount} == {c: a for c, a in kept.items() if a}
        assert len(net) > 4


# Who, what for, when.


@pytest.mark.parametrize("customer", ["cus_1", {"id": "cus_1", "object": "customer", "email": "me@example.com"}])
def test_a_customer_may_be_written_out(customer: Any) -> None:
    payment = read({**PAID, "customer": customer})
    assert payment.payer_id == "cus_1"
    assert "example.com" not in json.dumps(payment.to_dict(include_raw=False))


@pytest.mark.parametrize(
    ("extra", "changes", "order"),
    [
        ({}, {"metadata": {"order_id": "7"}, "payment_details": {"order_reference": "8"}}, "7"),
        ({}, {"metadata": {"order": "7"}, "payment_details": {"order_reference": "8"}}, "8"),
        ({}, {"metadata": {"order_id": ""}, "payment_details": None}, None),
        ({}, {"metadata": None}, None),
        ({"order_key": "order"}, {"metadata": {"order": "7", "order_id": "9"}}, "7"),
    ],
)
def test_the_order_is_where_the_connection_says(extra: Row, changes: Row, order: str | None) -> None:
    assert read({**PAID, **changes}, **extra).order_id == order


def test_when_it_was_paid() -> None:
    charge = {"created": DAY, "balance_transaction": {"created": DAY + 86_400}}  # captured a day later
    assert paid(charge).completed_at == datetime(2026, 1, 2, tzinfo=timezone.utc)
    assert paid({"created": DAY}).completed_at == datetime(2026, 1, 1, tzinfo=timezone.utc)
    assert paid({"created": DAY}, status="processing").completed_at is None


def test_test_mode_is_flagged() -> None:
    assert read({**PAID, "livemode": False}).flags == ("test",)
    assert read({**PAID, "livemode": True}).flags == read(PAID).flags == ()


# Secrets.


def test_no_client_secret_is_handed_out_or_logged(
    connect: Connect, collect: Collect, ask: Any, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    hook = connect("stripe", {"page_size": 7})
    with caplog.at_level(logging.DEBUG):
        payments = collect(hook)
        payments += [ask(hook.get_payment, each.id) for each in payments]
    sent = json.dumps(sandbox.stripe.rows)
    assert sent.count("payment_intent_client_secret=pi_") > 0
    assert sent.count("src_client_secret_") > 0
    for payment in payments:
        text = payment.to_json().decode() + repr(payment)
        assert "_secret_" not in text
        assert json.loads(text.partition("}Payment")[0] + "}")["raw"]["client_secret"] is None
    assert "_secret_" not in caplog.text


@pytest.mark.parametrize("field", ["amount", "created", "latest_charge", "status", "currency"])
def test_no_error_shows_a_client_secret(connect: Connect, collect: Collect, sandbox: Sandbox, field: str) -> None:
    row = sandbox.stripe.rows[3]
    row[field] = {"odd": row["client_secret"]}
    with pytest.raises(PaymentsProtocolError, match=row["id"]) as caught:
        collect(connect("stripe"))
    assert "_secret_" not in str(caught.value)


def test_a_refusal_that_repeats_the_payment_tells_no_secret(
    connect: Connect, collect: Collect, sandbox: Sandbox
) -> None:
    error = {"type": "invalid_request_error", "message": "No.", "payment_intent": {"client_secret": "pi_1_secret_2"}}
    body = json.dumps({"error": error}).encode()
    sandbox.faults.reply_with["stripe"].append((400, {"Request-Id": "req_9"}, body))
    with pytest.raises(PaymentsRequestError, match=r"invalid_request_error, request id req_9\): No\.") as caught:
        collect(connect("stripe"))
    assert "_secret_" not in str(caught.value)


# The connection.


def test_a_publishable_key_is_refused_before_any_request(connect: Connect, sandbox: Sandbox) -> None:
    hook = connect("stripe", password="pk_test_abcdef")
    with pytest.raises(PaymentsConfigError, match=r"stripe_default.*publishable.*restricted key \(rk_\)") as caught:
        hook.list_payments()
    assert "abcdef" not in str(caught.value)
    assert hook.test_connection() == (False, str(caught.value))
    assert sandbox.requests == []


@pytest.mark.parametrize("permission", ["payment_intent", "charge", "balance"])
def test_the_permission_that_is_missing_is_named(connect: Connect, sandbox: Sandbox, permission: str) -> None:
    """Stripe names it at the end of a long sentence."""
    sandbox.stripe.permissions.remove(permission)
    is_fine, said = connect("stripe").test_connection()
    assert not is_fine
    assert "HTTP 403" in said
    assert f"'rak_{permission}_read'" in said


def test_version_and_account_are_told_with_every_request(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    assert collect(connect("stripe", {"page_size": 7}))
    assert {call.header("Stripe-Version") for call in sandbox.requests} == {"2026-06-24.dahlia"}
    assert not any(call.header("Stripe-Account") for call in sandbox.requests)
    sandbox.requests.clear()
    version = "2024-06-20; some_beta=v1"
    hook = connect("stripe", {"api_version": version, "stripe_account": "acct_sandbox"})
    assert collect(hook)
    HttpOperator(task_id="call", http_conn_id="stripe_default", method="GET", endpoint="v1/charges?limit=1").execute({})
    assert len(sandbox.requests) == 2
    for call in sandbox.requests:
        assert (call.header("Stripe-Version"), call.header("Stripe-Account")) == (version, "acct_sandbox")


def test_an_account_of_somebody_else(connect: Connect, collect: Collect) -> None:
    with pytest.raises(PaymentsAuthError, match="account_invalid"):
        collect(connect("stripe", {"stripe_account": "acct_other"}))


@pytest.mark.parametrize("key", ["api_version", "stripe_account"])
@pytest.mark.parametrize("value", ["a\nb", "é"])
def test_what_no_header_can_carry(connect: Connect, key: str, value: str) -> None:
    with pytest.raises(PaymentsConfigError, match=key):
        connect("stripe", {key: value}).resolve()


def test_a_resource_that_there_is_not(connect: Connect) -> None:
    with pytest.raises(PaymentsConfigError, match="'resource' in extra must be one of payment_intents, charges"):
        connect("stripe", {"resource": "refunds"}).resolve()


# Lists.


def test_attempts_to_pay(connect: Connect, collect: Collect, ask: Any, sandbox: Sandbox) -> None:
    charges = [row["latest_charge"] for row in sandbox.stripe.rows if row["latest_charge"]]
    hook = connect("stripe", {**CHARGES, "page_size": 5})
    found = {each.id: each for each in collect(hook)}
    assert sorted(found) == sorted(charge["id"] for charge in charges)
    assert {call.route for call in sandbox.requests} == {"/v1/charges"}
    assert {each.status.value for each in found.values()} >= {"succeeded", "failed", "authorized", "expired"}
    for charge in charges[:5]:
        assert ask(hook.get_payment, charge["id"]) == found[charge["id"]]
    for status in ("authorized", "refunded", "expired", "failed"):
        wanted = {each.id for each in found.values() if each.status.value == status}
        assert wanted == {each.id for each in collect(hook, statuses=[status])} != set()
    intent = charges[0]["payment_intent"]
    assert [each.id for each in collect(hook, filters={"payment_intent": intent})] == [charges[0]["id"]]
    with pytest.raises(PaymentNotFound, match="No such charge"):
        ask(hook.get_payment, intent)


def test_statuses_that_share_a_word(connect: Connect, collect: Collect) -> None:
    hook = connect("stripe")
    for status, word in (("refunded", "succeeded"), ("expired", "canceled")):
        found = collect(hook, statuses=[status])
        assert {each.provider_status for each in found} == {word}


@pytest.mark.parametrize(
    ("extra", "name", "said"),
    [
        ({}, "transfer_group", "no filter 'transfer_group'. Its filters: customer, customer_account"),
        (CHARGES, "customer_account", "no filter 'customer_account'. Its filters: customer, payment_intent, transfer"),
    ],
)
def test_a_filter_of_the_other_list_is_an_error_before_any_request(
    connect: Connect, collect: Collect, ask: Any, sandbox: Sandbox, extra: Row, name: str, said: str
) -> None:
    hook = connect("stripe", extra)
    for fails in (lambda: collect(hook, filters={name: "x"}), lambda: ask(hook.has_pending, filters={name: "x"})):
        with pytest.raises(PaymentsConfigError, match=said):
            fails()
    assert sandbox.requests == []


def test_bounds_are_whole_seconds_on_the_right_side(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    """Half-open to the instant, with as few rows too many as an API of whole seconds permits: none."""
    hook = connect("stripe", {"page_size": 100})
    second = datetime.fromtimestamp(sandbox.stripe.rows[5]["created"], timezone.utc)
    at = int(second.timestamp())
    tick = timedelta(microseconds=1)
    times = {row["id"]: datetime.fromtimestamp(row["created"], timezone.utc) for row in sandbox.stripe.rows}
    for start, end, bounds in (
        (second, second + tick, (at, at)),
        (second - tick, second + tick, (at, at)),
        (second + tick, second + timedelta(seconds=1), (at + 1, at)),
        (second, second + timedelta(seconds=1), (at, at)),
        (second - timedelta(seconds=1), second, (at - 1, at - 1)),
    ):
        sandbox.requests.clear()
        found = collect(hook, created_from=start, created_to=end)
        (call,) = sandbox.requests
        assert (call.query["created[gte]"], call.query["created[lte]"]) == tuple(map(str, bounds))
        assert {each.id for each in found} == {key for key, time in times.items() if start <= time < end}


def test_times_before_1970_are_asked_for_as_nothing(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    assert collect(connect("stripe"), created_from="0001-01-01T00:00:00Z")
    assert {call.query["created[gte]"] for call in sandbox.requests} == {"0"}


@pytest.mark.parametrize("page_size", [2, 7, 100])
@pytest.mark.parametrize("extra", [{}, CHARGES], ids=["payment_intents", "charges"])
def test_rows_of_one_second_and_rows_in_front(
    connect: Connect, collect: Collect, sandbox: Sandbox, page_size: int, extra: Row
) -> None:
    """Slices side by side meet within a crowd of one second, while new payments arrive."""
    for number in range(60):
        sandbox.stripe.add(datetime(2026, 8, 12, 8, tzinfo=timezone.utc) - timedelta(hours=number // 20))
    before = collect(connect("stripe", {"page_size": 100, **extra}))
    sandbox.before_reply = lambda call: sandbox.stripe.add()
    hook = connect("stripe", {"page_size": page_size, "max_concurrency": 4, **extra})
    listing = hook.list_payments()
    found = [each.id for each in listing]
    assert len(found) == len(set(found))
    assert {each.id for each in before} <= set(found)
    assert listing.report.is_complete
    window = {"created_from": "2026-08-12T06:00:00Z", "created_to": "2026-08-12T08:00:00.000001Z"}
    wanted = [each for each in before if "2026-08-12T06" <= each.to_dict()["created_at"] < "2026-08-12T08:00:01"]
    assert len(wanted) > 40
    assert sorted(each.id for each in collect(hook, **window)) == sorted(each.id for each in wanted)


def test_a_cursor_never_contradicts_the_times_that_are_asked_for(
    connect: Connect, collect: Collect, sandbox: Sandbox
) -> None:
    created = {row["id"]: row["created"] for row in sandbox.stripe.rows}
    window = {"created_from": "2026-08-11T12:00:00Z", "created_to": "2026-08-12T07:30:00Z"}
    assert collect(connect("stripe", {"page_size": 2}), **window)
    assert len(sandbox.requests) > 5
    for call in sandbox.requests:
        first, last = (int(call.query[f"created[{name}]"]) for name in ("gte", "lte"))
        if "starting_after" in call.query:
            assert first <= created[call.query["starting_after"]] <= last


def test_an_empty_page_that_promises_more_is_an_error(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    body = b'{"object": "list", "has_more": true, "data": []}'
    sandbox.before_reply = lambda call: sandbox.faults.reply_with["stripe"].append((200, {}, body))
    with pytest.raises(PaymentsProtocolError, match="progress"):
        collect(connect("stripe"))


# Limits.


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (429, {"type": "invalid_request_error", "code": "rate_limit"}),
        (429, {"type": "invalid_request_error", "code": "lock_timeout"}),
        (429, {"type": "rate_limit_error"}),
        (400, {"type": "invalid_request_error", "code": "rate_limit"}),
        (409, {"type": "invalid_request_error", "code": "lock_timeout"}),
    ],
)
def test_too_many_requests_without_a_word_on_how_long(
    connect: Connect, collect: Collect, sandbox: Sandbox, status: int, error: Row
) -> None:
    body = json.dumps({"error": error}).encode()
    sandbox.faults.reply_with["stripe"].append((status, {}, body))
    assert len(collect(connect("stripe"))) == 40
    assert [call.status for call in sandbox.requests] == [status, 200]
    sandbox.faults.reply_with["stripe"].append((status, {}, body))
    with pytest.raises(PaymentsThrottled) as caught:
        collect(connect("stripe", ONCE))
    assert caught.value.retry_after is None


def test_another_400_is_not_tried_again(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    sandbox.faults.reply_with["stripe"].append((400, {}, b'{"error": {"type": "invalid_request_error"}}'))
    with pytest.raises(PaymentsError, match="HTTP 400") as caught:
        collect(connect("stripe"))
    assert type(caught.value) is PaymentsRequestError
    assert len(sandbox.requests) == 1
