"""Where a list whose order is known has left the query's window."""

from __future__ import annotations

import pytest

from airflow_provider_payments.listing.pages import Order, Page
from airflow_provider_payments.listing.window_end import WindowEnd
from airflow_provider_payments.query import PaymentQuery
from tests.listing.by_hand import hour
from tests.listing.companies import Company, build_rows, moment_of
from tests.listing.reading import read

WINDOW = PaymentQuery(hour(3), hour(6))


def page(*hours: float | None) -> Page:
    keys = [str(number) for number in range(len(hours))]
    return Page(keys, keys, len(keys), [hour(each) for each in hours if each is not None])


@pytest.mark.parametrize(
    ("order", "hours", "is_beyond"),
    [
        (Order.NEWEST_FIRST, [2, 1], True),
        (Order.NEWEST_FIRST, [3, 2], False),  # the window's start is in it
        (Order.NEWEST_FIRST, [9, 8], False),  # not yet in it
        (Order.NEWEST_FIRST, [1, 2], False),  # the rows are not in that order
        (Order.NEWEST_FIRST, [2, None], False),  # nobody knows where this one belongs
        (Order.NEWEST_FIRST, [], False),
        (Order.OLDEST_FIRST, [6, 7], True),  # its end is not
        (Order.OLDEST_FIRST, [5.9, 7], False),
        (Order.OLDEST_FIRST, [7, 6], False),
        (Order.UNKNOWN, [2, 1], False),
    ],
)
def test_a_page_beyond_the_window(order: Order, hours: list[float | None], is_beyond: bool) -> None:
    end = WindowEnd(WINDOW, order)
    assert end.note(page(*hours)) is is_beyond
    assert end.is_reached is is_beyond


def test_rows_that_were_once_out_of_order_end_no_reading_later() -> None:
    end = WindowEnd(WINDOW, Order.NEWEST_FIRST)
    assert not end.note(page(4, 5))
    assert not end.note(page(2, 1))


@pytest.mark.parametrize(
    ("order", "query", "is_expected"),
    [
        (Order.NEWEST_FIRST, PaymentQuery(created_from=hour(3)), True),
        (Order.NEWEST_FIRST, PaymentQuery(created_to=hour(3)), False),
        (Order.OLDEST_FIRST, PaymentQuery(created_to=hour(3)), True),
        (Order.UNKNOWN, WINDOW, False),
    ],
)
def test_whether_a_window_will_end_the_reading(order: Order, query: PaymentQuery, is_expected: bool) -> None:
    assert WindowEnd(query, order).is_expected is is_expected


@pytest.mark.parametrize(
    ("name", "pages", "is_far"),
    [
        ("mollie", 11, True),
        ("mollie", 10, False),  # a window of a few hours ago is none to speak of
        ("spacepay", 15, True),
        ("cryptofuse", 15, True),
        ("satispay", 15, False),  # whose list begins at the window's end
        ("jframework", 15, False),
    ],
)
def test_many_newer_payments_on_the_way_to_a_window_are_a_warning(name: str, pages: int, is_far: bool) -> None:
    """A window of each slice would read them again. Nothing is in doubt for that."""
    rows = build_rows(name, 1000)
    newer, older = (moment_of(rows[place].ticks) for place in (pages * 20 + 5, 600))
    reading = read(Company(name, rows), PaymentQuery(older, newer), page_size=20, concurrency=1)
    assert reading.is_complete
    assert reading.payments
    said = " ".join(reading.warnings)
    assert ("list the whole range in one task" in said) is is_far
    assert (f"{pages} pages with " in said) is (is_far and name == "mollie")


def test_a_list_without_an_end_of_the_window_has_nothing_newer() -> None:
    rows = build_rows("mollie", 1000)
    reading = read(Company("mollie", rows), PaymentQuery(moment_of(rows[900].ticks)), page_size=20, concurrency=1)
    assert reading.warnings == []
