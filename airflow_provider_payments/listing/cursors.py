"""Lists that are read by cursors.

A cursor names a row (:class:`CursorReader`) or a place that only the API knows (:class:`TokenReader`). Rows that are
added or leave do not shift it, so nothing between two pages is skipped. But the row that a cursor names may leave the
list, and with it the API may lose the place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from airflow_provider_payments.exceptions import PaymentsProtocolError, PaymentsRequestError
from airflow_provider_payments.listing.readers import (
    MAX_STALE_PAGES,
    NoProgress,
    Order,
    Page,
    PageRequest,
    Reader,
    Script,
    StartingReader,
)
from airflow_provider_payments.times import shift

#: So many rows before a cursor are kept, in case the API no longer knows the cursor's own row.
MAX_FALLBACKS = 5
#: So many pages in a row may be empty, where an API filters a page's rows after it has read them.
MAX_EMPTY_PAGES = 1000
#: So much before the last row's time a list is read on, where nothing else leads to the place. Some APIs compare whole
#: seconds.
STEP_BACK = timedelta(seconds=1)


@dataclass
class CursorReader(StartingReader):
    """The id of the last row leads to the page after it: ``{"has_more": true, "data": […]}``.

    Where the API has lost the place, the list is read on after one of the rows before; and where none of them is known
    either, from the time of the last row on, if the list can be told to begin at a time.

    :param cursor_param: query parameter of the row's id.
    :param limit_param: query parameter of the page size.
    """

    proves = True

    cursor_param: str = field(default="starting_after", kw_only=True)
    limit_param: str = field(default="limit", kw_only=True)

    def script(self) -> Script:
        cursor: str | None = None
        fallbacks: Sequence[str] = ()
        start, last_time = self.starts_at, self.starts_at
        resumed_at: datetime | None = None
        is_looking = False  # whether the place was lost, and rows may repeat
        is_resumed = False  # whether by time, so that more than a page may repeat
        while True:
            refusal: PaymentsRequestError | None = None
            page: Page | None = None
            try:
                _, page = yield [self._ask(cursor, start, repeats=self.options.page_size if is_looking else 0)]
            except PaymentsRequestError as error:
                refusal = error
            if page and page.has_more is None:
                raise PaymentsProtocolError("The list's reply does not tell whether more follows.")
            if page and cursor is None:
                self._check_start(page, start)
            if page and page.keys:
                if self.window.note(page) or not page.has_more:
                    return
                last_time = page.times[-1] if page.times else last_time
                latest = list(page.ids[: -MAX_FALLBACKS - 2 : -1])
                is_further = page.new or is_looking or self.may_repeat
                if latest[0] != cursor and is_further and self._stale <= MAX_STALE_PAGES:
                    known = [] if cursor is None else [cursor, *fallbacks]
                    cursor, fallbacks = latest[0], [*latest[1:], *known][:MAX_FALLBACKS]
                    is_looking = is_resumed = is_resumed and not page.new
                    continue
            elif page and page.has_more:
                raise NoProgress("The list makes no progress: an empty page says that more rows follow.")
            elif cursor is None and not refusal:
                return
            # The place is lost: the API refuses the cursor, or knows nothing after it, or begins anew.
            if cursor is not None and fallbacks:
                cursor, *fallbacks = fallbacks
                is_resumed = False
            elif cursor is not None and self.start_params and last_time and last_time != resumed_at:
                cursor, start, resumed_at = None, self._before(last_time), last_time
                is_resumed = True
            elif refusal:
                raise refusal
            elif page and page.keys:
                raise NoProgress("The list makes no progress: a page repeats what was read before.")
            else:
                self.doubts.append("the API lost the place, for a payment left the list while it was read")
                return
            is_looking = True

    def _before(self, moment: datetime) -> datetime:
        """Return a time from which a list shows all payments of a moment, whether or not it counts a bound in."""
        return shift(moment, STEP_BACK if self.order is Order.NEWEST_FIRST else -STEP_BACK)

    def _ask(self, cursor: str | None, start: datetime | None, repeats: int) -> PageRequest:
        place: Mapping[str, str] = {}
        if cursor is not None:
            place = {self.cursor_param: cursor}
        elif self.start_params and start:
            place = self.start_params(start)
        params = {**self.options.params, self.limit_param: str(self.options.page_size), **place}
        return PageRequest(self, params, repeats=repeats)


@dataclass
class TokenReader(Reader):
    """The reply tells what leads to the next page: a token, or the query of a link.

    :param token_param: query parameter of the token.
    :param limit_param: query parameter of the page size.
    """

    proves = True

    token_param: str = field(default="cursor", kw_only=True)
    limit_param: str = field(default="limit", kw_only=True)

    def script(self) -> Script:
        params = {**self.options.params, self.limit_param: str(self.options.page_size)}
        token: str | None = None
        empty = 0  # pages in a row without any rows
        while True:
            _, page = yield [PageRequest(self, params if token is None else {**params, self.token_param: token})]
            if self.window.note(page):
                return
            if not page.next_cursor:
                if page.has_more:
                    raise NoProgress("The list makes no progress: it says that more rows follow, and not how.")
                return
            if page.next_cursor == token:
                raise NoProgress("The list makes no progress: a page leads to itself.")
            empty = 0 if page.keys else empty + 1
            if empty > MAX_EMPTY_PAGES:
                raise NoProgress(f"The list makes no progress: {empty} empty pages in a row say that more rows follow.")
            self._require_progress()
            token = page.next_cursor
