"""Lists that are read by cursors: the id of a row leads to the page after it.

Rows that are added or leave do not shift it, so nothing between two pages is skipped. But the row that a cursor names
may leave the list, and then the API may not know any more where the next page begins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from airflow_provider_payments.exceptions import PaymentsProtocolError, PaymentsRequestError
from airflow_provider_payments.listing.pages import Page
from airflow_provider_payments.listing.readers import (
    LOST_PLACE,
    MAX_STALE_PAGES,
    NoProgress,
    PageRequest,
    Script,
    StartingReader,
)

#: Ids of rows before the cursor's that are kept, in case the API no longer knows the cursor's own row.
MAX_FALLBACKS = 5


@dataclass
class CursorReader(StartingReader):
    """The id of the last row leads to the page after it: ``{"has_more": true, "data": […]}``.

    Where the API does not know the cursor any more, the list is read on after one of the rows before; and where none of
    them is known either, from the last row's time on, if the list can be told to begin at a time.

    :param cursor_param: query parameter of the row's id.
    :param limit_param: query parameter of the page size.
    """

    proves = True

    cursor_param: str = field(default="starting_after", kw_only=True)
    limit_param: str = field(default="limit", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._cursor: str | None = None  # id of the row after which to read on; None: read from the start
        self._fallbacks: Sequence[str] = ()  # ids of the rows before it, nearest first
        self._start = self.starts_at
        self._last_time = self.starts_at  # of the last row that has one
        self._resumed_at: datetime | None = None  # last time from which the list was read on
        self._may_show_again = False  # whether the next page may repeat rows, since it was asked for from further back
        self._is_resumed = False  # whether it was asked for by time, so that more pages than one may repeat rows

    def script(self) -> Script:
        while True:
            page: Page | None = None
            refusal: PaymentsRequestError | None = None
            try:
                _, page = yield [self._ask()]
            except PaymentsRequestError as error:
                if error.status not in LOST_PLACE:
                    raise
                refusal = error
            if page:
                if self._is_end(page):
                    return
                if self._advance(page):
                    continue
            # The position is lost: the API refuses the cursor, or knows nothing after it, or begins anew.
            if not self._go_back():
                return self._give_up(page, refusal)

    def _ask(self) -> PageRequest:
        start: Mapping[str, str] = {}
        if self._cursor is not None:
            start = {self.cursor_param: self._cursor}
        elif self.start_params and self._start:
            start = self.start_params(self._start)
        size = self.options.page_size
        params = {**self.options.params, self.limit_param: str(size), **start}
        return PageRequest(self, params, repeats=size if self._may_show_again else 0)

    def _is_end(self, page: Page) -> bool:
        """Return whether the list, or the query's window, ends with a page.

        :raises PaymentsProtocolError: when the page does not tell whether more follows.
        :raises NoProgress: when it is empty, and tells that more follows.
        """
        if page.has_more is None:
            raise PaymentsProtocolError("The list's reply does not tell whether more follows.")
        if self._cursor is None:
            self._check_start(page, self._start)
        if page.keys:
            return self.window.note(page) or not page.has_more
        if page.has_more:
            raise NoProgress("The list makes no progress: an empty page says that more rows follow.")
        return self._cursor is None  # nothing after a cursor: the API may have lost the cursor's row

    def _advance(self, page: Page) -> bool:
        """Move the cursor to the last row of a page; return False when the page does not lead further."""
        if not page.keys:
            return False
        self._last_time = page.times[-1] if page.times else self._last_time
        latest = list(page.ids[: -MAX_FALLBACKS - 2 : -1])
        may_repeat = self._may_show_again or self.may_repeat
        if latest[0] == self._cursor or not (page.new or may_repeat) or self._stale > MAX_STALE_PAGES:
            return False
        known = [] if self._cursor is None else [self._cursor, *self._fallbacks]
        self._cursor, self._fallbacks = latest[0], [*latest[1:], *known][:MAX_FALLBACKS]
        self._is_resumed = self._is_resumed and not page.new
        self._may_show_again = self._is_resumed
        return True

    def _go_back(self) -> bool:
        """Move to the row before the cursor's, or else to the last row's time; return False when neither is known."""
        if self._cursor is None:
            return False
        if self._fallbacks:
            self._cursor, *self._fallbacks = self._fallbacks
            self._is_resumed = False
        elif self.start_params and self._last_time and self._last_time != self._resumed_at:
            self._cursor, self._resumed_at = None, self._last_time
            self._start = self._just_before(self._last_time)
            self._is_resumed = True
        else:
            return False
        self._may_show_again = True
        return True

    def _give_up(self, page: Page | None, refusal: PaymentsRequestError | None) -> None:
        """End a reading that nothing leads on: with an error, or with a doubt where the API says that nothing follows.

        :raises PaymentsRequestError: the API's refusal of the last page.
        :raises NoProgress: when the last page repeats what was read.
        """
        if refusal:
            raise refusal
        if page and page.keys:
            raise NoProgress("The list makes no progress: a page repeats what was read before.")
        self.doubts.append("the API lost the place, for a payment left the list while it was read")
