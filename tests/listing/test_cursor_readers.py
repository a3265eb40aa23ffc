"""Lists by cursors, page by page: those that name a row, and those that the reply tells."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from airflow_provider_payments.exceptions import PaymentNotFound, PaymentsProtocolError, PaymentsRequestError
from airflow_provider_payments.listing.cursors import MAX_FALLBACKS, CursorReader
from airflow_provider_payments.listing.pages import Order
from airflow_provider_payments.listing.readers import MAX_STALE_PAGES, NoProgress
from airflow_provider_payments.listing.tokens import MAX_EMPTY_PAGES, MAX_FRUITLESS_RESTARTS, TokenReader
from airflow_provider_payments.query import PaymentQuery
from tests.listing.by_hand import ByHand, hour, options

GONE = PaymentNotFound("no such payment", 404)


def until(moment: datetime) -> dict[str, str]:
    return {"until": moment.isoformat()}


def by_cursor(page_size: int = 3, **about: Any) -> ByHand:
    return ByHand(CursorReader(options(page_size)), "starting_after", **{"has_more": True, **about})


def by_cursor_and_time(order: Order = Order.NEWEST_FIRST, query: PaymentQuery | None = None) -> ByHand:
    reader = CursorReader(options(3, query=query), order=order, start_params=until)
    return ByHand(reader, "starting_after", has_more=True)


def by_token(**about: Any) -> ByHand:
    return ByHand(TokenReader(options(3)), "cursor", **about)


def by_token_and_time(order: Order = Order.NEWEST_FIRST, starts_at: datetime | None = None) -> ByHand:
    return ByHand(TokenReader(options(3), order=order, starts_at=starts_at, start_params=until), "cursor")


def test_first_pages() -> None:
    reader = CursorReader(options(20), cursor_param="after", limit_param="n", starts_at=hour(5), start_params=until)
    (request,) = reader.start()
    assert request.params == {"status": "paid", "n": "20", "until": "2026-01-01T05:00:00+00:00"}
    (request,) = CursorReader(options(20)).start()
    assert request.params == {"status": "paid", "limit": "20"}
    (request,) = TokenReader(options(20), token_param="next", limit_param="n").start()
    assert request.params == {"status": "paid", "n": "20"}
    (request,) = TokenReader(options(20), starts_at=hour(5), start_params=until).start()
    assert request.params == {"status": "paid", "limit": "20", "until": "2026-01-01T05:00:00+00:00"}


# A row's id leads to the page after it.


def test_the_last_row_leads_to_the_next_page() -> None:
    listed = by_cursor()
    listed.expect((None, "a b c"), ("c", "d e f"), ("f", "g", {"has_more": False}))
    assert (listed.places, listed.doubts, listed.reader.is_proven) == ([], [], True)


def test_a_cursor_takes_the_place_of_the_time_at_which_the_list_began() -> None:
    reader = CursorReader(options(3), order=Order.NEWEST_FIRST, starts_at=hour(5), start_params=until)
    listed = ByHand(reader, "starting_after", has_more=True)
    listed.answer("a@5 b@4")
    assert listed.asked[0].params == {"status": "paid", "limit": "3", "starting_after": "b"}


def test_a_list_that_begins_later_than_it_was_told_to_is_a_doubt() -> None:
    reader = CursorReader(options(3), order=Order.NEWEST_FIRST, starts_at=hour(5), start_params=until)
    listed = ByHand(reader, "starting_after", has_more=True)
    listed.expect((None, "a@9 b@8 c@7"))
    (doubt,) = listed.doubts
    assert "shows later payments" in doubt
    assert not reader.obeys_start
    assert listed.places == ["c"]  # what it shows is read all the same


def test_a_reply_that_does_not_tell_whether_more_follows_is_an_error() -> None:
    with pytest.raises(PaymentsProtocolError, match="whether more follows"):
        by_cursor(has_more=None).answer("a b c")


def test_an_empty_list() -> None:
    assert by_cursor().answer("", has_more=False) == []


def test_an_empty_page_that_promises_more_is_no_progress() -> None:
    with pytest.raises(NoProgress, match="an empty page"):
        by_cursor().answer("")


def test_a_page_beyond_the_window_ends_the_reading_where_the_order_is_known() -> None:
    query = PaymentQuery(created_from=hour(5))
    listed = by_cursor_and_time(query=query)
    assert listed.answer("a@7 b@4") == ["b"]  # the order of rows within a page is not believed
    assert listed.answer("c@4 d@3") == []
    unordered = by_cursor_and_time(Order.UNKNOWN, query)
    assert unordered.answer("a@4 b@3") == ["b"]


# The API has lost the place.


def test_another_refusal_is_no_lost_place() -> None:
    listed = by_cursor()
    listed.answer("a b c")
    with pytest.raises(PaymentsRequestError, match="teapot"):
        listed.refuse(PaymentsRequestError("I am a teapot", 418))


@pytest.mark.parametrize("is_refused", [True, False])
def test_a_lost_place_is_looked_for_from_the_rows_before(is_refused: bool) -> None:
    listed = by_cursor()
    listed.expect((None, "a b c"), ("c", "d e f"))
    for row in ("f", "e"):
        assert listed.places == [row]
        if is_refused:
            listed.refuse(GONE)
        else:
            listed.answer("", has_more=False)
    assert listed.places == ["d"]
    assert listed.asked[0].repeats == 3  # rows that come again are no duplicates
    listed.expect(("d", "g", {"has_more": False}))
    assert (listed.places, listed.doubts) == ([], [])


def test_an_api_that_begins_anew_has_lost_the_place() -> None:
    listed = by_cursor()
    listed.expect((None, "a b c"), ("c", "d e f"), ("f", "a b c"))
    listed.expect(("e", "f g h", {"has_more": False}))
    assert (listed.places, listed.doubts) == ([], [])


def test_rows_of_earlier_pages_are_tried_too_but_not_all_of_them() -> None:
    listed = by_cursor(2)
    listed.expect((None, "a b"), ("b", "c d"), ("d", "e f"), ("f", "g h"))
    tried = []
    while listed.places[0] != "c":
        tried += listed.places
        listed.refuse(GONE)
    assert tried == ["h", "g", "f", "e", "d"]
    assert len(tried) == MAX_FALLBACKS  # and "c" is the last
    with pytest.raises(PaymentNotFound):
        listed.refuse(GONE)


@pytest.mark.parametrize("listed", [lambda: by_cursor_and_time(), lambda: by_token_and_time()], ids=["row", "token"])
def test_a_refusal_that_is_no_word_on_the_cursor_is_the_refusal(listed: Any) -> None:
    reading = listed()
    reading.answer("a@9 b@8", next_cursor="2nd")
    with pytest.raises(PaymentsRequestError):
        reading.refuse(PaymentsRequestError("teapot", 418))


def test_a_refused_first_page_is_the_refusal() -> None:
    with pytest.raises(PaymentNotFound):
        by_cursor().refuse(GONE)


def test_where_no_row_is_known_any_more_the_list_is_read_on_by_time() -> None:
    listed = by_cursor_and_time()
    listed.answer("a@9 b@8")
    assert listed.refuse(GONE) == ["a"]
    assert listed.refuse(GONE) == [None]
    # A second later, for the API may not count the very time in.
    assert listed.asked[0].params == {"status": "paid", "limit": "3", "until": "2026-01-01T08:00:01+00:00"}
    # What was read before is no sign that the place is lost again.
    listed.expect((None, "b@8"), ("b", "a@8"), ("a", "c@8 d@7", {"has_more": False}))
    assert (listed.places, listed.doubts) == ([], [])


def test_a_list_is_read_on_from_the_same_time_only_once() -> None:
    listed = by_cursor_and_time()
    listed.expect((None, "a@9"))
    listed.refuse(GONE)
    listed.expect((None, "a@9"))
    with pytest.raises(PaymentNotFound):
        listed.refuse(GONE)


def test_a_list_whose_every_place_is_empty_is_a_doubt() -> None:
    listed = by_cursor()
    listed.answer("a")
    assert listed.answer("", has_more=False) == []
    assert listed.doubts == ["the API lost the place, for a payment left the list while it was read"]


def test_a_page_that_leads_to_itself_is_no_progress() -> None:
    listed = by_cursor()
    listed.answer("a")
    with pytest.raises(NoProgress, match="repeats what was read before"):
        listed.answer("a")


# The reply tells what leads to the next page.


def test_each_reply_tells_the_next_token() -> None:
    listed = by_token()
    listed.expect((None, "a b c", {"next_cursor": "2nd"}), ("2nd", "d e f", {"next_cursor": "3rd"}))
    assert listed.asked[0].params == {"status": "paid", "limit": "3", "cursor": "3rd"}
    listed.answer("g")
    assert (listed.places, listed.doubts, listed.reader.is_proven) == ([], [], True)


def test_a_token_that_names_a_row_leads_to_it() -> None:
    for rows, doubts in (("d e", 0), ("e f", 1), ("", 1)):
        listed = ByHand(TokenReader(options(3), names_next_row=True), "from")
        listed.answer("a b c", next_cursor="d")
        listed.answer(rows)
        assert (listed.places, len(listed.doubts)) == ([], doubts)


@pytest.mark.parametrize("about", [{"next_cursor": ""}, {"next_cursor": None}, {"next_cursor": "", "has_more": False}])
def test_a_reply_without_a_token_is_the_last(about: dict[str, Any]) -> None:
    assert by_token().answer("a b c", **about) == []


def test_a_reply_that_promises_more_and_tells_no_token_is_no_progress() -> None:
    with pytest.raises(NoProgress, match="and not how"):
        by_token().answer("a b c", has_more=True)


def test_a_token_that_leads_to_itself_is_no_progress() -> None:
    listed = by_token(next_cursor="same")
    listed.answer("a b c")
    with pytest.raises(NoProgress, match="leads to itself"):
        listed.answer("d e f")


def test_tokens_that_lead_in_circles_are_no_progress() -> None:
    listed = by_token()
    listed.answer("a b c", next_cursor="0")
    for number in range(1, MAX_STALE_PAGES + 1):
        listed.answer("a b c", next_cursor=str(number % 2))
    with pytest.raises(NoProgress, match="repeat what was read"):
        listed.answer("a b c", next_cursor="other")


def test_some_pages_may_be_empty_and_not_all_for_ever() -> None:
    """An API may filter a page's rows after it has read them."""
    listed = by_token()
    for number in range(MAX_EMPTY_PAGES):
        listed.answer("", next_cursor=str(number % 2))
    listed.answer("a", next_cursor="further")
    for number in range(MAX_EMPTY_PAGES):
        listed.answer("", next_cursor=str(number % 2))
    with pytest.raises(NoProgress, match="1001 empty pages"):
        listed.answer("", next_cursor="further")


