"""Lists that can be told a last creation time, and are sorted by it, newest first; without a total.

Each request is for the *first* page down from the last row's time. Newer rows cannot shift it, and it shows all of that
time once more: so nothing is skipped, whatever is added meanwhile, and whichever of several payments of one time comes
first. Where more payments than a page has were created at one time, its pages are read by offset. Each begins with the
last row of the page before, and none shows another row twice: else some have left or changed places, and the pages are
read again.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from airflow_provider_payments.listing.pages import Order, Page
from airflow_provider_payments.listing.readers import (
    COARSEST_TIME,
    MAX_STALE_PAGES,
    PageRequest,
    Script,
    ScriptPart,
    StartingReader,
)
from airflow_provider_payments.times import shift

#: How often the pages of one time are read, at most, as long as that brings something new.
MOST_READINGS = 4


@dataclass
class ByEndTimeReader(StartingReader):
    """First pages, each down from an earlier creation time.

    :param limit_param: query parameter of the page size.
    :param offset_param: query parameter of the offset.
    """

    proves = True

    order: Order = field(default=Order.NEWEST_FIRST, kw_only=True)
    limit_param: str = field(default="limit", kw_only=True)
    offset_param: str = field(default="offset", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._margin = timedelta(0)  # how much later than the last row's time is asked for
        self._longest = 0  # page so far, in rows

    def script(self) -> Script:
        start = self.starts_at
        page, _ = yield from self._read(start)
        while page and page.times and not self.window.note(page):
            before, is_stuck = page, not _gets_beyond(page, start)
            start = shift(start, -COARSEST_TIME) if start and is_stuck else min(before.times)
            page, keys = yield from self._read_on(before, start)
            if not is_stuck and set(before.keys).isdisjoint(keys):
                self.doubts.append("payments left the list while it was read")

    def _read_on(self, before: Page, start: datetime) -> ScriptPart[tuple[Page | None, Sequence[str]]]:
        """Read down from a page's last time; return the same as :meth:`_read`."""
        page, keys = yield from self._read(start)
        if self._margin or not set(before.keys).isdisjoint(keys):
            return page, keys
        # The API does not count the very time in, or the rows of that time have left.
        self._margin = COARSEST_TIME
        page, keys = yield from self._read(start)
        if set(before.keys).isdisjoint(keys):
            self._margin = timedelta(0)
        return page, keys

    def _read(self, start: datetime | None) -> ScriptPart[tuple[Page | None, Sequence[str]]]:
        """Read down from a time until a page gets beyond it; again where that may have skipped some.

        :return: that page, or None at the end of the list; and the keys of it and of the pages before.
        """
        for reading in range(1, MOST_READINGS + 1):
            seen = self.seen
            page, keys, is_sure = yield from self._read_once(start)
            if is_sure:
                return page, keys
            if reading > 1 and self.seen == seen:
                break
        self.doubts.append("payments of one time kept changing places while they were read")
        return page, keys

    def _read_once(self, start: datetime | None) -> ScriptPart[tuple[Page | None, Sequence[str], bool]]:
        """Read down from a time, by offset, until a page gets beyond it.

        :return: the same as of :meth:`_read`, and whether no row was skipped.
        """
        page = yield from self._ask(start, 0)
        keys, is_sure, stale = [*page.keys], True, 0
        is_end = not page.keys or (not page.new and len(page.keys) < self._longest)
        while not (is_end or _gets_beyond(page, start)):
            last, page = page.keys[-1:], (yield from self._ask(start, len(keys) - 1))
            known, more = set(keys), page.keys[1:]
            is_end = not more
            # At the end, any of them may come last: there are no more of them.
            is_joined = page.keys[:1] == last or (is_end and not known.isdisjoint(page.keys))
            is_sure &= is_joined and known.isdisjoint(more)
            keys += more
            # What this reading has not shown counts: others have shown most of it.
            stale = stale + 1 if more and known.issuperset(more) else 0
            if stale > MAX_STALE_PAGES:  # the list grows as fast as it is read, or the offset is ignored
                self._stale = 0 if self.obeys_start else stale
                self._require_progress()
                return page, keys, False
        return None if is_end else page, keys, is_sure

    def _ask(self, start: datetime | None, offset: int) -> ScriptPart[Page]:
        latest = start and shift(start, self._margin)
        start_params = self.start_params(latest) if self.start_params and latest else {}
        paging = {self.limit_param: str(self.options.page_size), self.offset_param: str(offset)}
        repeats = self.options.page_size if start else 0  # it begins with payments that were on the page before
        _, page = yield [PageRequest(self, {**self.options.params, **start_params, **paging}, offset, repeats)]
        self._check_start(page, latest)
        if any(map(operator.lt, page.times, page.times[1:])):
            self.doubts.append("the list is not in the order of creation, newest first")
        self._longest = max(self._longest, len(page.keys))
        return page


def _gets_beyond(page: Page, start: datetime | None) -> bool:
    return bool(page.times) and (start is None or min(page.times) < start)
