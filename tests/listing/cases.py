"""Lists, what happens to them, and the comparison of a reading with a plain loop under the same changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from airflow_provider_payments.query import PaymentQuery
from tests.listing.companies import (
    LIVES,
    START,
    Change,
    Company,
    Row,
    add_anywhere,
    add_newest,
    build_rows,
    change_status,
    delete,
    delete_and_add,
    delete_and_add_anywhere,
    moment_of,
    move_to_head,
    times,
)
from tests.listing.plain_loop import read_plainly
from tests.listing.reading import Reading, read

#: A reading takes at most ``TIMES`` the requests of the plain loop, and ``MORE``, and ``PER_CHANGE`` for each change
#: (whatever happens at once is one) during the plain loop. Not those during the reading itself, for where the list
#: changes at every request, they would allow any number.
TIMES, MORE, PER_CHANGE = 2, 25, 4


@dataclass(frozen=True)
class List:
    """A company's list, and how it is asked for.

    :param company: what sets this company apart, see :class:`Company`.
    :param loop: what the plain loop asks for besides.
    :param has_window: whether payments are asked for from a time on, which is before the first.
    """

    name: str
    company: Mapping[str, object] = field(default_factory=dict)
    loop: Mapping[str, str] = field(default_factory=dict)
    has_window: bool = False

    @property
    def query(self) -> PaymentQuery:
        return PaymentQuery(START - timedelta(days=1)) if self.has_window else PaymentQuery()


_FROM_2013 = {"begin_time": "2013-01-01T00:00:00Z"}
_OLDEST_FIRST = {"SortDataField": "createdDate", "SortOrder": "asc"}

LISTS: Mapping[str, List] = {
    "hotpay": List("hotpay"),
    "cryptofuse": List("cryptofuse"),
    "spacepay": List("spacepay", loop={"sortOrder": "ASC"}),
    "spacepay newest first": List("spacepay", loop={"sortOrder": "DESC"}, has_window=True),
    "satispay": List("satispay"),
    "satispay refuses lost cursors": List("satispay", {"lost_cursor": "refused"}),
    "jframework": List("jframework", loop=_OLDEST_FIRST),
    "mollie": List("mollie"),
    "square": List("square", loop=_FROM_2013),
    "square in a window": List("square", {"is_inclusive": False}, loop=_FROM_2013, has_window=True),
    "jframework from page 1": List("jframework", {"first_page": 1}, loop=_OLDEST_FIRST),
    "stripe": List("stripe"),
    "stripe in a window": List("stripe", has_window=True),
    "gocardless": List("gocardless"),
    "gocardless refuses lost cursors": List("gocardless", {"lost_cursor": "refused"}, has_window=True),
    "razorpay": List("razorpay"),
    "razorpay from a time on": List("razorpay", has_window=True),
}


@dataclass(frozen=True)
class Kind:
    """What happens to a list.

    :param every: after how many requests.
    :param is_filtered: whether only the first two statuses of a payment's life are asked for.
    :param only: the companies whose list may do so; none for all.
    """

    change: Change | None
    every: int = 1
    is_filtered: bool = False
    only: Sequence[str] = ()
    rows: int = 3000
    page_size: int = 50


#: Lists whose order is not documented. Those that are ordered by creation do not move when a status changes.
_UNORDERED = ("hotpay", "cryptofuse")

KINDS: Mapping[str, Kind] = {
    "one added at every request": Kind(add_newest),
    "five added at every request": Kind(times(5, add_newest)),
    "two added at every request, pages of 10": Kind(times(2, add_newest), rows=400, page_size=10),
    "one added anywhere at every request": Kind(add_anywhere),
    "one gone at every request": Kind(delete),
    "one gone at every 10th": Kind(delete, every=10),
    "one moved to the head at every request": Kind(move_to_head, only=_UNORDERED),
    "one moved to the head at every 10th": Kind(move_to_head, every=10, only=_UNORDERED),
    "one gone and one added at every 3rd": Kind(delete_and_add, every=3),
    "one gone and one added anywhere at every 3rd": Kind(delete_and_add_anywhere, every=3),
    "a status changes at every request, filtered": Kind(change_status, is_filtered=True),
    "a status changes at every 10th, filtered": Kind(change_status, every=10, is_filtered=True),
}


QUICK_LISTS = (
    "hotpay",
    "cryptofuse",
    "spacepay newest first",
    "satispay refuses lost cursors",
    "jframework",
    "gocardless refuses lost cursors",
    "mollie",
    "razorpay from a time on",
)
QUICK_KINDS = (
    "five added at every request",
    "one added anywhere at every request",
    "one gone at every request",
    "one gone at every 10th",
    "one moved to the head at every request",
    "one gone and one added at every 3rd",
    "a status changes at every 10th, filtered",
)
"""One list of each kind of paging, slices with and without a window among them, and changes unlike each other. The
others are left to ``make test-all``."""


@dataclass(frozen=True)
class Outcome:
    """A reading and a plain loop, under the same changes.

    :param lost: payments that were there throughout both, and that the reading has not.
    :param lost_by_loop: the same of the loop.
    :param lost_in_silence: payments that were there throughout the reading alone, and that it has not.
    :param twice: payments that the reading has more than once.
    :param never_shown: payments that are on the list in the end, and that no page of the reading has shown in the
        status they have.
    :param changes: how often the list changed during the plain loop.
    :param company: the copy that was read by the reading.
    """

    reading: Reading
    company: Company = field(repr=False)
    lost: set[str]
    lost_by_loop: set[str]
    lost_in_silence: set[str]
    twice: list[str]
    never_shown: set[str]
    requests: int
    requests_of_loop: int
    changes: int

    @property
    def most_requests(self) -> int:
        return TIMES * self.requests_of_loop + MORE + PER_CHANGE * self.changes

    @property
    def is_doubt_due(self) -> bool:
        """Whether the API counts a payment that it has not shown, and that may have been there throughout.

        One that comes to a status is among payments that were read already; where a list's order is not documented,
        one that was there may have moved to that place just as well, and nothing tells the two apart.
        """
        return self.company.name in _UNORDERED and bool(self.never_shown)


def compare(
    company: Company,
    query: PaymentQuery,
    *,
    page_size: int,
    concurrency: int,
    loop_params: Mapping[str, str] | None = None,
) -> Outcome:
    """Read a copy of a company's list, and another one in a plain loop, and compare."""
    words = [word for word in LIVES[company.name] if word in query.provider_statuses]
    # HOT Pay, Razorpay and Square cannot filter; Satispay has no list of everything.
    asked: list[str | None] = [] if company.name in ("hotpay", "razorpay", "square") else [*words]
    if company.name == "satispay" and not words:
        asked = [*LIVES["satispay"]]
    plain, ours = company.copy(), company.copy()
    by_loop = set(read_plainly(plain, asked or [None], page_size, loop_params or {}))
    reading = read(ours, query, page_size, concurrency, company.seed)
    longer = max(plain, ours, key=lambda each: each.requests)
    throughout = _find_wanted(longer, query)
    twice = [each for each, count in Counter(reading.ids).items() if count > 1]
    return Outcome(
        reading=reading,
        company=ours,
        lost=throughout.difference(reading.ids),
        lost_by_loop=throughout - by_loop,
        lost_in_silence=_find_wanted(ours, query).difference(reading.ids) if reading.is_complete else set(),
        twice=twice,
        never_shown=_find_never_shown(ours, words),
        requests=ours.requests,
        requests_of_loop=plain.requests,
        changes=plain.changes,
    )


