"""GoCardless: cursors out of the reply, statuses that are not final for ever, refunds on the payment, exact windows."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from email.utils import format_datetime
from itertools import pairwise
from typing import Any

import pytest

from airflow_provider_payments.exceptions import (
    PaymentNotFound,
    PaymentsAuthError,
    PaymentsConfigError,
    PaymentsProtocolError,
    PaymentsRequestError,
    PaymentsThrottled,
)
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.sandbox import Call, Row, Sandbox
from airflow_provider_payments.sandbox.gocardless import LIVE_TOKEN
from tests.listing.drift import build_api

Connect = Callable[..., PaymentsHook]
Collect = Callable[..., list[Payment]]
MICROSECOND = timedelta(microseconds=1)


def read(**fields: Any) -> Payment:
    """One payment, as a row of these fields is read."""
    row = {"id": "PM1", "amount": 1000, "amount_refunded": 0, "currency": "GBP", "status": "paid_out"}
    row |= {"created_at": "2026-01-01T00:00:00.000Z", **fields}
    return build_api("gocardless", 100, 1).parse_payment(json.dumps(row).encode())


def ids(payments: list[Payment]) -> list[str]:
    return [payment.id for payment in payments]


def moment_of(row: Row) -> datetime:
    return datetime.fromisoformat(row["created_at"].replace("Z", "+00:00"))


# Requests.


def test_every_request_names_the_version(connect: Connect, collect: Collect, ask: Any, sandbox: Sandbox) -> None:
    hook = connect("gocardless")
    found = collect(hook)
    ask(hook.get_payment, found[0].id)
    ask(hook.has_pending)
    assert {call.header("GoCardless-Version") for call in sandbox.requests} == {"2015-07-06"}
    assert {call.header("Authorization")[:7] for call in sandbox.requests} == {"Bearer "}


def test_the_most_are_asked_for_and_no_order(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    collect(connect("gocardless"))
    (call,) = sandbox.requests
    assert call.query == {"limit": "500"}


@pytest.mark.parametrize("shape", ["null", "absent"])
@pytest.mark.parametrize("page_size", [2, 7, 40])
def test_the_reply_s_cursor_leads_on_until_there_is_none(
    connect: Connect, collect: Collect, sandbox: Sandbox, shape: str, page_size: int
) -> None:
    """A full page may be the last one: of 40 payments, one page of 40."""
    sandbox.gocardless.empty_cursor = shape
    rows = sandbox.gocardless.rows
    found = collect(connect("gocardless", {"page_size": page_size, "max_concurrency": 1}))
    assert ids(found) == [row["id"] for row in rows]
    assert len(sandbox.requests) == -(-len(rows) // page_size)
    cursors = [call.query.get("after") for call in sandbox.requests]
    assert cursors == [None, *(rows[place]["id"] for place in range(page_size - 1, len(rows) - 1, page_size))]


def test_a_short_page_is_not_the_end(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    """What a page is told to hold and what it holds may differ; only the cursor tells the end."""
    one = b'{"id": "PM%d", "created_at": "2026-01-0%dT00:00:00.000Z", "status": "paid_out"}'
    pages = [
        b'{"payments": [%s], "meta": {"cursors": {"after": "x"}}}' % (one % (1, 3)),
        b'{"payments": [], "meta": {"cursors": {"after": "y"}}}',
        b'{"payments": [%s], "meta": {"cursors": {"before": "z"}}}' % (one % (2, 2)),
    ]
    sandbox.faults.reply_with["gocardless"].extend((200, {}, page) for page in pages)
    assert ids(collect(connect("gocardless"))) == ["PM1", "PM2"]
    assert [call.query.get("after") for call in sandbox.requests] == [None, "x", "y"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"payments": []}',
        b'{"payments": [], "meta": {}}',
        b'{"payments": [], "meta": {"cursors": null}}',
        b'{"payments": [], "meta": {"cursors": {"after": ""}}}',
    ],
)
def test_a_page_that_tells_no_cursors_at_all_is_no_end(
    connect: Connect, collect: Collect, sandbox: Sandbox, body: bytes
) -> None:
    sandbox.faults.reply_with["gocardless"].append((200, {}, body))
    with pytest.raises(PaymentsProtocolError, match="not what the API documents"):
        collect(connect("gocardless"))


def test_filters_are_repeated_on_each_page(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    hook = connect("gocardless", {"page_size": 2, "max_concurrency": 1})
    rows = sandbox.gocardless.rows
    window = {"created_from": rows[30]["created_at"], "created_to": rows[3]["created_at"]}
    found = collect(hook, **window, filters={"currency": "GBP", "charge_date[gte]": "2026-01-01"})
    assert len(found) > 4
    assert {each.currency for each in found} == {"GBP"}
    for call in sandbox.requests:
        assert (
            call.query.items()
            >= {
                "created_at[gte]": window["created_from"],
                "created_at[lt]": window["created_to"],
                "currency": "GBP",
                "charge_date[gte]": "2026-01-01",
            }.items()
        )
        assert "%5Bgte%5D" in call.path


def test_slices_side_by_side_are_the_same_payments(connect: Connect, sandbox: Sandbox) -> None:
    api = sandbox.gocardless
    for _ in range(300):
        api.add()
    for size in (2, 7):
        for window in ({}, {"created_to": api.rows[150]["created_at"]}):
            sandbox.requests.clear()
            listing = connect("gocardless", {"page_size": size, "max_concurrency": 4}).list_payments(**window)
            found = ids(list(listing))
            end = window.get("created_to", "9")
            assert sorted(found) == sorted(row["id"] for row in api.rows if row["created_at"] < end)
            assert (listing.report.is_complete, listing.report.duplicates_dropped) == (True, 0)
            begun = {call.query.get("created_at[lt]") for call in sandbox.requests if "after" not in call.query}
            assert len(begun) > 2  # slices, each with a time of its own on every page
            assert len(sandbox.requests) < 1.5 * len(found) / size + 25


# Windows.


@pytest.mark.parametrize("page_size", [2, 500])
def test_windows_are_exact_to_the_microsecond(
    connect: Connect, collect: Collect, sandbox: Sandbox, page_size: int
) -> None:
    """The API compares milliseconds, so bounds between two of them are cut to what includes the window."""
    api = sandbox.gocardless
    moment = moment_of(api.rows[5]) + timedelta(milliseconds=40)
    for step in range(-2, 3):
        api.add(at=moment + timedelta(milliseconds=step), description=str(step))
    everything = [(row["id"], moment_of(row)) for row in api.rows]
    hook = connect("gocardless", {"page_size": page_size})
    offsets = [timedelta(milliseconds=step, microseconds=part) for step in (-1, 0, 1) for part in (-1, 0, 1, 500)]
    for start in offsets:
        for length in (MICROSECOND, timedelta(microseconds=999), timedelta(milliseconds=1)):
            low, high = moment + start, moment + start + length
            found = collect(hook, created_from=low, created_to=high)
            assert sorted(ids(found)) == sorted(name for name, at in everything if low <= at < high), (start, length)


def test_neighbouring_windows_hold_each_payment_once(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    rows = sandbox.gocardless.rows
    hook = connect("gocardless", {"page_size": 7})
    parts = (0, 1, -1, 500)
    cuts = [moment_of(row) + part * MICROSECOND for row, part in zip(rows[::-9], parts, strict=False)]
    found: list[str] = []
    for low, high in pairwise([None, *cuts, None]):
        found += ids(collect(hook, created_from=low, created_to=high))
    assert sorted(found) == sorted(row["id"] for row in rows)


def test_times_of_the_calendars_ends_are_asked_for(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    window = {"created_from": "0001-01-01T00:00:00Z", "created_to": "9999-12-31T23:59:59.999999Z"}
    assert len(collect(connect("gocardless"), **window)) == 40
    assert sandbox.requests[0].query["created_at[lt]"] == "9999-12-31T23:59:59.999Z"


# What moves meanwhile.


@pytest.mark.parametrize("page_size", [2, 7])
def test_payments_that_are_cancelled_meanwhile_stay_in_the_list(
    connect: Connect, sandbox: Sandbox, page_size: int
) -> None:
    api = sandbox.gocardless
    before = [row["id"] for row in api.rows]

    def cancel(call: Call) -> None:
        if cursor := call.query.get("after"):
            next(row for row in api.rows if row["id"] == cursor)["status"] = "cancelled"
        api.add()

    sandbox.before_reply = cancel
    listing = connect("gocardless", {"page_size": page_size}).list_payments()
    found = ids(list(listing))
    assert set(before) <= set(found)
    assert len(found) == len(set(found))
    assert listing.report.is_complete


@pytest.mark.parametrize("refusal", ["empty", "refused"])
def test_a_cursor_whose_payment_left_the_status_ends_nothing(
    connect: Connect, collect: Collect, sandbox: Sandbox, refusal: str
) -> None:
    """Whether the API knows such a place is not documented. From the last row's time on, it need not."""
    rows = sandbox.gocardless.rows
    for row in rows[:20]:
        row["status"] = "pending_submission"
    lost: list[str] = []

    def leave(call: Call) -> None:
        cursor = call.query.get("after")
        if cursor and not lost:
            lost.append(cursor)
            next(row for row in rows if row["id"] == cursor)["status"] = "cancelled"
            empty = b'{"payments": [], "meta": {"cursors": {"before": null, "after": null}, "limit": 3}}'
            error = b'{"error": {"code": 422, "errors": [{"field": "after", "message": "is invalid"}]}}'
            reply = (200, {}, empty) if refusal == "empty" else (422, {}, error)
            sandbox.faults.reply_with["gocardless"].append(reply)

    sandbox.before_reply = leave
    found = collect(connect("gocardless", {"page_size": 3, "max_concurrency": 1}), statuses=["pending_submission"])
    assert lost
    assert {row["id"] for row in rows[:20]} - set(lost) <= set(ids(found))
    assert len(found) == len(set(ids(found)))


