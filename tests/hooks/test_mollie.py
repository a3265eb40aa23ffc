"""Mollie: keys and tokens, links, windows without a filter, money that went back, and its own client beside ours."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from mollie.api.client import Client
from mollie.api.objects.payment import Payment as TheirPayment

from airflow_provider_payments.exceptions import (
    PaymentNotFound,
    PaymentsAuthError,
    PaymentsConfigError,
    PaymentsProtocolError,
    PaymentsThrottled,
)
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.operators.list_payments import ListPaymentsOperator
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.sandbox import Call, Sandbox
from airflow_provider_payments.sandbox.mollie import OTHER_KEY, TEST_KEY, TOKEN
from airflow_provider_payments.sandbox.mollie_data import OTHER_PROFILE, PROFILE

Connect = Callable[..., PaymentsHook]
Collect = Callable[..., list[Payment]]
Ask = Callable[..., Any]
ROUTE = "/v2/payments"


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with Sandbox(payments={"mollie": 120}) as running:
        connection = running.connections()["mollie_default"]
        monkeypatch.setenv("AIRFLOW_CONN_MOLLIE_DEFAULT", json.dumps(connection))
        yield running


def rows_of(sandbox: Sandbox, mode: str = "live", profile: str = PROFILE) -> list[Any]:
    return [row for row in sandbox.mollie.rows if (row["mode"], row["profileId"]) == (mode, profile)]


def ids_of(rows: list[Any]) -> list[str]:
    return [row["id"] for row in rows]


# Mollie's own client.


def read_with_theirs(sandbox: Sandbox, key: str, limit: int, **params: str) -> list[TheirPayment]:
    client = Client(api_endpoint=f"{sandbox.url}/mollie")
    (client.set_access_token if key.startswith("access_") else client.set_api_key)(key)
    page = client.payments.list(limit=limit, **params)
    found = list(page)
    while page.has_next():
        page = page.get_next()
        found += page
    return found


def net_of(payments: list[TheirPayment]) -> dict[str, Decimal]:
    """What was received less what went back, of payments of which something is left, from their client alone."""

    def value(amount: Any) -> Decimal:
        return Decimal(amount["value"]) if amount else Decimal(0)

    left: dict[str, Decimal] = defaultdict(Decimal)
    for payment in payments:
        received = value(payment.amount_captured) or value(payment.amount)
        back = value(payment.amount_refunded) + value(payment.amount_chargedback)
        if payment.is_paid() and back < received:
            left[payment.amount["currency"]] += received - back
    return dict(left)


@pytest.mark.parametrize("limit", [2, 7, 250])
def test_the_official_client_finds_the_same(connect: Connect, collect: Collect, sandbox: Sandbox, limit: int) -> None:
    key = sandbox.connections()["mollie_default"]["password"]
    theirs = read_with_theirs(sandbox, key, limit)
    ours = collect(connect("mollie", {"page_size": limit}))
    assert len(theirs) > 100
    assert [each.id for each in ours] == [each.id for each in theirs]
    for one, other in zip(ours, theirs, strict=True):
        asked, captured = other.amount, other.amount_captured
        received = captured if captured and Decimal(captured["value"]) else asked
        assert (str(one.amount), one.currency) == (received["value"], asked["currency"])
        assert one.created_at == datetime.fromisoformat(other.created_at)
        assert (one.provider_status, one.payer_id) == (other.status, other.customer_id)


def test_net_of_the_manifest_is_that_of_the_official_client(connect: Connect, sandbox: Sandbox, tmp_path: Path) -> None:
    connect("mollie", {"page_size": 50})
    task = ListPaymentsOperator(
        task_id="list", payments_conn_id="mollie_default", output_path=(tmp_path / "p.jsonl").as_uri()
    )
    manifest = task.execute({})
    received, back = manifest["succeeded_amounts"], manifest["refunded_amounts"]
    net = {currency: Decimal(total) - Decimal(back.get(currency, "0")) for currency, total in received.items()}
    assert {"EUR", "JPY", "ISK"} <= net.keys()
    assert back
    assert net == net_of(read_with_theirs(sandbox, sandbox.connections()["mollie_default"]["password"], 250))
    assert (manifest["complete"], manifest["amounts_unknown"], manifest["warnings"]) == (True, 0, [])


@pytest.mark.parametrize("mode", ["live", "test"])
def test_the_official_client_finds_the_same_with_an_access_token(
    connect: Connect, collect: Collect, sandbox: Sandbox, mode: str
) -> None:
    extra = {"profile_id": PROFILE, **({"testmode": True} if mode == "test" else {})}
    params = {"profileId": PROFILE, **({"testmode": "true"} if mode == "test" else {})}
    ours = collect(connect("mollie", extra, password=TOKEN))
    theirs = read_with_theirs(sandbox, TOKEN, 250, **params)
    assert [each.id for each in ours] == [each.id for each in theirs] == ids_of(rows_of(sandbox, mode))


# Keys and tokens.


def test_an_api_key_is_one_website_and_one_mode(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    other = collect(connect("mollie", password=OTHER_KEY))
    assert ids_of(rows_of(sandbox, "live", OTHER_PROFILE)) == [each.id for each in other]
    assert other
    test = collect(connect("mollie", password=TEST_KEY))
    assert ids_of(rows_of(sandbox, "test")) == [each.id for each in test]
    assert test
    assert all("test" in each.flags for each in test)
    assert not any("test" in each.flags for each in collect(connect("mollie")))
    assert not any({"profileId", "testmode"} & call.query.keys() for call in sandbox.requests)


def test_an_access_token_says_which_website_on_every_page(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    extra = {"profile_id": OTHER_PROFILE, "page_size": 2}
    assert len(collect(connect("mollie", extra, password=TOKEN))) > 2
    assert {call.query.get("profileId") for call in sandbox.requests} == {OTHER_PROFILE}
    assert not any("testmode" in call.query for call in sandbox.requests)


def test_one_payment_of_the_test_mode(connect: Connect, ask: Ask, sandbox: Sandbox) -> None:
    row = rows_of(sandbox, "test")[0]
    hook = connect("mollie", {"profile_id": PROFILE, "testmode": "true"}, password=TOKEN)
    assert ask(hook.get_payment, row["id"]).flags[-1] == "test"
    assert sandbox.requests[-1].query == {"testmode": "true"}  # it takes no profileId
    for password, extra in ((TOKEN, {"profile_id": PROFILE}), (None, {})):
        live = connect("mollie", extra, **({"password": password} if password else {}))
        with pytest.raises(PaymentNotFound, match="No payment exists"):
            ask(live.get_payment, row["id"])


@pytest.mark.parametrize("extra", [{}, {"profile_id": ""}, {"profile_id": "  ", "testmode": True}])
def test_an_access_token_needs_a_website(
    connect: Connect, collect: Collect, ask: Ask, sandbox: Sandbox, extra: dict[str, Any]
) -> None:
    hook = connect("mollie", extra, password=TOKEN)
    for question in (lambda: collect(hook), lambda: ask(hook.has_pending), lambda: ask(hook.get_payment, "tr_1")):
        with pytest.raises(PaymentsConfigError, match=r"mollie_default.*profile_id"):
            question()
    ok, said = hook.test_connection()
    assert (ok, "profile_id" in said) == (False, True)
    assert TOKEN not in said
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("name", "value"), [("profile_id", PROFILE), ("testmode", True), ("testmode", "true"), ("testmode", False)]
)
def test_an_api_key_takes_no_website_and_no_mode(connect: Connect, sandbox: Sandbox, name: str, value: object) -> None:
    """Whoever sets them believes that they choose what is listed."""
    ok, said = connect("mollie", {name: value}).test_connection()
    assert not ok
    assert name in said
    assert "API key" in said
    assert sandbox.requests == []


def test_testmode_is_true_or_false(connect: Connect) -> None:
    with pytest.raises(PaymentsConfigError, match="testmode"):
        connect("mollie", {"profile_id": PROFILE, "testmode": "perhaps"}, password=TOKEN).resolve()


def test_a_token_without_permission_is_told_which(connect: Connect, sandbox: Sandbox) -> None:
    sandbox.mollie.token_permissions = set()
    ok, said = connect("mollie", {"profile_id": PROFILE}, password=TOKEN).test_connection()
    assert not ok
    for part in ("HTTP 403", "'API key or access token' and 'Profile id'", "has the permission payments.read"):
        assert part in said
    assert len(sandbox.requests) == 1


def test_a_wrong_key_is_told_without_a_permission(connect: Connect, sandbox: Sandbox) -> None:
    ok, said = connect("mollie", password="live_wrong").test_connection()
    assert not ok
    assert "Missing authentication, or failed to authenticate. Check 'API key or access token' of connection" in said
    assert "payments.read" not in said
    assert "live_wrong" not in said


# Pages.


@pytest.mark.parametrize("base", ["", "https://api.mollie.com", "http://127.0.0.1:9/elsewhere", "//["])
def test_of_a_link_only_the_cursor_is_used(connect: Connect, collect: Collect, sandbox: Sandbox, base: str) -> None:
    sandbox.mollie.link_base = base
    found = collect(connect("mollie", {"page_size": 7}))
    wanted = ids_of(rows_of(sandbox))
    assert [each.id for each in found] == wanted
    assert [call.path.partition("?")[0] for call in sandbox.requests] == [f"/mollie{ROUTE}"] * -(-len(wanted) // 7)
    assert [call.query for call in sandbox.requests] == [
        {"limit": "7", **({"from": first} if place else {})} for place, first in enumerate(wanted[::7])
    ]


def page_with(following: object) -> bytes:
    row = {"id": "tr_1", "status": "paid", "createdAt": "2026-01-01T00:00:00+00:00"}
    links = {} if following is ... else {"next": following}
    return json.dumps({"count": 1, "_embedded": {"payments": [row]}, "_links": links}).encode()


@pytest.mark.parametrize(
    "following",
    [
        ...,  # a page that does not say whether it is the last one is no last page
        {},
        {"href": None},
        {"href": "https://api.mollie.com/v2/payments"},
        {"href": "https://api.mollie.com/v2/payments?limit=50&from="},
        {"href": "https://api.mollie.com/v2/payments?limit=50#from=tr_2"},
        {"href": "https://api.mollie.com/v2/payments?from=tr_1"},  # itself, again and again
        "https://api.mollie.com/v2/payments?from=tr_2",
    ],
)
def test_a_link_that_leads_nowhere_is_an_error(
    connect: Connect, collect: Collect, reply_to_list: Callable[..., None], sandbox: Sandbox, following: object
) -> None:
    reply_to_list("mollie", 200, page_with(following))
    with pytest.raises(PaymentsProtocolError):
        collect(connect("mollie"))
    assert len(sandbox.requests) < 10


def test_a_page_with_fewer_payments_than_it_says_is_no_page(
    connect: Connect, collect: Collect, reply_to_list: Callable[..., None]
) -> None:
    body = page_with(None).replace(b'"count": 1', b'"count": 2')
    reply_to_list("mollie", 200, body)
    with pytest.raises(PaymentsProtocolError, match="has 2 payments, and has 1"):
        collect(connect("mollie"))


@pytest.mark.parametrize("page_size", [2, 250])
def test_payments_that_are_made_meanwhile_push_none_out(connect: Connect, sandbox: Sandbox, page_size: int) -> None:
    wanted = ids_of(rows_of(sandbox))
    sandbox.before_reply = lambda call: sandbox.mollie.add()
    listing = connect("mollie", {"page_size": page_size}).list_payments()
    found = [each.id for each in listing]
    assert found[-len(wanted) :] == wanted
    assert len(found) == len(set(found)) == len(wanted) + 1  # what came before the first reply
    assert (listing.report.is_complete, listing.report.duplicates_dropped) == (True, 0)


def test_a_cursor_that_mollie_does_not_know_is_its_own_error(
    connect: Connect, collect: Collect, sandbox: Sandbox
) -> None:
    def delete(call: Call) -> None:
        if "from" in call.query:
            sandbox.mollie.rows[:] = [row for row in sandbox.mollie.rows if row["id"] != call.query["from"]]

    sandbox.before_reply = delete
    with pytest.raises(Exception, match="HTTP 400: Invalid cursor value"):
        collect(connect("mollie", {"page_size": 7}))


# Windows.


def test_a_window_is_read_from_the_newest_down_to_its_start(
    connect: Connect, collect: Collect, sandbox: Sandbox
) -> None:
    rows = rows_of(sandbox)
    start = datetime.fromisoformat(rows[9]["createdAt"])
    found = collect(connect("mollie", {"page_size": 2}), created_from=start)
    assert [each.id for each in found] == [
        row["id"] for row in rows if datetime.fromisoformat(row["createdAt"]) >= start
    ]
    assert len(sandbox.requests) <= len(found) // 2 + 2  # one page tells that nothing more can be in the window


def test_payments_of_the_windows_first_second_on_several_pages(
    connect: Connect, collect: Collect, sandbox: Sandbox
) -> None:
    rows = rows_of(sandbox)
    second = rows[5]["createdAt"]
    for row in rows[5:14]:
        row["createdAt"] = second
    start = datetime.fromisoformat(second)
    hook = connect("mollie", {"page_size": 2})
    assert [each.id for each in collect(hook, created_from=start)] == ids_of(rows[:14])
    assert [each.id for each in collect(hook, created_to=start)] == ids_of(rows[14:])
    tick = timedelta(microseconds=1)
    assert [each.id for each in collect(hook, created_from=start, created_to=start + tick)] == ids_of(rows[5:14])
    assert [each.id for each in collect(hook, created_from=start + tick)] == ids_of(rows[:5])


@pytest.mark.parametrize("undated", [{"createdAt": None}, {"createdAt": None, "paidAt": None}])
def test_a_payment_without_a_creation_time_ends_no_reading(
    connect: Connect, collect: Collect, sandbox: Sandbox, undated: dict[str, Any]
) -> None:
    rows = rows_of(sandbox)
    paid = next(place for place, row in enumerate(rows) if place > 10 and row.get("paidAt"))
    start = datetime.fromisoformat(rows[-10]["createdAt"])
    wanted = {row["id"] for row in rows if datetime.fromisoformat(row["createdAt"]) >= start}
    rows[paid].update(undated)
    found = collect(connect("mollie", {"page_size": 2}), created_from=start)
    assert {each.id for each in found} == wanted


@pytest.mark.parametrize(("place", "is_far"), [(-30, True), (12, False)])
def test_a_window_far_behind_the_newest_payment_is_worth_a_warning(
    connect: Connect, sandbox: Sandbox, tmp_path: Path, place: int, is_far: bool, caplog: pytest.LogCaptureFixture
) -> None:
    rows = rows_of(sandbox)
    connect("mollie", {"page_size": 5})
    task = ListPaymentsOperator(
        task_id="list",
        payments_conn_id="mollie_default",
        created_from=rows[place + 10]["createdAt"],
        created_to=rows[place]["createdAt"],
        output_path=(tmp_path / "p.jsonl").as_uri(),
    )
    manifest = task.execute({})
    assert manifest["records"]
    assert manifest["complete"] is True
    assert ["list the whole range in one task" in each for each in manifest["warnings"]] == [True] * is_far
    assert ("list the whole range in one task" in caplog.text) is is_far


# Payments.


def test_refunded_is_what_mollie_calls_paid(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    hook = connect("mollie")
    everything = collect(hook)
    paid = [each for each in everything if each.provider_status == "paid"]
    refunded = collect(hook, statuses=["refunded"])
    assert refunded
    assert refunded == [each for each in paid if each.status.value == "refunded"]
    assert all(each.refunded_amount >= each.amount for each in refunded)
    assert collect(hook, statuses=["paid"]) == paid
    partly = [each for each in collect(hook, statuses=["succeeded"]) if "partly_refunded" in each.flags]
    assert partly
    assert all(0 < each.refunded_amount < each.amount for each in partly)


def test_an_estimate_of_the_settlement_is_no_fee(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    for row in rows_of(sandbox):
        row["settlementAmount"] = {"value": "9.75", "currency": "EUR"}
        row["applicationFee"] = {"amount": {"value": "1.50", "currency": "EUR"}, "description": "Platform"}
    assert {(each.fee, each.net_amount, each.amount_minor) for each in collect(connect("mollie"))} == {(None,) * 3}


@pytest.mark.parametrize(
    ("metadata", "order_id"),
    [
        ({"reference": "A-1", "order_id": "B-2"}, "A-1"),
        ({"reference": 17}, "17"),
        ({"reference": 1.5}, "ord_1"),
        ({"reference": None}, "ord_1"),
        ({"order_id": "B-2"}, "ord_1"),
        ("A-1", "ord_1"),
        (["A-1"], "ord_1"),
        (17, "ord_1"),
        (None, "ord_1"),
    ],
)
def test_the_order_is_in_the_metadata_or_mollies_own(
    connect: Connect, ask: Ask, sandbox: Sandbox, metadata: Any, order_id: str
) -> None:
    row = sandbox.mollie.add(metadata=metadata, orderId="ord_1")
    assert ask(connect("mollie", {"order_key": "reference"}).get_payment, row["id"]).order_id == order_id


def test_a_payment_that_is_captured_bit_by_bit(connect: Connect, ask: Ask, sandbox: Sandbox) -> None:
    """While it is authorized, what was captured is what was received; before that, what was asked."""
    amounts = {"amount": {"value": "10.00", "currency": "EUR"}, "amountRefunded": None, "paidAt": None}
    row = sandbox.mollie.add(status="authorized", amountCaptured={"value": "0.00", "currency": "EUR"}, **amounts)
    for captured, amount, flags in (
        ("0.00", "10.00", ()),
        ("4.00", "4.00", ("partly_captured",)),
        ("10.00", "10.00", ()),
    ):
        row["amountCaptured"]["value"] = captured
        payment = ask(connect("mollie").get_payment, row["id"])
        assert (payment.status.value, str(payment.amount), payment.flags) == ("authorized", amount, flags)
        assert payment.refunded_amount is None


def test_personal_data_stays_in_raw(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    found = collect(connect("mollie"))
    for payment in found:
        said = json.dumps(payment.to_dict(include_raw=False), ensure_ascii=False)
        details = json.loads(payment.raw).get("details")
        if details:
            assert details["consumerAccount"] not in said
            assert details["consumerName"] == "Bob" or details["consumerName"] not in said
    assert any(b"consumerAccount" in each.raw for each in found)


def test_the_pending_payment_is_looked_for_from_the_newest_on(connect: Connect, ask: Ask, sandbox: Sandbox) -> None:
    rows = rows_of(sandbox)
    for row in rows:
        row["status"] = "paid"
    rows[5]["status"] = "authorized"
    hook = connect("mollie", {"page_size": 4})
    assert ask(hook.has_pending) is True
    assert len(sandbox.requests) == 2
    assert ask(hook.has_pending, created_from=datetime(2026, 8, 21, 9, tzinfo=timezone.utc)) is False


# Errors.


def test_too_many_requests(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    sandbox.faults.throttle_every = 1
    sandbox.faults.retry_after = "400"
    with pytest.raises(PaymentsThrottled, match="HTTP 429: You have exceeded the rate limit") as caught:
        collect(connect("mollie"))
    assert caught.value.retry_after == 400
    assert len(sandbox.requests) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_mollies_own_refusal_has_links(
    connect: Connect, collect: Collect, reply_to_list: Callable[..., None], sandbox: Sandbox, status: int
) -> None:
    told = {"status": status, "title": "Refused", "detail": "Not you", "_links": {"documentation": {"href": "x"}}}
    reply_to_list("mollie", status, json.dumps(told).encode(), {"Content-Type": "application/hal+json"})
    with pytest.raises(PaymentsAuthError, match="Not you"):
        collect(connect("mollie"))
    assert len(sandbox.requests) == 1
