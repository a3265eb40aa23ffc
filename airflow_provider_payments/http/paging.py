"""Ways to page: each is a pure function from "this step got this page" to "these steps follow".

A step is one page to ask for. Steps that a function returns together may be asked for side by side; their pages come
back to it in the order of the steps. Rows are counted as the API returned them, never after a filter of ours.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from airflow_provider_payments.exceptions import PaymentsProtocolError

#: So many rows before a cursor are kept, in case the API no longer knows the cursor's own row.
MAX_FALLBACKS = 5
#: So many pages in a row may repeat what was read, because rows were added in front or are read side by side.
MAX_STALE_PAGES = 10


@dataclass(frozen=True, slots=True)
class Page:
    """What a way to page has to know of a page.

    :param rows: how many rows the API returned.
    :param new_rows: how many of them this walk had not seen.
    :param seen: how many different rows this walk has seen, this page included.
    :param longest: rows of the longest page so far, this one included.
    :param total: how many rows match, as this reply says it.
    :param largest_total: the largest that any reply of this walk has said.
    :param limit: the page size that the API really used, where its reply tells.
    :param has_more: the API's own word on whether more pages follow.
    :param last_ids: ids of the last rows, the very last one first.
    :param follows_end: whether a page before was the last one, or the pages before do not join, so that an empty page
        is no reason to read again.
    :param is_joined: whether the last row of the page before is on this page too; True for a walk's first page.
    :param is_chained: whether joined pages lead to the last row that was seen, and that was the list's end.
    :param has_shifted: whether a page so far did not begin with the last row of the page before, as it was asked to.
    :param ends_in_head: whether one of the page's last two rows is one of the walk's first page.
    :param has_reached_head: whether a closing step has found a row of the walk's first page.
    :param is_ordered: whether every page so far was in the order that was asked for.
    :param is_past_window: whether every row of the page, and so every later one, lies beyond the window.
    :param may_end_early: whether such a page can be expected, so that not all of the list will be read.
    :param stale_pages: how many pages in a row, this one included, brought nothing new.
    :param under_way: how many other steps of this walk are still under way.
    :param furthest: the highest position that was asked for.
    :param may_repeat: whether another step may have read the same rows on purpose.
    """

    rows: int
    new_rows: int
    seen: int
    longest: int = 0
    total: int | None = None
    largest_total: int | None = None
    limit: int | None = None
    has_more: bool | None = None
    last_ids: Sequence[str] = ()
    follows_end: bool = False
    is_joined: bool = True
    is_chained: bool = True
    has_shifted: bool = False
    ends_in_head: bool = False
    has_reached_head: bool = False
    is_ordered: bool = True
    is_past_window: bool = False
    may_end_early: bool = False
    stale_pages: int = 0
    under_way: int = 0
    furthest: int = 0
    may_repeat: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One page to ask for.

    :param position: offset or page number.
    :param limit: page size to ask for.
    :param concurrency: how many steps were permitted to be under way together when this one was planned.
    :param planned_total: the total that was known when this step was planned.
    :param first_total: the total of the walk's first page.
    :param first_rows: how many rows the walk's first page had.
    :param cursor: id of the row to go on after.
    :param fallbacks: ids of rows before it, in case that row has left the list.
    :param overlaps: whether the page was asked to begin with the last row of the page before.
    :param attempt: how often this page was read before, without joining on to the page before it.
    :param is_closing: whether the list was read to its end, and this looks at its head again.
    """

    position: int
    limit: int
    concurrency: int = 1
    planned_total: int | None = None
    first_total: int | None = None
    first_rows: int = 0
    cursor: str | None = None
    fallbacks: Sequence[str] = ()
    overlaps: bool = False
    attempt: int = 0
    is_closing: bool = False


@dataclass(frozen=True, slots=True)
class Following:
    """What follows from a page.

    :param steps: what to ask for next; none ends the walk.
    :param doubt: why rows that existed throughout may have been skipped, or None.
    """

    steps: Sequence[Step] = ()
    doubt: str | None = None


def doubt_count(counted: int, found: int) -> str:
    """Return the doubt that there are fewer payments than the API counts."""
    return f"the API counts {counted} payments, and {found} different ones were found"


class Order(Enum):
    """How a listing is ordered by time."""

    NEWEST_FIRST = "newest first"
    OLDEST_FIRST = "oldest first"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Paging(ABC):
    """A way to page.

    :param limit: page size to ask for.
    :param max_concurrency: how many steps may be under way at once.
    :param order: the listing's order. Where it is known, a page that lies beyond the window ends the walk.
    """

    limit: int
    max_concurrency: int = 1
    order: Order = Order.UNKNOWN

    @property
    @abstractmethod
    def vouches(self) -> bool:
        """Whether a walk without a doubt proves that nothing was skipped, even where rows may leave the list."""

    @abstractmethod
    def first(self) -> Step:
        """Return the step that begins a walk."""

    @abstractmethod
    def params(self, step: Step) -> Mapping[str, str]:
        """Return the query parameters of a step."""

    @abstractmethod
    def following(self, step: Step, page: Page) -> Following:
        """Return what follows from a step's page."""

    def following_refusal(self, step: Step) -> Following | None:
        """Return what follows when the API refuses a step, or None when that is an error."""
        return None


@dataclass(frozen=True)
class CursorPages(Paging):
    """The id of the last row leads to the page after it: ``{"has_more": true, "data": […]}``.

    Additions do not move the place. A row that left the list may be a place that the API no longer knows.

    :param start: parameters of the first page only.
    """

    cursor_param: str = "starting_after"
    limit_param: str = "limit"
    start: Mapping[str, str] = field(default_factory=dict)

    @property
    def vouches(self) -> bool:
        return True

    def first(self) -> Step:
        return Step(0, self.limit)

    def params(self, step: Step) -> Mapping[str, str]:
        place = self.start if step.cursor is None else {self.cursor_param: step.cursor}
        return {self.limit_param: str(step.limit), **place}

    def following(self, step: Step, page: Page) -> Following:
        if page.is_past_window:
            return Following()
        if page.rows == 0:
            if page.has_more:
                raise PaymentsProtocolError("The list makes no progress: an empty page says that more rows follow.")
            # The page before said that more rows follow.
            return self.following_refusal(step) or Following()
        if not page.has_more:
            return Following()
        place, *before = page.last_ids
        repeats = page.new_rows == 0 and step.attempt == 0 and not page.may_repeat
        if place == step.cursor or repeats or page.stale_pages > MAX_STALE_PAGES:
            raise PaymentsProtocolError("The list makes no progress: a page repeats what was read before.")
        if step.cursor is not None:
            before += [step.cursor, *step.fallbacks]
        return Following([Step(step.position + page.rows, self.limit, cursor=place, fallbacks=before[:MAX_FALLBACKS])])

    def following_refusal(self, step: Step) -> Following | None:
        if step.cursor is None:
            return None
        if not step.fallbacks:
            return Following((), "the API lost the place, for a payment left the list while it was read")
        place, *rest = step.fallbacks
        return Following([replace(step, cursor=place, fallbacks=rest, attempt=step.attempt + 1)])
