"""Lists by page number, and by creation time, page by page."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from airflow_provider_payments.exceptions import PaymentsProtocolError
from airflow_provider_payments.listing.by_time import MOST_CROWD_READINGS, ByTimeReader
from airflow_provider_payments.listing.page_numbers import PageNumberReader
from airflow_provider_payments.listing.pages import Order
from airflow_provider_payments.listing.readers import MAX_STALE_PAGES, NoProgress
from airflow_provider_payments.listing.time_slices import SlicedReader
from airflow_provider_payments.query import PaymentQuery
from tests.listing.by_hand import START, ByHand, hour, options, total


def by_number(page_size: int = 3, max_concurrency: int = 1, order: Order = Order.UNKNOWN, **about: Any) -> ByHand:
    return ByHand(PageNumberReader(options(page_size, max_concurrency), order=order), "page", **about)


def since(moment: datetime) -> dict[str, str]:
    """A creation time, as an hour."""
    return {"since": f"{(moment - START).total_seconds() / 3600:g}"}


def by_time(page_size: int = 3, starts_at: float | None = None, query: PaymentQuery | None = None) -> ByHand:
    reader = ByTimeReader(
        options(page_size, query=query),
        starts_at=None if starts_at is None else hour(starts_at),
        start_params=since,
    )
    return ByHand(reader, "since")


def test_first_pages() -> None:
    (request,) = PageNumberReader(options(200), number_param="PageNumber", size_param="PageSize").start()
    assert request.params == {"status": "paid", "PageNumber": "0", "PageSize": "200"}
    (request,) = PageNumberReader(options(200), first_page=1).start()
    assert request.params == {"status": "paid", "page": "1", "size": "200"}
    (request,) = ByTimeReader(options(200), starts_at=hour(2), start_params=since, first_page=1).start()
    assert request.params == {"status": "paid", "page": "1", "size": "200", "since": "2"}


@pytest.mark.parametrize("make", [by_number, by_time])
def test_a_reply_without_a_total_is_an_error(make: Any) -> None:
    with pytest.raises(PaymentsProtocolError, match="no total"):
        make().answer("a b c")


# By page number.


def test_pages_are_asked_for_until_as_many_are_found_as_the_total_says() -> None:
    listed = by_number(total=7)
    listed.expect((0, "a b c"), (1, "d e f"), (2, "g"))
    assert (listed.places, listed.doubts) == ([], [])
    assert not listed.reader.is_proven  # a second reading has to show the same


def test_page_numbers_side_by_side() -> None:
    listed = by_number(3, 4, total=12)
    assert listed.answer("a b c") == ["1", "2", "3"]


def test_one_less_than_twice_as_many_are_asked_for_as_may_be_under_way() -> None:
    """So that some may be answered while an earlier one is late."""
    assert by_number(3, 4).answer("a b c", total=100) == ["1", "2", "3", "4", "5", "6", "7"]
    assert by_number(3, 4).answer("a b c", total=10) == ["1", "2", "3"]
    assert by_number(3, 1).answer("a b c", total=100) == ["1"]


def test_a_single_page_is_proof_of_itself() -> None:
    listed = by_number()
    listed.expect((0, "a b", total(2)))
    assert (listed.places, listed.reader.is_proven) == ([], True)


def test_pages_may_count_from_1_where_0_was_asked_for() -> None:
    listed = by_number(total=5)
    listed.expect((0, "a b c"), (1, "a b c"), (2, "d e"))
    assert (listed.reader.seen, listed.doubts) == (5, [])


def test_an_api_that_ignores_the_page_number_is_no_progress() -> None:
    listed = by_number(total=9)
    listed.expect((0, "a b c"), (1, "a b c"))
    with pytest.raises(NoProgress, match=r"page 2 repeats what was read before \(3 of 9 payments seen\)"):
        listed.answer("a b c")


def test_pages_may_repeat_while_the_list_grows_but_not_for_ever() -> None:
    listed = by_number(total=9)
    listed.answer("a b c")
    for _ in range(MAX_STALE_PAGES):
        listed.answer("a b c", total=12)
    with pytest.raises(NoProgress):
        listed.answer("a b c", total=12)


def test_a_list_that_shrinks_is_a_doubt_and_the_page_before_is_read_again() -> None:
    listed = by_number(total=9)
    listed.expect((0, "a b c"), (1, "e f g", total(8)))
    assert listed.places == ["0"]
    assert listed.asked[0].repeats == 3
    listed.expect((0, "b c d", total(8)), (2, "h i", total(8)))
    assert listed.doubts == ["the list shrank from 9 to 8 payments while it was read"]
    assert "d" in listed.seen


def test_what_leaves_while_that_page_is_read_again_moves_rows_to_that_page_too() -> None:
    listed = by_number(total=12)
    listed.expect((0, "a b c"), (1, "e f g", total(11)))  # "b" has left
    listed.expect((0, "a d e", total(10)))  # and "c"
    listed.expect((2, "i j k", total(10)), (1, "f g h", total(10)), (3, "l", total(10)))
    assert {*"abcdefghijkl"} == listed.seen


def test_a_list_that_shrinks_at_every_request_is_read_twice_at_most() -> None:
    """And not from the page that was reached to the first one, again and again."""
    listed = by_number(total=100)
    left = list(range(100))
    requests = 0
    while listed.places and requests < 1000:
        start = 3 * int(listed.places[0] or 0)
        listed.answer(" ".join(map(str, left[start : start + 3])), total=len(left))
        requests += 1
        del left[0]
    assert requests <= 2 * 100 / 3
    assert {*map(str, left)} <= listed.seen


@pytest.mark.parametrize(
    ("order", "max_concurrency", "is_doubted"),
    [(Order.OLDEST_FIRST, 4, False), (Order.UNKNOWN, 1, False), (Order.UNKNOWN, 4, True)],
)
def test_a_list_that_grows_is_a_doubt_where_rows_may_have_moved_past(
    order: Order, max_concurrency: int, is_doubted: bool
) -> None:
    listed = by_number(3, max_concurrency, order, total=6)
    listed.answer("a b c")
    listed.answer("d e f", total=7)
    assert bool(listed.doubts) is is_doubted


def test_a_list_that_ends_before_its_total_is_a_doubt() -> None:
    listed = by_number(total=7)
    listed.expect((0, "a b c"), (1, "d e"), (1, "d e"), (2, ""))
    assert listed.places == []
    assert listed.doubts == ["the API counts 7 payments, and 5 different ones were found"]


# By creation time.


def test_each_request_is_for_the_first_page_from_the_last_rows_time_on() -> None:
    listed = by_time()
    listed.expect((None, "a@1 b@2 c@3", total(6)), (3, "c@3 d@4 e@5", total(4)), (5, "e@5 f@6", total(2)))
    assert (listed.places, listed.doubts, listed.reader.is_proven) == ([], [], True)
    assert listed.reader.is_joined


def test_rows_that_leave_or_come_before_that_time_shift_nothing() -> None:
    listed = by_time()
    listed.expect((None, "a@1 b@2 c@3", total(6)))
    # "a" and "b" have left: by page number, "d" and "e" would have moved to a page that was read.
    listed.expect((3, "c@3 d@4 e@5", total(4)), (5, "e@5 f@6", total(2)))
    assert {*"abcdef"} == listed.seen
    assert listed.doubts == []


def test_bounds_that_exclude_their_own_time_are_found_out_and_allowed_for() -> None:
    listed = by_time(starts_at=0)
    listed.expect((0, "a@1 b@2 c@3", total(9)))
    listed.expect((3, "d@4 e@5 f@6", total(6)))
    second = 1 / 3600
    listed.expect((f"{3 - second:g}", "c@3 d@4 e@5", total(7)))
    assert listed.places == [f"{5 - second:g}"]
    assert listed.doubts == []


def test_where_the_rows_of_the_last_time_have_left_those_before_are_looked_for() -> None:
    listed = by_time(starts_at=0)
    listed.expect((0, "a@1 b@2 c@3", total(6)))
    listed.expect((3, "d@4 e@5 f@6", total(3)), ("2.99972", "d@4 e@5 f@6", total(3)), (1, "a@1 b@2 d@4", total(5)))
    assert (listed.doubts, listed.reader.is_joined) == ([], True)
    listed.expect((4, "d@4 e@5 f@6", total(3)))
    assert listed.places == []


def test_where_all_of_a_page_have_left_nothing_proves_what_was_between() -> None:
    listed = by_time()
    listed.expect((None, "a@1 b@2 c@3", total(6)))
    for place in (3, "2.99972", 1):
        listed.expect((place, "d@4 e@5 f@6", total(3)))
    assert listed.doubts == ["payments left the list while it was read"]


def test_a_list_that_ignores_the_time_is_a_doubt() -> None:
    listed = by_time()
    listed.expect((None, "a@1 b@2 c@3", total(6)), (3, "a@1 b@2 c@3", total(6)))
    assert listed.doubts[0].endswith("and shows earlier payments")


def test_a_list_that_is_not_sorted_is_a_doubt() -> None:
    listed = by_time()
    listed.expect((None, "a@1 c@3 b@2", total(3)))
    assert listed.doubts == ["the list is not in the order of creation that was asked for"]


def test_a_page_beyond_the_window_ends_the_reading() -> None:
    listed = by_time(query=PaymentQuery(created_to=hour(3)))
    listed.expect((None, "a@1 b@2 c@3", total(60)), (3, "c@3 d@4 e@5", total(58)))
    assert (listed.places, listed.doubts) == ([], [])


def numbers(listed: ByHand) -> list[tuple[str | None, str]]:
    return [(request.params.get("since"), request.params["page"]) for request in listed.asked]


def test_more_payments_of_one_instant_than_a_page_has_are_read_by_number_until_two_readings_show_the_same() -> None:
    listed = by_time(2)
    # Of two rows at the first hour, none leads beyond it.
    listed.expect((None, "a@1 b@1", total(6)), (1, "a@1 b@1", total(6)))
    assert numbers(listed) == [("1", "1")]
    listed.answer("c@1 d@1", total=6)
    assert numbers(listed) == [("1", "2")]
    assert not listed.reader.is_joined
    listed.answer("e@1 f@2", total=6)
    # "b" has left in between: "c" would have been shifted to a page that was read.
    for rows in ("a@1 c@1", "d@1 e@1", "f@2"):
        listed.answer(rows, total=5)
    for number, rows in enumerate(("a@1 c@1", "d@1 e@1", "f@2")):
        assert numbers(listed) == [("1", str(number))]
        listed.answer(rows, total=5)
    assert (listed.places, listed.doubts, listed.reader.is_proven) == ([], [], True)


def test_pages_of_one_instant_that_never_show_the_same_prove_nothing() -> None:
    listed = by_time(2)
    listed.expect((None, "a@1 b@1", total(3)), (1, "a@1 b@1", total(3)))
    listed.answer("c@1", total=3)
    for number in range(MOST_CROWD_READINGS):
        listed.answer("a@1 b@1", total=3)
        listed.answer(f"new-{number}@1", total=3)
    assert (listed.places, listed.reader.is_proven) == ([], False)


def test_an_api_that_ignores_the_number_of_a_page_is_no_progress() -> None:
    listed = by_time(2)
    for _ in range(3):
        listed.answer("a@1 b@1", total=30)
    with pytest.raises(NoProgress, match="ignores the page number"):
        listed.answer("a@1 b@1", total=30)


def test_payments_without_a_creation_time_are_a_doubt_where_no_time_finds_them() -> None:
    listed = by_time()
    listed.expect((None, "a@1 b@2 c@3", total(7)))
    # From the third hour on there are 5 of 7, as "a" and "b" are earlier; the list tells of 3.
    listed.expect((3, "c@3 d@4 e@5", total(3)), (None, "a@1 b@2 c@3", total(7)))
    assert listed.doubts == ["not all payments of the list are found by their creation time"]


def test_payments_that_leave_at_that_moment_are_not_taken_for_such() -> None:
    listed = by_time()
    listed.expect((None, "a@1 b@2 c@3", total(7)))
    listed.expect((3, "c@3 d@4 e@5", total(3)), (None, "a@1 b@2 c@3", total(5)))
    assert listed.doubts == []


# In slices.


def sliced(max_concurrency: int, query: PaymentQuery | None = None, **about: Any) -> ByHand:
    """Read up to hour 100, when the reading began."""

    def list_from(*args: Any, **kwargs: Any) -> ByTimeReader:
        return ByTimeReader(*args, start_params=since, **kwargs)

    told = replace(options(3, max_concurrency, query), started_at=hour(100))
    return ByHand(SlicedReader(told, list_from=list_from, order=Order.OLDEST_FIRST), "since", **about)


def test_another_slice_begins_further_on_where_there_is_room() -> None:
    assert sliced(1, total=90).answer("a@1 b@2 c@3") == ["3"]
    assert sliced(4, total=90).answer("a@1 b@2 c@3") == ["3", "11"]


def test_a_window_is_cut_into_as_many_slices_as_there_is_room_for() -> None:
    window = PaymentQuery(created_to=hour(99))
    assert sliced(4, window, total=90).answer("a@1 b@2 c@3") == ["3", "51", "75", "27"]
    assert sliced(4, PaymentQuery(created_to=hour(8)), total=90).answer("a@1 b@2 c@3") == ["3"]  # too short


def test_a_slice_ends_where_it_has_a_row_of_the_next_ones_first_page() -> None:
    listed = sliced(2, total=90)
    listed.answer("a@1 b@2 c@3")
    listed.expect((3, "c@3 d@4 e@5", total(88)), (11, "k@11 l@12 m@13", total(3)))
    while listed.places[:1] == ["5"]:
        listed.answer("e@5 k@11 l@12", total=5)
    assert listed.doubts == []
    assert "5" not in listed.places


def test_slices_do_not_meet_on_a_page_that_is_not_joined_to_those_before() -> None:
    """Rows of the next slice that come from beyond a gap say nothing of what is in it."""
    listed = sliced(2, total=90)
    listed.answer("a@1 b@2 c@3")
    listed.expect((3, "c@3 d@4 e@5", total(88)), (11, "k@11 l@12 m@13", total(30)))
    listed.expect((5, "k@11 l@12 m@13", total(30)))  # "c", "d" and "e" have left, or the API excludes their time
    assert any(place is not None and place.startswith("4.99") for place in listed.places)