def _find_never_shown(company: Company, words: Sequence[str]) -> set[str]:
    wanted = {(row.id, row.word) for row in company.rows if not words or row.word in words}
    return {id for id, _ in wanted - company.shown}


def _find_wanted(company: Company, query: PaymentQuery) -> set[str]:
    def is_wanted(id: str) -> bool:
        moment = moment_of(company.ticks_of[id])
        return moment is None or not (query.is_before_window(moment) or query.is_after_window(moment))

    return set(filter(is_wanted, company.throughout(query.provider_statuses)))


def run(
    list_name: str,
    kind_name: str,
    concurrency: int,
    seed: int = 0,
    *,
    at: frozenset[int] | None = None,
    rows: Sequence[Row] | None = None,
    page_size: int | None = None,
    **different: object,
) -> Outcome:
    """Run a case of the two tables.

    :param at: after which requests the list changes, and after no others.
    :param rows: the list at first.
    :param different: what else is different with this company, see :class:`Company`.
    """
    asked, kind = LISTS[list_name], KINDS[kind_name]
    query = asked.query
    if kind.is_filtered:
        query = PaymentQuery(query.created_from, provider_statuses=frozenset(list(LIVES[asked.name])[:2]))
    if rows is None:
        rows = build_rows(asked.name, kind.rows, seed, burst=130 if kind.rows > 1000 else 0)
    about = {"change": kind.change, "every": kind.every, **asked.company, **different}
    company = Company(asked.name, list(rows), at=at, seed=seed, **about)  # type: ignore[arg-type]
    page_size = page_size or kind.page_size
    return compare(company, query, page_size=page_size, concurrency=concurrency, loop_params=asked.loop)


def find_cases() -> list[tuple[str, str]]:
    """Return which lists may do what."""
    return [
        (list_name, kind_name)
        for list_name, asked in LISTS.items()
        for kind_name, kind in KINDS.items()
        if not kind.only or asked.name in kind.only
    ]
