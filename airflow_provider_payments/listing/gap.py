"""Where two pages do not meet: which pages are read again to join them, and when that is given up."""

from __future__ import annotations

from airflow_provider_payments.listing.page_sizes import PageSizes
from airflow_provider_payments.listing.pages import Page
from airflow_provider_payments.listing.segments import Segment

#: Pages without anything new that are read at a gap before it is passed over.
MAX_ATTEMPTS = 4
#: Pages that are read at a gap, besides as many as lie above it, when each of them brings something new.
MAX_ATTEMPTS_ANEW = 8


class Gap:
    """The rows between two segments, which are read one page at a time.

    :param before: the segment above; pages are added to it.
    :param after: the segment below.
    :param sizes: how long pages are.
    """

    def __init__(self, before: Segment, after: Segment, sizes: PageSizes) -> None:
        self._before = before
        self._after = after
        self._sizes = sizes
        self._attempts = 0
        # Rows move up by no more than there were above. Where others are added below, reading here would never end.
        self._left = MAX_ATTEMPTS_ANEW + before.end // max(sizes.limit - 1, 1)
        #: Offset of the page to read first.
        self.first_position = max(after.start - sizes.limit // 2, 0)
        #: Whether the two segments are joined.
        self.is_closed = False

    def next_position(self, page: Page, position: int) -> int | None:
        """Take the page at an offset; return the next offset to read, or None when the gap is closed or given up."""
        is_joined = self._before.join(page, position)
        has_reached = (
            self._after.begins_on(page, self._before)
            if self._after.tail
            else self._sizes.is_near_end(page, position + len(page.keys))
        )
        self.is_closed = is_joined and has_reached
        self._left -= 1
        self._attempts = 0 if page.new else self._attempts + 1
        if self.is_closed or self._attempts >= MAX_ATTEMPTS or self._left <= 0:
            return None
        stride = max(self._sizes.limit - 1, 1)
        if is_joined:  # to the next page of the segment before
            position = self._before.end - 1
        elif has_reached or not page.keys or (page.new and position):  # it lies within or below the gap
            position -= stride
        else:  # everything was read before, or was added at the head meanwhile: it lies above the gap
            position += stride
        return max(position, 0)