def test_a_page_of_tokens_beyond_the_window_ends_the_reading() -> None:
    query = PaymentQuery(created_from=hour(5))
    listed = ByHand(TokenReader(options(3, query=query), order=Order.NEWEST_FIRST), "cursor", next_cursor="more")
    assert listed.answer("a@7 b@4") == ["more"]
    assert listed.answer("c@4 d@3", next_cursor="even more") == []


def test_a_token_that_is_refused_is_the_refusal() -> None:
    listed = by_token()
    listed.answer("a", next_cursor="2nd")
    with pytest.raises(PaymentNotFound):
        listed.refuse(GONE)


def test_the_time_at_which_a_list_began_stays_on_each_page_of_tokens() -> None:
    listed = by_token_and_time(starts_at=hour(5))
    listed.answer("a@5 b@4", next_cursor="2nd")
    assert listed.asked[0].params == {
        "status": "paid",
        "limit": "3",
        "until": "2026-01-01T05:00:00+00:00",
        "cursor": "2nd",
    }


def test_a_list_of_tokens_that_begins_later_than_it_was_told_to_is_a_doubt() -> None:
    listed = by_token_and_time(starts_at=hour(5))
    listed.answer("a@9 b@8", next_cursor="2nd")
    (doubt,) = listed.doubts
    assert "shows later payments" in doubt
    assert listed.places == ["2nd"]


