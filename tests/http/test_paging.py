"""Which steps follow from a page: pure functions, so every case is asked twice."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Any

import pytest
from airflow_provider_payments.http.offset_paging import NumberedPages, OffsetPages
from airflow_provider_payments.http.paging import CursorPages, Following, Order, Page, Paging, Step

from airflow_provider_payments.exceptions import PaymentsProtocolError

NOTHING: list[int] = []


def follow(paging: Paging, step: Step, page: Page) -> Following:
    first, second = paging.following(step, page), paging.following(step, page)
    assert (list(first.steps), first.doubt) == (list(second.steps), second.doubt)
    return first


def refuse(paging: Paging, step: Step, page: Page) -> None:
    for _ in range(2):
        with pytest.raises(PaymentsProtocolError, match="no progress"):
            paging.following(step, page)


def places(following: Following) -> list[int]:
    return [step.position for step in following.steps]


def page(rows: int, **about: Any) -> Page:
    """Make a page of rows that are all new, unless said otherwise."""
    return Page(**{"rows": rows, "new_rows": rows, "seen": rows, **about})


@pytest.mark.parametrize(
    ("paging", "params"),
    [
        (OffsetPages(100), {"limit": "100", "offset": "0"}),
        (OffsetPages(5, limit_param="l", offset_param="o"), {"l": "5", "o": "0"}),
        (NumberedPages(200, number_param="PageNumber", size_param="PageSize"), {"PageNumber": "0", "PageSize": "200"}),
        (NumberedPages(200, first_page=1), {"page": "1", "size": "200"}),
        (CursorPages(100), {"limit": "100"}),
        (CursorPages(100, start={"since": "5"}), {"limit": "100", "since": "5"}),
    ],
)
def test_first_pages(paging: Paging, params: dict[str, str]) -> None:
    assert paging.first() == paging.first()
    assert paging.params(paging.first()) == params


# Cursors.

CURSOR = CursorPages(2, start={"since": "5"})


def test_a_cursor_replaces_the_start() -> None:
    (step,) = follow(CURSOR, CURSOR.first(), page(2, has_more=True, last_ids=["b"])).steps
    assert CURSOR.params(step) == {"limit": "2", "starting_after": "b"}


@pytest.mark.parametrize(
    ("cursor", "found"),
    [
        (None, page(2, has_more=False, last_ids=["b"])),
        (None, page(0, has_more=False)),
        (None, page(2, last_ids=["b"])),
        ("a", page(1, has_more=False, last_ids=["b"])),
        ("a", page(2, new_rows=0, has_more=False, last_ids=["b"])),
        (None, page(2, has_more=True, last_ids=["b"], is_past_window=True)),
    ],
)
def test_cursors_that_end(cursor: str | None, found: Page) -> None:
    following = follow(CURSOR, Step(0, 2, cursor=cursor), found)
    assert (following.steps, following.doubt) == ((), None)


@pytest.mark.parametrize(
    ("cursor", "found"),
    [
        (None, page(0, has_more=True)),
        ("a", page(0, has_more=True)),
        ("b", page(2, has_more=True, last_ids=["b"])),
        ("a", page(2, new_rows=0, has_more=True, last_ids=["b"])),
    ],
)
def test_cursors_that_lead_nowhere(cursor: str | None, found: Page) -> None:
    refuse(CURSOR, Step(0, 2, cursor=cursor), found)


def test_an_empty_page_after_one_that_promised_more_is_a_doubt() -> None:
    following = follow(CURSOR, Step(2, 2, cursor="b"), page(0, has_more=False))
    assert following.steps == ()
    assert "left the list" in str(following.doubt)


# Offsets.

OFFSET = OffsetPages(10, 4)


@pytest.mark.parametrize(
    ("paging", "found", "positions", "limits"),
    [
        (OFFSET, page(0, total=0), NOTHING, {10}),
        (OFFSET, page(7, total=7), NOTHING, {10}),
        (OFFSET, page(10, total=10), [9], {10}),  # a full page is not believed to be the last
        (OFFSET, page(10, total=11), [9], {10}),
        (OFFSET, page(10, total=100), [9, 18, 27, 36], {10}),  # the end is known, so all the room is used
        (OFFSET, page(10, total=20), [9, 18], {10}),
        (OFFSET, page(10, total=100, may_end_early=True), [9, 18], {10}),  # the room doubles with each page
        (OffsetPages(10, 1), page(10, total=100), [9], {10}),
        (OFFSET, page(5, total=100, limit=5), [4, 8, 12, 16], {5}),  # the limit that was really used
        (OFFSET, page(5, total=100), [4, 8, 12, 16], {5}),
        (OFFSET, page(5, limit=5), [4, 8], {5}),
        (OFFSET, page(5), [4], {10}),  # the last, or that limit
        (OFFSET, page(5, limit=10), [4], {10}),
        (OFFSET, page(10, total=100, has_more=False), NOTHING, {10}),
        (OFFSET, page(10, total=10, has_more=True), [9], {10}),
        (OFFSET, page(10, limit=10), [9, 18], {10}),
        (OFFSET, page(10, has_more=True), [9, 18], {10}),
        (OFFSET, page(0), NOTHING, {10}),
        (OffsetPages(1, 4), page(1, total=9), [1, 2, 3, 4], {1}),  # a page of one row cannot overlap
        (OFFSET, page(10, total=100, is_past_window=True), NOTHING, {10}),
    ],
)
def test_what_follows_a_first_page(paging: Paging, found: Page, positions: list[int], limits: set[int]) -> None:
    following = follow(paging, paging.first(), found)
    assert (places(following), following.doubt) == (positions, None)
    assert {step.limit for step in following.steps} <= limits


@pytest.mark.parametrize(
    ("more", "sizes"),
    [({"total": 1000}, [4, 1, 1, 1, 1, 1]), ({}, [2, 3, 1, 1, 1, 1]), ({"has_more": True}, [2, 3, 1, 1, 1, 1])],
)
def test_so_many_steps_stay_under_way(more: dict[str, Any], sizes: list[int]) -> None:
    steps, planned = deque([OFFSET.first()]), []
    for number in range(len(sizes)):
        step = steps.popleft()
        assert step.position == 9 * number
        about = {"seen": 10 + 9 * number, "under_way": len(steps), "furthest": steps[-1].position if steps else 0}
        following = follow(OFFSET, step, page(10, new_rows=9, **about, **more)).steps
        planned.append(len(following))
        steps.extend(following)
        assert len(steps) <= 4
    assert planned == sizes


def test_what_is_under_way_beyond_the_end_is_waited_for() -> None:
    step = Step(27, 10, concurrency=4, first_rows=10, overlaps=True)
    assert follow(OFFSET, step, page(5, seen=32, under_way=3, furthest=54)).steps == []
    for under_way in (2, 1):
        empty = page(0, seen=32, under_way=under_way, furthest=54, is_joined=False, follows_end=True)
        assert follow(OFFSET, replace(step, position=45), empty).steps == ()
    last = page(0, seen=32, furthest=54, is_joined=False, follows_end=True)
    (closing,) = follow(OFFSET, replace(step, position=54), last).steps
    assert (closing.position, closing.is_closing) == (0, True)


def test_a_page_that_is_not_joined_is_read_again_from_further_back() -> None:
    step = Step(27, 10, concurrency=3, planned_total=100, first_total=100, overlaps=True)
    positions: list[int] = []
    apart = page(10, seen=37, total=100, is_joined=False, under_way=3, furthest=54)
    while not (following := follow(OFFSET, step, apart)).doubt:
        (step,) = following.steps
        positions.append(step.position)
        assert (step.concurrency, step.limit) == (3, 10)
        assert len(positions) < 10
    assert positions == sorted(positions, reverse=True)
    assert min(positions) < 27
    assert "left the list" in str(following.doubt)


@pytest.mark.parametrize(
    ("step", "found"),
    [
        (OFFSET.first(), page(0, total=5, has_more=True)),
        (Step(50, 10, first_total=100), page(10, new_rows=0, seen=10, total=100)),
        (Step(50, 10, first_total=100), page(10, new_rows=0, seen=60, total=100, stale_pages=11)),
    ],
)
def test_offsets_that_lead_nowhere(step: Step, found: Page) -> None:
    refuse(OFFSET, step, found)


def test_rows_that_were_added_in_front_may_repeat_a_page() -> None:
    step = Step(18, 10, first_total=100, planned_total=100)
    following = follow(OFFSET, step, page(10, new_rows=0, seen=18, total=110))
    assert (places(following)[:1], following.doubt) == ([27], None)


# Page numbers.

NUMBERED = NumberedPages(10, 4)


@pytest.mark.parametrize(
    ("found", "positions"),
    [
        (page(0, total=0), NOTHING),
        (page(9, total=9), NOTHING),
        (page(10, total=10), [1]),  # a full page is not believed to be the last
        (page(10, total=11), [1]),
        (page(10, total=100), [1, 2, 3, 4]),
        (page(10, total=100, may_end_early=True), [1, 2]),
        (page(5, total=100), [1, 2, 3, 4]),
        (page(10, total=100, is_past_window=True), [1, 2, 3, 4]),  # or the total could not be checked
    ],
)
def test_what_follows_page_0(found: Page, positions: list[int]) -> None:
    following = follow(NUMBERED, NUMBERED.first(), found)
    assert (places(following), following.doubt) == (positions, None)


def test_one_page_that_repeats_is_no_end_and_two_are_an_error() -> None:
    stale = page(10, new_rows=0, seen=10, total=100, stale_pages=1, furthest=1)
    step, *_ = follow(NUMBERED, Step(1, 10, first_total=100, planned_total=100), stale).steps
    assert step.position == 2
    refuse(NUMBERED, step, replace(stale, stale_pages=2))
    assert places(follow(NUMBERED, step, page(10, seen=20, total=100, furthest=2)))[0] == 3


def test_a_list_that_shrinks_between_page_numbers_is_a_doubt() -> None:
    step = Step(1, 10, first_total=100, planned_total=100)
    assert "shrank from 100 to 99" in str(follow(NUMBERED, step, page(10, seen=20, total=99)).doubt)


@pytest.mark.parametrize(
    ("order", "concurrency", "is_ordered", "is_doubt"),
    [
        (Order.OLDEST_FIRST, 4, True, False),
        (Order.OLDEST_FIRST, 4, False, True),
        (Order.UNKNOWN, 4, True, True),
        (Order.UNKNOWN, 1, True, False),
    ],
)
def test_rows_that_are_added_at_the_end_move_no_page(
    order: Order, concurrency: int, is_ordered: bool, is_doubt: bool
) -> None:
    step = Step(1, 10, concurrency=concurrency, first_total=100, planned_total=100)
    found = page(10, seen=20, total=101, is_ordered=is_ordered)
    assert bool(follow(replace(NUMBERED, order=order), step, found).doubt) is is_doubt


@pytest.mark.parametrize("paging", [NUMBERED])
def test_a_reply_without_a_total_is_an_error_where_one_is_needed(paging: Paging) -> None:
    with pytest.raises(PaymentsProtocolError, match="no total"):
        paging.following(paging.first(), page(10))
