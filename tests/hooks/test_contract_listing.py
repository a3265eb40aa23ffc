"""Every connection type: each payment once, whatever the pages, the window, the statuses, the weather."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.payment import Payment, PaymentStatus
from airflow_provider_payments.sandbox import Call, Sandbox
from airflow_provider_payments.sandbox.api import Api
from tests.hooks.facts import Facts

Connect = Callable[..., PaymentsHook]
Collect = Callable[..., list[Payment]]
ListCalls = Callable[[str], list[Call]]
TICK = timedelta(microseconds=1)
PENDING = {"pending", "processing", "authorized"}


def show_ids(api: Api) -> None:
    """Let HOT Pay's list show the id that rows have, so that they can be told apart by it."""
    if hasattr(api, "with_payment_id"):
        api.with_payment_id = True


def listed_ids(api: Api, facts: Facts) -> list[str]:
    return [row[facts.id_field] for row in api.rows if facts.is_listed(row)]


def ids(payments: list[Payment]) -> list[str]:
    return [payment.id for payment in payments]


def finish(api: Api, facts: Facts) -> None:
    """Bring every payment to a final status."""
    word = next(word for word, status in facts.statuses.items() if status == "succeeded")
    for row in api.rows:
        if facts.statuses.get(row["status"], "unknown") in PENDING | {"unknown"}:
            row["status"] = word


@pytest.mark.parametrize("page_size", [1, 7, "max"])
def test_each_payment_once(
    connect: Connect, collect: Collect, api: Api, facts: Facts, conn_type: str, page_size: int | str
) -> None:
    show_ids(api)
    hook = connect(conn_type, {"page_size": facts.max_page_size if page_size == "max" else page_size})
    found = ids(collect(hook))
    assert sorted(found) == sorted(listed_ids(api, facts))
    assert ids(collect(hook)) == found


def test_payments_know_when_their_listing_began(
    connect: Connect, collect: Collect, ask: Callable[..., Any], sandbox: Sandbox, conn_type: str
) -> None:
    """Before the first request: so nothing that is found is older than it says."""
    requests: list[datetime] = []
    sandbox.before_reply = lambda call: requests.append(datetime.now(timezone.utc))
    hook = connect(conn_type, {"page_size": 7})
    before = datetime.now(timezone.utc)
    found = collect(hook)
    (listed_at,) = {each.listed_at for each in found}
    assert before < listed_at < requests[0]
    assert len(requests) > 3
    requests.clear()
    payment = ask(hook.get_payment, found[0].id)
    assert listed_at < payment.listed_at < requests[-1]


@pytest.mark.parametrize("page_size", [3, 100])
def test_both_ways_list_in_the_same_order(connect: Connect, conn_type: str, page_size: int) -> None:
    hook = connect(conn_type, {"page_size": page_size})
    middle = sorted(each.occurred_at for each in hook.list_payments() if each.occurred_at)[15]

    async def gather(**question: Any) -> list[Payment]:
        return [payment async for payment in hook.alist_payments(**question)]

    for question in ({}, {"created_from": middle}, {"created_to": middle}, {"statuses": ["succeeded", "failed"]}):
        assert asyncio.run(gather(**question)) == list(hook.list_payments(**question))


def test_an_empty_list(connect: Connect, collect: Collect, api: Api, conn_type: str) -> None:
    api.rows.clear()
    assert collect(connect(conn_type)) == []


def test_an_exact_multiple_of_the_page(
    connect: Connect, collect: Collect, api: Api, facts: Facts, conn_type: str
) -> None:
    show_ids(api)
    finish(api, facts)
    wanted = listed_ids(api, facts)[:12]
    api.rows[:] = [row for row in api.rows if row[facts.id_field] in wanted]
    assert sorted(ids(collect(connect(conn_type, {"page_size": 4})))) == sorted(wanted)


def test_a_listing_is_lazy(connect: Connect, conn_type: str, sandbox: Sandbox) -> None:
    # PayPal's pending ones of all windows, of three years by default, are read first.
    since = datetime.now(timezone.utc) - timedelta(days=60) if conn_type == "paypal" else None
    listing = connect(conn_type, {"page_size": 1, "max_concurrency": 1}).list_payments(created_from=since)
    assert sandbox.requests == []
    next(listing)
    assert 0 < len(sandbox.requests) < 20


