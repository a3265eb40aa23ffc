"""Lists that can be filtered by creation time, and are sorted by it, oldest first.

Each request is for the *first* page from the last row's time on. What leaves or is added before that time cannot shift
it, so nothing is skipped; and as it shows the last row once more, rows prove that the filter means what it should.
Where more payments than a page has were created at one instant, its pages are read by number. Rows that leave may
shift these, so they are read until two readings show the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from airflow_provider_payments.exceptions import PaymentsProtocolError
from airflow_provider_payments.listing.pages import Order, Page
from airflow_provider_payments.listing.readers import (
    COARSEST_TIME,
    NoProgress,
    PageRequest,
    Script,
    ScriptPart,
    StartingReader,
)
from airflow_provider_payments.listing.report import count_doubt
from airflow_provider_payments.times import shift

#: How often the pages of one instant are read again, at most, until two readings show the same.
MOST_CROWD_READINGS = 3


@dataclass
class ByTimeReader(StartingReader):
    """First pages, each from a later creation time on, with a total of the payments from there on.

    :param number_param: query parameter of the page number.
    :param size_param: query parameter of the page size.
    :param first_page: number of the first page.
    """

    order: Order = field(default=Order.OLDEST_FIRST, kw_only=True)
    number_param: str = field(default="page", kw_only=True)
    size_param: str = field(default="size", kw_only=True)
    first_page: int = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._start: datetime | None = None  # of the page that was read last
        self._margin = timedelta(0)  # how much earlier than the last row's time is asked for
        self._missing = 0  # payments that the API counts, and that were not on the pages read by number
        self._is_shifting = False  # whether pages of one instant were not the same twice

    @property
    def is_proven(self) -> bool:
        return not self._is_shifting

    def script(self) -> Script:
        page = yield from self._read(self.starts_at)
        while not (self.window.note(page) or len(page.keys) >= (page.total or 0)):
            self._require_progress()
            is_head = self._start is None
            if self._next_start(page) is None:
                crowd = yield from self._read_crowd(page)
                if crowd is None:
                    return
                page, is_head = crowd, False
            before, page = page, (yield from self._read_on(page))
            if is_head:
                yield from self._look_for_undated(before, page)

    def _read(self, start: datetime | None, number: int = 0, *, repeats: int = 0) -> ScriptPart[Page]:
        self._start = start
        start_params = self.start_params(start) if self.start_params and start else {}
        paging = {self.number_param: str(self.first_page + number), self.size_param: str(self.options.page_size)}
        params = {**self.options.params, **start_params, **paging}
        _, page = yield [PageRequest(self, params, number, repeats)]
        self.is_joined = True
        if page.total is None:
            raise PaymentsProtocolError("The list's reply tells no total.")
        self._check_start(page, start)
        if any(later < earlier for earlier, later in zip(page.times, page.times[1:], strict=False)):
            self.doubts.append("the list is not in the order of creation that was asked for")
        return page

    def _next_start(self, page: Page) -> datetime | None:
        """Return the time to go on from, or None where a page does not get beyond the time it was asked for."""
        if not page.times:
            return None
        following = shift(page.times[-1], -self._margin)
        return following if self._start is None or following > self._start else None

    def _read_on(self, before: Page) -> ScriptPart[Page]:
        """Read the page from a page's last time on; one that shows a row of that page, if there is any."""
        size, start = self.options.page_size, self._next_start(before)
        page = yield from self._read(start, repeats=size)
        self.is_joined = _are_joined(before, page)
        if not self.is_joined:
            # The API does not count the very time in, or the rows of that time have left.
            page = yield from self._read(shift(before.times[-1], -COARSEST_TIME), repeats=size)
            self._margin = COARSEST_TIME if before.keys[-1] in page.keys else self._margin
            self.is_joined = _are_joined(before, page)
            if not self.is_joined:
                page = yield from self._read(before.times[0], repeats=size)
            if not _are_joined(before, page):
                self.doubts.append("payments left the list while it was read")
        return page

    def _read_crowd(self, page: Page) -> ScriptPart[Page | None]:
        """Read on by number, until a page gets beyond the time. Return it, or None at the end of the list.

        Two readings, one after the other, that show the same prove that no row was shifted from page to page.
        """
        moment, seen = page.times[-1] if page.times else None, self.seen
        found, last = yield from self._read_numbers(page, moment)
        for _ in range(MOST_CROWD_READINGS):
            head = yield from self._read(self._start, repeats=self.options.page_size)
            again, last_again = yield from self._read_numbers(head, moment)
            if again == found:
                break
            found, last = again, last_again
        else:
            self._is_shifting = True
        if last is None and self._missing > 0:
            self.doubts.append(count_doubt(self.seen + self._missing, self.seen))
        self.is_joined = True
        if self.seen > seen:
            self._stale = 0  # what the second reading repeated was asked for on purpose
        return last

    def _read_numbers(self, page: Page, moment: datetime | None) -> ScriptPart[tuple[list[Sequence[str]], Page | None]]:
        """Read pages by number, until one gets beyond the time.

        :return: the keys up to a time, page by page; and the page that got beyond it, if there is one.
        """
        found, number, same, rows = [_keys_until(page, moment)], 0, 0, len(page.keys)
        while True:
            number += 1
            before, page = page, (yield from self._read(self._start, number, repeats=self.options.page_size))
            self.is_joined = False  # not before a second reading has shown the same
            same = same + 1 if page.keys == before.keys else 0
            if same > 1:  # one is no sign: where pages count from 1, page 0 is page 1 again
                raise NoProgress(
                    f"The list makes no progress: page {self.first_page + number} repeats what was read before. "
                    "An API that ignores the page number looks like this."
                )
            if same:
                continue
            found.append(_keys_until(page, moment))
            rows += len(page.keys)
            self._missing = (page.total or 0) - rows
            if not page.keys or self._missing <= 0:
                return found, None
            if self._next_start(page) is not None:
                return found, page

    def _look_for_undated(self, before: Page, page: Page) -> Script:
        """Doubt a list that has payments without a creation time, which no filter by time shows.

        :param before: the first page of the whole list.
        :param page: the first page from a time on.
        """
        start = self._start
        if start and _count_from(before, start) > (page.total or 0):
            again = yield from self._read(None, repeats=self.options.page_size)  # some may have left meanwhile
            self._start = start
            if _count_from(again, start) > (page.total or 0):
                self.doubts.append("not all payments of the list are found by their creation time")


def _keys_until(page: Page, moment: datetime | None) -> Sequence[str]:
    if moment is None or len(page.times) < len(page.keys):
        return page.keys
    return [key for key, each in zip(page.keys, page.times, strict=True) if each <= moment]


def _are_joined(before: Page, page: Page) -> bool:
    return not set(before.keys).isdisjoint(page.keys)


def _count_from(page: Page, start: datetime) -> int:
    """Return how many payments of a list are not older than a time, going by its first page."""
    return (page.total or 0) - sum(moment < start for moment in page.times)