@pytest.mark.parametrize("is_refused", [True, False])
@pytest.mark.parametrize(
    ("order", "hours", "until_then"),
    [
        (Order.NEWEST_FIRST, (9, 8, 7), "2026-01-01T08:00:01+00:00"),
        (Order.OLDEST_FIRST, (1, 2, 3), "2026-01-01T01:59:59+00:00"),
    ],
)
def test_where_a_token_leads_no_further_the_list_is_read_on_by_time(
    order: Order, hours: tuple[int, int, int], until_then: str, is_refused: bool
) -> None:
    """The row that the token stands for may have left the list: an empty page says nothing of what comes after."""
    first, second, third = hours
    listed = by_token_and_time(order)
    listed.answer(f"a@{first} b@{second}", next_cursor="2nd")
    if is_refused:
        listed.refuse(GONE)
    else:
        listed.answer("", next_cursor="")
    (request,) = listed.asked
    assert request.params == {"status": "paid", "limit": "3", "until": until_then}
    assert request.repeats == 3  # rows that come again are no duplicates
    listed.answer(f"b@{second}", next_cursor="again")
    assert listed.asked[0].repeats == 3
    listed.answer(f"c@{third}", next_cursor="3rd")
    assert (listed.places, listed.asked[0].repeats) == (["3rd"], 0)
    listed.answer("d@0")
    assert (listed.places, listed.doubts, listed.reader.is_proven) == ([], [], True)


