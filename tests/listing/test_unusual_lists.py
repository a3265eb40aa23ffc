"""Lists that do not change or hardly do, small ones, and companies that are unlike what their pages say."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_payments.query import PaymentQuery
from tests.listing.cases import KINDS, LISTS, QUICK_KINDS, QUICK_LISTS, Outcome, compare, find_cases, run
from tests.listing.companies import (
    START,
    TICKS,
    Change,
    Company,
    Row,
    add_anywhere,
    add_newest,
    build_rows,
    delete,
    delete_and_add,
    move_to_head,
    settle,
    settle_at_head,
)
from tests.listing.reading import read

#: What an unchanged list may take besides the requests of the plain loop: those under way when the end is seen, and a
#: few; and for each time slice that is read side by side, where slices meet.
MORE_WHEN_STILL, PER_SLICE = 3, 3


def check(outcome: Outcome) -> None:
    """Check what holds whatever happens."""
    check_truth(outcome)
    assert len(outcome.lost) <= len(outcome.lost_by_loop), f"lost {len(outcome.lost)}: {outcome.reading.doubts}"


def check_truth(outcome: Outcome) -> None:
    assert outcome.reading.error is None
    assert not outcome.lost_in_silence, f"complete, and lost {sorted(outcome.lost_in_silence)}"
    assert not outcome.twice


def check_still(outcome: Outcome, rows: Sequence[Row], concurrency: int, page_size: int = 50) -> None:
    """Check what holds where nothing happens."""
    check(outcome)
    assert sorted(outcome.reading.ids) == sorted(row.id for row in rows)
    assert outcome.reading.is_complete, outcome.reading.doubts
    # Pages that overlap by a row bring one less.
    allowed = -(-outcome.requests_of_loop * page_size // (page_size - 1)) + concurrency + MORE_WHEN_STILL
    if outcome.company.name in ("satispay", "jframework") and concurrency > 1:
        allowed += PER_SLICE * concurrency
    if outcome.company.name == "jframework" and page_size == 2:
        # Two payments of one instant are a whole page: time does not lead beyond them, so what comes next is read by
        # page number, and once more from the first page of that instant on.
        allowed += outcome.requests_of_loop
    assert outcome.requests <= allowed


of_each_list = pytest.mark.parametrize(
    "list_name",
    [pytest.param(name, marks=() if name in QUICK_LISTS else pytest.mark.exhaustive) for name in LISTS],
)
side_by_side = pytest.mark.parametrize("concurrency", [1, 4, pytest.param(8, marks=pytest.mark.exhaustive)])

STILL = "one added at every request"
"""Any kind will do where nothing happens."""
NEVER: frozenset[int] = frozenset()


@side_by_side
@pytest.mark.parametrize(
    ("number", "page_size"), [(0, 50), (1, 50), (49, 50), (50, 50), (51, 50), (200, 50), (1000, 50), (40, 2), (41, 2)]
)
@of_each_list
def test_a_list_that_keeps_still(list_name: str, number: int, page_size: int, concurrency: int) -> None:
    rows = build_rows(LISTS[list_name].name, number)
    outcome = run(list_name, STILL, concurrency, at=NEVER, rows=rows, page_size=page_size)
    check_still(outcome, rows, concurrency, page_size)


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("number", [7, 30, 60, 400])
@of_each_list
def test_smaller_pages_than_asked_for(list_name: str, number: int, concurrency: int) -> None:
    """Where the most that a page may have is lower than was asked for, and not told."""
    rows = build_rows(LISTS[list_name].name, number)
    outcome = run(list_name, STILL, concurrency, at=NEVER, rows=rows, page_size=100, largest_page=30)
    check(outcome)
    assert sorted(outcome.reading.ids) == sorted(row.id for row in rows)
    assert outcome.reading.is_complete, outcome.reading.doubts
    assert outcome.requests <= outcome.most_requests


@side_by_side
@pytest.mark.parametrize("change", [add_newest, add_anywhere, delete, delete_and_add])
@of_each_list
def test_a_few_changes_are_vouched_for(list_name: str, change: Change, concurrency: int) -> None:
    """One to three changes while 30 pages are read, whenever they happen."""
    for seed in range(3):
        rows = build_rows(LISTS[list_name].name, 1500, seed, burst=70)
        at = frozenset(random.Random(seed).sample(range(1, 31), seed + 1))
        outcome = run(list_name, STILL, concurrency, seed, at=at, rows=rows, change=change)
        check(outcome)
        assert outcome.reading.is_complete, (seed, outcome.reading.doubts)
        assert outcome.requests <= outcome.most_requests


@pytest.mark.parametrize("kind_name", ["one added at every request", "one gone at every 10th"])
@of_each_list
def test_smaller_pages_of_a_list_that_changes(list_name: str, kind_name: str) -> None:
    rows = build_rows(LISTS[list_name].name, 1200)
    check(run(list_name, kind_name, 4, rows=rows, page_size=100, largest_page=30))


@pytest.mark.parametrize("seeds", [range(8), pytest.param(range(8, 200), marks=pytest.mark.exhaustive)], ids=str)
@pytest.mark.parametrize(
    ("list_name", "kind_name"),
    [
        pytest.param(*case, marks=() if case[0] in QUICK_LISTS and case[1] in QUICK_KINDS else pytest.mark.exhaustive)
        for case in find_cases()
    ],
)
def test_small_lists_that_change(list_name: str, kind_name: str, seeds: range) -> None:
    """Lists of a few small pages, where everything happens at once, until nothing does any more.

    In each of them a plain loop may be lucky, so what is lost is compared in sum.
    """
    lost = lost_by_loop = 0
    for seed in seeds:
        dice = random.Random(seed)
        rows = build_rows(LISTS[list_name].name, dice.randrange(25), seed)
        at = frozenset(range(0, 40, min(KINDS[kind_name].every, 5)))
        page_size, concurrency = dice.randrange(2, 6), dice.choice([1, 2, 4])
        outcome = run(list_name, kind_name, concurrency, seed, at=at, rows=rows, page_size=page_size)
        check_truth(outcome)
        lost, lost_by_loop = lost + len(outcome.lost), lost_by_loop + len(outcome.lost_by_loop)
    assert lost <= lost_by_loop


def in_one_instant(rows: Sequence[Row]) -> list[Row]:
    return [Row(row.id, row.word, 5 * TICKS) for row in rows]


def undated_first(rows: Sequence[Row]) -> list[Row]:
    """Return the oldest of them without a time: where times are sorted in rising order, these come first."""
    return [*rows[:-70], *(Row(row.id, row.word, None) for row in rows[-70:])]


def undated_last(rows: Sequence[Row]) -> list[Row]:
    return [*(Row(row.id, row.word, None) for row in rows[:70]), *rows[70:]]


#: What its pages leave open, or that a company may do in spite of them.
UNLIKE: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "bounds exclude": ("jframework", {"is_inclusive": False}),
    "whole seconds": ("jframework", {"filter_ticks": TICKS}),
    "whole seconds, bounds exclude": ("jframework", {"filter_ticks": TICKS, "is_inclusive": False}),
    "milliseconds": ("jframework", {"filter_ticks": TICKS // 1000}),
    "bounds are rounded": ("jframework", {"bound_ticks": TICKS // 300}),
    "bounds are rounded to seconds": ("jframework", {"bound_ticks": TICKS}),
    "all in one instant": ("jframework", {"rows": in_one_instant}),
    "undated payments first": ("jframework", {"rows": undated_first}),
    "undated payments last": ("jframework", {"rows": undated_last}),
    "ignores the window": ("jframework", {"ignores": frozenset({"CreatedDateFrom", "CreatedDateTo"})}),
    "ignores the window's end": ("jframework", {"ignores": frozenset({"CreatedDateTo"})}),
    "ignores the order": ("jframework", {"ignores": frozenset({"SortOrder"})}),
    "satispay bounds exclude": ("satispay", {"is_inclusive": False}),
    "satispay all in one instant": ("satispay", {"rows": in_one_instant}),
    "satispay ignores the timestamp": ("satispay", {"ignores": frozenset({"starting_after_timestamp"})}),
    "gocardless all in one instant": ("gocardless", {"rows": in_one_instant}),
    "gocardless ignores the bounds": ("gocardless", {"ignores": frozenset({"created_at[lt]", "created_at[gte]"})}),
    "spacepay all in one instant": ("spacepay", {"rows": in_one_instant}),
    "spacepay ignores the order": ("spacepay", {"ignores": frozenset({"sortOrder"})}),
}


@side_by_side
@pytest.mark.parametrize("unlike", UNLIKE)
def test_a_company_unlike_its_pages_that_keeps_still(unlike: str, concurrency: int) -> None:
    list_name, different = UNLIKE[unlike]
    rows = build_rows(LISTS[list_name].name, 900, burst=130)
    different = {**different, "rows": different["rows"](rows) if "rows" in different else rows}
    outcome = run(list_name, STILL, concurrency, at=NEVER, **different)
    check(outcome)
    assert sorted(outcome.reading.ids) == sorted(row.id for row in rows)
    # Each slice finds out for itself what the company makes of a time.
    assert outcome.requests <= outcome.most_requests + (PER_SLICE * concurrency if concurrency > 1 else 0)


@pytest.mark.parametrize("unlike", UNLIKE)
def test_a_company_unlike_its_pages_whose_list_changes(unlike: str) -> None:
    """Where it ignores what is asked for, a loop is not better, only luckier: nothing is lost in silence there."""
    list_name, different = UNLIKE[unlike]
    error_mapper = check_truth if "ignores" in different else check
    for seed, kind_name in enumerate(
        ["one added anywhere at every request", "one gone at every request", "one gone and one added at every 3rd"]
    ):
        rows = build_rows(LISTS[list_name].name, 900, seed, burst=130)
        changed = {**different, "rows": different["rows"](rows) if "rows" in different else rows}
        for concurrency in (1, 4):
            error_mapper(run(list_name, kind_name, concurrency, seed, **changed))


@pytest.mark.parametrize(
    "kind_name",
    [pytest.param(name, marks=() if name in QUICK_KINDS else pytest.mark.exhaustive) for name in KINDS],
)
@pytest.mark.parametrize(
    "name", ["hotpay", "cryptofuse", "spacepay", "satispay", "jframework", "mollie", "razorpay", "gocardless"]
)
def test_a_window_of_a_list_that_changes(name: str, kind_name: str) -> None:
    kind = KINDS[kind_name]
    if kind.only and name not in kind.only:
        return
    rows = build_rows(name, 1500, burst=130)
    first, last = (START + timedelta(microseconds=(rows[place].ticks or 0) // 10) for place in (1000, 300))
    query = PaymentQuery(first, last)
    loop = {"sortOrder": "DESC"} if name == "spacepay" else {}
    if name == "jframework":
        loop = {"SortOrder": "asc", "CreatedDateFrom": first.isoformat(), "CreatedDateTo": last.isoformat()}
    if name == "satispay":
        until = last - START + timedelta(seconds=START.timestamp() + 1)
        loop = {"starting_after_timestamp": str(until // timedelta(milliseconds=1))}
    if name == "razorpay":
        loop = {"from": str(int(first.timestamp()) - 1), "to": str(int(last.timestamp()) + 1)}
    if name == "gocardless":
        loop = {"created_at[gte]": first.isoformat(), "created_at[lt]": last.isoformat()}
    for concurrency in (1, 4):
        company = Company(name, list(rows), kind.change, kind.every)
        check(compare(company, query, page_size=50, concurrency=concurrency, loop_params=loop))


# HOT Pay: payments whose transaction becomes known while the list is read.


@pytest.mark.parametrize("number", [1, 9])
@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("change", [settle, settle_at_head])
def test_payments_that_settle_are_listed_once_in_their_later_state(
    change: Change, concurrency: int, number: int
) -> None:
    """All of 500, or one at every request."""

    def happen(company: Company, dice: random.Random) -> None:
        for _ in range(number):
            change(company, dice)

    rows = [Row(row.id, "PROCESSING", row.ticks, settled=False) for row in build_rows("hotpay", 500)]
    outcome = compare(Company("hotpay", rows, happen), PaymentQuery(), page_size=10, concurrency=concurrency)
    check(outcome)
    listed_as_settled = {str(each.order_id) for each in outcome.reading.payments if each.transaction_hash}
    assert outcome.company.shown_settled <= listed_as_settled


def test_a_payment_that_has_not_settled_is_not_taken_for_another_one_that_has() -> None:
    """A payer may pay the same again, with the same memo. On one page, the two cannot be one."""
    rows = build_rows("hotpay", 40)
    twins = [Row(row.id, "PROCESSING", row.ticks + TICKS, settled=False) for row in rows if row.ticks is not None]
    both = [each for pair in zip(twins, rows, strict=True) for each in pair]
    reading = read(Company("hotpay", both), PaymentQuery(), 100, 1)
    assert len(reading.payments) == 80
    assert len({each.id for each in reading.payments}) == 80
    assert reading.is_complete


def test_payments_that_never_settle_are_listed_too() -> None:
    rows = [Row(row.id, "PROCESSING", row.ticks, settled=False) for row in build_rows("hotpay", 500)]
    for concurrency in (1, 4):
        outcome = run("hotpay", STILL, concurrency, at=NEVER, rows=rows)
        check_still(outcome, rows, concurrency)
        outcome = run("hotpay", "one moved to the head at every 10th", concurrency, rows=rows, change=move_to_head)
        check(outcome)
