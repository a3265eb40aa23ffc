"""Square: every location, cursors that expire, a list that begins a year ago unless it is told otherwise."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from airflow_provider_payments._compat import BaseHook
from airflow_provider_payments.exceptions import (
    PaymentsAuthError,
    PaymentsConfigError,
    PaymentsProtocolError,
    PaymentsRequestError,
)
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.listing.report import ListingReport
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.sandbox import Call, Row, Sandbox

Connect = Callable[..., PaymentsHook]
Collect = Callable[..., list[Payment]]
Ask = Callable[..., Any]
MAIN, TOKYO, CLOSED = "LSANDBOXMAIN01", "LSANDBOXTOKYO2", "LSANDBOXCLOSD3"
MORE = b'{"locations": [{"id": "LSANDBOXMAIN01"}], "cursor": "more"}'
LISTS, LOCATIONS = "/v2/payments", "/v2/locations"


def ids(payments: list[Payment]) -> list[str]:
    return sorted(payment.id for payment in payments)


def calls(sandbox: Sandbox, route: str) -> list[Call]:
    return [call for call in sandbox.requests if call.route == route]


def ids_at(sandbox: Sandbox, *locations: str) -> list[str]:
    return sorted(row["id"] for row in sandbox.square.rows if row["location_id"] in locations)


def read_slowly(
    hook: PaymentsHook, is_async: bool, pause: Callable[[], object], **question: Any
) -> tuple[list[Payment], ListingReport]:
    """List payments, with a pause after each page that has any."""
    found: list[Payment] = []

    def take(payments: Any) -> None:
        found.extend(payments)
        if payments:
            pause()

    async def gather() -> ListingReport:
        async with hook.alist_payments(**question) as listing:
            async for payments in listing.pages:
                take(payments)
            return listing.report

    if is_async:
        return found, asyncio.run(gather())
    with hook.list_payments(**question) as listing:
        for payments in listing.pages:
            take(payments)
    return found, listing.report


# Locations.


def test_every_location_is_read_whether_or_not_it_is_active(
    connect: Connect, collect: Collect, sandbox: Sandbox
) -> None:
    found = collect(connect("square"))
    assert ids(found) == ids_at(sandbox, MAIN, TOKYO, CLOSED)
    assert {payment.currency for payment in found} == {"USD", "JPY", "CAD"}
    assert {call.query["location_id"] for call in calls(sandbox, LISTS)} == {MAIN, TOKYO, CLOSED}
    assert [call.status for call in sandbox.requests] == [200] * len(sandbox.requests)


@pytest.mark.parametrize(
    "named", [f"{MAIN},{CLOSED}", f" {CLOSED} , {MAIN},", [CLOSED, MAIN, MAIN], json.dumps([MAIN, CLOSED])]
)
def test_locations_that_the_connection_names_are_not_asked_for(
    connect: Connect, collect: Collect, sandbox: Sandbox, named: Any
) -> None:
    sandbox.square.permissions = {"PAYMENTS_READ"}
    hook = connect("square", {"location_ids": named})
    assert ids(collect(hook)) == ids_at(sandbox, MAIN, CLOSED)
    assert hook.test_connection()[0]
    assert calls(sandbox, LOCATIONS) == []


@pytest.mark.parametrize("named", [[], [7], [None], {"id": MAIN}, 7, True, ",", " , ,", "[]", [""]])
def test_locations_that_make_no_sense(connect: Connect, sandbox: Sandbox, named: Any) -> None:
    with pytest.raises(PaymentsConfigError, match=r"square_default.*'location_ids' in extra must be"):
        connect("square", {"location_ids": named}).list_payments()
    assert sandbox.requests == []


def test_a_location_may_be_asked_for_by_the_apis_own_filter(
    connect: Connect, collect: Collect, ask: Ask, sandbox: Sandbox
) -> None:
    """No other is asked for then, so that no permission to see them is needed."""
    sandbox.square.permissions = {"PAYMENTS_READ"}
    hook = connect("square")
    assert ids(collect(hook, filters={"location_id": TOKYO})) == ids_at(sandbox, TOKYO)
    assert ask(hook.has_pending, filters={"location_id": TOKYO}) is True
    assert {call.query["location_id"] for call in calls(sandbox, LISTS)} == {TOKYO}
    assert calls(sandbox, LOCATIONS) == []


@pytest.mark.parametrize(
    ("extra", "filters"), [({"location_ids": [MAIN, "LNOWHERE"]}, {}), ({}, {"location_id": "LNOWHERE"})]
)
def test_a_location_that_does_not_exist_is_an_error(
    connect: Connect, collect: Collect, extra: Row, filters: Row
) -> None:
    with pytest.raises(PaymentsRequestError, match="LNOWHERE"):
        collect(connect("square", extra), filters=filters)


def test_a_token_that_may_not_see_locations_is_an_error_and_not_a_smaller_list(
    connect: Connect, collect: Collect, ask: Ask, sandbox: Sandbox
) -> None:
    sandbox.square.permissions = {"PAYMENTS_READ"}
    hook = connect("square")
    for fails in (lambda: collect(hook), lambda: ask(hook.has_pending)):
        with pytest.raises(PaymentsAuthError, match=r"/v2/locations.*'Access token'.*MERCHANT_PROFILE_READ"):
            fails()
    works, said = hook.test_connection()
    assert not works
    assert "MERCHANT_PROFILE_READ" in said
    assert "location_ids" in said
    assert calls(sandbox, LISTS) == []
    assert ask(hook.get_payment, sandbox.square.rows[0]["id"])  # needs no location


def test_a_token_that_may_not_see_payments_is_said_by_the_connection_test(connect: Connect, sandbox: Sandbox) -> None:
    sandbox.square.permissions = {"MERCHANT_PROFILE_READ"}
    works, said = connect("square").test_connection()
    assert not works
    assert "/v2/payments" in said
    assert "PAYMENTS_READ" in said


@pytest.mark.parametrize(
    "body", [b"{}", b'{"locations": []}', b'{"locations": [{}]}', b'{"locations": null}', b"[]", MORE]
)
def test_a_reply_without_locations_is_an_error_and_not_an_empty_list(
    connect: Connect, collect: Collect, sandbox: Sandbox, body: bytes
) -> None:
    sandbox.faults.reply_with["square"].append((200, {"Content-Type": "application/json"}, body))
    with pytest.raises(PaymentsProtocolError, match="/v2/locations"):
        collect(connect("square"))
    assert calls(sandbox, LISTS) == []


def test_locations_are_asked_for_once_and_an_hour_later_again(
    connect: Connect, collect: Collect, ask: Ask, sandbox: Sandbox
) -> None:
    hook = connect("square")
    api = hook.resolve()[0]
    hour = 0.0
    api._locations.now = lambda: hour * 3600
    collect(hook)
    sandbox.square.locations.append({**sandbox.square.locations[0], "id": "LNEWSHOP"})
    row = sandbox.square.add(location_id="LNEWSHOP", status="PENDING")
    hour = 0.99
    assert row["id"] not in ids(collect(hook))
    ask(hook.has_pending)
    assert len(calls(sandbox, LOCATIONS)) == 1
    hour = 1.01
    assert row["id"] in ids(collect(hook))
    ask(hook.has_pending)
    assert len(calls(sandbox, LOCATIONS)) == 2


def test_locations_that_cannot_be_asked_for_again_are_an_error(
    connect: Connect, collect: Collect, sandbox: Sandbox
) -> None:
    """Those that are known may not be all any more."""
    hook = connect("square", {"max_attempts": 1})
    hook.resolve()[0]._locations.lifetime = 0
    assert collect(hook)
    sandbox.square.permissions = {"PAYMENTS_READ"}
    with pytest.raises(PaymentsAuthError, match="MERCHANT_PROFILE_READ"):
        collect(hook)


@pytest.mark.parametrize("at_once", [1, 3])
def test_many_locations(connect: Connect, sandbox: Sandbox, at_once: int, is_async: bool) -> None:
    places = [f"L{number:02}" for number in range(25)]
    sandbox.square.locations = [{**sandbox.square.locations[0], "id": place} for place in places]
    for number, row in enumerate(sandbox.square.rows):
        row["location_id"] = places[number % 20]  # some have none
    found, report = read_slowly(connect("square", {"max_concurrency": at_once}), is_async, lambda: None)
    assert ids(found) == ids_at(sandbox, *places)
    assert (report.is_complete, report.requests, report.duplicates_dropped) == (True, 26, 0)


# Cursors that expire.


def fill(sandbox: Sandbox, number: int) -> None:
    """Add payments at all locations, many of them in the same second or millisecond."""
    dice = random.Random(7)
    moment = datetime(2026, 2, 1, tzinfo=timezone.utc)
    for _ in range(number):
        moment -= timedelta(milliseconds=dice.choice([0, 0, 0, 1, 400, 60_000]))
        sandbox.square.add(moment, location_id=dice.choice([MAIN, TOKYO, CLOSED]))


@pytest.mark.parametrize("page_size", [2, 7, 100])
@pytest.mark.parametrize("at_once", [1, 4])
def test_whoever_takes_ten_minutes_a_page_gets_every_payment(
    connect: Connect, sandbox: Sandbox, page_size: int, at_once: int, is_async: bool
) -> None:
    fill(sandbox, 260)

    def pause() -> None:
        sandbox.advance(600)

    hook = connect("square", {"page_size": page_size, "max_concurrency": at_once})
    found, report = read_slowly(hook, is_async, pause)
    refused = sum(call.status == 400 for call in sandbox.requests)
    assert ids(found) == ids_at(sandbox, MAIN, TOKYO, CLOSED)
    assert (report.doubts, report.duplicates_dropped) == ([], 0)
    assert refused > 0 or page_size == 100
    # A plain loop that loses its place at each page begins anew there: two requests a page.
    assert report.requests <= 2.5 * len(found) / page_size + 20


@pytest.mark.parametrize("at_once", [1, 4])
@pytest.mark.parametrize("page_size", [1, 20])
def test_a_slow_caller_gets_every_payment_that_follows_empty_and_short_pages(
    connect: Connect, sandbox: Sandbox, page_size: int, at_once: int, is_async: bool
) -> None:
    dice = random.Random(3)
    sandbox.square.page_length = lambda first, most: dice.choice([most, most // 2, 1, 0])
    hook = connect("square", {"page_size": page_size, "max_concurrency": at_once})
    found, report = read_slowly(hook, is_async, lambda: sandbox.advance(600))
    assert ids(found) == ids_at(sandbox, MAIN, TOKYO, CLOSED)
    assert (report.doubts, report.duplicates_dropped) == ([], 0)
    assert any(call.status == 400 for call in sandbox.requests)


@pytest.mark.parametrize("at_once", [1, 6])
def test_a_slow_caller_gets_every_payment_of_one_time(
    connect: Connect, sandbox: Sandbox, at_once: int, is_async: bool
) -> None:
    """What is read again is read at once: in between, the caller would be given pages of other locations."""
    moment = datetime(2026, 1, 5, tzinfo=timezone.utc)
    sandbox.square.rows[:] = [
        {**sandbox.square.rows[0], "id": f"{place}{number}", "location_id": place, "created_at": created.isoformat()}
        for place, number, created in (
            *((MAIN, number, moment) for number in range(350)),
            *((TOKYO, number, moment - timedelta(hours=number)) for number in range(700)),
        )
    ]
    hook = connect("square", {"page_size": 20, "max_concurrency": at_once})
    found, report = read_slowly(hook, is_async, lambda: sandbox.advance(600))
    assert len(set(ids(found))) == 1050
    assert (report.doubts, report.duplicates_dropped) == ([], 0)


@pytest.mark.parametrize("page_size", [2, 7])
def test_cursors_that_nobody_can_use_are_no_loss(
    connect: Connect, sandbox: Sandbox, page_size: int, is_async: bool
) -> None:
    """Every page is asked for by time then, however many payments have a time in common."""
    fill(sandbox, 120)
    for _ in range(40):
        sandbox.square.add(datetime(2026, 1, 5, tzinfo=timezone.utc), location_id=MAIN)
    sandbox.square.cursor_seconds = -1
    found, report = read_slowly(connect("square", {"page_size": page_size}), is_async, lambda: None)
    assert ids(found) == ids_at(sandbox, MAIN, TOKYO, CLOSED)
    assert (report.doubts, report.duplicates_dropped) == ([], 0)


def test_payments_that_are_added_while_cursors_expire_displace_none(
    connect: Connect, sandbox: Sandbox, is_async: bool
) -> None:
    fill(sandbox, 150)
    wanted = ids_at(sandbox, MAIN, TOKYO, CLOSED)

    def pause() -> None:
        sandbox.advance(600)
        sandbox.square.add()
        sandbox.square.add(datetime(2026, 1, 31, 23, 50, tzinfo=timezone.utc))

    found, report = read_slowly(connect("square", {"page_size": 7}), is_async, pause)
    assert len(found) == len(set(ids(found)))
    assert set(wanted) <= set(ids(found))
    assert report.is_complete


def test_a_cursor_of_another_query_would_be_refused(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    """The window, the order and the page size stay the same from page to page."""
    fill(sandbox, 60)
    everything = collect(connect("square", {"page_size": 3}), created_from="2026-01-01T00:00:00Z")
    assert len(everything) > 60
    assert [call.status for call in sandbox.requests] == [200] * len(sandbox.requests)


# Windows.


@pytest.mark.parametrize("counts_end_in", [True, False])
def test_a_window_is_exact_whether_or_not_the_api_counts_its_end_in(
    connect: Connect, collect: Collect, sandbox: Sandbox, counts_end_in: bool
) -> None:
    fill(sandbox, 60)
    sandbox.square.counts_end_in = counts_end_in
    hook = connect("square", {"page_size": 7})
    everything = collect(hook)
    times = sorted({payment.created_at for payment in everything if payment.created_at})
    for low, high in (
        (times[3], times[40]),
        (times[10], times[11]),
        (times[20] + timedelta(microseconds=1), times[30]),
    ):
        wanted = [each.id for each in everything if each.created_at and low <= each.created_at < high]
        assert ids(collect(hook, created_from=low, created_to=high)) == sorted(wanted)


def test_old_payments_are_in_a_list_without_a_window(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    """By default, the API would begin a year ago."""
    old = sandbox.square.add(datetime(2014, 5, 6, tzinfo=timezone.utc), location_id=CLOSED)
    found = collect(connect("square"))
    assert old["id"] in ids(found)
    assert ids(found) == ids_at(sandbox, MAIN, TOKYO, CLOSED)
    assert {call.query["begin_time"] for call in calls(sandbox, LISTS)} == {"2013-01-01T00:00:00.000Z"}


@pytest.mark.parametrize(
    ("start", "end", "asked"),
    [
        ("2026-03-01T01:02:03.0045+02:00", None, ("2026-02-28T23:02:03.004Z", None)),
        (None, "2026-03-01T00:00:00.5Z", ("2013-01-01T00:00:00.000Z", "2026-03-01T00:00:01.500Z")),
        (None, "2010-01-01T00:00:00Z", ("2010-01-01T00:00:00.000Z", "2010-01-01T00:00:01.000Z")),
        ("2009-02-01T00:00:00Z", "2009-02-01T00:00:00.1Z", ("2009-02-01T00:00:00.000Z", "2009-02-01T00:00:01.100Z")),
    ],
)
def test_what_is_asked_for(
    connect: Connect, collect: Collect, sandbox: Sandbox, start: Any, end: Any, asked: tuple[str, str | None]
) -> None:
    collect(connect("square", {"location_ids": MAIN}), created_from=start, created_to=end)
    call = calls(sandbox, LISTS)[0]
    assert (call.query["begin_time"], call.query.get("end_time")) == asked
    assert (call.query["sort_field"], call.query["sort_order"]) == ("CREATED_AT", "DESC")
    assert {call.status for call in sandbox.requests} == {200}


@pytest.mark.parametrize(
    "ahead", [timedelta(days=-2), timedelta(minutes=-1), timedelta(minutes=5), timedelta(days=400)]
)
def test_a_window_may_begin_now(connect: Connect, collect: Collect, sandbox: Sandbox, ahead: timedelta) -> None:
    """The list ends now by the API's clock, which may be behind ours: such a range would be refused."""
    start = datetime.now(timezone.utc) + ahead
    row = sandbox.square.add(start + timedelta(seconds=1))
    assert ids(collect(connect("square"), created_from=start)) == [row["id"]]
    sandbox.square.rows.remove(row)
    assert collect(connect("square"), created_from=start) == []
    assert {call.status for call in sandbox.requests} == {200}


