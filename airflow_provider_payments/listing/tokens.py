"""Lists that are read by tokens: each response tells what leads to the next page, and only the API knows its meaning.

Rows that come or go do not move the place that a token stands for. But tokens may expire, and their place may be lost
with a row that leaves the list.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from airflow_provider_payments.exceptions import PaymentsRequestError
from airflow_provider_payments.listing.cursors import LOST_PLACE, before
from airflow_provider_payments.listing.readers import NoProgress, Order, Page, PageRequest, Script, StartingReader

#: Empty pages in a row that are permitted, where an API filters a page's rows after it has read them.
MAX_EMPTY_PAGES = 1000


@dataclass
class TokenReader(StartingReader):
    """The response tells what leads to the next page: a token, or the query of a link.

    Where a token leads no further (the API refuses it, or has nothing after it although it promised more), a list that
    can be told to begin at a time is read on from a second before the last row's. One of the last page's rows has to be
    shown again, which proves that nothing in between is missing.

    :param token_param: query parameter of the token.
    :param limit_param: query parameter of the page size.
    :param max_page_size: rows that a page can have at most. Where so many rows have a time in common that none of a
        page is new, longer ones are asked for; 0 is never.
    """

    proves = True

    token_param: str = field(default="cursor", kw_only=True)
    limit_param: str = field(default="limit", kw_only=True)
    max_page_size: int = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._token: str | None = None  # leads to the next page; None: from the start
        self._start = self.starts_at
        self._size = self.options.page_size
        self._last = Page((), (), 0, ())  # last page that has a row with a time
        self._resumed: tuple[datetime | None, int] = (None, 0)  # from when the list was read on, and rows seen by then
        self._is_apart = False  # whether none of the rows before has been shown since
        self._may_show_again = False  # whether the next page may repeat rows, as it was asked for by time
        self._rereads = 0  # pages that may do so before it counts as no progress

    def script(self) -> Script:
        empty = 0  # pages in a row without any rows
        while True:
            try:
                _, page = yield [self._ask()]
            except PaymentsRequestError as error:
                if self._token is None or error.status not in LOST_PLACE or not self._go_back():
                    raise
                continue
            if self._token is None:
                self._check_start(page, self._start)
            elif not page.keys and not page.next_cursor and self._go_back():
                continue
            self.is_joined = not self._is_apart or not set(self._last.keys).isdisjoint(page.keys)
            if not self.is_joined and self._goes_further_back(page):
                continue
            self._is_apart &= not self.is_joined
            if self.window.note(page):
                return
            if not page.next_cursor:
                if page.has_more:
                    raise NoProgress("The list makes no progress: it says that more rows follow, and not how.")
                return
            if page.next_cursor == self._token:
                raise NoProgress("The list makes no progress: a page leads to itself.")
            empty = 0 if page.keys else empty + 1
            if empty > MAX_EMPTY_PAGES:
                raise NoProgress(f"The list makes no progress: {empty} empty pages in a row say that more rows follow.")
            self._may_show_again &= not page.new
            self._rereads -= 1
            if not self._may_show_again or self._rereads < 0:
                self._require_progress()
            self._last = page if page.times and not self._is_apart else self._last
            self._token = page.next_cursor

    def _ask(self) -> PageRequest:
        # The time at which the list begins is a filter, so it stays on each page.
        start = self.start_params(self._start) if self.start_params and self._start else {}
        token = {} if self._token is None else {self.token_param: self._token}
        params = {**self.options.params, self.limit_param: str(self._size), **start, **token}
        return PageRequest(self, params, repeats=self._size if self._may_show_again else 0)

    def _go_back(self) -> bool:
        """Begin the list at the last row's time; return False when that is not known, or has brought nothing new."""
        moment = self._last.times[-1] if self._last.times else None
        if not self.start_params or not moment:
            return False
        if (moment, self.seen) == self._resumed:
            if self._size >= self.max_page_size:
                return False
            self._size = min(2 * self._size, self.max_page_size)
        self._resumed, self._rereads = (moment, self.seen), 2 * self.pages
        self._begin_at(moment)
        self._is_apart = True
        return True

    def _goes_further_back(self, page: Page) -> bool:
        """Begin the list a page further back, if a page is past the rows that were read last and shows none of them."""
        first, last = self._last.times[0], self._last.times[-1]
        is_past = page.times and (page.times[-1] < last if self.order is Order.NEWEST_FIRST else page.times[-1] > last)
        if page.next_cursor and not is_past:
            return False
        if self._start != before(first, self.order):
            self._begin_at(first)
            return True
        self._is_apart = False
        self.doubts.append("payments left the list while it was read, so that nothing shows where to read on")
        return False

    def _begin_at(self, moment: datetime) -> None:
        self._token, self._start = None, before(moment, self.order)
        self._may_show_again = True