MOVES = [
    (["succeeded"], "confirmed", "paid_out"),
    (["pending", "processing"], "pending_submission", "submitted"),
    (["processing", "succeeded"], "submitted", "paid_out"),
    (["pending", "failed"], "failed", "pending_submission"),  # retried
    (["failed", "submitted"], "failed", "submitted"),
    (["succeeded", "failed"], "paid_out", "failed"),  # a late failure
    (["succeeded", "failed"], "failed", "confirmed"),
    (["succeeded", "refunded"], "paid_out", "charged_back"),
    (["charged_back", "paid_out"], "charged_back", "paid_out"),  # the chargeback was taken back
    (["failed", "canceled"], "failed", "cancelled"),
]


@pytest.mark.parametrize(("statuses", "first", "then"), MOVES)
@pytest.mark.parametrize("call_number", range(1, 7))
def test_no_payment_is_lost_between_two_statuses_that_are_asked_for(
    connect: Connect, collect: Collect, sandbox: Sandbox, statuses: list[str], first: str, then: str, call_number: int
) -> None:
    """Retries and chargebacks that are taken back lead to a status whose list was read before."""
    rows = sandbox.gocardless.rows
    moved = sandbox.gocardless.add(at=moment_of(rows[20]), status=first)

    def move(call: Call) -> None:
        if len(sandbox.requests) == call_number:
            moved["status"] = then

    sandbox.before_reply = move
    found = collect(connect("gocardless", {"page_size": 15, "max_concurrency": 1}), statuses=statuses)
    assert ids(found).count(moved["id"]) == 1


