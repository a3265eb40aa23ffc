"""One reading of a list's pages: what to ask, and what each page brings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count

from airflow_provider_payments.exceptions import PaymentsProtocolError, PaymentsRequestError
from airflow_provider_payments.hooks.progress import Progress
from airflow_provider_payments.hooks.report import ListingReport, Taken
from airflow_provider_payments.hooks.slices import Slices
from airflow_provider_payments.hooks.stage import ListingApi, RawPage, Stage
from airflow_provider_payments.http.message import Reply, Request
from airflow_provider_payments.http.paging import MAX_FALLBACKS, Following, Order, Page, Step, doubt_count
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.query import PaymentQuery


class PageWalk:
    """One reading of a stage's pages, as drivers see it."""

    def __init__(
        self,
        api: ListingApi,
        query: PaymentQuery,
        stage: Stage,
        take: Callable[[Sequence[Payment]], Taken],
        report: ListingReport,
        may_slice: bool = True,
    ) -> None:
        self._api = api
        self._query = query
        self._is_volatile = stage.is_volatile
        self._strands = list(stage.strands)
        self._take = take
        self._report = report
        self._progress = [Progress() for _ in stage.strands]
        self._slices = {
            number: Slices(number, query.created_to, query.created_from, strand.margin)
            for number, strand in enumerate(stage.strands)
            if strand.cut and may_slice
        }
        self._doubt: str | None = None
        self._stuck: PaymentsProtocolError | None = None
        self._found_new = False

    def first_steps(self) -> Iterable[tuple[int, Step]]:
        """Return the first step of every strand."""
        strands = enumerate(self._strands)
        return [step for number, strand in strands for step in self._plan(number, [strand.paging.first()])]

    def request(self, place: tuple[int, Step]) -> Request:
        """Return the request of a step."""
        number, step = place
        strand = self._strands[number]
        return self._api.list_request({**strand.params, **strand.paging.params(step)})

    def receive(
        self, place: tuple[int, Step], reply: Reply | PaymentsRequestError
    ) -> tuple[Sequence[Payment], list[tuple[int, Step]]]:
        """Take a step's reply; return the payments to hand out, and the steps that follow."""
        number, step = place
        paging, progress = self._strands[number].paging, self._progress[number]
        progress.under_way -= 1
        if isinstance(reply, PaymentsRequestError):
            refused = paging.following_refusal(step) if self._is_volatile else None
            if refused is None:
                raise reply
            return [], self._follow(number, refused)
        raw = self._api.read_page(self.request(place), reply)
        payments = self._api.read_payments(raw.rows)
        self._report.rows_mended += raw.rows_mended
        begins_at = self._strands[number].begins_at
        if begins_at and any(each.created_at and each.created_at > begins_at for each in payments):
            self._doubt = f"the list was told to begin at {begins_at.isoformat()}, and shows later payments"
            self._slices.clear()  # whose places mean nothing then
        taken = self._take(payments)
        moments = [moment for payment in payments if (moment := payment.occurred_at) is not None]
        page = self._describe(raw, payments, moments, taken, step, number)
        slices = self._slices.get(number)
        if slices:
            has_met = slices.note(number, taken.keys, moments, has_new=taken.new_rows > 0)
            page = replace(page, is_past_window=page.is_past_window or has_met, may_repeat=slices.are_several)
        # The first page may be short because the API's limit is lower, and a page apart from the others proves nothing.
        is_short = 0 < page.rows < min(step.limit, page.longest) or raw.has_more is False
        progress.has_short_page |= page.is_joined and is_short
        # Rows that were asked for twice on purpose are no duplicates.
        repeated = page.rows - page.new_rows
        is_second_look = step.attempt > 0 or step.is_closing or page.may_repeat
        self._report.duplicates_dropped -= repeated if is_second_look else min(repeated, progress.overlap)
        try:
            following = paging.following(step, page)
        except PaymentsProtocolError as error:
            # Changes of the list, or slices that were estimated poorly, may look like this: it is read once more.
            self._stuck = error
            following = Following((), str(error))
        steps = self._follow(number, following)
        if slices:
            if not steps:
                slices.end(number)
            steps += self._cut(number, slices)
        return taken.payments, steps

    def _follow(self, number: int, following: Following) -> list[tuple[int, Step]]:
        self._doubt = self._doubt or following.doubt
        return self._plan(number, following.steps)

    def _cut(self, number: int, slices: Slices) -> list[tuple[int, Step]]:
        """Begin more slices of a strand's list, as far as there is room."""
        strand = self._strands[number]
        room = strand.paging.max_concurrency - sum(progress.under_way for progress in self._progress)
        steps = []
        for other, moment in slices.begin(count(len(self._strands)), room):
            self._strands.append(strand.cut(moment))  # type: ignore[misc]  # or there were no slices
            self._progress.append(Progress())
            self._slices[other] = slices
            steps += self._plan(other, [self._strands[other].paging.first()])
        return steps

    def _plan(self, number: int, steps: Sequence[Step]) -> list[tuple[int, Step]]:
        progress = self._progress[number]
        progress.under_way += len(steps)
        progress.furthest = max([progress.furthest, *(step.position for step in steps)])
        return [(number, step) for step in steps]

    def has_settled(self, previous: PageWalk | None) -> bool:
        """Whether this walk can vouch for every payment that existed throughout.

        A list that payments may leave between two pages must have been read once more, and nothing new been found;
        unless the way to page proves that nothing was skipped.
        """
        if self._find_doubt():
            return False
        is_one_look = all(progress.pages <= 1 for progress in self._progress)
        is_proven = all(strand.paging.vouches for strand in self._strands)
        is_confirmed = previous is not None and not self._found_new
        return not self._is_volatile or is_one_look or is_proven or is_confirmed

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
        moments: Sequence[datetime],
        taken: Taken,
        step: Step,
        number: int,
    ) -> Page:
        paging, progress = self._strands[number].paging, self._progress[number]
        self._found_new |= taken.has_new
        if progress.pages == 0:
            progress.first_total = raw.total
            progress.head = frozenset(taken.keys)
        if raw.total is not None:
            progress.largest_total = max(raw.total, progress.largest_total or 0)
        progress.seen += taken.new_rows
        progress.pages += 1
        progress.longest = max(progress.longest, len(raw.rows))
        progress.stale_pages = 0 if taken.new_rows else progress.stale_pages + 1
        progress.is_ordered &= _is_ordered(moments, paging.order)
        has_overlap = progress.boundary in taken.keys
        is_joined = progress.boundary is None or has_overlap or not step.overlaps
        progress.has_reached_head |= step.is_closing and not progress.head.isdisjoint(taken.keys)
        progress.has_shifted |= step.overlaps and taken.keys[:1] != [progress.boundary]
        if is_joined and taken.keys:
            progress.boundary = taken.keys[-1]
        if taken.keys:
            progress.is_broken = not is_joined
            is_end = len(taken.keys) < step.limit or raw.has_more is False or raw.total is not None
            progress.has_end |= is_joined and is_end
        progress.overlap = int(has_overlap)
        is_past = (
            is_joined
            and progress.is_ordered
            and 0 < len(payments) == len(moments)
            and all(map(self._passes(paging.order), moments))
        )
        progress.has_passed_window |= is_past
        return Page(
            rows=len(raw.rows),
            new_rows=taken.new_rows,
            seen=progress.seen,
            longest=progress.longest,
            total=raw.total,
            largest_total=progress.largest_total,
            limit=raw.limit,
            has_more=raw.has_more,
            last_ids=[payment.id for payment in payments[: -MAX_FALLBACKS - 2 : -1]],
            follows_end=progress.has_short_page or progress.is_broken,
            is_joined=is_joined,
            is_chained=progress.has_end and not progress.is_broken,
            has_shifted=progress.has_shifted,
            ends_in_head=step.is_closing and not progress.head.isdisjoint(taken.keys[-2:]),
            has_reached_head=progress.has_reached_head,
            is_ordered=progress.is_ordered,
            is_past_window=is_past,
            may_end_early=self._may_end_early(paging.order),
            stale_pages=progress.stale_pages,
            under_way=progress.under_way,
            furthest=progress.furthest,
        )

    def _passes(self, order: Order) -> Callable[[datetime], bool]:
        """Return whether a moment, and so every later one in this order, lies beyond the window."""
        query = self._query
        match order:
            case Order.NEWEST_FIRST:
                return query.is_before_window
            case Order.OLDEST_FIRST:
                return query.is_after_window
            case Order.UNKNOWN:
                return lambda moment: False

    def _may_end_early(self, order: Order) -> bool:
        ends = {Order.NEWEST_FIRST: self._query.created_from, Order.OLDEST_FIRST: self._query.created_to}
        return ends.get(order) is not None

    def _find_doubt(self) -> str | None:
        if self._doubt:
            return self._doubt
        for progress in self._progress:
            counted = progress.first_total
            if counted is not None and progress.seen < counted and not progress.has_passed_window:
                return doubt_count(counted, progress.seen)
        return None


def _is_ordered(moments: Sequence[datetime], order: Order) -> bool:
    """Whether a page runs in the direction that was asked for."""
    if len(moments) < 2 or order is Order.UNKNOWN:
        return True
    return moments[0] >= moments[-1] if order is Order.NEWEST_FIRST else moments[0] <= moments[-1]
