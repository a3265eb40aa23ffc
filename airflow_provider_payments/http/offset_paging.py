"""Ways to page by offset or by page number.

**Offsets and page numbers drift.** When a row is added in front of the place that is being read, every later row moves
down: read in order, rows repeat, and none is lost. But of two pages read side by side, the later may have been read
*before* the addition and the earlier *after* it; then the rows between them are lost. And when a row leaves, every
later row moves up, and rows are skipped in any case. So each step carries the total that it was planned with: a larger
one leads to a second look at what follows, and a smaller one is a doubt, for which the walk is made again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from airflow_provider_payments.exceptions import PaymentsProtocolError
from airflow_provider_payments.http.paging import Following, Order, Page, Paging, Step


@dataclass(frozen=True)
class OffsetPages(Paging):
    """``limit`` and ``offset`` with a total of matching rows: ``{"count": 156, "results": […]}``."""

    limit_param: str = "limit"
    offset_param: str = "offset"

    def first(self) -> Step:
        return Step(0, self.limit)

    def params(self, step: Step) -> Mapping[str, str]:
        return {self.limit_param: str(step.limit), self.offset_param: str(step.position)}

    def following(self, step: Step, page: Page) -> Following:
        if page.is_past_window:
            return Following()
        total = _total(page)
        if page.rows == 0 and page.has_more:
            raise PaymentsProtocolError(
                f"The list makes no progress: the empty page at offset {step.position} says that more rows follow."
            )
        doubt = _doubt_shrinking(step, page)
        wanted = min(step.limit, max(total - step.position, 0))
        end = step.position + page.rows
        if not step.leads:
            return Following(self._look_again(step, page, total, wanted), doubt)
        grown = total - (total if step.first_total is None else step.first_total)
        has_more = end < total if page.has_more is None else page.has_more
        if page.rows and not page.new_rows:
            # Rows that were added in front account for as many repeated ones.
            repeated = end - grown - page.seen
            if repeated >= 2 * step.limit or (repeated > 0 and not has_more and page.seen + grown < total):
                raise PaymentsProtocolError(
                    f"The list makes no progress: offset {step.position} repeats what was read before."
                )
        if not has_more or page.rows == 0:
            return Following((), doubt)
        limit = step.limit if page.limit is None else min(step.limit, page.limit)
        if page.limit is None and step.first_total is None and page.rows < wanted:
            limit = page.rows  # the API lowered the limit and does not say so
        return Following(
            _plan(self.max_batch, step, page, range(end, max(total, end + 1), max(limit, 1)), max(limit, 1)), doubt
        )

    def _look_again(self, step: Step, page: Page, total: int, wanted: int) -> list[Step]:
        """Return what to read again when this page, one of several read side by side, was short or found more rows."""
        again = []
        if 0 < page.rows < wanted:
            gap = wanted - page.rows
            again.append(replace(step, position=step.position + page.rows, limit=gap, planned_total=total))
        grown = total - (step.planned_total or 0)
        if grown > 0 and self.order is not Order.OLDEST_FIRST:
            start = step.position + step.limit
            again += [
                replace(step, position=position, planned_total=total)
                for position in range(start, min(start + grown, total), step.limit)
            ]
        return again


@dataclass(frozen=True)
class UncountedOffsetPages(Paging):
    """``limit`` and ``offset`` without a total. One page at a time, for nothing would tell that rows moved in between.

    Each page begins with the last row of the page before: when that row is not there, rows have left and others were
    skipped. A page that is short of the limit the API really used ends the walk, and so does an empty one.
    """

    limit_param: str = "limit"
    offset_param: str = "offset"
    #: So many pages in a row may repeat what was read, because rows were added in front meanwhile.
    max_stale_pages: int = 10

    def first(self) -> Step:
        return Step(0, self.limit)

    def params(self, step: Step) -> Mapping[str, str]:
        return {self.limit_param: str(step.limit), self.offset_param: str(step.position)}

    def following(self, step: Step, page: Page) -> Following:
        has_skipped = step.overlaps and page.new_rows == page.rows
        doubt = "payments left the list while it was read" if has_skipped else None
        if page.rows == 0 or (page.limit is not None and page.rows < min(page.limit, step.limit)):
            return Following((), doubt)
        if step.overlaps and page.rows == 1 and not page.new_rows:
            return Following()  # only the row that was asked for twice
        stale_pages = 0 if page.new_rows else step.stale_pages + 1
        if stale_pages > self.max_stale_pages:
            raise PaymentsProtocolError(
                f"The list makes no progress: offset {step.position} repeats what was read before."
            )
        overlaps = page.rows > 1
        position = step.position + page.rows - overlaps
        return Following([Step(position, self.limit, overlaps=overlaps, stale_pages=stale_pages)], doubt)


@dataclass(frozen=True)
class NumberedPages(Paging):
    """Page numbers with a total over all pages, which may count from 0 or from 1: the walk ends by different rows.

    With pages that count from 1, pages 0 and 1 are the same; so one page that brings nothing new is no end, and two
    are an error.
    """

    number_param: str = "page"
    size_param: str = "size"
    first_page: int = 0

    def first(self) -> Step:
        return Step(self.first_page, self.limit)

    def params(self, step: Step) -> Mapping[str, str]:
        return {self.number_param: str(step.position), self.size_param: str(step.limit)}

    def following(self, step: Step, page: Page) -> Following:
        if page.is_past_window:
            return Following()
        total = _total(page)
        doubt = _doubt_shrinking(step, page)
        if not step.leads or page.seen >= total or page.rows == 0:
            return Following((), doubt)
        left = -(-(total - page.seen) // self.limit)
        steps = _plan(self.max_batch, step, page, range(step.position + 1, step.position + 1 + left), self.limit)
        if page.new_rows == 0:
            if step.stale_pages:
                raise PaymentsProtocolError(
                    f"The list makes no progress: page {step.position} repeats what was read before "
                    f"({page.seen} of {total} payments seen). An API that ignores the page number looks like this."
                )
            steps = [replace(steps[0], batch=1, leads=True, stale_pages=1)]
        return Following(steps, doubt)


def _plan(max_batch: int, step: Step, page: Page, positions: range, limit: int) -> list[Step]:
    """Plan a batch: 1, 2, 4, … steps up to ``max_batch``, so that a short walk asks for little in vain."""
    batch = min(step.batch * 2, max_batch, len(positions))
    return [
        Step(
            position=position,
            limit=limit,
            batch=batch,
            leads=number == batch,
            planned_total=page.total,
            first_total=page.total if step.first_total is None else step.first_total,
        )
        for number, position in enumerate(positions[:batch], start=1)
    ]


def _doubt_shrinking(step: Step, page: Page) -> str | None:
    if step.planned_total is not None and page.total is not None and page.total < step.planned_total:
        return f"the list shrank from {step.planned_total} to {page.total} payments while it was read"
    return None


def _total(page: Page) -> int:
    if page.total is None:
        raise PaymentsProtocolError("The list's reply tells no total.")
    return page.total
