"""Lists that are read by page number.

Numbered pages cannot overlap. When a row leaves, another one moves from the next page to one that was read, and nothing
of what is read afterwards shows it: where a row was added besides, not even the total does. So one reading proves
nothing, unless the list is a single page; a second one has to find nothing new. Where the API can filter by creation
time, read by time (:mod:`~airflow_provider_payments.listing.by_time`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from airflow_provider_payments.exceptions import PaymentsProtocolError
from airflow_provider_payments.http.client import useful_ahead
from airflow_provider_payments.listing.dedup import SeenIds
from airflow_provider_payments.listing.pages import Order, Page
from airflow_provider_payments.listing.readers import MAX_STALE_PAGES, NoProgress, PageRequest, Reader, Script
from airflow_provider_payments.listing.report import count_doubt


@dataclass
class PageNumberReader(Reader):
    """Page numbers with a total over all pages. They may count from 0 or from 1: the list ends by different rows.

    When they count from 1, pages 0 and 1 are the same; so one page that brings nothing new is no end, and two are an
    error.

    :param number_param: query parameter of the page number.
    :param size_param: query parameter of the page size.
    :param first_page: number of the first page.
    """

    number_param: str = field(default="page", kw_only=True)
    size_param: str = field(default="size", kw_only=True)
    first_page: int = field(default=0, kw_only=True)

    def script(self) -> Script:
        size = self.options.page_size
        furthest = self.first_page
        counted = SeenIds()  # of its own: a list beside this one, or the next window, may show the same rows
        found = 0
        totals: list[int] = []
        stale = 0  # pages in a row without anything new, those left out that were read again
        total_then = 0  # when a page last had something new
        total_before = 0  # of the page before, when that was read first
        request, page = yield [self._ask(furthest)]
        while True:
            if page.total is None:
                raise PaymentsProtocolError("The list's reply tells no total.")
            new = sum(counted.add(page.keys))
            found += new
            if new:
                stale, total_then = 0, page.total
            elif not request.repeats:
                stale += 1
            is_past_window = self.window.note(page)
            self._check_totals(totals, page.total)
            # What is read again says nothing of the pages before it: of them, only those not read yet have moved there.
            has_shrunk = page.total < total_before and not request.repeats
            total_before = total_before if request.repeats else page.total
            totals = [max([*totals, page.total]), page.total]
            missing = totals[0] - found
            is_full_and_new = len(page.keys) >= size and new > 0
            following: Sequence[PageRequest] = ()
            if (missing <= 0 and not is_full_and_new) or is_past_window:
                pass  # a full page that brings something new is not believed to be the last
            elif not page.keys:
                # Rows that were added in the middle may have moved others to a page that was read.
                if not self.in_flight:
                    self.doubts.append(count_doubt(totals[0], found))
            elif stale > (MAX_STALE_PAGES if page.total > total_then else 1):  # added rows move others further down
                raise NoProgress(
                    f"The list makes no progress: page {request.position} repeats what was read before "
                    f"({found} of {totals[0]} payments seen). An API that ignores the page number looks like this."
                )
            elif has_shrunk:
                following = [self._ask(request.position - 1, repeats=size)]  # rows have moved there, unless further up
            elif self._may_have_grown(request, page, new):
                following = [self._ask(request.position, repeats=size)]
            else:
                following = [self._ask(number) for number in range(furthest + 1, furthest + 1 + self._room(missing))]
                furthest += len(following)
            if not following and not self.in_flight:
                return
            request, page = yield following

    def _ask(self, number: int, *, repeats: int = 0) -> PageRequest:
        paging = {self.number_param: str(number), self.size_param: str(self.options.page_size)}
        return PageRequest(self, {**self.options.params, **paging}, number, repeats)

    def _room(self, missing: int) -> int:
        """Return how many more pages to ask for: all side by side, unless the window may end the reading earlier."""
        wanted = -(-missing // self.options.page_size) - self.in_flight
        at_once = self.options.max_concurrency
        most = min(at_once, self.pages + 1) if self.window.is_expected else useful_ahead(at_once)
        return max(min(wanted, most - self.in_flight), 0 if self.in_flight else 1)

    def _may_have_grown(self, request: PageRequest, page: Page, new: int) -> bool:
        """Return whether this is a last page that may have got longer, and was not read again yet."""
        is_short = 0 < len(page.keys) < self.options.page_size
        return not self.in_flight and is_short and new > 0 and request.position > 0 and not request.repeats

    def _check_totals(self, totals: Sequence[int], now: int) -> None:
        """Doubt pages of a list whose total has changed, unless rows can only have been added at its end."""
        if not totals or now == totals[-1]:
            return
        is_harmless = now > totals[-1] and (self.order is Order.OLDEST_FIRST or self.options.max_concurrency == 1)
        if not is_harmless:
            change = "grew" if now > totals[-1] else "shrank"
            self.doubts.append(f"the list {change} from {totals[-1]} to {now} payments while it was read")
