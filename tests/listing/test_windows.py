"""Lists that are shown in windows of time: which are asked for, and what happens to one that is too large."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest

from airflow_provider_payments.exceptions import (
    PaymentsNotAvailableYet,
    PaymentsProtocolError,
    PaymentsRequestError,
)
from airflow_provider_payments.listing.ledger import LedgerReader
from airflow_provider_payments.listing.page_numbers import PageNumberReader
from airflow_provider_payments.listing.readers import MakeReader
from airflow_provider_payments.listing.windows import WindowsReader
from airflow_provider_payments.query import PaymentQuery
from tests.listing.by_hand import START, ByHand, hour, options

TOO_LARGE = PaymentsRequestError("too many rows", 400, "RESULTSET_TOO_LARGE")
TOO_LATE = PaymentsRequestError("no data yet", 404, "TOO_LATE")
OTHER = PaymentsRequestError("no such thing", 400, "INVALID_REQUEST")
#: What reads a list that rows leave.
LEFT_BY_ROWS = partial(PageNumberReader, size_param="page_size", first_page=1)
BOTH_KINDS = pytest.mark.parametrize("list_within", [LedgerReader, LEFT_BY_ROWS])


def windows(
    ends_at: float | None,
    longest: float,
    max_concurrency: int = 1,
    *,
    starts_at: float | None = 0,
    now: float = 1000,
    list_within: MakeReader = LedgerReader,
) -> ByHand:
    """Read from hour 0 to another, in windows of so many hours, with pages of three rows."""
    query = PaymentQuery(*(None if each is None else hour(each) for each in (starts_at, ends_at)))

    def params(start: datetime, end: datetime) -> dict[str, str]:
        return {"within": f"{(start - START) / timedelta(hours=1):g}-{(end - START) / timedelta(hours=1):g}"}

    reader = WindowsReader(
        replace(options(3, max_concurrency, query), started_at=hour(now)),
        company="Acme",
        list_within=list_within,
        window_params=params,
        is_too_large=lambda refusal: refusal.code == "RESULTSET_TOO_LARGE",
        is_too_late=lambda refusal: refusal.code == "TOO_LATE",
        longest=timedelta(hours=longest),
        reaches_back=timedelta(hours=1000),
    )
    return ByHand(reader, "within")


def test_the_latest_window_comes_first_and_the_earliest_is_what_is_left() -> None:
    listed = windows(25, 10)
    listed.expect(
        ("15-25", "h g", {"total": 2}),
        ("5-15", "f e d", {"total": 4}),
        ("5-15", "c", {"total": 4}),
        ("0-5", "b a", {"total": 2}),
    )
    assert (listed.places, listed.doubts, listed.reader.is_proven) == ([], [], True)


def test_a_window_that_is_too_large_is_cut_in_halves_until_it_is_not() -> None:
    listed = windows(8, 10)
    assert listed.places == ["0-8"]
    assert listed.refuse(TOO_LARGE) == ["4-8"]
    assert listed.refuse(TOO_LARGE) == ["6-8"]
    listed.expect(
        ("6-8", "d", {"total": 1}),
        ("4-6", "", {"total": 0}),
        ("0-4", "c b a", {"total": 3}),  # a full page is the last, for rows never leave
    )
    assert (listed.places, listed.doubts, listed.reader.is_proven) == ([], [], True)


def test_a_window_that_grows_too_large_while_it_is_read_is_cut_and_read_once_more() -> None:
    listed = windows(8, 10)
    listed.expect(("0-8", "f e d", {"total": 9}))
    assert listed.refuse(TOO_LARGE) == ["4-8"]
    listed.expect(("4-8", "h g f", {"total": 5}), ("4-8", "e d", {"total": 5}), ("0-4", "c b", {"total": 2}))
    assert (listed.places, listed.doubts, listed.reader.gaps, listed.reader.is_proven) == ([], [], [], True)


def test_a_second_is_asked_for_without_its_end_and_not_cut_further() -> None:
    listed = windows(2 / 3600, 10)
    listed.refuse(TOO_LARGE)
    listed.expect(("0.000277778-0.000555556", "b", {"total": 1}))
    assert listed.refuse(TOO_LARGE) == ["0-0.0002775"]
    with pytest.raises(PaymentsRequestError, match="too many rows"):
        listed.refuse(TOO_LARGE)


@BOTH_KINDS
def test_windows_touch_and_may_share_rows(list_within: MakeReader) -> None:
    listed = windows(30, 10, list_within=list_within)
    listed.expect(("20-30", "c b", {"total": 2}), ("10-20", "b", {"total": 1}), ("0-10", "b a", {"total": 2}))
    assert (listed.places, listed.doubts, listed.reader.gaps, listed.reader.is_proven) == ([], [], [], True)


@BOTH_KINDS
def test_halves_touch_and_may_share_rows(list_within: MakeReader) -> None:
    listed = windows(8, 10, list_within=list_within)
    listed.refuse(TOO_LARGE)
    listed.expect(("4-8", "c b", {"total": 2}), ("0-4", "b", {"total": 1}))
    assert (listed.places, listed.doubts, listed.reader.gaps, listed.reader.is_proven) == ([], [], [], True)


@BOTH_KINDS
def test_rows_that_windows_share_make_up_for_none_that_are_lost(list_within: MakeReader) -> None:
    listed = windows(20, 10, list_within=list_within)
    listed.answer("d c", total=2)
    answers = 0
    while listed.places:
        listed.answer("c b" if listed.asked[0].params["page"] == "1" else "", total=3)
        answers += 1
    assert [*listed.doubts, *listed.reader.gaps] != []
    assert answers < 10


def test_bounds_that_are_no_whole_seconds_are_widened_to_such() -> None:
    listed = windows(1.0001, 10, starts_at=0.0001)
    assert listed.places == ["0-1.00028"]


def test_the_earliest_window_is_as_early_as_the_api_goes_and_that_is_said() -> None:
    for starts_at in (None, -5.0):
        listed = windows(5, 600, starts_at=starts_at, now=1001)
        assert listed.places == ["1-5"]
        (gap,) = listed.reader.gaps
        assert gap == "Payments may be missing: Acme shows no payments from before 2026-01-01T01:00:00+00:00."
    assert windows(5, 600, starts_at=1, now=1001).reader.gaps == []
    assert windows(-5, 600, starts_at=-9, now=1001).places == []


def test_nothing_is_asked_for_that_lies_far_ahead() -> None:
    assert windows(None, 10, starts_at=995).places == ["995-1000"]
    assert windows(5000, 10, 9, starts_at=995).places == ["1000-1010", "995-1000"]
    assert windows(5000, 10, starts_at=4000).places == ["4000-4010"]
    assert windows(None, 10, starts_at=4000).places == ["4000-4000"]  # a second, that the API may say what it has


def test_until_when_there_is_data_is_said_where_it_is_not_the_end() -> None:
    listed = windows(20, 10)
    listed.expect(
        ("10-20", "b", {"total": 1, "data_until": hour(15)}),
        ("0-10", "a", {"total": 1, "data_until": hour(10)}),
    )
    assert listed.reader.gaps == ["Payments may be missing: Acme has data until 2026-01-01T15:00:00+00:00."]
    assert listed.doubts == []  # a second reading would show no more


def test_an_empty_page_of_what_there_is_no_data_of_yet_is_an_error() -> None:
    with pytest.raises(PaymentsNotAvailableYet, match="Acme has data until 2025-12-31T23:00:00"):
        windows(5, 10).answer("", total=0, data_until=hour(-1))


def test_no_data_yet_is_an_error_for_the_earliest_window_and_else_a_gap() -> None:
    listed = windows(20, 10)
    assert listed.refuse(TOO_LATE) == ["0-10"]
    assert listed.reader.gaps == ["Payments may be missing: Acme has no data yet from 2026-01-01T10:00:00+00:00 on."]
    with pytest.raises(PaymentsNotAvailableYet, match="no data yet"):
        listed.refuse(TOO_LATE)


def test_any_other_refusal_is_an_error() -> None:
    with pytest.raises(PaymentsRequestError, match="no such thing"):
        windows(8, 10).refuse(OTHER)


def test_windows_side_by_side_as_far_as_there_is_room() -> None:
    listed = windows(50, 10, max_concurrency=3)
    assert listed.places == ["40-50", "30-40", "20-30"]


def test_pages_that_come_for_a_window_that_was_cut_lead_nowhere() -> None:
    listed = windows(8, 10, max_concurrency=2)
    listed.expect(("0-8", "f e d", {"total": 9}))
    assert listed.places == ["0-8", "0-8"]
    listed.refuse(TOO_LARGE)
    assert listed.places[0] == "0-8"
    listed.answer("c b a", total=9)
    assert {*listed.places} == {"4-8", "0-4"}


# The pages of one window.


def test_pages_are_read_once_more_until_there_are_as_many_rows_as_the_list_counts() -> None:
    listed = windows(8, 10)
    # "c" has moved to where "f" was, and "f" to the end: into a page that was not read, and out of one that was.
    listed.expect(("0-8", "f e d", {"total": 6}), ("0-8", "b a f", {"total": 6}), ("0-8", "c e d", {"total": 6}))
    assert (listed.places, listed.doubts, listed.reader.gaps, listed.reader.is_proven) == ([], [], [], True)


def test_rows_that_are_added_are_read_as_well() -> None:
    listed = windows(8, 10)
    listed.expect(("0-8", "c b a", {"total": 4}), ("0-8", "a0", {"total": 5}), ("0-8", "d c b", {"total": 5}))
    assert (listed.places, listed.reader.gaps) == ([], [])


def test_a_count_that_is_never_reached_is_a_gap_and_no_second_reading() -> None:
    listed = windows(8, 10)
    listed.expect(*[("0-8", "d c b", {"total": 5}), ("0-8", "a", {"total": 4})] * 3)
    assert listed.places == []
    (gap,) = listed.reader.gaps
    assert gap == "Payments may be missing: the API counts 5 payments, and 4 different ones were found."
    assert listed.doubts == []


def test_pages_that_are_smaller_than_asked_for() -> None:
    listed = windows(8, 10)
    listed.expect(*[("0-8", page, {"total": 5}) for page in ("e d", "c b", "a")])
    assert (listed.places, listed.reader.gaps) == ([], [])
    assert [request.position for request in listed.asked] == []


def test_a_reply_without_a_total_is_an_error() -> None:
    with pytest.raises(PaymentsProtocolError, match="no total"):
        windows(8, 10).answer("a")


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("max_concurrency", [1, 4])
def test_whatever_moves_within_a_ledger_nothing_is_skipped(seed: int, max_concurrency: int) -> None:
    """Rows move and are added, and none leaves: nothing that was there at first may be missing."""
    dice = random.Random(seed)
    rows = [f"r{number}" for number in range(dice.randrange(1, 40))]
    first = set(rows)
    listed = windows(8, 10, max_concurrency)
    calm_after = dice.randrange(0, 25)
    answers = 0
    while listed.places:
        number = int(listed.asked[0].params["page"])
        listed.answer(" ".join(rows[3 * (number - 1) : 3 * number]), total=len(rows))
        answers += 1
        if answers < calm_after:
            for _ in range(dice.randrange(3)):
                row = rows.pop(dice.randrange(len(rows)))
                rows.insert(dice.randrange(len(rows) + 1), row)
            if dice.random() < 0.2:
                rows.insert(dice.randrange(len(rows) + 1), f"new{answers}")
    if not listed.reader.gaps:
        assert first <= listed.seen
    assert answers <= 3 * (len(rows) // 3 + 1) + 4
