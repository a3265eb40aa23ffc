"""The end of the query's window: where the reading of a list may end, if the list's order is known."""

from __future__ import annotations

from datetime import timedelta

from airflow_provider_payments.listing.pages import Order, Page
from airflow_provider_payments.query import PaymentQuery

_MICROSECOND = timedelta(microseconds=1)


class WindowEnd:
    """Whether a list whose order is known has left the query's window."""

    def __init__(self, query: PaymentQuery, order: Order) -> None:
        tests = {Order.NEWEST_FIRST: query.is_before_window, Order.OLDEST_FIRST: query.is_after_window}
        bounds = {Order.NEWEST_FIRST: query.created_from, Order.OLDEST_FIRST: query.created_to}
        self._bound = bounds.get(order)
        self._is_beyond = tests.get(order)
        self._is_descending = order is Order.NEWEST_FIRST
        self._is_ordered = True
        #: Whether the list need not be read to its end.
        self.is_expected = self._bound is not None
        self.is_reached = False

    def note(self, page: Page) -> bool:
        """Return whether every row of a page, and so every later one, lies beyond the window."""
        times = page.times
        if not self._is_beyond or not times:
            return False
        first, last = (times[-1], times[0]) if self._is_descending else (times[0], times[-1])
        self._is_ordered &= first <= last
        is_past = self._is_ordered and len(times) == len(page.keys) and all(map(self._is_beyond, times))
        self.is_reached |= is_past
        return is_past

    def pages_left(self, page: Page) -> int:
        """Estimate how many pages follow within the window, if payments come as evenly as on this one."""
        if self._bound is None or len(page.times) < 2:
            return 0
        first, last = page.times[0], page.times[-1]
        left = last - self._bound if self._is_descending else self._bound - last
        return max(left // (abs(last - first) or _MICROSECOND), -1) + 1
