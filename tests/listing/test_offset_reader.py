"""Lists by limit and offset, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from airflow_provider_payments.listing.gap import MAX_ATTEMPTS
from airflow_provider_payments.listing.offsets import OffsetReader
from airflow_provider_payments.listing.pages import Order, Page
from airflow_provider_payments.listing.readers import MAX_STALE_PAGES, NoProgress
from airflow_provider_payments.listing.segments import Segment
from airflow_provider_payments.query import PaymentQuery
from tests.listing.by_hand import ByHand, hour, options, total


def by_offset(page_size: int, max_concurrency: int = 1, order: Order = Order.NEWEST_FIRST, **about: Any) -> ByHand:
    """A list whose rows keep their order, unless said otherwise: in the end its head is not looked at again."""
    return ByHand(OffsetReader(options(page_size, max_concurrency), order=order), "offset", **about)


def read_on(listed: ByHand, rows: str, **about: Any) -> list[str | None]:
    """Answer all requests from a list, until none are left; return which places were asked for."""
    asked = []
    while listed.places:
        asked.append(listed.places[0])
        start, limit = (int(listed.asked[0].params[name]) for name in ("offset", "limit"))
        listed.answer(" ".join(rows.split()[start : start + limit]), **about)
        assert len(asked) < 100, "the reading does not end"
    return asked


def test_the_first_page() -> None:
    reader = OffsetReader(options(100), limit_param="l", offset_param="o")
    (request,) = reader.start()
    assert request.params == {"status": "paid", "l": "100", "o": "0"}


def test_each_page_begins_with_the_last_row_of_the_one_before() -> None:
    listed = by_offset(3, total=6)
    listed.expect((0, "a b c"), (2, "c d e"), (4, "e f"))
    assert (listed.places, listed.doubts, listed.reader.is_proven) == ([], [], True)


def test_pages_of_one_row_share_none_and_prove_nothing() -> None:
    listed = by_offset(1, total=3)
    listed.expect((0, "a"), (1, "b"), (2, "c"))
    while listed.places:
        listed.answer("")
    assert (listed.doubts, listed.reader.is_proven) == ([], False)


@pytest.mark.parametrize("about", [{"total": 5}, {"has_more": True}, {"limit": 3}])
def test_a_first_page_that_is_short_shows_the_limit(about: dict[str, Any]) -> None:
    listed = by_offset(100)
    assert listed.answer("a b c", **about) == ["2"]
    assert listed.asked[0].params["limit"] == "3"


def test_pages_are_asked_for_side_by_side_where_a_total_tells_how_many() -> None:
    listed = by_offset(3, 4, total=8)
    assert listed.answer("a b c") == ["2", "4", "6"]
    listed.expect((2, "c d e"), (4, "e f g"), (6, "g h"))
    assert (listed.places, listed.doubts) == ([], [])


# Where the list ends.


def test_a_full_page_is_the_last_where_has_more_says_so() -> None:
    listed = by_offset(3, has_more=True)
    listed.expect((0, "a b c"), (2, "c d e", {"has_more": False}))
    assert (listed.places, listed.doubts) == ([], [])


def test_a_full_page_with_news_is_not_the_last_whatever_the_total() -> None:
    listed = by_offset(3, total=3)
    listed.expect((0, "a b c"), (2, "c d e"), (4, "e"))
    assert (listed.places, listed.doubts) == ([], [])


def test_without_a_total_a_short_page_is_the_last_that_brings_nothing_new() -> None:
    listed = by_offset(3)
    listed.expect((0, "a b c"), (2, "c d"), (3, "d"))
    assert (listed.places, listed.doubts) == ([], [])


@pytest.mark.parametrize(
    ("order", "query", "rows"),
    [
        (Order.NEWEST_FIRST, PaymentQuery(created_from=hour(5)), ["a@9 b@8 c@4", "c@4 d@3 e@2"]),
        (Order.OLDEST_FIRST, PaymentQuery(created_to=hour(5)), ["a@2 b@3 c@6", "c@6 d@8 e@9"]),
    ],
)
def test_a_page_beyond_the_window_ends_the_reading_where_the_order_is_known(
    order: Order, query: PaymentQuery, rows: Sequence[str]
) -> None:
    listed = ByHand(OffsetReader(options(3, 4, query), order=order), "offset", total=100)
    listed.expect(*zip((0, 2), rows, strict=True))
    listed.answer("")  # one was under way
    assert (listed.places, listed.doubts) == ([], [])


@pytest.mark.parametrize(
    ("order", "query", "rows"),
    [
        (Order.NEWEST_FIRST, PaymentQuery(created_from=hour(-12)), "a@9 b@8 c@7"),
        (Order.OLDEST_FIRST, PaymentQuery(created_to=hour(21)), "a@0 b@1 c@2"),
    ],
)
def test_the_first_page_of_a_window_tells_how_many_to_ask_for(order: Order, query: PaymentQuery, rows: str) -> None:
    """It is two hours long: ten more may lie in the window, and not more are asked for than may be under way."""
    for at_once, asked in ((4, 4), (8, 8), (20, 11)):
        listed = ByHand(OffsetReader(options(3, at_once, query), order=order), "offset", total=100)
        assert len(listed.answer(rows)) == asked


# Gaps.


def test_a_gap_is_closed_by_a_page_that_has_rows_of_both_sides() -> None:
    listed = by_offset(4, total=10)
    listed.answer("a b c d")
    # Two rows have left: at offset 3, where "d" was, is "f" now.
    listed.expect((3, "f g h i", {"total": 8}), (1, "d e f g", {"total": 8}), (6, "i j", {"total": 8}))
    assert (listed.places, listed.doubts, listed.reader.is_proven) == ([], [], True)


def test_a_gap_that_does_not_close_is_noted_and_read_over() -> None:
    listed = by_offset(4, total=12)
    listed.answer("a b c d")
    # These four have left, and nothing has rows of both sides any more.
    asked = read_on(listed, "e f g h i j k l", total=8)
    assert listed.doubts == ["payments left the list while it was read"]
    assert listed.reader.seen == 12
    assert asked.count("0") == 1 + MAX_ATTEMPTS  # the first of them still brings something new


def test_what_is_new_at_the_head_lies_above_a_gap() -> None:
    """It was added meanwhile. Above the head there is nothing to read."""
    listed = by_offset(4, total=11)
    listed.expect((0, "a b c d"), (3, "g h i j"))
    listed.expect((1, "p q r s", total(18)), (0, "o p q r", total(18)), (3, "r s a b", total(18)))
    listed.expect((8, "d e f g", total(18)), (14, "j k l m", total(18)))
    assert (listed.places, listed.doubts) == (["17"], [])


def test_nothing_is_asked_for_beyond_a_gap_before_that_is_closed() -> None:
    listed = by_offset(4, 2, total=31)  # two at once, and one that may be late
    assert listed.answer("a b c d") == ["3", "6", "9"]
    listed.expect((3, "f g h i"), (6, "i j k l"), (9, "l m n o"))  # two have left
    assert listed.places == ["1"]
    assert listed.answer("d e f g") == ["12", "15", "18"]


def test_the_more_gaps_there_were_the_longer_pages_are_asked_for_one_by_one() -> None:
    rows = [f"row-{number}" for number in range(200)]
    listed, under_way = by_offset(4, 2), []
    for number in range(40):
        if number in (2, 5, 8, 11):
            del rows[0], rows[1]
        start = int(listed.places[0] or 0)
        listed.answer(" ".join(rows[start : start + 4]), total=len(rows))
        under_way.append(len(listed.places))
    assert (max(under_way[14:20]), max(under_way[20:])) == (1, 3)
    assert listed.doubts == []


@pytest.mark.parametrize(
    ("rows", "position", "is_joined", "tail", "end"),
    [
        ("d e f", 3, True, "d e f", 6),
        ("c d", 2, True, "a b c d", 4),  # ends with the last row
        ("x a b", 0, True, "a b c d", 5),  # ends above it: two more follow, further down than they were
        ("e f g", 4, False, "a b c d", 4),
        ("", 4, False, "a b c d", 4),
    ],
)
def test_joining_pages(rows: str, position: int, is_joined: bool, tail: str, end: int) -> None:
    segment = Segment(0, 4, ["a", "b", "c", "d"], ["a", "b", "c", "d"])
    page = Page(rows.split(), rows.split(), 0, ())
    assert segment.join(page, position) is is_joined
    assert (segment.tail, segment.end) == (tail.split(), end)


# Lists whose rows may move.


def test_a_row_that_jumped_to_the_head_is_found_there() -> None:
    listed = by_offset(4, order=Order.UNKNOWN, total=9)
    listed.expect((0, "a b c d"), (3, "d e f g"))
    # "i" jumps to the head, just before the last page is read.
    listed.expect((6, "f g h"))
    assert "i" not in listed.seen
    assert read_on(listed, "i a b c d e f g h")[0] == "0"
    assert "i" in listed.seen
    assert listed.doubts == []


def test_the_head_of_a_list_of_one_page_is_not_looked_at_again() -> None:
    listed = by_offset(4, order=Order.UNKNOWN, total=3)
    listed.expect((0, "a b c"))
    assert (listed.places, listed.doubts) == ([], [])


def test_the_head_is_looked_at_down_to_two_neighbours_of_the_first_page() -> None:
    """One row of it may have jumped, too, and then says nothing of what is below it."""
    listed = by_offset(4, order=Order.UNKNOWN, total=8)
    listed.expect((0, "a b c d"), (3, "d e f g"), (6, "g h"))
    listed.expect((0, "e f g d"), (3, "d z a b"))
    assert "z" in listed.seen


def test_a_list_in_which_payments_move_all_the_time_is_a_doubt() -> None:
    listed = by_offset(4, order=Order.UNKNOWN, total=8)
    listed.expect((0, "a b c d"), (3, "d e f g"), (6, "g h"))
    listed.expect((0, "f e g a"), (3, "a b c d"))
    assert listed.places == []
    assert listed.doubts == ["payments moved all the time while the list was read"]


# Counts.


@pytest.mark.parametrize("order", Order)
def test_fewer_payments_than_the_api_counts_are_a_doubt(order: Order) -> None:
    listed = by_offset(4, order=order, total=7)
    listed.answer("a b c d")
    while listed.places:
        listed.answer("d e" if listed.places != ["0"] else "a b c d")
    assert listed.doubts == ["the API counts 7 payments, and 5 different ones were found"]


def test_a_list_without_a_total_that_is_longer_than_what_was_found_is_a_doubt() -> None:
    listed = by_offset(3, order=Order.UNKNOWN)
    # Another one takes the place of a row that was shown twice.
    listed.expect((0, "a b c"), (2, "c d e"), (4, "d e a"), (7, "a"), (0, "a b c"))
    assert listed.places == []
    assert listed.doubts == ["the list had 8 payments, and 5 different ones were found"]


def test_rows_that_a_page_has_twice_are_counted_as_two() -> None:
    listed = by_offset(5, total=4)
    listed.expect((0, "a b b c"))
    assert (listed.places, listed.doubts) == ([], [])


# Lists that lead nowhere.


def test_an_empty_page_that_promises_more_is_no_progress() -> None:
    listed = by_offset(3, total=5, has_more=True)
    listed.answer("a b c")
    with pytest.raises(NoProgress, match="empty page at offset 2"):
        listed.answer("")
    assert len(listed.doubts) == 1


def test_an_api_that_ignores_the_offset_is_no_progress() -> None:
    listed = by_offset(3, total=1000)
    for _ in range(MAX_STALE_PAGES + 2):
        listed.answer("a b c")
    assert listed.places == ["0"]  # whether the list has grown
    with pytest.raises(NoProgress, match="repeat what was read before"):
        listed.answer("a b c")


def test_a_list_that_grows_faster_than_it_is_read_is_read_on() -> None:
    """Whatever is added at the head between two requests is as long as a page."""
    added, listed, read = 0, by_offset(3), []
    for _ in range(MAX_STALE_PAGES + 5):
        rows = [*(f"new-{number}" for number in range(added, 0, -1)), *["a", "b", "c", "d", "e", "f"]]
        start = int(listed.places[0] or 0)
        listed.answer(" ".join(rows[start : start + 3]), total=len(rows))
        read.append(start)
        added += 3
    assert 0 in read[1:]
    assert "f" not in listed.seen
    read_on(listed, " ".join(rows), total=len(rows))  # nothing is added any more
    assert {*"abcdef"} <= listed.seen


@pytest.mark.parametrize("side_by_side", [1, 4])
def test_a_gap_that_moves_on_with_the_list_is_read_over(side_by_side: int) -> None:
    """Rows leave at the head as fast as others are added at the end: there is always something new."""
    listed = by_offset(10, side_by_side, order=Order.UNKNOWN)
    rows, requests = [f"r{number}" for number in range(60)], 0
    while listed.places:
        start, limit = (int(listed.asked[0].params[name]) for name in ("offset", "limit"))
        listed.answer(" ".join(rows[start : start + limit]))
        requests += 1
        rows = [*rows[1:], f"n{requests}"]
        assert requests < 100, "the reading does not end"
    assert listed.doubts
