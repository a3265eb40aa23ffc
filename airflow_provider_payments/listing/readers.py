"""What all readers share. A reader reads one list once, from its first page to its end.

Its program is a generator, :meth:`Reader.script`: it yields the pages to ask for and is sent them one by one, in the
order in which they were asked for. So how far a reading has come is where the generator stands, not a set of flags.

What proves that nothing was skipped stands beside the reader that proves it. Whatever is in doubt is noted, and the
reading goes on: a doubt never ends it early.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeVar

from airflow_provider_payments.exceptions import PaymentsProtocolError, PaymentsRequestError
from airflow_provider_payments.listing.pages import Order, Page
from airflow_provider_payments.listing.window_end import WindowEnd
from airflow_provider_payments.query import PaymentQuery
from airflow_provider_payments.times import shift

T = TypeVar("T")

#: Pages in a row that may repeat what was read, when they are asked for one by one.
MAX_STALE_PAGES = 10
#: How exactly an API compares times, at the coarsest: some compare whole seconds, and some leave out the very bound.
COARSEST_TIME = timedelta(seconds=1)
#: HTTP statuses by which an API may say that it does not know any more where the next page begins.
LOST_PLACE = frozenset({400, 404, 410, 422})


class NoProgress(PaymentsProtocolError):
    """The API repeats itself, so that reading on would never end."""


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """What a reader reads, and how fast.

    :param params: query parameters of every page.
    :param page_size: rows to ask for on each page.
    :param max_concurrency: requests that may be in flight at once.
    :param query: what is wanted; where the list's order is known, its window may end the reading.
    :param started_at: when the listing began, in UTC.
    :param room: how many more requests may be in flight, with those of other lists that are read side by side.
    """

    params: Mapping[str, str]
    page_size: int
    max_concurrency: int
    query: PaymentQuery
    started_at: datetime
    room: Callable[[], int]


@dataclass(frozen=True, slots=True, eq=False)
class PageRequest:
    """One page to ask for.

    :param reader: who asks.
    :param params: all its query parameters.
    :param position: offset or page number.
    :param repeats: rows that were asked for once more on purpose, at most. They are no duplicates.
    :param is_urgent: whether it is asked for and read before others.
    """

    reader: Reader
    params: Mapping[str, str]
    position: int = 0
    repeats: int = 0
    is_urgent: bool = False


#: A part of a reader's script, for ``yield from``: it yields the pages to ask for, is sent them one by one, each with
#: the request that it answers, and returns what it has found.
ScriptPart = Generator[Sequence[PageRequest], tuple[PageRequest, Page], T]
#: A whole script, which returns nothing.
Script = ScriptPart[None]
MakeReader = Callable[[ReadingOptions], "Reader"]


@dataclass
class Reader(ABC):
    """Reads one list once.

    :param options: what to read.
    :param order: how the list is ordered. Where that is known, a page beyond the query's window ends the reading.
    """

    #: Whether a reading without a doubt proves that no row was skipped that was in the list throughout. If it does not,
    #: a second reading has to find nothing new.
    proves: ClassVar[bool] = False

    options: ReadingOptions
    order: Order = field(default=Order.UNKNOWN, kw_only=True)
    doubts: list[str] = field(default_factory=list, init=False)
    #: Why payments that existed may be missing from what was read, where a second reading would show no more.
    gaps: list[str] = field(default_factory=list, init=False)
    #: Requests that are in flight, pages received, and rows in them that this pass had not seen before.
    in_flight: int = field(default=0, init=False)
    pages: int = field(default=0, init=False)
    seen: int = field(default=0, init=False)
    #: Whether other readers may read the same rows on purpose.
    may_repeat: bool = field(default=False, init=False)
    #: The reader that this one is a part of, if any.
    owner: Reader | None = field(default=None, init=False, repr=False)
    #: Pages in a row that repeated what was read, empty ones left out.
    _stale: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.window = WindowEnd(self.options.query, self.order)

    @property
    def is_proven(self) -> bool:
        """Whether what was read so far, doubts aside, can have skipped nothing."""
        return self.proves or self.pages <= 1

    @abstractmethod
    def script(self) -> Script:
        """Yield the pages to ask for; receive each page with the request that it answers."""

    def start(self) -> Sequence[PageRequest]:
        """Return the pages to begin with."""
        self._script = self.script()
        return self._count(next(self._script))

    def receive(self, request: PageRequest, page: Page) -> Sequence[PageRequest]:
        """Take a page; return the pages to ask for next. None are left when none are in flight either.

        :raises NoProgress: when the API repeats itself.
        """
        self.note(page)
        return self._resume(self._script.send, (request, page))

    def receive_refusal(self, request: PageRequest, refusal: PaymentsRequestError) -> Sequence[PageRequest]:
        """Take the API's refusal of a page; return the pages to ask for instead.

        :raises PaymentsRequestError: the refusal, when the reader knows no other way on.
        """
        self.in_flight -= 1
        return self._resume(self._script.throw, refusal)

    def adopt(self, part: Reader) -> None:
        """Make another reader a part of this one, which is given its pages, and shares its doubts and gaps."""
        part.owner, part.doubts, part.gaps = self, self.doubts, self.gaps

    def note(self, page: Page) -> None:
        """Count a page that was received."""
        self.in_flight -= 1
        self.pages += 1
        self.seen += page.new
        self._stale = 0 if page.new else self._stale + bool(page.keys)

    def _resume(self, go_on: Callable[[Any], Sequence[PageRequest]], value: Any) -> Sequence[PageRequest]:
        try:
            return self._count(go_on(value))
        except StopIteration:  # the script has ended
            return ()
        except NoProgress as error:
            if str(error) not in self.doubts:  # a reader of several notes what one of them did
                self.doubts.append(str(error))
            raise

    def _count(self, requests: Sequence[PageRequest]) -> Sequence[PageRequest]:
        self.in_flight += len(requests)
        return requests

    def _require_progress(self) -> None:
        """Refuse to go on with a list that only repeats what was read."""
        if self._stale > MAX_STALE_PAGES:
            raise NoProgress(
                f"The list makes no progress: {self._stale} pages in a row repeat what was read before. An API that "
                "ignores the place it is asked for looks like this."
            )


@dataclass
class StartingReader(Reader):
    """Reads a list by time that can be told where to begin: at a creation time, going on in the list's order.

    :param starts_at: where to begin; None is the list's head.
    :param start_params: returns the query parameters that make the list begin at a time.
    """

    starts_at: datetime | None = field(default=None, kw_only=True)
    start_params: Callable[[datetime], Mapping[str, str]] | None = field(default=None, kw_only=True)
    #: Whether the page that was received last is known to follow from those before.
    is_joined: bool = field(default=True, init=False)
    #: Whether the list begins where it was told to, as far as its rows show.
    obeys_start: bool = field(default=True, init=False)

    def _check_start(self, page: Page, start: datetime | None) -> None:
        """Doubt a list that shows payments from before the time at which it was told to begin."""
        if start is None or not page.times or not self.obeys_start:
            return
        if self.order is Order.NEWEST_FIRST:
            self.obeys_start = max(page.times) < shift(start, COARSEST_TIME)
        else:
            self.obeys_start = min(page.times) > shift(start, -COARSEST_TIME)
        if not self.obeys_start:
            side = "later" if self.order is Order.NEWEST_FIRST else "earlier"
            self.doubts.append(f"the list was told to begin at {start.isoformat()}, and shows {side} payments")

    def _just_before(self, moment: datetime) -> datetime:
        """Return a second before a time in the list's order, for an API may not count a bound of time in."""
        return shift(moment, COARSEST_TIME if self.order is Order.NEWEST_FIRST else -COARSEST_TIME)
