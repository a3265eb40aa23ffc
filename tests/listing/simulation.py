"""A list that changes while it is read, and every order in which its pages can be answered meanwhile.

The server slices its rows at the moment it answers. Requests that are under way together may be answered in any order,
and the list may change before and after every answer: :func:`explore` tries all of it, choice by choice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import partial
from itertools import chain
from typing import Protocol, TypeVar
from urllib.parse import parse_qsl, urlsplit

import msgspec

from airflow_provider_payments.exceptions import PaymentNotFound, PaymentsRequestError
from airflow_provider_payments.http.messages import Request, Response, build_url
from airflow_provider_payments.listing.cursors import CursorReader
from airflow_provider_payments.listing.listing import Listing
from airflow_provider_payments.listing.offsets import OffsetReader
from airflow_provider_payments.listing.page_numbers import PageNumberReader
from airflow_provider_payments.listing.pages import Order
from airflow_provider_payments.listing.plan import ListPage, Partition, Stage
from airflow_provider_payments.listing.readers import MakeReader
from airflow_provider_payments.listing.report import ListingReport
from airflow_provider_payments.listing.tokens import TokenReader
from airflow_provider_payments.payment import Payment, PaymentStatus
from airflow_provider_payments.query import PaymentQuery

START = datetime(2026, 1, 1, tzinfo=timezone.utc)

Choose = Callable[[int], int]
"""Picks one of so many options."""

MAX_REQUESTS = 100
"""Far more than any reading here needs: whoever asks more often does not end."""


class Row(msgspec.Struct):
    """A payment, as the simulated API has it. ``hour`` is when it was created."""

    id: str
    status: str = "succeeded"
    hour: float | None = None


class Page(msgspec.Struct):
    rows: list[msgspec.Raw]
    total: int | None = None
    limit: int | None = None
    has_more: bool | None = None
    next_cursor: str | None = None


@dataclass
class Server:
    """A list of payments, sliced by offset, page number, cursor or token: whatever the request asks for.

    :param rows: in the list's order.
    :param max_limit: asked for more, it gives so many.
    :param tells: what its replies tell besides the rows.
    :param first_page: what it calls the first page.
    :param ignores: parameters that it ignores.
    :param extra_total: by how much its total is wrong.
    :param counts_moment_in: whether a list that begins at a time has the payments of that very time.
    :param lost_cursor: what it does with a cursor that left the list: "refuse", "restart" or "empty".
    """

    rows: list[Row]
    max_limit: int = 100
    tells: Sequence[str] = ("total", "limit", "has_more")
    first_page: int = 0
    ignores: Sequence[str] = ()
    extra_total: int = 0
    lost_cursor: str = "refuse"
    counts_moment_in: bool = True
    answered: list[dict[str, str]] = field(default_factory=list)
    below: dict[str, set[str]] = field(default_factory=dict)

    def is_older(self, row: Row, hour: float) -> bool:
        assert row.hour is not None
        return row.hour < hour or (self.counts_moment_in and row.hour == hour)

    def answer(self, request: Request) -> Response | PaymentsRequestError:
        params = dict(parse_qsl(urlsplit(request.url).query))
        self.answered.append(params)
        assert len(self.answered) <= MAX_REQUESTS, "the reading does not end"
        rows = [row for row in self.rows if params.get("status", row.status) == row.status]
        params = {name: value for name, value in params.items() if name not in self.ignores}
        limit = min(int(params.get("limit", self.max_limit)), self.max_limit)
        if "cursor" in params:  # leads to what was below the page that told it, as far as that is still there
            below = self.below[params["cursor"]]
            rows = [row for row in rows if row.id in below]
        start = int(params.get("offset", 0))
        if "page" in params:
            start = max(int(params["page"]) - self.first_page, 0) * limit
        if "starting_after" in params:
            ids = [row.id for row in rows]
            if params["starting_after"] in ids:
                start = ids.index(params["starting_after"]) + 1
            elif self.lost_cursor == "refuse":
                return PaymentNotFound("no such cursor", 404)
            else:
                start = 0 if self.lost_cursor == "restart" else len(rows)
        elif "until" in params:  # a creation time, as an hour
            until = float(params["until"])
            older = (number for number, row in enumerate(rows) if self.is_older(row, until))
            start = next(older, len(rows))
        about = {"total": len(rows) + self.extra_total, "limit": limit, "has_more": start + limit < len(rows)}
        about["next_cursor"] = str(len(self.below)) if about["has_more"] else ""
        self.below[str(len(self.below))] = {row.id for row in rows[start + limit :]}
        page = {"rows": rows[start : start + limit], **{name: about[name] for name in self.tells}}
        return Response(200, body=msgspec.json.encode(page))


class Api:
    """The simulated API, as a listing sees it."""

    repeats_payments = False

    def __init__(self, shared_ids: Mapping[str, str] | None = None) -> None:
        self._shared_ids = shared_ids or {}

    def list_request(self, params: Mapping[str, str]) -> Request:
        return Request("GET", build_url("http://simulated", "/", params))

    def parse_page(self, request: Request, response: Response) -> ListPage:
        page = msgspec.json.decode(response.body, type=Page)
        return ListPage(page.rows, page.total, page.limit, page.has_more, page.next_cursor)

    def parse_payment(self, row: bytes | msgspec.Raw) -> Payment:
        read = msgspec.json.decode(row, type=Row)
        return Payment(
            provider="simulated",
            connection_id="c",
            id=self._shared_ids.get(read.id, read.id),
            status=PaymentStatus(read.status),
            provider_status=read.status,
            flags=("provisional_id",) if read.id in self._shared_ids else (),
            created_at=None if read.hour is None else START + timedelta(hours=read.hour),
            description=read.id,
        )

    def parse_payments(self, rows: Sequence[msgspec.Raw]) -> list[Payment]:
        return [self.parse_payment(row) for row in rows]

    def matches(self, query: PaymentQuery, payment: Payment) -> bool:
        return True

    def unlisted_reason(self, query: PaymentQuery) -> str | None:
        return None

    def unlisted_note(self, query: PaymentQuery) -> str | None:
        return None

    def particular_ids(self, payment: Payment) -> Sequence[str]:
        return [payment.description] if payment.description in self._shared_ids else []

    def former_id(self, payment: Payment) -> str | None:
        return None


Event = Callable[[Server, Choose], None]
"""A change of the list."""


@dataclass
class Outcome:
    """What a reading brought."""

    payments: list[Payment]
    report: ListingReport

    @property
    def ids(self) -> list[str]:
        return [payment.id for payment in self.payments]


@dataclass(frozen=True)
class Paging:
    """A way to read a list."""

    reader: MakeReader
    page_size: int
    max_concurrency: int = 1


def offsets(page_size: int, max_concurrency: int = 1, order: Order = Order.UNKNOWN) -> Paging:
    return Paging(partial(OffsetReader, order=order), page_size, max_concurrency)


def cursors(page_size: int) -> Paging:
    return Paging(CursorReader, page_size)


def tokens(page_size: int) -> Paging:
    return Paging(TokenReader, page_size)


def numbered(page_size: int, max_concurrency: int = 1, first_page: int = 0) -> Paging:
    return Paging(partial(PageNumberReader, size_param="limit", first_page=first_page), page_size, max_concurrency)


def stage(paging: Paging, *statuses: str) -> Stage:
    asked: list[dict[str, str]] = [{"status": word} for word in statuses] or [{}]
    return Stage([Partition(paging.reader, params, paging.page_size, paging.max_concurrency) for params in asked])


class Answers(Protocol):
    """A simulated API, as far as a reading needs it."""

    def answer(self, request: Request) -> Response | PaymentsRequestError: ...


ServerT = TypeVar("ServerT", bound=Answers)


def read(
    server: ServerT,
    stages: Sequence[Stage],
    *,
    choose: Choose = lambda options: 0,
    events: Sequence[Callable[[ServerT, Choose], None]] = (),
    query: PaymentQuery | None = None,
    concurrency: int = 4,
    api: Api | None = None,
) -> Outcome:
    """Read stages to their end: see :func:`read_listing`."""
    listing = Listing(api or Api(), query or PaymentQuery(), lambda: stages)
    return read_listing(listing, server, choose=choose, events=events, concurrency=concurrency)


def read_listing(
    listing: Listing,
    server: ServerT,
    *,
    choose: Choose,
    events: Sequence[Callable[[ServerT, Choose], None]],
    concurrency: int,
) -> Outcome:
    """Read a list to its end as both clients do, with any order of answers and events that ``choose`` picks."""
    left = list(events)
    payments: list[Payment] = []
    with listing:
        for one_pass in listing.passes():
            steps, under_way = deque(one_pass.first_steps()), deque()
            while steps or under_way:
                while steps and len(under_way) < concurrency:
                    under_way.append([steps.popleft(), None])
                while under_way[0][1] is None:
                    unanswered = [each for each in under_way if each[1] is None]
                    pick = choose(len(unanswered) + bool(left))
                    if pick == len(unanswered):
                        left.pop(0)(server, choose)
                    else:
                        listing.report.requests += 1
                        unanswered[pick][1] = server.answer(one_pass.request(unanswered[pick][0]))
                step, response = under_way.popleft()
                found, following = one_pass.receive(step, response)
                payments += found
                steps.extend(following)
        payments += chain.from_iterable(listing.remaining())
        listing.report.is_read_to_end = True
    return Outcome(payments, listing.report)


def explore(scenario: Callable[[Choose], None]) -> int:
    """Run a scenario once for every sequence of choices; return how many there were."""
    runs, untried = 0, [[]]
    while untried:
        given, taken = untried.pop(), []

        def choose(options: int, given: list[int] = given, taken: list[int] = taken) -> int:
            if len(taken) < len(given):
                pick = given[len(taken)]
            else:
                pick = 0
                untried.extend([*taken, other] for other in range(1, options))
            taken.append(pick)
            return pick

        try:
            scenario(choose)
        except BaseException as error:
            error.args = (f"{error} (choices: {taken})", *error.args[1:])
            raise
        runs += 1
    return runs
