"""One pass over the lists of a stage: each page becomes payments, and is told to the reader that asked for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from airflow_provider_payments.exceptions import PaymentsRequestError
from airflow_provider_payments.http.client import Outcome
from airflow_provider_payments.http.messages import Request
from airflow_provider_payments.listing.pages import Page
from airflow_provider_payments.listing.plan import ListingApi, Partition, Stage
from airflow_provider_payments.listing.readers import NoProgress, PageRequest, Reader, ReadingOptions
from airflow_provider_payments.listing.report import Accepted, ListingReport
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.query import PaymentQuery
from airflow_provider_payments.times import UTC


class ListPass:
    """Reads every list of a stage once, as clients see it, see ``PageSource``.

    :param accept: returns which of a page's payments are new, and which to hand out.
    :param report: duplicates and mended rows are counted there.
    :param is_second: whether the lists were read before.
    """

    def __init__(
        self,
        api: ListingApi,
        query: PaymentQuery,
        stage: Stage,
        accept: Callable[[Sequence[Payment]], Accepted],
        report: ListingReport,
        *,
        started_at: datetime,
        is_second: bool,
    ) -> None:
        self._api = api
        self._query = query
        self._is_second = is_second
        self._accept = accept
        self._report = report
        self._stuck: NoProgress | None = None
        self._found_new = False
        self._most_in_flight = max((each.max_concurrency for each in stage.partitions), default=1)
        self._readers: list[Reader] = [
            open_reader(each, query, started_at=started_at, room=self._room, is_second=is_second)
            for each in stage.partitions
        ]

    def first_steps(self) -> Iterable[PageRequest]:
        """Return the pages to begin with."""
        return [request for reader in self._readers for request in reader.start()]

    def request(self, asked: PageRequest) -> Request:
        """Return the request for a page."""
        return self._api.list_request(asked.params)

    def is_urgent(self, asked: PageRequest) -> bool:
        """Return whether a page comes before others."""
        return asked.is_urgent

    def receive(self, asked: PageRequest, response: Outcome) -> tuple[Sequence[Payment], Sequence[PageRequest]]:
        """Read the response to a page's request; return the payments to hand out, and the pages to ask for next."""
        reader = asked.reader.owner or asked.reader
        if isinstance(response, PaymentsRequestError):
            return (), reader.receive_refusal(asked, response)
        listed = self._api.parse_page(self.request(asked), response)
        payments = self._api.parse_payments(listed.rows)
        accepted = self._accept(payments)
        self._found_new |= accepted.has_new
        self._report.rows_mended += listed.rows_mended
        page = Page(
            keys=accepted.keys,
            ids=[payment.id for payment in payments],
            new=accepted.new_rows,
            times=[moment for payment in payments if (moment := payment.occurred_at) is not None],
            total=listed.total,
            limit=listed.limit,
            has_more=listed.has_more,
            next_cursor=listed.next_cursor,
            data_until=listed.data_until,
        )
        if not self._is_second and self._is_newer(page):
            self._report.newer_pages += 1
            self._report.newer_payments += page.new
        # Rows that were asked for twice on purpose are no duplicates.
        repeated = len(page.keys) - page.new
        self._report.duplicates_dropped -= repeated if asked.reader.may_repeat else min(repeated, asked.repeats)
        try:
            return accepted.payments, reader.receive(asked, page)
        except NoProgress as error:  # the list may have changed, and is read once more
            self._stuck = error
            return accepted.payments, ()

    @property
    def seen(self) -> int:
        """How many different payments were seen in this pass."""
        return sum(reader.seen for reader in self._readers)

    def vouches(self, *, seen_before: int | None) -> bool:
        """Return whether nothing can have been skipped that was in the lists throughout.

        :param seen_before: payments that the pass before saw; None when there was none. One that finds the very same
            confirms it: had one of them left meanwhile, another could have moved to where both had read.
        """
        is_proven = all(reader.is_proven for reader in self._readers)
        # Beyond a window's end, one pass may see a few more than the other.
        is_same = self.seen == seen_before or any(reader.window.is_reached for reader in self._readers)
        is_confirmed = seen_before is not None and is_same and not self._found_new
        return self.doubt is None and (is_proven or is_confirmed)

    @property
    def doubt(self) -> str | None:
        """Why payments may have been skipped, or None."""
        return next((doubt for reader in self._readers for doubt in reader.doubts), None)

    @property
    def gaps(self) -> Sequence[str]:
        """Why payments may be missing, where a second reading would show no more."""
        return [gap for reader in self._readers for gap in reader.gaps]

    def raise_if_stuck(self) -> None:
        """Raise the error of a list that could not be read to its end.

        :raises NoProgress: see there.
        """
        if self._stuck:
            raise self._stuck

    def _is_newer(self, page: Page) -> bool:
        """Whether all payments of a page are newer than the query's window."""
        is_dated = bool(page.keys) and len(page.times) == len(page.keys)
        return is_dated and all(map(self._query.is_after_window, page.times))

    def _room(self) -> int:
        return self._most_in_flight - sum(reader.in_flight for reader in self._readers)


def open_reader(
    partition: Partition,
    query: PaymentQuery,
    *,
    started_at: datetime | None = None,
    room: Callable[[], int] = lambda: 0,
    is_second: bool = False,
) -> Reader:
    """Return the reader of a partition.

    :param started_at: when the listing began, in UTC; None is now.
    :param room: see ``ReadingOptions``.
    :param is_second: whether the list was read before.
    """
    make = (partition.second_reader if is_second else None) or partition.reader
    at_once = 1 if is_second else partition.max_concurrency  # what did not settle side by side is read one by one
    now = started_at or datetime.now(UTC)
    options = ReadingOptions(partition.params, partition.page_size, at_once, query, now, room)
    return make(options)
