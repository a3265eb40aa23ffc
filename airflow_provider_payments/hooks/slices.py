"""A list by time, newest first, read in slices side by side, although each page leads only to the next.

A slice begins at a moment of its own and goes back in time, until a page has a row of the first page of the slice
below. So it is rows that prove that two slices meet, whether or not the API counts a moment in, and however many
payments share it. Where to begin is only an estimate: a poor one costs requests, and no payments.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from airflow_provider_payments.times import EPOCH

#: Slices of fewer pages are not worth the page that two neighbours both read.
_FEWEST_PAGES = 3
#: So many pages below the lowest slice the next one begins, or half as many as were read so far.
_FIRST_LEAP = 4
#: So many may be on their way at once, for all of them may end in the same long time without payments.
_MOST_LEAPS = 2
#: So many more slices may begin than half the pages that brought something new: no estimate can lead to more.
_MOST_IN_VAIN = 8


@dataclass
class Slice:
    """A part of a list.

    :param number: of the strand that reads it.
    :param begins_at: where it begins; None is the newest payment.
    :param reached: creation time of the oldest payment it has read.
    :param head: keys of its first page, None before that was read.
    :param tail: keys of pages that may belong to the slice below, until that one's head is known.
    """

    number: int
    begins_at: datetime | None
    reached: datetime | None = None
    head: frozenset[str] | None = None
    tail: set[str] = field(default_factory=set)
    is_met: bool = False
    is_over: bool = False

    @property
    def place(self) -> datetime | None:
        """How far it has come."""
        return self.reached or self.begins_at


class Slices:
    """The slices of one list.

    :param number: of the strand that reads the first one.
    :param begins_at: where the list begins, None is the newest payment.
    :param ends_at: creation time of the oldest payment that is wanted, None is the list's end.
    :param margin: how much later a slice may begin than it was asked to. Where pages are not longer than that, cutting
        would only read the same again.
    """

    def __init__(
        self, number: int, begins_at: datetime | None, ends_at: datetime | None, margin: timedelta = timedelta(0)
    ) -> None:
        self._margin = margin
        self._slices = [Slice(number, begins_at)]  # newest first
        self._floor = ends_at or EPOCH
        self._pages = 0
        self._span = timedelta(0)
        self._begun = 0

    @property
    def are_several(self) -> bool:
        """Whether neighbours may read the same rows."""
        return self._begun > 0

    @property
    def under_way(self) -> int:
        """How many slices are being read."""
        return sum(not each.is_over for each in self._slices)

    def note(self, number: int, keys: Sequence[str], moments: Sequence[datetime], *, has_new: bool) -> bool:
        """Note a page; return whether its slice has met the one below, and so is read.

        :param keys: of the page's rows.
        :param moments: creation times of the rows.
        :param has_new: whether the walk had not seen all of them.
        """
        index = self._find(number)
        here, above = self._slices[index], self._slices[index - 1] if index else None
        below = self._slices[index + 1] if index + 1 < len(self._slices) else None
        if here.head is None:
            here.head = frozenset(keys)
            if above:
                above.is_met |= not here.head.isdisjoint(above.tail)
                above.tail.clear()
        if moments and has_new:
            self._pages += 1
            self._span += max(moments) - min(moments)
        if moments:
            here.reached = min([*moments, here.reached or moments[0]])
        if below and below.head is None:
            here.tail.update(keys)
        elif below and below.head:
            here.is_met |= not below.head.isdisjoint(keys)
        return here.is_met

    def end(self, number: int) -> None:
        """Note that nothing more is asked for a slice."""
        index = self._find(number)
        here = self._slices[index]
        here.is_over = True
        if not here.head and here.begins_at:
            self._floor = max(self._floor, here.begins_at)  # nothing is as old as that
            if index:
                del self._slices[index]
        # What is over is needed no more when all above it is over: nobody has to meet it.
        pairs = zip([None, *self._slices], self._slices, strict=False)
        self._slices = [each for above, each in pairs if not (each.is_over and above and above.is_over)]

    def begin(self, numbers: Iterator[int], room: int) -> list[tuple[int, datetime]]:
        """Begin more slices where most is left to read; return number and beginning of each.

        :param numbers: to take from.
        :param room: how many at most.
        """
        begun: list[tuple[int, datetime]] = []
        # One more with each page, so that a short list is not asked in vain too often.
        while len(begun) < room and 0 < self.under_way <= self._pages:
            pages, index, moment = max(self._gaps(), default=(0.0, 0, EPOCH))
            if pages < _FEWEST_PAGES or self._begun >= self._pages / 2 + _MOST_IN_VAIN:
                break
            self._begun += 1
            begun.append((next(numbers), moment))
            self._slices.insert(index + 1, Slice(*begun[-1]))
        return begun

    def _find(self, number: int) -> int:
        return next(index for index, each in enumerate(self._slices) if each.number == number)

    def _gaps(self) -> Iterator[tuple[float, int, datetime]]:
        """Yield of each slice how many pages are left to read, its index, and where to cut."""
        page = max(self._span / max(self._pages, 1), 2 * self._margin)
        unread = sum(each.head is None for each in self._slices)
        for index, here in enumerate(self._slices):
            if not self._span or here.is_over or here.is_met or here.place is None:
                continue
            if index + 1 < len(self._slices):
                gap = here.place - (self._slices[index + 1].begins_at or EPOCH)
                cut = gap / 2
            elif unread >= _MOST_LEAPS:
                continue
            else:
                gap = here.place - self._floor
                cut = min(gap / 2, max(page * _FIRST_LEAP, self._span / 2))
            yield gap / page, index, here.place - cut
