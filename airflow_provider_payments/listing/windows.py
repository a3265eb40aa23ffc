"""Lists that an API shows within a window of time only, and of no more than so many rows.

The query's window is cut into windows that the API permits, which are read side by side, the latest first. A window
that it refuses, for it has too many rows, is cut in halves, down to a second. Each begins at the very instant at which
the one before ends, so that no row lies between them, whether or not the API counts an end in; a row of that instant
may come twice. That none is missed follows where each window's own reader proves it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from airflow_provider_payments.exceptions import PaymentsNotAvailableYet, PaymentsRequestError
from airflow_provider_payments.listing.pages import Order
from airflow_provider_payments.listing.readers import COARSEST_TIME, MakeReader, PageRequest, Reader, Script

_MILLISECOND = timedelta(milliseconds=1)


@dataclass(eq=False)
class Window:
    """A part of the query's window: from ``start`` to ``end``.

    :param reader: reads it; None until it has begun.
    """

    start: datetime
    end: datetime
    reader: Reader | None = None

    def cut(self) -> Sequence[Window]:
        """Return its halves, cut at a whole second, the later one first; of a second, the same without its end.

        :return: none when it is too short for that.
        """
        length = self.end - self.start
        middle = self.start + length // (2 * COARSEST_TIME) * COARSEST_TIME
        if self.start < middle < self.end:
            return [Window(middle, self.end), Window(self.start, middle)]
        # Where the end counts in, this second was asked for together with the next one.
        return [Window(self.start, self.end - _MILLISECOND)] if length == COARSEST_TIME else []


@dataclass
class WindowsReader(Reader):
    """Reads a list window by window, as many at once as there is room for.

    :param company: how the company calls itself, in sentences.
    :param list_within: makes the reader of one window: a class, or one with some of its arguments.
    :param window_params: returns the query parameters for what is from one time to another.
    :param is_too_large: whether a refusal means that a window has too many rows.
    :param is_too_late: whether a refusal means that the API has no data yet of the time when a window begins.
    :param longest: how long a window may be.
    :param reaches_back: how long ago the earliest payments are that the API shows.
    :param delay: how late a payment may come into the list, which counts where a reply does not tell until when there
        is data; None where lists are up to date.
    :param splitting_filters: names of filters that share out what is too much even for a second.
    """

    list_within: MakeReader = field(kw_only=True)
    company: str = field(kw_only=True)
    order: Order = field(default=Order.NEWEST_FIRST, kw_only=True)
    window_params: Callable[[datetime, datetime], Mapping[str, str]] = field(kw_only=True)
    is_too_large: Callable[[PaymentsRequestError], bool] = field(kw_only=True)
    is_too_late: Callable[[PaymentsRequestError], bool] = field(kw_only=True)
    longest: timedelta = field(kw_only=True)
    reaches_back: timedelta = field(kw_only=True)
    delay: timedelta | None = field(default=None, kw_only=True)
    splitting_filters: Sequence[str] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        query, now = self.options.query, self.options.started_at.replace(microsecond=0)
        earliest = now - self.reaches_back
        if query.created_from is None or query.created_from < earliest:
            self._note_gap(f"{self.company} shows no payments from before {earliest.isoformat()}")
        self._starts_at = max(query.created_from or earliest, earliest).replace(microsecond=0)
        # Nothing has happened after now; but clocks differ.
        latest = max(now, self._starts_at + COARSEST_TIME)
        self._ends_at = min(query.created_to or latest, latest + self.longest)
        if self._ends_at.microsecond:
            self._ends_at = self._ends_at.replace(microsecond=0) + COARSEST_TIME
        self._waiting = deque(self._cut())
        self._begun: list[Window] = []  # less those that were too large

    @property
    def is_proven(self) -> bool:
        return all(each.reader.is_proven for each in self._begun if each.reader)

    def script(self) -> Script:
        request, page = yield self._begin(self.options.max_concurrency)
        while True:
            following: Sequence[PageRequest] = ()
            if window := self._find(request):
                self._check_end(window, page.data_until)
                self._check_times(window, page.times)
                following = request.reader.receive(request, page)
            following = [*following, *self._begin(self.options.room() - len(following), is_busy=bool(following))]
            if not following and not self.in_flight:
                return
            request, page = yield following

    def receive_refusal(self, request: PageRequest, refusal: PaymentsRequestError) -> Sequence[PageRequest]:
        self.in_flight -= 1
        window = self._find(request)
        is_too_large = window is not None and self.is_too_large(refusal)
        parts = window.cut() if window and is_too_large else []
        if window and is_too_large and not parts:
            filters = " or ".join(map(repr, self.splitting_filters))
            raise PaymentsRequestError(
                f"{refusal} That many are within the second from {window.start.isoformat()} on, which cannot be cut."
                + (f" List them in parts, by filters: {filters}." if filters else ""),
                refusal.status,
                refusal.code,
            )
        if window and (parts or self.is_too_late(refusal)):
            self._begun.remove(window)
            self._waiting.extendleft(reversed(parts))
            if not parts and window.start <= self._starts_at:
                raise PaymentsNotAvailableYet(str(refusal))
            if not parts:
                self._note_gap(f"{self.company} has no data yet from {window.start.isoformat()} on")
        elif window:
            return self._count(request.reader.receive_refusal(request, refusal))
        return self._count(self._begin(self.options.room()))

    def _check_end(self, window: Window, data_until: datetime | None) -> None:
        """Doubt a window of which there may be no data to its end.

        :raises PaymentsNotAvailableYet: when there is none from the very beginning of the listing.
        """
        until = data_until
        if until is None and self.delay is not None:
            until = self.options.started_at.replace(microsecond=0) - self.delay
        if until is None or until >= window.end.replace(microsecond=0):
            return
        told = f"{self.company} has data until {until.isoformat()}"
        if data_until is None:
            told = f"{self.company} did not tell until when it has data, and may have none after {until.isoformat()}"
        elif until < window.start <= self._starts_at:
            raise PaymentsNotAvailableYet(f"{told}, which is before {window.start.isoformat()}.")
        self._note_gap(told)

    def _check_times(self, window: Window, times: Sequence[datetime]) -> None:
        """Doubt windows that show other times than were asked for: what is missing there may be in other ones."""
        first, last = window.start - COARSEST_TIME, window.end + COARSEST_TIME
        if times and not first <= min(times) <= max(times) <= last:
            self._note_gap(
                f"{self.company} shows payments of other times than were asked for, so some of these times may only be "
                "in other windows"
            )

    def _note_gap(self, reason: str) -> None:
        gap = f"Payments may be missing: {reason}."
        if gap not in self.gaps:
            self.gaps.append(gap)

    def _find(self, request: PageRequest) -> Window | None:
        """Return the window that a page is of; None when it was cut meanwhile."""
        return next((each for each in self._begun if each.reader is request.reader), None)

    def _cut(self) -> list[Window]:
        windows = []
        end = self._ends_at
        while end > self._starts_at:
            start = max(end - self.longest, self._starts_at)
            windows.append(Window(start, end))
            end = start
        return windows

    def _begin(self, room: int, *, is_busy: bool = False) -> list[PageRequest]:
        """Begin the next windows; return what to ask for.

        :param room: how many may begin. One does when nothing else is under way.
        :param is_busy: whether something else is about to be.
        """
        requests: list[PageRequest] = []
        while self._waiting and (room > 0 or not (requests or self.in_flight or is_busy)):
            window = self._waiting.popleft()
            params = {**self.options.params, **self.window_params(window.start, window.end)}
            reader = self.list_within(replace(self.options, params=params))
            self.adopt(reader)
            reader.may_repeat = True
            window.reader = reader
            self._begun.append(window)
            requests += reader.start()
            room -= 1
        return requests
