"""What is checked in the end: does a list have more rows than were found, and did rows move to its head?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from airflow_provider_payments.listing.pages import Page
from airflow_provider_payments.listing.readers import MAX_STALE_PAGES
from airflow_provider_payments.listing.report import count_doubt
from airflow_provider_payments.listing.segments import Segment

#: Pages without anything new that are read at the head of a list, below what was the head at first.
MAX_STALE_AT_HEAD = 3
#: A list in which more than one payment in this many pages moved to the head cannot be vouched for.
PAGES_PER_MOVE = 5


class HeadCheck:
    """Reads a list from the top again, down to what was its head: rows may have jumped there, and hidden others.

    :param head: keys of the first page, when the list was read first.
    """

    def __init__(self, head: Sequence[str]) -> None:
        self._head = set(head)
        self._neighbours: set[tuple[str, ...]] = set(pairwise(head)) or {tuple(head)}
        self._has_met_head = False
        self._moved = 0
        self._stale = 0
        self._above = Segment(0, 0, (), ())
        self._has_gap = False  # whether rows at the head may have been skipped, since some have left

    def next_position(self, page: Page, position: int) -> int | None:
        """Take the page at an offset; return the next offset to read, or None when the head has been passed."""
        self._stale = 0 if page.new else self._stale + 1
        if not page.keys:
            return None
        can_join = bool(self._above.tail) and len(page.keys) > 1
        self._has_gap |= can_join and not self._above.join(page, position)
        above = next((index for index, key in enumerate(page.keys) if key in self._head), len(page.keys))
        if not self._has_met_head:
            self._moved += max(above - page.new - bool(position), 0)  # rows that were read before, further down
        self._has_met_head |= above < len(page.keys)
        # Rows of the head may have jumped, too; two that still are neighbours hardly have.
        ends_in_head = tuple(page.keys[-2:]) in self._neighbours
        is_past_head = ends_in_head or (self._has_met_head and self._stale >= MAX_STALE_AT_HEAD)
        if is_past_head and not page.new:
            return None
        if self._stale > MAX_STALE_PAGES:
            self._moved += self._stale * PAGES_PER_MOVE
            return None
        end = position + len(page.keys)
        self._above = Segment(position, end, page.keys, page.keys)
        return max(end - 1, position + 1)

    def find_doubt(self, pages: int) -> str | None:
        """Return why rows may have been skipped, or None.

        :param pages: how many were read in all.
        """
        if self._has_gap:
            return "payments left the head of the list while it was read"
        if self._moved > pages / PAGES_PER_MOVE:
            return "payments moved all the time while the list was read"
        return None


class RowCount:
    """How many rows the API says that a list has, and how many of the rows that were read are the same."""

    def __init__(self) -> None:
        #: The smallest total that a page told, and the latest; None where no page tells one.
        self.least: int | None = None
        self.last: int | None = None
        self._added = 0  # by how much the total has grown, from page to page
        self._twins = 0  # rows that a single page has twice

    def note(self, page: Page) -> None:
        """Take a page."""
        if page.total is not None:
            self._added += max(page.total - (page.total if self.last is None else self.last), 0)
            self.least = page.total if self.least is None else min(page.total, self.least)
            self.last = page.total
        if page.new < len(page.keys):
            self._twins += len(page.keys) - len(set(page.keys))

    def is_short(self, found: int, counted: int) -> bool:
        """Return whether fewer different payments were found than rows were counted."""
        return found + self._twins < counted

    def find_displaced(self, found: int, length: int, *, may_be_added: bool) -> str | None:
        """Return why some of the rows up to an offset may not have been shown, or None.

        :param found: different payments among them.
        :param length: the offset.
        :param may_be_added: whether rows may have been added above, each of which lets one be shown twice. How many,
            only the total tells.
        """
        added = self._added if may_be_added else 0
        if (may_be_added and self.last is None) or not self.is_short(found + added, length):
            return None
        return f"payments changed places: of the first {length}, {found} different ones were read"

    def find_doubt(self, found: int, length: int, *, may_move: bool) -> str | None:
        """Return why there may be more payments than were found, or None.

        :param found: different payments.
        :param length: offset of the list's end, when that was read.
        :param may_move: whether rows may move: from where nothing was read yet to where all was.
        """
        counted = max(self.least or 0, (self.last or length) if may_move else 0)
        if not self.is_short(found, counted):
            return None
        if self.least is None:
            return f"the list had {counted} payments, and {found} different ones were found"
        return count_doubt(counted, found)
