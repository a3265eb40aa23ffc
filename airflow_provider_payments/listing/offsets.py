"""Lists that are read by ``limit`` and ``offset``.

**Offsets drift.** When a row is added above the page that is being read, every later row moves down, and rows repeat;
when one leaves, every later row moves up, and rows are skipped. And of two pages that are asked for side by side, the
later one may have been answered first.

**Why nothing is skipped.** Each page begins with the last row of the page before. Two pages that share a row are
*joined*: as long as rows keep their order, whatever was on the list throughout and lies between them is on one of the
two. Pages that are joined from the head of the list to its end therefore hold every row that was there throughout,
whatever was added or left meanwhile.

**What happens at a gap.** Pages that are not joined to those before begin a new segment, and the rows between the two
are read again, one page at a time, until both are joined. A gap that does not close is noted as a doubt, and the
reading goes on after it. The more gaps there were, the longer pages are asked for one by one.

**Where rows may move.** In a list whose order is not known, a row may jump to the head, which was read by then. So the
head is read once more in the end; and a list that is longer than the number of payments found is in doubt.

**Where rows may change places.** Of payments that were created at one time, any may come first, and perhaps another one
at the next request. A list that can be told to end where it did at first hardly grows while it is read, so it is
counted as well: in the end, it must not go on behind as many rows as payments were found. Any other whose order is
known must have shown as many different payments as rows, but for those that were added above: by so many the total has
grown meanwhile.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from airflow_provider_payments.listing.end_checks import HeadCheck, RowCount
from airflow_provider_payments.listing.gap import Gap
from airflow_provider_payments.listing.pace import Pace
from airflow_provider_payments.listing.page_sizes import PageSizes
from airflow_provider_payments.listing.pages import Order, Page
from airflow_provider_payments.listing.readers import (
    MAX_STALE_PAGES,
    NoProgress,
    PageRequest,
    Reader,
    Script,
    ScriptPart,
)
from airflow_provider_payments.listing.segments import Segment
from airflow_provider_payments.listing.window_end import WindowEnd
from airflow_provider_payments.times import is_newest_first

#: How often the head is read to see whether a list grows, when pages only repeat what was read.
MOST_GROWTH_CHECKS = 10


@dataclass
class OffsetReader(Reader):
    """``limit`` and ``offset``, with a total of matching rows, or with ``has_more``, or with neither.

    :param limit_param: query parameter of the page size.
    :param offset_param: query parameter of the offset.
    :param end_params: returns the query parameters that leave out what was created after a time. Such a list is read to
        its end and counted; so the API should be asked for the window's start, too.
    """

    limit_param: str = field(default="limit", kw_only=True)
    offset_param: str = field(default="offset", kw_only=True)
    end_params: Callable[[datetime], Mapping[str, str]] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._end: Mapping[str, str] = {}
        if self.end_params:
            self.window = WindowEnd(self.options.query, Order.UNKNOWN)
        self._sizes = PageSizes(self.options.page_size)
        self._furthest = 0  # highest offset that was asked for
        self._counted = RowCount()
        self._seen_beyond = 0  # rows that were new, and came after the page that lies beyond the window
        self._pace = Pace(self.options.max_concurrency)
        self._growth_checks = 0

    @property
    def is_proven(self) -> bool:
        return self.pages <= 1 or self._limit > 1  # a page of one row has none to share with the next

    def script(self) -> Script:
        request, page = yield [self._ask(0)]
        head = page.keys
        if self.end_params and is_newest_first(page.times):  # of another list, this would leave out the rest
            self._end = self.end_params(page.times[0])
        if self.window.is_expected:
            self._pace.expect(self.window.pages_left(page))
        elif page.total is not None:
            self._pace.hurry()
        segments: list[Segment] = []
        while True:
            self._add(segments, request, page)
            if self._stale > MAX_STALE_PAGES and not self.in_flight:
                yield from self._require_growth(head)
            following = self._plan(segments)
            if not following and not self.in_flight:
                while len(segments) > 1:
                    yield from self._close_gap(segments)
                following = self._plan(segments)
                if not following:
                    break
            request, page = yield following
        is_one_page = self.seen == len(head) == segments[-1].end
        if self.order is Order.UNKNOWN and not is_one_page:
            yield from self._look_at_head(head)
        may_move = self.order is Order.UNKNOWN or self.end_params is not None
        doubt = self._counted.find_doubt(self.seen, segments[-1].end, may_move=may_move)
        if doubt and self.end_params:
            doubt = yield from self._count_again(head)
        if self.window.is_reached:
            doubt = None  # the total is of more than was read
        if not may_move and not doubt:
            # Payments come to the list of a status wherever they are.
            may_be_added = self.order is Order.NEWEST_FIRST or self.options.query.has_statuses
            found = self.seen - self._seen_beyond
            doubt = self._counted.find_displaced(found, segments[-1].end, may_be_added=may_be_added)
        self.doubts += [doubt] if doubt else []

    def _ask(self, position: int, *, repeats: int = 0) -> PageRequest:
        self._furthest = max(self._furthest, position)
        paging = {self.limit_param: str(self._limit), self.offset_param: str(position)}
        return PageRequest(self, {**self.options.params, **self._end, **paging}, position, repeats)

    # Reading on.

    def _add(self, segments: list[Segment], request: PageRequest, page: Page) -> None:
        """Add a page to the last segment, or begin a new one."""
        last = segments[-1] if segments else None
        if last and last.is_past_window:
            self._seen_beyond += page.new
            return
        self._learn(page)
        position, end = request.position, request.position + len(page.keys)
        if not page.keys and page.has_more:
            raise NoProgress(
                f"The list makes no progress: the empty page at offset {position} says that more rows follow."
            )
        is_end = self._sizes.is_end(page, end)
        if last and last.is_end and not page.keys:
            return  # it was asked for before the end was known
        is_after_one_row = last and not page.keys and len(last.tail) == 1 and position == last.end
        if last and (self._limit == 1 or is_after_one_row):
            # Pages of one row have none to share: the next one just follows.
            last.tail, last.end = page.keys, end
            is_end = is_end or not page.keys
        elif not last or not last.join(page, position):
            if last and page.keys and not page.new and not is_end:
                # More rows were added above than a page has: the last row lies further down.
                last.end = max(last.end, end)
                return self._pace.note_stale(self._limit)
            if last:
                self._pace.note_gap(self._limit)
            last = Segment(position, end, page.keys, page.keys)
            segments.append(last)
        last.is_end = is_end
        last.is_past_window = self.window.note(page)
        if page.keys and not page.new and not is_end:
            self._pace.note_stale(self._limit)
        else:
            self._pace.note_joined()

    def _plan(self, segments: Sequence[Segment]) -> Sequence[PageRequest]:
        """Return the pages to ask for besides those in flight: none at a gap, and none at the end."""
        last = segments[-1]
        if len(segments) > 1 or last.is_end or last.is_past_window:
            return ()
        overlap = min(self._pace.overlap, len(last.tail) - 1) if self._limit > 1 else 0
        # Side by side only where pages are as long as they should be, and something would tell what is lost between.
        is_sure = len(last.tail) >= self._limit and (overlap or self._counted.least is not None)
        room = (self._pace.side_by_side if is_sure else 1) - self.in_flight
        stride = max(self._limit - overlap, 1)
        start = self._furthest + stride if self.in_flight else max(last.end - overlap, 0)
        # Not beyond the total, but for one page when nothing is in flight: the list may have grown.
        stop = sys.maxsize if self._counted.least is None else self._counted.least
        positions = range(start, max(stop - overlap, 0 if self.in_flight else start + 1), stride)
        return [self._ask(position, repeats=overlap) for position in positions[: max(room, 0)]]

    def _require_growth(self, head: Sequence[str]) -> Script:
        """Permit pages that only repeat what was read as long as rows are added above: then the head has changed.

        :raises NoProgress: when the list begins as it did at first, or this was asked too often.
        """
        self._growth_checks += 1
        _, page = yield [self._ask(0, repeats=self._limit)]
        if list(page.keys[:1]) == list(head[:1]) or self._growth_checks > MOST_GROWTH_CHECKS:
            self._require_progress()
        self._stale = 0

    # Closing a gap.

    def _close_gap(self, segments: list[Segment]) -> Script:
        """Read the rows between the first two segments, and make them one segment."""
        before, after = segments[0], segments[1]
        gap = Gap(before, after, self._sizes)
        following: int | None = gap.first_position
        while following is not None:
            position = following
            _, page = yield [self._ask(position, repeats=self._limit)]
            self._learn(page)
            following = gap.next_position(page, position)
        if not gap.is_closed:
            self.doubts.append("payments left the list while it was read")
        self._stale = 0
        if after.tail:
            after.follow(before, page, position)
            del segments[0]
        else:
            before.is_end, before.is_past_window = True, False
            del segments[1]

    def _look_at_head(self, head: Sequence[str]) -> Script:
        """Read the head of the list once more."""
        check = HeadCheck(head)
        position: int | None = 0
        while position is not None:
            _, page = yield [self._ask(position, repeats=self._limit)]
            self._learn(page)
            position = check.next_position(page, position)
        doubt = check.find_doubt(self.pages)
        self.doubts += [doubt] if doubt else []

    def _count_again(self, head: Sequence[str]) -> ScriptPart[str | None]:
        """Find the few payments that came to the head of a list that ends there; return what is in doubt then."""
        yield from self._look_at_head(head)
        position = self.seen - 1
        _, page = yield [self._ask(position, repeats=self._limit)]
        self._learn(page)
        return self._counted.find_doubt(self.seen, position + len(page.keys), may_move=True)

    def _learn(self, page: Page) -> None:
        self._counted.note(page)
        self._sizes.note(page)

    @property
    def _limit(self) -> int:
        return self._sizes.limit