def test_lists_of_one_status_are_asked_for_where_that_loses_nothing(
    connect: Connect, collect: Collect, sandbox: Sandbox
) -> None:
    hook = connect("gocardless")

    def asked(*statuses: str) -> list[str | None]:
        sandbox.requests.clear()
        collect(hook, statuses=list(statuses))
        return [call.query.get("status") for call in sandbox.requests]

    assert asked("pending") == ["pending_customer_approval", "pending_submission"]
    assert asked("pending", "processing") == ["pending_customer_approval", "pending_submission", "submitted"]
    assert asked("succeeded") == ["confirmed", "paid_out"]
    assert asked("failed") == ["failed", "customer_approval_denied"]
    assert asked("failed", "canceled") == ["failed", "customer_approval_denied", "cancelled"]
    assert asked("charged_back") == ["charged_back"]
    assert asked("refunded") == asked("succeeded", "failed") == asked("unknown") == [None]
    assert asked("authorized") == []


def test_late_failures_and_revived_payments_are_seen_by_the_next_listing(
    connect: Connect, collect: Collect, sandbox: Sandbox
) -> None:
    hook = connect("gocardless")
    before = {each.id: each.status.value for each in collect(hook)}
    sandbox.settle()
    after = {each.id: each.status.value for each in collect(hook)}
    assert {("succeeded", "failed"), ("failed", "succeeded"), ("refunded", "succeeded")} <= {
        (before[each], after[each]) for each in before
    }


