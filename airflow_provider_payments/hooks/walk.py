"""One reading of a list's pages: what to ask, and what each page brings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from airflow_provider_payments.exceptions import PaymentsProtocolError, PaymentsRequestError
from airflow_provider_payments.http.message import Reply, Request
from airflow_provider_payments.http.paging import Order, Page, Paging, Step
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.query import PaymentQuery


@dataclass(frozen=True, slots=True)
class RawPage:
    """A page as the API's reply has it.

    :param rows: the payments, each as its JSON text.
    """

    rows: Sequence[msgspec.Raw]
    total: int | None = None
    limit: int | None = None
    has_more: bool | None = None


@dataclass(frozen=True, slots=True)
class Strand:
    """One series of pages.

    :param paging: how to get from page to page.
    :param params: query parameters that stay the same on every page.
    """

    paging: Paging
    params: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stage:
    """Strands that may be read side by side. The next stage begins when all of them have ended.

    :param is_volatile: whether payments may leave these lists, because they are filtered by a status that is not final.
    """

    strands: Sequence[Strand]
    is_volatile: bool = False


class ListingApi(Protocol):
    """What a listing asks of an API. Hooks are this."""

    def list_request(self, params: Mapping[str, str]) -> Request:
        """Return the request of a page."""

    def read_page(self, request: Request, reply: Reply) -> RawPage:
        """Take a reply apart."""

    def read_payment(self, row: bytes | msgspec.Raw) -> Payment:
        """Normalise a row."""

    def matches(self, query: PaymentQuery, payment: Payment) -> bool:
        """Whether a payment passes those filters that the API itself is not asked to apply."""

    def find_blind_spot(self, query: PaymentQuery) -> str | None:
        """Return which of the wanted payments no list shows, or None."""

    def alternative_id(self, payment: Payment) -> str | None:
        """Return a more particular id, for a payment whose id others may share."""


@dataclass
class ListingReport:
    """What can be said about a listing so far.

    :param duplicates_dropped: rows dropped because their payment had been seen.
    :param doubts: why payments that existed throughout may be missing.
    :param requests: requests sent, those for tokens and repeated ones included.
    """

    duplicates_dropped: int = 0
    doubts: list[str] = field(default_factory=list)
    requests: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether every payment that existed throughout is vouched for."""
        return not self.doubts


@dataclass(frozen=True, slots=True)
class Sighting:
    """A row of a reply.

    :param payment: what to hand out, None when it is not wanted, was seen before, or is held back.
    """

    payment: Payment | None
    is_new: bool
    is_new_to_walk: bool


@dataclass
class _Progress:
    """How far a strand has been read."""

    seen: int = 0
    pages: int = 0
    first_total: int | None = None
    has_passed_window: bool = False


class PageWalk:
    """One reading of a stage's pages, as drivers see it."""

    def __init__(
        self,
        api: ListingApi,
        query: PaymentQuery,
        stage: Stage,
        take: Callable[[Payment], Sighting],
        report: ListingReport,
    ) -> None:
        self._api = api
        self._query = query
        self._stage = stage
        self._take = take
        self._report = report
        self._progress = [_Progress() for _ in stage.strands]
        self._doubt: str | None = None
        self._stuck: PaymentsProtocolError | None = None
        self._found_new = False

    def first_steps(self) -> Iterable[tuple[int, Step]]:
        """Return the first step of every strand."""
        return [(number, strand.paging.first()) for number, strand in enumerate(self._stage.strands)]

    def request(self, place: tuple[int, Step]) -> Request:
        """Return the request of a step."""
        number, step = place
        strand = self._stage.strands[number]
        return self._api.list_request({**strand.params, **strand.paging.params(step)})

    def receive(
        self, place: tuple[int, Step], reply: Reply | PaymentsRequestError
    ) -> tuple[list[Payment], list[tuple[int, Step]]]:
        """Take a step's reply; return the payments to hand out, and the steps that follow."""
        number, step = place
        paging, progress = self._stage.strands[number].paging, self._progress[number]
        if isinstance(reply, PaymentsRequestError):
            # The row that the cursor names may have left the list, and then some APIs no longer know the place.
            if not (self._stage.is_volatile and step.cursor):
                raise reply
            self._doubt = "the API lost the place, for a payment left the list while it was read"
            return [], []
        raw = self._api.read_page(self.request(place), reply)
        payments = [self._api.read_payment(row) for row in raw.rows]
        sightings = [self._take(payment) for payment in payments]
        page = self._describe(raw, payments, sightings, paging, progress)
        if step.overlaps and page.new_rows < page.rows:
            self._report.duplicates_dropped -= 1  # asked for twice on purpose
        try:
            following = paging.following(step, page)
        except PaymentsProtocolError as error:
            if not self._stage.is_volatile:
                raise
            self._stuck, self._doubt = error, str(error)
            following = None
        found = [sighting.payment for sighting in sightings if sighting.payment is not None]
        if following is None:
            return found, []
        self._doubt = self._doubt or following.doubt
        return found, [(number, step) for step in following.steps]

    def has_settled(self, previous: PageWalk | None) -> bool:
        """Whether this walk can vouch for every payment that existed throughout.

        A list that payments may leave between two pages must have been read once more, and nothing new been found.
        """
        if self._find_doubt():
            return False
        is_one_look = all(progress.pages <= 1 for progress in self._progress)
        return not self._stage.is_volatile or is_one_look or (previous is not None and not self._found_new)

    def repeats(self, previous: PageWalk | None) -> bool:
        """Whether this walk raised the doubt of the one before, and found nothing new: another one would not help."""
        return previous is not None and not self._found_new and self._find_doubt() == previous._find_doubt()

    def last_word(self, passes: int) -> str:
        """Return the warning to leave when no further walk is made.

        :raises PaymentsProtocolError: when the walk did not get on.
        """
        if self._stuck:
            raise self._stuck
        doubt = self._find_doubt() or "payments kept entering and leaving the list while it was read"
        return f"Payments may be missing: {doubt} (read {passes} times)."

    def _describe(
        self,
        raw: RawPage,
        payments: Sequence[Payment],
        sightings: Sequence[Sighting],
        paging: Paging,
        progress: _Progress,
    ) -> Page:
        new_rows = sum(sighting.is_new_to_walk for sighting in sightings)
        self._found_new |= any(sighting.is_new for sighting in sightings)
        progress.seen += new_rows
        progress.pages += 1
        if progress.pages == 1:
            progress.first_total = raw.total
        is_past = bool(payments) and all(self._is_past(payment, paging.order) for payment in payments)
        progress.has_passed_window |= is_past
        return Page(
            rows=len(raw.rows),
            new_rows=new_rows,
            seen=progress.seen,
            total=raw.total,
            limit=raw.limit,
            has_more=raw.has_more,
            last_id=payments[-1].id if payments else None,
            is_past_window=is_past,
        )

    def _is_past(self, payment: Payment, order: Order) -> bool:
        moment = payment.occurred_at
        if moment is None or order is Order.UNKNOWN:
            return False
        is_past = self._query.is_before_window if order is Order.NEWEST_FIRST else self._query.is_after_window
        return is_past(moment)

    def _find_doubt(self) -> str | None:
        if self._doubt:
            return self._doubt
        for progress in self._progress:
            counted = progress.first_total
            if counted is not None and progress.seen < counted and not progress.has_passed_window:
                return f"the API counts {counted} payments, and {progress.seen} different ones were found"
        return None
