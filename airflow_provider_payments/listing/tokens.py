"""Lists that are read by tokens: each response tells what leads to the next page, and only the API knows its meaning.

Rows that come or go do not move the place that a token stands for. But tokens may expire, and their place may be lost
with a row that leaves the list.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from airflow_provider_payments.exceptions import PaymentsRequestError
from airflow_provider_payments.listing.pages import Order, Page
from airflow_provider_payments.listing.readers import LOST_PLACE, NoProgress, PageRequest, Script, StartingReader

#: Empty pages that are permitted without a new row in between, where an API filters a page's rows after it has read
#: them.
MAX_EMPTY_PAGES = 1000
#: Times in a row that a list is begun anew without any more of it being seen.
MAX_FRUITLESS_RESTARTS = 20


@dataclass
class TokenReader(StartingReader):
    """The response tells what leads to the next page: a token, or the query of a link.

    Where a token leads no further (the API refuses it, or has nothing after it although it promised more), a list that
    can be told to begin at a time is read on from a second before the last row's. One of the last page's rows has to be
    shown again, which proves that nothing in between is missing: pages follow on from there. A list that has shown no
    row yet is begun anew where it began. Rows that were known are read again at once, before the pages of other lists,
    so that their tokens are used while they live, however long the caller takes over the payments.

    It ends: each row is new once, and known once after each restart; what shows neither is counted.

    :param token_param: query parameter of the token.
    :param limit_param: query parameter of the page size.
    :param names_next_row: whether a token is the id of the row that the next page begins with. Then it has to.
    :param max_page_size: rows that a page can have at most. Where so many rows have a time in common that none of a
        page is new, longer ones are asked for from then on; 0 is never.
    """

    proves = True

    token_param: str = field(default="cursor", kw_only=True)
    limit_param: str = field(default="limit", kw_only=True)
    names_next_row: bool = field(default=False, kw_only=True)
    max_page_size: int = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._token: str | None = None  # leads to the next page; None: from the start
        self._start = self.starts_at
        self._size = self.options.page_size
        self._saw_no_row = True  # whether no page had a row
        self._furthest_page = Page((), (), 0, ())  # page with a row with a time that is furthest in the list
        self._restarts = 0  # how often the list was begun anew since it was last seen further
        self._needs_overlap = False  # whether none of the rows before has been shown since
        self._is_rereading = False  # whether pages may still show rows from before
        self._shown: set[str] = set()  # keys of known rows that were shown since
        self._empty_pages = 0  # pages without rows since there was progress

    def script(self) -> Script:
        while True:
            try:
                _, page = yield [self._ask()]
            except PaymentsRequestError as error:
                if self._token is None or error.status not in LOST_PLACE or not self._restart():
                    raise
                continue
            if self._token is None:
                self._check_start(page, self._start)
            elif self.names_next_row and self._token not in page.keys[:1]:
                self.doubts.append("a page does not begin with the payment that the page before has promised")
            elif self._ends_unexpectedly(page) and self._restart():
                continue
            self.is_joined = not self._needs_overlap or not set(self._furthest_page.keys).isdisjoint(page.keys)
            if not self.is_joined and self._goes_further_back(page):
                continue
            self._needs_overlap &= not self.is_joined
            if self.window.note(page):
                return
            if not page.next_cursor:
                if page.has_more:
                    raise NoProgress("The list makes no progress: it says that more rows follow, and not how.")
                return
            if page.next_cursor == self._token:
                raise NoProgress("The list makes no progress: a page leads to itself.")
            self._note_progress(page)
            self._token = page.next_cursor

    def _ask(self) -> PageRequest:
        # The time at which the list begins is a filter, so it stays on each page.
        start = self.start_params(self._start) if self.start_params and self._start else {}
        token = {} if self._token is None else {self.token_param: self._token}
        params = {**self.options.params, self.limit_param: str(self._size), **start, **token}
        again = self._is_rereading
        return PageRequest(self, params, repeats=self._size if again else 0, is_urgent=again)

    def _note_progress(self, page: Page) -> None:
        """Note how far the list was seen.

        :raises NoProgress: when it only repeats itself.
        """
        is_past = self._is_further(page) or 0 < page.new == len(page.keys)
        if is_past or page.new:
            self._restarts = 0
        if is_past or page.new or (self._is_rereading and not self._shown.issuperset(page.keys)):
            self._stale = self._empty_pages = 0
        self._is_rereading &= not is_past
        if self._is_rereading:
            self._shown.update(page.keys)
        elif page.times and not self._needs_overlap:
            self._furthest_page = page
        self._saw_no_row &= not page.keys
        self._empty_pages += not page.keys
        if self._empty_pages > MAX_EMPTY_PAGES:
            raise NoProgress(f"The list makes no progress: {self._empty_pages} empty pages say that more rows follow.")
        self._require_progress()

    def _is_further(self, page: Page) -> bool:
        """Whether a page ends beyond the last row's time."""
        if not page.times or not self._furthest_page.times:
            return bool(page.times)
        then, now = self._furthest_page.times[-1], page.times[-1]
        return now < then if self.order is Order.NEWEST_FIRST else now > then

    def _ends_unexpectedly(self, page: Page) -> bool:
        """Whether nothing follows a token, although it was there to lead on; not twice in a row."""
        return not (page.keys or page.next_cursor or self._saw_no_row or self._restarts)

    def _restart(self) -> bool:
        """Begin the list at the last row's time; return False when that is not known, or has brought nothing new."""
        moment = self._furthest_page.times[-1] if self._furthest_page.times else None
        if not self.start_params or not (moment or self._saw_no_row) or self._restarts == MAX_FRUITLESS_RESTARTS:
            return False
        if self._restarts or len(self._shown) >= self._size:
            self._size = max(self._size, min(2 * self._size, self.max_page_size))
        self._restarts += 1
        self._needs_overlap = moment is not None
        self._begin_at(self._just_before(moment) if moment else self.starts_at)
        return True

    def _goes_further_back(self, page: Page) -> bool:
        """Begin the list a page further back, if a page is past the rows that were read last and shows none of them."""
        first = self._just_before(self._furthest_page.times[0])
        if page.next_cursor and not self._is_further(page):
            return False
        if self._start != first:
            self._begin_at(first)
            return True
        self._needs_overlap = False
        self.doubts.append("payments left the list while it was read, so that nothing shows where to read on")
        return False

    def _begin_at(self, moment: datetime | None) -> None:
        self._token, self._start = None, moment
        self._is_rereading = True
        self._shown = set()
