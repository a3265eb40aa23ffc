"""How many pages to ask for side by side, and how many rows they share: fewer and more where a list moves."""

from __future__ import annotations

from airflow_provider_payments.http.client import useful_ahead


class Pace:
    """Learns from gaps between pages.

    :param most: requests that may be under way at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        #: Pages to have asked for at once.
        self.side_by_side = 1
        #: Rows that a page should share with the one before; none after a page that brought nothing new, for where rows
        #: are added as fast as a short page is long, pages overlap that do not ask for it.
        self.overlap = 1
        self._least_overlap = 1
        self._gaps = 0
        self._joined = 0  # pages since the last gap

    def hurry(self) -> None:
        """Ask for as many as useful: the list's length is known, so no page beyond its end is asked for."""
        self._most = useful_ahead(self._most)
        self.side_by_side = self._most

    def expect(self, pages: int) -> None:
        """Begin with as many as are probably left."""
        self.side_by_side = max(min(pages, self._most), 1)

    def note_joined(self) -> None:
        """Note a page that follows from those before."""
        self.overlap = self._least_overlap
        self._joined += 1
        if self._joined > self._gaps:
            self.side_by_side = min(self.side_by_side + 1, self._most)

    def note_gap(self, page_size: int) -> None:
        """Note a page that does not follow from those before."""
        if self.side_by_side == 1:  # so rows have left, and more may
            self._least_overlap = max(min(2 * self._least_overlap, page_size // 4), 1)
        self.overlap = self._least_overlap
        self._gaps += 1
        self._joined = 0
        self.side_by_side = 1

    def note_stale(self, page_size: int) -> None:
        """Note a page that brought nothing new."""
        self.note_gap(page_size)
        self.overlap = 0
