"""Where a list whose order is known has left the query's window."""

from __future__ import annotations

import pytest

from airflow_provider_payments.listing.readers import Order, Page, WindowEnd
from airflow_provider_payments.query import PaymentQuery
from tests.listing.by_hand import hour

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
