"""Lists that an API shows within a window of time only, and of no more than so many rows.

The query's window is cut into windows that the API permits, which are read side by side, the latest first. A window
that it refuses, for it has too many rows, is cut in halves, down to a second. Windows share no instant, so that no row
is asked for twice; that none is missed follows where each window's own reader proves it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from airflow_provider_payments.exceptions import PaymentsRequestError
from airflow_provider_payments.listing.readers import COARSEST_TIME, MakeReader, PageRequest, Reader, Script


@dataclass(eq=False)
class Window:
    """A part of the query's window: from ``start`` on, and before ``end``.

    :param reader: reads it; None until it has begun.
    """

    start: datetime
    end: datetime
    reader: Reader | None = None

    def halves(self) -> tuple[Window, Window] | None:
        """Return its two halves, cut at a whole second, the later one first; None when it is too short for that."""
        middle = self.start + (self.end - self.start) // (2 * COARSEST_TIME) * COARSEST_TIME
        return (Window(middle, self.end), Window(self.start, middle)) if self.start < middle < self.end else None


@dataclass
class WindowsReader(Reader):
    """Reads a list window by window, as many at once as there is room for.

    :param list_within: makes the reader of one window: a class, or one with some of its arguments.
    :param window_params: returns the query parameters for what is from a time on, and before another.
    :param is_too_large: whether a refusal means that a window has too many rows.
    :param starts_at: where the first window begins, at a whole second.
    :param ends_at: where the last one ends, at a whole second.
    :param longest: how long a window may be.
    """

    list_within: MakeReader = field(kw_only=True)
    window_params: Callable[[datetime, datetime], Mapping[str, str]] = field(kw_only=True)
    is_too_large: Callable[[PaymentsRequestError], bool] = field(kw_only=True)
    starts_at: datetime = field(kw_only=True)
    ends_at: datetime = field(kw_only=True)
    longest: timedelta = field(kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._waiting = deque(self._cut())
        self._begun: list[Window] = []  # less those that were too large

    @property
    def is_proven(self) -> bool:
        return all(each.reader.is_proven for each in self._begun if each.reader)

    def script(self) -> Script:
        request, page = yield self._begin(self.options.max_concurrency)
        while True:
            following: list[PageRequest] = []
            if self._find(request):
                following += request.reader.receive(request, page)
            following += self._begin(self.options.room() - len(following))
            if not following and not self.in_flight:
                return
            request, page = yield following

    def refuse(self, request: PageRequest, refusal: PaymentsRequestError) -> Sequence[PageRequest]:
        self.in_flight -= 1
        window = self._find(request)
        halves = window.halves() if window and self.is_too_large(refusal) else None
        if window and halves:
            self._begun.remove(window)
            self._waiting.extendleft(reversed(halves))
        elif window:
            return self._count(request.reader.refuse(request, refusal))
        return self._count(self._begin(self.options.room()))

    def _find(self, request: PageRequest) -> Window | None:
        """Return the window that a page is of; None when it was cut meanwhile."""
        return next((each for each in self._begun if each.reader is request.reader), None)

    def _cut(self) -> list[Window]:
        windows = []
        end = self.ends_at
        while end > self.starts_at:
            start = max(end - self.longest, self.starts_at)
            windows.append(Window(start, end))
            end = start
        return windows

    def _begin(self, room: int) -> list[PageRequest]:
        """Begin the next windows; return what to ask for.

        :param room: how many may begin. One does when nothing else is under way.
        """
        requests: list[PageRequest] = []
        while self._waiting and (room > 0 or not (requests or self.in_flight)):
            window = self._waiting.popleft()
            params = {**self.options.params, **self.window_params(window.start, window.end)}
            reader = self.list_within(replace(self.options, params=params))
            reader.owner, reader.doubts, reader.may_repeat = self, self.doubts, self.may_repeat
            window.reader = reader
            self._begun.append(window)
            requests += reader.start()
            room -= 1
        return requests