@pytest.mark.parametrize("created_from", [None, "2025-06-01T00:00:00Z"])
def test_slices_of_a_sparse_history_stay_within_the_range(
    connect: Connect, collect: Collect, sandbox: Sandbox, created_from: str | None
) -> None:
    """A range that ends before it begins is refused."""
    sandbox.square.rows.clear()
    for month in range(0, 240, 2):
        sandbox.square.add(datetime(2025, 12, 1, tzinfo=timezone.utc) - timedelta(days=15 * month), location_id=MAIN)
    found = collect(connect("square", {"page_size": 3, "max_concurrency": 8}), created_from=created_from)
    assert len(found) == (120 if created_from is None else 7)
    assert {call.status for call in sandbox.requests} == {200}


# Pages and replies.


def test_pages_may_be_shorter_than_asked_for(connect: Connect, sandbox: Sandbox, is_async: bool) -> None:
    sandbox.square.page_length = lambda first, most: most - 1
    found, report = read_slowly(connect("square", {"page_size": 5}), is_async, lambda: None)
    assert ids(found) == ids_at(sandbox, MAIN, TOKYO, CLOSED)
    assert report.is_complete


@pytest.mark.parametrize("body", [b'{"message": "Down for maintenance"}', b'{"errors": []}', b'{"data": [1]}'])
def test_the_object_of_somebody_else_is_no_empty_page(
    connect: Connect, collect: Collect, reply_to_list: Callable[..., None], body: bytes
) -> None:
    reply_to_list("square", 200, body)
    with pytest.raises(PaymentsProtocolError, match="it has no payments"):
        collect(connect("square"))