def test_a_window_is_half_open_to_the_microsecond(connect: Connect, collect: Collect, conn_type: str) -> None:
    hook = connect(conn_type, {"page_size": 7})
    everything = collect(hook)
    times = sorted({each.occurred_at for each in everything if each.occurred_at})
    low, high = times[8], times[-8]
    for start, end in (
        (low, high),
        (low + TICK, high + TICK),
        (low - TICK, high - TICK),
        (low, low + TICK),
        (low, None),
        (low + TICK, None),
        (None, high),
        (None, high + TICK),
        (times[-1] + TICK, None),
        (None, times[0]),
    ):
        found = collect(hook, created_from=start, created_to=end)
        wanted = {
            each.id: each
            for each in everything
            if not (each.occurred_at and start and each.occurred_at < start)
            and not (each.occurred_at and end and each.occurred_at >= end)
        }
        assert len(found) == len(wanted), (start, end)
        assert {each.id: each for each in found} == wanted, (start, end)


def test_a_window_may_be_text_in_any_zone(connect: Connect, collect: Collect, conn_type: str) -> None:
    hook = connect(conn_type)
    times = sorted(each.occurred_at for each in collect(hook) if each.occurred_at)
    low, high = times[10], times[20]
    wanted = collect(hook, created_from=low, created_to=high)
    zone = low.astimezone(timezone(-timedelta(hours=3, minutes=30)))
    assert wanted
    assert collect(hook, created_from=low.isoformat(), created_to=high.isoformat()) == wanted
    assert collect(hook, created_from=zone.isoformat(), created_to=high.isoformat().replace("+00:00", "Z")) == wanted


@pytest.mark.parametrize("conn_type", ["hotpay", "cryptofuse"])  # the others sort or find payments by their creation
def test_undated_payments_are_in_every_window(
    connect: Connect, collect: Collect, api: Api, facts: Facts, conn_type: str
) -> None:
    show_ids(api)
    row = api.add(**facts.undated)
    hook = connect(conn_type, {"page_size": 7})
    times = sorted(each.occurred_at for each in collect(hook) if each.occurred_at)
    for window in ((None, times[0]), (times[5], times[6]), (times[-1] + TICK, None)):
        found = {each.id: each for each in collect(hook, created_from=window[0], created_to=window[1])}
        assert "undated" in found[row[facts.id_field]].flags


@pytest.mark.parametrize(
    "conn_type", ["spacepay", "satispay", "jframework", "stripe", "gocardless", "mollie", "square"]
)  # the others tell no order, filter no time
def test_a_recent_window_does_not_read_the_whole_list(
    connect: Connect, collect: Collect, conn_type: str, list_calls: ListCalls
) -> None:
    hook = connect(conn_type, {"page_size": 2, "max_concurrency": 1})
    newest = max(each.occurred_at for each in collect(hook) if each.occurred_at)
    before = len(list_calls(conn_type))
    assert collect(hook, created_from=newest)
    # Half of the 20 pages that the list has; Satispay asks for three lists.
    assert len(list_calls(conn_type)) - before <= 10


def test_a_status_means_exactly_its_payments(
    connect: Connect, collect: Collect, api: Api, facts: Facts, conn_type: str
) -> None:
    row = next(row for row in api.rows if facts.is_listed(row) and facts.statuses[row["status"]] == "succeeded")
    if conn_type != "satispay":  # finds payments by their status
        row["status"] = "brand_new"
    hook = connect(conn_type, {"page_size": 7})
    everything = collect(hook)
    known = {status.value for status in PaymentStatus}
    for wanted in (*([word] for word in (*known, *facts.statuses)), ["succeeded", next(iter(facts.statuses))]):
        found = collect(hook, statuses=wanted)
        expected = {
            each.id
            for each in everything
            if each.status.value in wanted or (each.provider_status in wanted and each.provider_status not in known)
        }
        assert sorted(ids(found)) == sorted(expected), wanted


def test_status_and_window_together(connect: Connect, collect: Collect, conn_type: str) -> None:
    hook = connect(conn_type, {"page_size": 3})
    everything = collect(hook)
    times = sorted(each.occurred_at for each in everything if each.occurred_at)
    low, high = times[5], times[-3]
    for status in ("succeeded", "pending", "failed", "expired", "canceled"):
        found = collect(hook, created_from=low, created_to=high, statuses=[status])
        assert sorted(ids(found)) == sorted(
            each.id
            for each in everything
            if each.status.value == status and (each.occurred_at is None or low <= each.occurred_at < high)
        ), status


@pytest.mark.parametrize("page_size", [3, 7])
def test_payments_that_are_added_meanwhile_displace_none(
    connect: Connect, collect: Collect, api: Api, facts: Facts, conn_type: str, sandbox: Sandbox, page_size: int
) -> None:
    show_ids(api)
    wanted = listed_ids(api, facts)

    def add(call: Call) -> None:
        if len(sandbox.requests) <= 30:
            api.add()

    sandbox.before_reply = add
    found = ids(collect(connect(conn_type, {"page_size": page_size})))
    assert len(found) == len(set(found))
    assert set(wanted) <= set(found)


