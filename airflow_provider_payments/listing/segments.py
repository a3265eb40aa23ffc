"""Pages of a list that are joined, each to the one before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from airflow_provider_payments.listing.pages import Page


@dataclass
class Segment:
    """Pages that are joined: each shares a row with the one before.

    A segment without rows is the list's end, where an empty page has shown that it is near.

    :param start: offset of its first row, when that was read.
    :param end: offset after its last row, when that was last seen.
    :param head: keys of its first page.
    :param tail: keys of its last page, in order.
    :param is_end: whether its last row was the last of the list.
    :param is_past_window: whether its last page lies beyond the query's window.
    """

    start: int
    end: int
    head: Sequence[str]
    tail: Sequence[str]
    is_end: bool = False
    is_past_window: bool = False

    def join(self, page: Page, position: int) -> bool:
        """Add a page that shares a row with the last one; return whether it does.

        :param position: the page's offset.
        """
        indexes = {key: index for index, key in enumerate(self.tail)}
        shared = next((index for index in range(len(page.keys) - 1, -1, -1) if page.keys[index] in indexes), None)
        if shared is None:
            return False
        if shared < len(page.keys) - 1:
            self.tail, self.end = page.keys, position + len(page.keys)
        else:  # the page ends above the last row, and tells how far that has moved
            self.end = position + len(page.keys) + len(self.tail) - 1 - indexes[page.keys[shared]]
        return True

    def begins_on(self, page: Page, before: Segment) -> bool:
        """Return whether a page has a row of this segment's head, not above the rows of the segment before."""
        known = set(before.tail)
        last = max((index for index, key in enumerate(page.keys) if key in known), default=0)
        return not set(page.keys[last:]).isdisjoint(self.head)

    def follow(self, before: Segment, page: Page, position: int) -> None:
        """Go on from the segment before, up to which a page reaches.

        :param position: the page's offset, which tells how far this segment has moved.
        """
        self.join(page, position)
        self.head = before.head
