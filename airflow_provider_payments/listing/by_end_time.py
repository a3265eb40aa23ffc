"""Lists that can be told a last creation time, and are sorted by it, newest first; without a total.

Each request is for the *first* page down from the last row's time. Newer rows cannot shift it, and it shows all of that
time once more: so nothing is skipped, whatever is added meanwhile, and whichever of several payments of one time comes
first. Where more payments than a page has were created at about one time, its pages are read by offset, until they show
as many different payments as they have rows: then none has changed places with another between two pages.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from airflow_provider_payments.listing.readers import (
    COARSEST_TIME,
    Order,
    Page,
    PageRequest,
    Script,
    StartingReader,
)
from airflow_provider_payments.times import shift

#: How often the pages of about one time are read, at most, until they show as many different payments as rows.
MOST_READINGS = 4

PageScript = Generator[Sequence[PageRequest], tuple[PageRequest, Page], Page]
#: The page that got beyond a time, or None at the end of the list; and the keys of that and of the pages before.
ReadingScript = Generator[Sequence[PageRequest], tuple[PageRequest, Page], tuple[Page | None, Sequence[str]]]


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

    def script(self) -> Script:
        page, _ = yield from self._read(self.starts_at)
        while page and not self.window.note(page):
            before = page
            page, keys = yield from self._read(min(before.times))
            if set(before.keys).isdisjoint(keys):
                self.doubts.append("payments left the list while it was read")

    def _read(self, start: datetime | None) -> ReadingScript:
        """Read down from a time, by offset, until a page gets beyond it."""
        for _ in range(MOST_READINGS):
            page = yield from self._ask(start, 0)
            keys, different, stale = [*page.keys], set(page.keys), 0
            while page.keys and not _gets_beyond(page, start):
                page = yield from self._ask(start, len(keys))
                keys += page.keys
                # What this reading has not shown counts: others have shown most of it.
                stale = stale + 1 if different.issuperset(page.keys) else 0
                self._stale = stale if page.keys else 0
                self._require_progress()
                different.update(page.keys)
            if len(different) == len(keys):
                break
        else:
            self.doubts.append("payments of one time kept changing places while they were read")
        return page if page.keys else None, keys

    def _ask(self, start: datetime | None, offset: int) -> PageScript:
        start_params = self.start_params(start) if self.start_params and start else {}
        paging = {self.limit_param: str(self.options.page_size), self.offset_param: str(offset)}
        repeats = self.options.page_size if start else 0  # it begins with payments that were on the page before
        _, page = yield [PageRequest(self, {**self.options.params, **start_params, **paging}, offset, repeats)]
        self._check_start(page, start and shift(start, COARSEST_TIME))
        return page


def _gets_beyond(page: Page, start: datetime | None) -> bool:
    return bool(page.times) and (start is None or min(page.times) < start)
