"""One reading of a list's pages: what to ask, and what each page brings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from airflow_provider_payments.exceptions import PaymentsProtocolError, PaymentsRequestError
from airflow_provider_payments.hooks.stage import ListingApi, RawPage, Stage
from airflow_provider_payments.http.message import Reply, Request
from airflow_provider_payments.http.paging import MAX_FALLBACKS, Following, Order, Page, Step
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.query import PaymentQuery


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

    :param key: what it is told apart from other payments by.
    :param payment: what to hand out, None when it is not wanted, was seen before, or is held back.
    """

    key: str
    payment: Payment | None
    is_new: bool
    is_new_to_walk: bool


@dataclass
class _Progress:
    """How far a strand has been read."""

    seen: int = 0
    pages: int = 0
    first_total: int | None = None
    boundary: str | None = None
    has_short_page: bool = False
    overlap: int = 0
    is_ordered: bool = True
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
            refused = paging.following_refusal(step) if self._stage.is_volatile else None
            if refused is None:
                raise reply
            return [], self._follow(number, refused)
        raw = self._api.read_page(self.request(place), reply)
        payments = [self._api.read_payment(row) for row in raw.rows]
        begins_at = self._stage.strands[number].begins_at
        if begins_at and any(each.created_at and each.created_at > begins_at for each in payments):
            self._doubt = f"the list was told to begin at {begins_at.isoformat()}, and shows later payments"
        sightings = [self._take(payment) for payment in payments]
        page = self._describe(raw, payments, sightings, step, number)
        progress.has_short_page |= page.rows < step.limit
        # Rows that were asked for twice on purpose are no duplicates.
        repeated = page.rows - page.new_rows
        is_second_look = step.attempt > 0 or step.is_closing
        self._report.duplicates_dropped -= repeated if is_second_look else min(repeated, progress.overlap)
        try:
            following = paging.following(step, page)
        except PaymentsProtocolError as error:
            if not (self._stage.is_volatile or self._doubt):
                raise
            self._stuck = error
            following = Following((), str(error))
        found = [sighting.payment for sighting in sightings if sighting.payment is not None]
        return found, self._follow(number, following)

    def _follow(self, number: int, following: Following) -> list[tuple[int, Step]]:
        self._doubt = self._doubt or following.doubt
        return [(number, step) for step in following.steps]

    def has_settled(self, previous: PageWalk | None) -> bool:
        """Whether this walk can vouch for every payment that existed throughout.

        A list that payments may leave between two pages must have been read once more, and nothing new been found;
        unless the way to page proves that nothing was skipped.
        """
        if self._find_doubt():
            return False
        is_one_look = all(progress.pages <= 1 for progress in self._progress)
        is_proven = all(strand.paging.vouches for strand in self._stage.strands)
        is_confirmed = previous is not None and not self._found_new
        return not self._stage.is_volatile or is_one_look or is_proven or is_confirmed

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
        self, raw: RawPage, payments: Sequence[Payment], sightings: Sequence[Sighting], step: Step, number: int
    ) -> Page:
        paging, progress = self._stage.strands[number].paging, self._progress[number]
        new_rows = sum(sighting.is_new_to_walk for sighting in sightings)
        self._found_new |= any(sighting.is_new for sighting in sightings)
        if progress.pages == 0:
            progress.first_total = raw.total
        progress.seen += new_rows
        progress.pages += 1
        progress.is_ordered &= self._is_ordered(payments, paging.order)
        has_overlap = any(sighting.key == progress.boundary for sighting in sightings)
        is_joined = progress.boundary is None or has_overlap or not step.overlaps
        if is_joined and sightings:
            progress.boundary = sightings[-1].key
        progress.overlap = int(has_overlap)
        is_past = (
            is_joined
            and progress.is_ordered
            and bool(payments)
            and all(self._is_past(payment, paging.order) for payment in payments)
        )
        progress.has_passed_window |= is_past
        return Page(
            rows=len(raw.rows),
            new_rows=new_rows,
            seen=progress.seen,
            total=raw.total,
            limit=raw.limit,
            has_more=raw.has_more,
            last_ids=[payment.id for payment in payments[: -MAX_FALLBACKS - 2 : -1]],
            follows_end=progress.has_short_page,
            is_joined=is_joined,
            is_ordered=progress.is_ordered,
            is_past_window=is_past,
        )

    def _is_past(self, payment: Payment, order: Order) -> bool:
        moment = payment.occurred_at
        if moment is None or order is Order.UNKNOWN:
            return False
        is_past = self._query.is_before_window if order is Order.NEWEST_FIRST else self._query.is_after_window
        return is_past(moment)

    def _is_ordered(self, payments: Sequence[Payment], order: Order) -> bool:
        """Whether a page runs in the direction that was asked for."""
        moments = [payment.occurred_at for payment in payments if payment.occurred_at is not None]
        if len(moments) < 2 or order is Order.UNKNOWN:
            return True
        return moments[0] >= moments[-1] if order is Order.NEWEST_FIRST else moments[0] <= moments[-1]

    def _find_doubt(self) -> str | None:
        if self._doubt:
            return self._doubt
        for progress in self._progress:
            counted = progress.first_total
            if counted is not None and progress.seen < counted and not progress.has_passed_window:
                return f"the API counts {counted} payments, and {progress.seen} different ones were found"
        return None
