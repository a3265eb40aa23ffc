"""Ways to page by offset or by page number.

**Offsets and page numbers drift.** When a row is added in front of the place that is being read, every later row moves
down: read in order, rows repeat, and none is lost. But of two pages read side by side, the later may have been read
*before* the addition and the earlier *after* it; then the rows between them are lost. And when a row leaves, every
later row moves up, and rows are skipped in any case.

Offsets can prove that nothing was skipped: each page begins with the last row of the page before. As long as rows keep
their order, a chain of pages that are joined this way holds every row that existed throughout, whatever was added or
left meanwhile. A page that is not joined is read again. Page numbers cannot overlap: there the totals have to tell, and
the order, for rows that are added at the end move none.

Steps are planned one by one as pages come in, so that as many as permitted stay under way. Where the end of the list is
not known, those that were under way when it is seen were asked for in vain.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace

from airflow_provider_payments.exceptions import PaymentsProtocolError
from airflow_provider_payments.http.paging import MAX_STALE_PAGES, Following, Order, Page, Paging, Step, doubt_count

#: A page that is not joined to the one before is read again so often, each time from further back.
MAX_ATTEMPTS = 3
#: So many pages that bring nothing new are read beyond the head, when the list's head is looked at in the end.
MAX_STALE_AT_HEAD = 3


@dataclass(frozen=True)
class OffsetPages(Paging):
    """``limit`` and ``offset``, with a total of matching rows, or with ``has_more``, or with neither.

    A full page is believed to be the last only where ``has_more`` says so. Without a total, a short page ends the list
    only when it brings nothing new, for the limit that the reply tells may be the one that was asked for rather than
    the one that was used; and pages are read one at a time. Where the order is not known, a row may have jumped to the
    head while the rest was read, so the head is read again in the end.
    """

    limit_param: str = "limit"
    offset_param: str = "offset"

    @property
    def vouches(self) -> bool:
        return self.limit > 1  # a page of one row cannot overlap

    def first(self) -> Step:
        return Step(0, self.limit)

    def params(self, step: Step) -> Mapping[str, str]:
        return {self.limit_param: str(step.limit), self.offset_param: str(step.position)}

    def following(self, step: Step, page: Page) -> Following:
        if page.rows == 0 and page.has_more:
            raise PaymentsProtocolError(
                f"The list makes no progress: the empty page at offset {step.position} says that more rows follow."
            )
        end = step.position + page.rows
        if step.is_closing:
            # Rows that were read before may have jumped to the head too, and hide others below them.
            is_past_head = page.ends_in_head or (page.has_reached_head and page.stale_pages >= MAX_STALE_AT_HEAD)
            if page.rows == 0 or (is_past_head and not page.new_rows):
                return Following()
            if page.stale_pages > MAX_STALE_PAGES:
                return Following((), "payments moved while the list was read")
            return Following([replace(step, position=end)])
        doubt = None
        if self._has_gap(step, page):
            if step.attempt < MAX_ATTEMPTS:
                position = max(step.position - step.attempt * (step.limit - 1), 0)
                return Following([replace(step, position=position, attempt=step.attempt + 1)])
            doubt = "payments left the list while it was read"
        elif not step.overlaps:
            doubt = _doubt_totals(step, page, self.order)
        if page.is_past_window:
            return Following((), doubt)
        has_more = self._has_more(step, page, end)
        if page.rows and not page.new_rows:
            self._require_progress(step, page, end, has_more)
        if has_more:
            return Following(self._plan_next(step, page, end), doubt)
        if page.under_way:
            return Following((), doubt)
        if step.overlaps and not page.is_chained:
            doubt = doubt or "payments moved while the list was read"
        if self.order is Order.UNKNOWN and step.position and (page.seen > step.first_rows or page.has_shifted):
            return Following([Step(0, step.limit, is_closing=True)], doubt)
        return Following((), doubt)

    def _has_gap(self, step: Step, page: Page) -> bool:
        """Whether rows may be missing between this page and the one before."""
        is_behind = page.rows > 0 and page.new_rows == 0
        return step.overlaps and not (page.is_joined or is_behind or (page.rows == 0 and page.follows_end))

    def _has_more(self, step: Step, page: Page, end: int) -> bool:
        if page.has_more is not None:
            return page.has_more
        if page.total is None:
            if step.attempt and not page.is_joined:
                return page.new_rows > 0
            # A page as long as the longest one may be full, whatever limit the reply tells.
            full = min(page.limit or step.limit, step.limit, page.longest or step.limit)
            return page.new_rows > 0 or page.rows >= full
        return page.rows > 0 and (end < page.total or (page.rows >= step.limit and page.new_rows > 0))

    def _require_progress(self, step: Step, page: Page, end: int, has_more: bool) -> None:
        """Refuse pages that repeat, unless rows that were added in front account for it."""
        error = PaymentsProtocolError(
            f"The list makes no progress: offset {step.position} repeats what was read before."
        )
        if page.stale_pages > MAX_STALE_PAGES:
            raise error
        # Steps under way, and second readings, repeat rows on purpose.
        if page.total is not None and not (page.under_way or step.attempt):
            grown = max(page.total - (page.total if step.first_total is None else step.first_total), 0)
            repeated = end - grown - page.seen
            misses = not has_more and page.seen + grown < page.total
            if repeated >= 2 * step.limit + self.max_concurrency or (misses and repeated >= max(step.limit - 1, 2)):
                raise error

    def _plan_next(self, step: Step, page: Page, end: int) -> list[Step]:
        # A first page that is short although more follow shows the limit that the API really uses.
        follow = page.has_more or end < (page.total or 0) or page.rows == page.limit
        is_cut = step.position == 0 and page.rows and follow
        limit = page.rows if is_cut else step.limit
        overlap = int(step.overlaps if page.under_way else limit > 1 and page.rows > 1)
        stride = max(limit - overlap, 1)
        start = page.furthest + stride if page.under_way else end - overlap
        # Without a total, a short page may be the last, which those under way will tell.
        last = page.total or (end if page.rows < limit else sys.maxsize)
        positions = range(start, max(last - overlap, 0 if page.under_way else start + 1), stride)
        # Neither an overlap nor a total would tell what was lost between pages that are read side by side.
        can_tell = overlap or page.total is not None
        steps = plan(self.max_concurrency if can_tell else 1, step, page, positions, limit)
        first_rows = step.first_rows or page.rows
        return [replace(each, first_rows=first_rows, overlaps=bool(overlap)) for each in steps]


@dataclass(frozen=True)
class NumberedPages(Paging):
    """Page numbers with a total over all pages, which may count from 0 or from 1: the walk ends by different rows.

    When they count from 1, pages 0 and 1 are the same; so one page that brings nothing new is no end, and two are an
    error.
    """

    number_param: str = "page"
    size_param: str = "size"
    first_page: int = 0

    @property
    def vouches(self) -> bool:
        return False

    def first(self) -> Step:
        return Step(self.first_page, self.limit)

    def params(self, step: Step) -> Mapping[str, str]:
        return {self.number_param: str(step.position), self.size_param: str(step.limit)}

    def following(self, step: Step, page: Page) -> Following:
        if page.total is None:
            raise PaymentsProtocolError("The list's reply tells no total.")
        doubt = _doubt_totals(step, page, self.order)
        total = max(page.total, page.largest_total or 0)
        # A full page that brings something new is not believed to be the last.
        if page.seen >= total and not (page.rows >= step.limit and page.new_rows):
            return Following((), doubt)
        if page.rows == 0:
            # Rows that were added in the middle may have moved others from a page to be read to one that was read.
            return Following((), doubt or (None if page.under_way else doubt_count(total, page.seen)))
        if page.stale_pages > 1:
            raise PaymentsProtocolError(
                f"The list makes no progress: page {step.position} repeats what was read before "
                f"({page.seen} of {total} payments seen). An API that ignores the page number looks like this."
            )
        left = -(-(total - page.seen) // self.limit) - page.under_way
        if not page.under_way:
            left = max(left, 1)
            # This was the last page, and it may have got longer.
            if step.position and page.new_rows and page.rows < step.limit and not step.attempt:
                return Following([replace(step, attempt=1)], doubt)
        positions = range(page.furthest + 1, page.furthest + 1 + left)
        return Following(plan(self.max_concurrency, step, page, positions, self.limit), doubt)


def plan(max_concurrency: int, step: Step, page: Page, positions: range, limit: int) -> list[Step]:
    """Plan as many steps as there is room for besides those under way.

    All the room is used at once where the end of the list is known; otherwise it doubles with each page.
    """
    is_end_known = page.total is not None and not page.may_end_early
    concurrency = max_concurrency if is_end_known else min(step.concurrency * 2, max_concurrency)
    return [
        Step(
            position=position,
            limit=limit,
            concurrency=concurrency,
            planned_total=page.total,
            first_total=page.total if step.first_total is None else step.first_total,
        )
        for position in positions[: max(concurrency - page.under_way, 0)]
    ]


def _doubt_totals(step: Step, page: Page, order: Order) -> str | None:
    """Doubt pages that cannot overlap when the total changed while they were read."""
    before, now = step.planned_total, page.total
    if before is None or now is None:
        return None
    if now == before:
        return None
    # Rows that are added at the end move none; and pages that are read in order only repeat some.
    is_harmless = step.concurrency == 1 or (order is Order.OLDEST_FIRST and page.is_ordered)
    if now > before and is_harmless:
        return None
    return f"the list {'grew' if now > before else 'shrank'} from {before} to {now} payments while it was read"
