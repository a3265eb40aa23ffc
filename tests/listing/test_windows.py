"""Lists that are shown in windows of time: which are asked for, and what happens to one that is too large."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

import pytest

from airflow_provider_payments.exceptions import PaymentsRequestError
from airflow_provider_payments.listing.page_numbers import LedgerReader
from airflow_provider_payments.listing.windows import WindowsReader
from tests.listing.by_hand import START, ByHand, hour, options

TOO_LARGE = PaymentsRequestError("too many rows", 400, "RESULTSET_TOO_LARGE")
OTHER = PaymentsRequestError("no such thing", 400, "INVALID_REQUEST")


def windows(ends_at: float, longest: float, max_concurrency: int = 1) -> ByHand:
    """Read from hour 0 to another, in windows of so many hours, with pages of three rows."""

    def params(start: datetime, end: datetime) -> dict[str, str]:
        return {"within": f"{(start - START) / timedelta(hours=1):g}-{(end - START) / timedelta(hours=1):g}"}

    reader = WindowsReader(
        options(3, max_concurrency),
        list_within=partial(LedgerReader, first_page=1),
        window_params=params,
        is_too_large=lambda refusal: refusal.code == "RESULTSET_TOO_LARGE",
        starts_at=hour(0),
        ends_at=hour(ends_at),
        longest=timedelta(hours=longest),
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
        ("0-4", "c b a", {"total": 3}),
        ("0-4", "", {"total": 3}),
    )
    assert (listed.places, listed.doubts, listed.reader.is_proven) == ([], [], True)


def test_a_window_that_grows_too_large_while_it_is_read_is_cut_and_read_once_more() -> None:
    listed = windows(8, 10)
    listed.expect(("0-8", "f e d", {"total": 9}))
    assert listed.refuse(TOO_LARGE) == ["4-8"]
    listed.expect(("4-8", "g f e", {"total": 3}), ("4-8", "", {"total": 3}), ("0-4", "c b", {"total": 2}))
    assert listed.places == []
    assert listed.doubts  # some of its rows had been seen, so that it cannot be told from counting whether all came


def test_a_second_is_not_cut() -> None:
    listed = windows(1 / 3600, 10)
    with pytest.raises(PaymentsRequestError, match="too many rows"):
        listed.refuse(TOO_LARGE)


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


def test_a_window_whose_total_changes_is_in_doubt() -> None:
    listed = windows(8, 10)
    listed.expect(("0-8", "d c b", {"total": 5}), ("0-8", "a", {"total": 4}))
    while listed.places:
        listed.answer("", total=4)
    assert any("shrank" in doubt for doubt in listed.doubts)