# Payments.


def test_amounts_are_numbers_or_texts(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    hook = connect("gocardless")
    numbers = collect(hook)
    sandbox.gocardless.amounts_as_text = True
    texts = collect(hook)
    assert [each.to_dict(include_raw=False) | {"listed_at": None} for each in texts] == [
        each.to_dict(include_raw=False) | {"listed_at": None} for each in numbers
    ]
    assert {b'"amount":"' in each.raw for each in texts} == {True}
    assert read(amount="4999", amount_refunded="50").amount == Decimal("49.99")


def test_a_currency_has_its_own_decimals_and_an_unknown_one_none() -> None:
    assert read(amount=1000, currency="JPY").amount == Decimal(1000)
    unknown = read(amount=1000, amount_refunded=200, currency="XQX")
    assert (unknown.amount, unknown.amount_minor, unknown.refunded_amount) == (None, 1000, None)
    assert unknown.flags == ("partly_refunded",)


@pytest.mark.parametrize(
    ("word", "refunded", "status", "flags", "refunded_amount"),
    [
        ("paid_out", 0, "succeeded", (), "0.00"),
        ("paid_out", None, "succeeded", (), None),
        ("confirmed", 1, "succeeded", ("partly_refunded",), "0.01"),
        ("paid_out", 999, "succeeded", ("partly_refunded",), "9.99"),
        ("paid_out", 1000, "refunded", (), "10.00"),
        ("confirmed", 1200, "refunded", (), "12.00"),
        ("charged_back", 0, "refunded", ("charged_back",), "10.00"),
        ("charged_back", 400, "refunded", ("charged_back",), "10.00"),
        ("failed", 400, "failed", (), "4.00"),
        ("cancelled", 0, "canceled", (), "0.00"),
    ],
)
def test_what_went_back(
    word: str, refunded: int | None, status: str, flags: tuple[str, ...], refunded_amount: str | None
) -> None:
    payment = read(status=word, amount_refunded=refunded)
    assert (payment.status.value, payment.provider_status, payment.flags) == (status, word, flags)
    assert payment.refunded_amount == (None if refunded_amount is None else Decimal(refunded_amount))
    assert (payment.fee, payment.net_amount, payment.payer_id, payment.completed_at) == (None, None, None, None)


def test_refunded_payments_are_found_by_their_status(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    hook = connect("gocardless", {"page_size": 7})
    everything = collect(hook)
    found = collect(hook, statuses=["refunded"])
    assert {each.provider_status for each in found} == {"paid_out", "charged_back"}
    assert ids(found) == [each.id for each in everything if each.status.value == "refunded"]
    assert not {each.id for each in collect(hook, statuses=["succeeded"])} & set(ids(found))


@pytest.mark.parametrize(
    ("metadata", "key", "order"),
    [
        ({"order_id": "A-1"}, None, "A-1"),
        ({"order_id": "A-1", "shop_order": "B-2"}, "shop_order", "B-2"),
        ({"order_id": "A-1"}, "shop_order", "REF"),
        ({"order_id": ""}, None, "REF"),
        ({"order_id": 17}, None, "17"),
        ({}, None, "REF"),
        (None, None, "REF"),
        ([], None, "REF"),
        ("order_id", None, "REF"),
    ],
)
def test_the_order_is_in_the_metadata_or_else_the_reference(metadata: Any, key: str | None, order: str) -> None:
    api = build_api("gocardless", 100, 1, **({"order_key": key} if key else {}))
    payment = api.parse_payment(json.dumps({"id": "PM1", "metadata": metadata, "reference": "REF"}).encode())
    assert payment.order_id == order


def test_an_order_key_that_is_no_text(connect: Connect) -> None:
    with pytest.raises(PaymentsConfigError, match="order_key"):
        connect("gocardless", {"order_key": ["a"]}).resolve()


def test_one_payment_is_under_the_plural(connect: Connect, ask: Any, sandbox: Sandbox) -> None:
    row = sandbox.gocardless.rows[4]
    payment = ask(connect("gocardless").get_payment, row["id"])
    assert (payment.id, payment.amount_minor) == (row["id"], row["amount"])
    assert payment.raw.startswith(b'{"id":')
    sandbox.faults.reply_with["gocardless"].append((200, {}, b'{"payment": {"id": "PM1"}}'))
    with pytest.raises(PaymentsProtocolError, match="not what the API documents"):
        ask(connect("gocardless").get_payment, "PM1")


# What it refuses.


def test_not_found(connect: Connect, ask: Any) -> None:
    with pytest.raises(PaymentNotFound, match="code resource_not_found") as caught:
        ask(connect("gocardless").get_payment, "PM0")
    assert (caught.value.status, caught.value.code) == (404, "resource_not_found")


def test_the_telling_word_is_the_reason(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    with pytest.raises(PaymentsRequestError, match="code 422") as caught:
        collect(connect("gocardless"), filters={"creditor": "CR1", "customer": "CU1"})
    assert "cannot be given with creditor" in str(caught.value)
    sandbox.gocardless.requests_per_minute = 0
    with pytest.raises(PaymentsThrottled, match="code rate_limit_exceeded"):
        collect(connect("gocardless", {"max_attempts": 1}))


def test_a_token_without_the_scope_is_told_which(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    sandbox.gocardless.can_read = False
    with pytest.raises(PaymentsAuthError, match=r"insufficient_permissions.*scope read-only or read-write"):
        collect(connect("gocardless"))
    ok, said = connect("gocardless").test_connection()
    assert not ok
    for part in ("HTTP 403", "insufficient_permissions", "'Access token' and 'Host'", "read-only"):
        assert part in said


def test_a_token_of_the_other_system_is_told(connect: Connect) -> None:
    ok, said = connect("gocardless", password=LIVE_TOKEN).test_connection()
    assert not ok
    for part in ("HTTP 401", "not a valid sandbox API access token", "live host and sandbox have tokens of their own"):
        assert part in said
    assert LIVE_TOKEN not in said


def test_it_is_waited_until_the_limit_is_reset(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    """A date, in whole seconds; and no Retry-After."""
    reset = datetime.now(timezone.utc) + timedelta(seconds=2)
    sandbox.faults.throttle_every, sandbox.faults.retry_after = 1, format_datetime(reset, usegmt=True)

    def end(call: Call) -> None:
        if len(sandbox.requests) == 2:
            sandbox.faults.throttle_every = 0

    sandbox.before_reply = end
    assert len(collect(connect("gocardless"))) == 40
    assert [call.status for call in sandbox.requests] == [429, 200]
    assert datetime.now(timezone.utc) >= reset.replace(microsecond=0)


def test_a_reset_that_is_too_far_is_left_to_the_task(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    reset = datetime.now(timezone.utc) + timedelta(minutes=10)
    sandbox.faults.throttle_every, sandbox.faults.retry_after = 1, format_datetime(reset, usegmt=True)
    with pytest.raises(PaymentsThrottled) as caught:
        collect(connect("gocardless"))
    assert 500 < (caught.value.retry_after or 0) <= 600
    assert len(sandbox.requests) == 1


def test_an_error_that_is_a_text(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    """Now and then, from its gateway."""
    sandbox.faults.reply_with["gocardless"].append((400, {}, b'{"error": "upstream request failed"}'))
    with pytest.raises(PaymentsRequestError, match="upstream request failed"):
        collect(connect("gocardless"))
