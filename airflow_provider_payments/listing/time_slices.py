"""A list by time, read in slices side by side, although each page leads only to the next.

A slice begins at a time of its own and goes on in the list's order, until a page has a row of the first page of the
next slice. So it is rows that prove that two slices meet, whether or not the API counts a time in, and however many
payments share it. Where to begin is only an estimate: a poor one costs requests, and no payments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from airflow_provider_payments.exceptions import PaymentsRequestError
from airflow_provider_payments.listing.pages import Order, Page
from airflow_provider_payments.listing.readers import PageRequest, Reader, Script, StartingReader
from airflow_provider_payments.times import EPOCH, shift

#: Slices of fewer pages are not worth the page that two neighbours both read.
FEWEST_PAGES = 3
#: Pages beyond the last slice at which the next one begins; half of what was read so far, if that is more.
FIRST_LEAP = 4
#: Slices that may wait for their first page at once: all may begin in the same long time without payments.
MOST_LEAPS = 2
#: Slices that may begin besides one for every two pages with something new, whatever the estimates say.
MOST_EXTRA_SLICES = 8

_MICROSECOND = timedelta(microseconds=1)


@dataclass(eq=False)
class TimeSlice:
    """A part of a list. Its bounds are distances: microseconds since 1970 in the list's order, larger further on.

    :param reader: reads the slice.
    :param start: where it begins; None is the list's head.
    :param reached: how far it has been read; None before a row with a time was.
    :param head: keys of its first page that has rows; None before that was read.
    :param unclaimed: keys of pages that may belong to the next slice, until that one's head is known.
    :param has_met: whether it has been read up to the next slice.
    :param has_ended: whether nothing more is asked for it.
    """

    reader: StartingReader
    start: int | None
    reached: int | None = None
    head: frozenset[str] | None = None
    unclaimed: set[str] = field(default_factory=set)
    has_met: bool = False
    has_ended: bool = False

    @property
    def position(self) -> int | None:
        """How far the slice has been read, or else where it begins."""
        return self.start if self.reached is None else self.reached


@dataclass
class SlicedReader(Reader):
    """Reads a list in slices, as many as there is room for.

    :param list_from: makes the reader of the list from a time on: a class, or one with some of its arguments.
    :param starts_at: where the list begins; None is its head.
    :param margin: how much before its time a slice begins, as the API may not count that in. Where pages are not longer
        than that, slices would only read the same again.
    """

    list_from: Callable[..., StartingReader] = field(kw_only=True)
    starts_at: datetime | None = field(default=None, kw_only=True)
    margin: timedelta = field(default=timedelta(0), kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._sign = -1 if self.order is Order.NEWEST_FIRST else 1
        query = self.options.query
        bound, furthest = (query.created_from, EPOCH) if self._sign < 0 else (query.created_to, self.options.started_at)
        self._far_end = self._distance(bound or furthest)
        self._knows_far_end = bound is not None
        self._slices: list[TimeSlice] = []  # in the list's order
        self._pages_with_news = 0
        self._span = 0  # of these pages, in microseconds
        self._begun = 0
        self._has_unproven = False  # whether a slice that has ended was not proven

    @property
    def is_proven(self) -> bool:
        return not self._has_unproven and all(each.reader.is_proven for each in self._slices)

    def script(self) -> Script:
        first = self._new_slice(None, self.starts_at)
        self._slices.append(first)
        request, page = yield first.reader.start()
        while True:
            part = self._find(request)
            following = [*self._read_on(part, request, page)]
            if not following and not part.reader.in_flight:
                self._end(part)
            for begun in self._begin(self.options.room() - len(following)):
                following += begun.reader.start()
            if not following and not self.in_flight:
                return
            request, page = yield following

    def receive_refusal(self, request: PageRequest, refusal: PaymentsRequestError) -> Sequence[PageRequest]:
        self.in_flight -= 1
        following = request.reader.receive_refusal(request, refusal)
        if not following:
            self._end(self._find(request))
        return self._count(following)

    # Slices.

    def _new_slice(self, start: int | None, starts_at: datetime | None) -> TimeSlice:
        reader = self.list_from(self.options, order=self.order, starts_at=starts_at)
        self.adopt(reader)
        reader.window = self.window
        reader.may_repeat = bool(self._slices)
        return TimeSlice(reader, self._distance(starts_at) if start is None and starts_at else start)

    def _find(self, request: PageRequest) -> TimeSlice:
        return next(each for each in self._slices if each.reader is request.reader)

    def _read_on(self, part: TimeSlice, request: PageRequest, page: Page) -> Sequence[PageRequest]:
        """Note a slice's page; return what to ask for next, which is nothing once it has met the next slice."""
        following = part.reader.receive(request, page)
        self._measure(part, page)
        index = self._slices.index(part)
        before = self._slices[index - 1] if index else None
        after = self._slices[index + 1] if index + 1 < len(self._slices) else None
        if part.head is None and page.keys:
            part.head = frozenset(page.keys)
            if before:
                before.has_met |= not part.head.isdisjoint(before.unclaimed)
                before.unclaimed.clear()
        if after and part.reader.is_joined:
            if after.head is None:
                part.unclaimed.update(page.keys)
            else:
                part.has_met |= not after.head.isdisjoint(page.keys)
        if part.has_met or (index and not part.reader.obeys_start):
            part.reader.in_flight -= len(following)
            return ()
        return following

    def _measure(self, part: TimeSlice, page: Page) -> None:
        """Note how far a slice has come, and how long pages are."""
        distances = [self._distance(moment) for moment in page.times]
        if distances and page.new:
            self._pages_with_news += 1
            self._span += max(distances) - min(distances)
        if distances:
            part.reached = max([*distances, distances[0] if part.reached is None else part.reached])

    def _end(self, part: TimeSlice) -> None:
        part.has_ended = True
        self._has_unproven |= not part.reader.is_proven
        if part.reached is not None and not part.has_met:
            self._far_end = min(self._far_end, part.reached)  # the list ends where this slice does
        if not part.head and part.start is not None:
            self._far_end = min(self._far_end, part.start)  # nothing is as far as that
            self._knows_far_end = False  # the payments end before the window does
            if part is not self._slices[0]:
                self._slices.remove(part)
        # Drop an ended slice once the one before it has ended as well: no reader can still run into it.
        pairs = zip([None, *self._slices], self._slices, strict=False)
        self._slices = [each for before, each in pairs if not (each.has_ended and before and before.has_ended)]

    def _begin(self, room: int) -> Iterator[TimeSlice]:
        """Begin more slices where most is left to read, and yield them.

        :param room: how many at most.
        """
        is_trusted = all(each.reader.obeys_start for each in self._slices)
        # Where nothing tells how long the list is, one more with each page, so that few requests are wasted.
        most = self.options.max_concurrency if self._knows_far_end else self._pages_with_news
        while room > 0 and is_trusted and 0 < self._unended <= most:
            pages, index, start = max(self._unread(), default=(0.0, 0, 0))
            if pages < FEWEST_PAGES or self._begun >= self._pages_with_news / 2 + MOST_EXTRA_SLICES:
                return
            self._begun += 1
            room -= 1
            for each in self._slices:
                each.reader.may_repeat = True
            begun = self._new_slice(start, shift(self._moment(start), -self._sign * self.margin))
            self._slices.insert(index + 1, begun)
            yield begun

    @property
    def _unended(self) -> int:
        return sum(not each.has_ended for each in self._slices)

    def _unread(self) -> Iterator[tuple[float, int, int]]:
        """Yield of each slice how many pages are left to read, its index, and where to cut."""
        page = max(self._span / max(self._pages_with_news, 1), 2 * (self.margin / _MICROSECOND))
        unread = sum(each.head is None for each in self._slices)
        for index, part in enumerate(self._slices):
            if not self._span or part.has_ended or part.has_met or part.position is None:
                continue
            end = self._far_end  # a slice that begins beyond it finds nothing
            if index + 1 < len(self._slices):
                end = min(end, self._slices[index + 1].start or 0)
            gap = end - part.position
            cut = gap // 2
            if end == self._far_end and not self._knows_far_end:
                if unread >= MOST_LEAPS:
                    continue
                cut = min(cut, max(int(page * FIRST_LEAP), self._span // 2))
            yield gap / page, index, part.position + cut

    # Distances.

    def _distance(self, moment: datetime) -> int:
        return self._sign * ((moment - EPOCH) // _MICROSECOND)

    def _moment(self, distance: int) -> datetime:
        return EPOCH + self._sign * distance * _MICROSECOND