@pytest.mark.parametrize("row", [{"id": "PM1", "amount": 5, "currency": "GBP", "status": "paid_out"}, {"id": "p"}])
def test_the_payment_of_somebody_else_is_none(
    connect: Connect, collect: Collect, reply_to_list: Callable[..., None], row: Row
) -> None:
    reply_to_list("square", 200, json.dumps({"payments": [row]}).encode())
    with pytest.raises(PaymentsProtocolError, match="neither an amount nor a location"):
        collect(connect("square"))


@pytest.mark.parametrize(
    "body", [b"{}", b" {} ", b'{"payments": []}', b'{"cursor": ""}', b'{"payments": [], "cursor": ""}']
)
def test_empty_pages(connect: Connect, collect: Collect, reply_to_list: Callable[..., None], body: bytes) -> None:
    reply_to_list("square", 200, body)
    assert collect(connect("square")) == []


def test_an_empty_page_may_lead_on(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    pages = iter([b'{"cursor": "further"}', b'{"payments": [{"id": "p", "location_id": "L"}]}'])
    sandbox.before_reply = lambda call: sandbox.faults.reply_with["square"].append((200, {}, next(pages)))
    assert ids(collect(connect("square", {"location_ids": MAIN}))) == ["p"]
    assert sandbox.requests[1].query["cursor"] == "further"


@pytest.mark.parametrize("version", [None, "2025-01-23"])
def test_the_version_is_sent_with_every_request(
    connect: Connect, collect: Collect, ask: Ask, sandbox: Sandbox, version: str | None
) -> None:
    hook = connect("square", {"api_version": version})
    payment = collect(hook)[0]
    ask(hook.get_payment, payment.id)
    hook.run("/v2/payments?limit=1")  # as Airflow's own HTTP operator does
    assert {call.header("Square-Version") for call in sandbox.requests} == {version or "2026-08-19"}
    assert sandbox.requests[-1].status == 200


def test_a_version_that_is_none_is_said(connect: Connect, collect: Collect) -> None:
    with pytest.raises(PaymentsRequestError, match="INVALID_SQUARE_VERSION_FORMAT"):
        collect(connect("square", {"api_version": "newest"}))


# What is searched, since no filter helps.


def test_only_the_window_is_searched_for_a_status(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    hook = connect("square")
    refunded = {
        row["id"]
        for row in sandbox.square.rows
        if row["status"] == "COMPLETED" and row.get("refunded_money") == row["total_money"]
    }
    assert refunded
    assert set(ids(collect(hook, statuses=["refunded"]))) == refunded
    sandbox.requests.clear()
    assert collect(hook, statuses=["pending", "expired"]) == []  # of which Square has no word
    assert calls(sandbox, LISTS) == []


def test_totals_are_those_of_the_rows(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    """In smallest units, by currency and word: what was paid with its tip, fees, and what went back."""

    def count(values: list[tuple[Any, ...]]) -> dict[tuple[Any, Any], list[int]]:
        sums: dict[tuple[Any, Any], list[int]] = {}
        for currency, word, *units in values:
            found = sums.setdefault((currency, word), [0] * len(units))
            found[:] = [total + (each or 0) for total, each in zip(found, units, strict=True)]
        return sums

    def paid(row: Row) -> tuple[Any, ...]:
        total = row["total_money"]
        fee = sum(part["amount_money"]["amount"] for part in row.get("processing_fee", []))
        back = row.get("refunded_money", {}).get("amount")
        return total["currency"], row["status"], total["amount"], fee, back

    def told(payment: Payment) -> tuple[Any, ...]:
        scale = 1 if payment.currency == "JPY" else 100
        assert payment.amount is not None
        assert payment.amount * scale == payment.amount_minor
        units = [None if each is None else int(each * scale) for each in (payment.fee, payment.refunded_amount)]
        return payment.currency, payment.provider_status, payment.amount_minor, *units

    fill(sandbox, 200)
    found = collect(BaseHook.get_hook("square_default"))
    assert count([told(payment) for payment in found]) == count([paid(row) for row in sandbox.square.rows])
