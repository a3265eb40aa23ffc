"""How long the pages of a list really are: an API may give fewer rows than it is asked for, without saying so."""

from __future__ import annotations

from airflow_provider_payments.listing.pages import Page


class PageSizes:
    """What pages tell of their size.

    :param asked: rows that are asked for on each page.
    """

    def __init__(self, asked: int) -> None:
        #: Rows to ask for, and to expect on each page but the last.
        self.limit = asked
        self._longest = 0
        self._pages = 0

    def note(self, page: Page) -> None:
        """Take a page."""
        rows = len(page.keys)
        self._pages += 1
        if self._pages == 1 and rows and (page.has_more or rows < (page.total or 0) or rows == page.limit):
            self.limit = min(rows, self.limit)  # a first page that is short although more follow
        if self._pages > 1 and rows == self._longest and page.new:
            self.limit = min(rows, self.limit)  # two pages of one length, and the first was not the last
        self._longest = max(self._longest, rows)

    def is_full(self, page: Page) -> bool:
        """Return whether a page has as many rows as a page can have, as far as is known."""
        return len(page.keys) >= min(page.limit or self.limit, self.limit, self._longest or self.limit)

    def is_end(self, page: Page, end: int) -> bool:
        """Return whether a page is the last one of its list.

        A full page is believed to be the last only where the response says so. Without a total, the list has ended when
        a short page brings nothing new: the limit that the response tells may be the one that was asked for rather than
        the one that was used.

        :param end: offset after its last row.
        """
        if page.has_more is not None:
            return not page.has_more
        if page.total is not None and end >= page.total and not (len(page.keys) >= self.limit and page.new):
            return True
        return not page.new and not self.is_full(page)

    def is_near_end(self, page: Page, end: int) -> bool:
        """Return whether a page with rows is the last one of a list whose end is known to be near."""
        is_short = len(page.keys) < max(self._longest, min(self.limit, page.limit or self.limit))
        return bool(page.keys) and (self.is_end(page, end) or (is_short and page.has_more is None))