def test_an_empty_page_after_the_last_row_is_the_end_once_the_list_was_read_on_by_time() -> None:
    listed = by_token_and_time()
    listed.answer("a@9 b@8", next_cursor="2nd")
    listed.answer("")
    listed.answer("b@8", next_cursor="3rd")
    assert listed.answer("") == []
    assert listed.doubts == []


def test_a_token_that_is_refused_again_and_again_at_the_same_time_is_the_refusal() -> None:
    listed = by_token_and_time()
    listed.answer("a@9 b@8", next_cursor="2nd")
    for _ in range(MAX_FRUITLESS_RESTARTS):
        listed.refuse(GONE)
        listed.answer("b@8", next_cursor="3rd")
    with pytest.raises(PaymentNotFound):
        listed.refuse(GONE)


def test_without_a_row_whose_time_is_known_a_refused_token_is_the_refusal() -> None:
    listed = by_token_and_time()
    listed.answer("a b", next_cursor="2nd")
    with pytest.raises(PaymentNotFound):
        listed.refuse(GONE)


@pytest.mark.parametrize("starts_at", [None, hour(5)])
def test_a_list_that_has_shown_no_row_yet_is_begun_anew(starts_at: datetime | None) -> None:
    listed = by_token_and_time(starts_at=starts_at)
    first = listed.asked[0].params
    listed.answer("", next_cursor="2nd")
    listed.refuse(GONE)
    assert listed.asked[0].params == first
    listed.answer("", next_cursor="again")
    listed.answer("a@5 b@4", next_cursor="3rd")
    assert (listed.places, listed.doubts, listed.reader.is_joined) == (["3rd"], [], True)


def test_what_is_read_again_comes_before_the_pages_of_others() -> None:
    """Meanwhile, the tokens would be forgotten."""
    listed = by_token_and_time()
    listed.answer("a@9 b@8", next_cursor="2nd")
    urgent = [listed.asked[0].is_urgent]
    listed.refuse(GONE)
    for rows in ("b@8", "", "c@8 b@8", "d@7"):
        urgent.append(listed.asked[0].is_urgent)
        listed.answer(rows, next_cursor=f"after {rows}")
    urgent.append(listed.asked[0].is_urgent)
    assert urgent == [False, True, True, True, True, False]


def test_a_first_page_that_is_refused_is_the_refusal_and_an_empty_one_the_end() -> None:
    with pytest.raises(PaymentNotFound):
        by_token_and_time(starts_at=hour(5)).refuse(GONE)
    assert by_token_and_time(starts_at=hour(5)).answer("") == []