@pytest.mark.parametrize("statuses", [None, ["pending", "processing", "succeeded", "refunded"]])
def test_payments_whose_status_changes_meanwhile_are_listed(
    connect: Connect, collect: Collect, api: Api, facts: Facts, conn_type: str, sandbox: Sandbox, statuses: Any
) -> None:
    show_ids(api)
    word = next(word for word, status in facts.statuses.items() if status == "succeeded")
    changing = [row for row in api.rows if facts.status_of(row) in ("pending", "processing")]
    wanted = {
        row[facts.id_field]
        for row in api.rows
        if facts.is_listed(row) and (statuses is None or facts.status_of(row) in statuses)
    }
    if statuses:  # what went back is an amount beside the word, for some
        wanted -= {each.id for each in connect(conn_type).list_payments(statuses=["refunded"])}
    left = list(changing)

    def advance(call: Call) -> None:
        if "token" not in call.route and len(sandbox.requests) % 2 == 0 and left:
            left.pop(0)["status"] = word

    sandbox.before_reply = advance
    found = ids(collect(connect(conn_type, {"page_size": 2}), statuses=statuses))
    assert len(found) == len(set(found))
    assert wanted <= set(found)


def test_payments_that_stay_pending_are_found_while_others_leave(
    connect: Connect, collect: Collect, api: Api, facts: Facts, conn_type: str, sandbox: Sandbox
) -> None:
    show_ids(api)
    words = iter(facts.statuses)
    pending, succeeded = next(words), next(word for word, status in facts.statuses.items() if status == "succeeded")
    for number, row in enumerate(api.rows):
        row["status"] = succeeded if number % 2 else pending
        if "testMode" in row:
            row["testMode"] = False
    rows = [row for row in api.rows if row["status"] == pending and facts.is_listed(row)]
    leaving, staying = rows[::2], rows[1::2]

    def leave(call: Call) -> None:
        if "token" not in call.route and leaving:
            leaving.pop(0)["status"] = succeeded

    sandbox.before_reply = leave
    found = ids(collect(connect(conn_type, {"page_size": 2}), statuses=[facts.statuses[pending]]))
    assert {row[facts.id_field] for row in staying} <= set(found)


def test_a_walk_in_peace_vouches_for_every_payment(connect: Connect, conn_type: str) -> None:
    # PayPal lists three years, so that all payments are more than anybody can vouch for.
    since = datetime.now(timezone.utc) - timedelta(days=60) if conn_type == "paypal" else None
    listing = connect(conn_type, {"page_size": 7}).list_payments(created_from=since)
    assert list(listing)
    assert listing.report.doubts == []
    assert listing.report.is_complete
    assert listing.report.duplicates_dropped == 0


def test_the_report_counts_every_request(connect: Connect, conn_type: str, sandbox: Sandbox) -> None:
    listing = connect(conn_type, {"page_size": 7}).list_payments()
    assert list(listing)
    assert listing.report.requests == len(sandbox.requests)


@pytest.mark.parametrize("fault", ["throttle_every", "drop_connection_every"])
def test_a_fault_now_and_then_is_survived(
    connect: Connect, collect: Collect, api: Api, facts: Facts, conn_type: str, sandbox: Sandbox, fault: str
) -> None:
    show_ids(api)
    sandbox.faults.retry_after = "0.01"
    setattr(sandbox.faults, fault, 3 if fault == "throttle_every" else 4)
    found = ids(collect(connect(conn_type, {"page_size": 20})))
    assert sorted(found) == sorted(listed_ids(api, facts))


@pytest.mark.parametrize("limit", [1, 3])
def test_never_more_requests_at_once_than_permitted(
    connect: Connect, collect: Collect, conn_type: str, sandbox: Sandbox, limit: int
) -> None:
    sandbox.faults.latency_ms = 10
    assert collect(connect(conn_type, {"page_size": 8, "max_concurrency": limit}))
    moments = sorted(moment for call in sandbox.requests for moment in ((call.received_at, 1), (call.answered_at, -1)))
    under_way = peak = 0
    for _, change in moments:
        under_way += change
        peak = max(peak, under_way)
    assert peak <= limit


@pytest.mark.parametrize(
    "conn_type", ["cryptofuse", "spacepay", "satispay", "jframework", "stripe", "gocardless", "square"]
)
def test_pages_that_do_not_depend_on_each_other_are_asked_for_side_by_side(
    connect: Connect, collect: Collect, conn_type: str, sandbox: Sandbox
) -> None:
    sandbox.faults.latency_ms = 150
    assert collect(connect(conn_type, {"page_size": 5, "max_concurrency": 4}))
    calls = sandbox.requests
    assert any(
        one.received_at < other.received_at < one.answered_at for one in calls for other in calls if one is not other
    )


def test_requests_are_paced(connect: Connect, collect: Collect, conn_type: str, sandbox: Sandbox) -> None:
    began = time.monotonic()
    assert collect(connect(conn_type, {"page_size": 8, "requests_per_second": 50, "max_concurrency": 8}))
    assert time.monotonic() - began >= (len(sandbox.requests) - 1) / 50


def test_has_pending_asks_little(
    connect: Connect, ask: Callable[..., Any], api: Api, facts: Facts, conn_type: str, list_calls: ListCalls
) -> None:
    hook = connect(conn_type)
    assert ask(hook.has_pending) is True
    finish(api, facts)
    before = len(list_calls(conn_type))
    assert ask(hook.has_pending) is False
    calls = list_calls(conn_type)[before:]
    if facts.pending_questions is None:
        assert len(calls) <= facts.lists + 1
    else:
        assert len(calls) == facts.pending_questions
        # The only row of PayPal's ledger on a page may be no payment.
        size = "500" if conn_type == "paypal" else "1"
        names = ("limit", "PageSize", "page_size")
        assert all(size in {call.query.get(name) for name in names} for call in list_calls(conn_type))


def test_has_pending_finds_the_only_one(
    connect: Connect, ask: Callable[..., Any], api: Api, facts: Facts, conn_type: str
) -> None:
    hook = connect(conn_type)
    for word in hook.resolve()[0].filterable_statuses or facts.statuses:
        finish(api, facts)
        row = next(row for row in api.rows[25:] if facts.is_listed(row))
        was, row["status"] = row["status"], word
        assert ask(hook.has_pending) is (facts.statuses[word] in PENDING), word
        row["status"] = was


def test_has_pending_in_a_window(
    connect: Connect, collect: Collect, ask: Callable[..., Any], api: Api, facts: Facts, conn_type: str
) -> None:
    hook = connect(conn_type, {"page_size": 7})
    finish(api, facts)
    row = next(row for row in api.rows[20:] if facts.is_listed(row) and row[api.time_field])
    times = sorted(each.occurred_at for each in collect(hook) if each.occurred_at)
    row["status"] = next(iter(facts.statuses))
    (moment,) = (each.occurred_at for each in collect(hook, statuses=[facts.statuses[row["status"]]]))
    assert ask(hook.has_pending, created_from=moment, created_to=moment + TICK) is True
    assert ask(hook.has_pending, created_from=moment) is True
    assert ask(hook.has_pending, created_from=moment + TICK) is False
    assert ask(hook.has_pending, created_to=moment) is False
    assert ask(hook.has_pending, created_from=times[-1]) is False


def test_an_unknown_word_is_not_pending(
    connect: Connect, ask: Callable[..., Any], api: Api, facts: Facts, conn_type: str
) -> None:
    finish(api, facts)
    api.rows[0]["status"] = "brand_new"
    assert ask(connect(conn_type).has_pending) is False


def test_one_payment_is_what_the_list_shows(
    connect: Connect, collect: Collect, ask: Callable[..., Any], conn_type: str
) -> None:
    hook = connect(conn_type)
    for payment in collect(hook)[::9]:
        found = ask(hook.get_payment, payment.id)
        for name in (
            "provider",
            "connection_id",
            "id",
            "kind",
            "status",
            "amount",
            "currency",
            "created_at",
            "order_id",
        ):
            assert getattr(found, name) == getattr(payment, name)


@pytest.mark.parametrize("odd", ["../../secret", "..", "a%2Fb", "ünï ☕", "a?b=c#d", "a b+c&d"])
def test_an_odd_id_is_one_id(
    connect: Connect, ask: Callable[..., Any], api: Api, facts: Facts, conn_type: str, odd: str, sandbox: Sandbox
) -> None:
    show_ids(api)
    api.add(**{facts.id_field: odd})
    hook = connect(conn_type)
    assert ask(hook.get_payment, odd).id == odd
    # One segment on the wire too: the sandbox would forgive a bare slash.
    segment = sandbox.requests[-1].path.partition(f"{hook.resolve()[0].list_path}/")[2].partition("?expand")[0]
    assert not set(segment) & set("/?#+ ") or segment == "status/"