def test_a_token_that_is_refused_again_among_the_rows_of_one_time_leads_on_as_long_as_something_is_new() -> None:
    """Tokens live for minutes, and whoever is handed the rows may take longer, at each of many pages of one time."""
    listed = by_token_and_time()
    listed.answer("a@9 b@8 c@8", next_cursor="2nd")
    for known, new in (("b@8 c@8", "d@8"), ("b@8 c@8 d@8", "e@8"), ("b@8 c@8 d@8 e@8", "f@8")):
        listed.refuse(GONE)
        assert listed.places == [None]
        for row in known.split():
            listed.answer(row, next_cursor=f"after {row}")
        listed.answer(new, next_cursor="further")
    listed.answer("g@7")
    assert (listed.places, listed.doubts) == ([], [])
    assert listed.seen == set("abcdefg")


def test_longer_pages_are_asked_for_where_none_of_a_page_is_new_and_tokens_live_no_longer_than_that() -> None:
    listed = ByHand(TokenReader(options(2), order=Order.NEWEST_FIRST, start_params=until, max_page_size=5), "cursor")
    listed.answer("a@8 b@8", next_cursor="2nd")
    listed.refuse(GONE)
    asked = []
    for shown in ("b@8", "a@8 b@8 c@8 d@8", "a@8 b@8 c@8 d@8 e@8", "a@8 b@8 c@8 d@8 e@8"):
        asked.append(listed.asked[0].params["limit"])
        listed.answer(shown, next_cursor="further")
        listed.refuse(GONE)
    assert asked == ["2", "4", "5", "5"]


def test_what_is_read_again_may_take_as_many_pages_as_it_took_before() -> None:
    listed = by_token_and_time()
    for number in range(30):
        listed.answer(f"{number}@8", next_cursor=f"after {number}")
    listed.refuse(GONE)
    for number in range(30):
        listed.answer(f"{number}@8", next_cursor=f"again {number}")
    listed.answer("30@8")
    assert (listed.places, listed.doubts) == ([], [])


def test_a_list_that_only_repeats_itself_after_it_was_read_on_by_time_ends() -> None:
    listed = by_token_and_time()
    listed.answer("a@8", next_cursor="2nd")
    listed.answer("b@8", next_cursor="3rd")
    listed.refuse(GONE)
    for number in range(12):
        listed.answer("a@8 b@8" if number % 3 else "b@8", next_cursor=f"again {number}")
        listed.answer("", next_cursor=f"empty {number}")
    with pytest.raises(NoProgress, match="repeat what was read before"):
        listed.answer("a@8 b@8", next_cursor="once more")


def test_a_list_that_does_not_show_the_last_rows_again_begins_a_page_further_back() -> None:
    """The rows of that time may have left. Or the API means another time than it was given: then some are skipped."""
    listed = by_token_and_time()
    listed.answer("a@9 b@8 c@8", next_cursor="2nd")
    listed.refuse(GONE)
    listed.answer("d@7 e@6", next_cursor="3rd")
    assert listed.asked[0].params["until"] == "2026-01-01T09:00:01+00:00"
    assert not listed.reader.is_joined
    listed.answer("a@9 d@7 e@6", next_cursor="4th")
    assert listed.reader.is_joined
    listed.answer("f@5")
    assert (listed.places, listed.doubts) == ([], [])


@pytest.mark.parametrize("is_last", [True, False])
def test_a_list_that_shows_none_of_the_rows_that_it_showed_is_in_doubt(is_last: bool) -> None:
    listed = by_token_and_time()
    listed.answer("a@9 b@8 c@8", next_cursor="2nd")
    listed.refuse(GONE)
    listed.answer("d@7 e@6", next_cursor="" if is_last else "3rd")
    listed.answer("d@7 e@6", next_cursor="" if is_last else "4th")
    if not is_last:
        listed.answer("f@5")
    (doubt,) = listed.doubts
    assert doubt == "payments left the list while it was read, so that nothing shows where to read on"
    assert listed.places == []
