"""A list by time, read in slices side by side: the same payments as page by page, whatever happens meanwhile."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import count

import pytest

from airflow_provider_payments.listing.cursors import CursorReader
from airflow_provider_payments.listing.pages import Order
from airflow_provider_payments.listing.plan import Partition, Stage
from airflow_provider_payments.listing.time_slices import SlicedReader
from airflow_provider_payments.listing.tokens import TokenReader
from airflow_provider_payments.query import PaymentQuery
from tests.listing.simulation import START, Choose, Event, Outcome, Row, Server, explore, read

HOUR = timedelta(hours=1)
NUMBERS = count()


def list_from(
    moment: datetime | None,
    *,
    size: int,
    at_once: int,
    status: str | None = None,
    kind: type[CursorReader | TokenReader] = CursorReader,
) -> Partition:
    """A list that begins a minute after a moment, or with the newest payment."""
    reader = partial(kind, start_params=lambda start: {"until": str((start - START) / HOUR)})
    starts_at = moment and moment + timedelta(minutes=1)
    sliced = partial(
        SlicedReader, list_from=reader, order=Order.NEWEST_FIRST, starts_at=starts_at, margin=timedelta(minutes=1)
    )
    second = partial(reader, order=Order.NEWEST_FIRST, starts_at=starts_at)
    return Partition(sliced, {"status": status} if status else {}, size, at_once, second)


def listed(hours: Sequence[float], status: str = "succeeded") -> list[Row]:
    """Payments, newest first, created at those hours."""
    return [Row(f"{status}-{number}", status, hour) for number, hour in enumerate(sorted(hours, reverse=True))]


def read_slices(
    server: Server,
    size: int,
    at_once: int,
    *,
    choose: Choose = lambda options: 0,
    events: Sequence[Event] = (),
    kind: type[CursorReader | TokenReader] = CursorReader,
) -> Outcome:
    stage = Stage([list_from(None, size=size, at_once=at_once, kind=kind)])
    return read(server, [stage], choose=choose, events=events, concurrency=at_once)


def add(server: Server, choose: Choose) -> None:
    """A new payment."""
    server.rows.insert(0, Row(f"new-{next(NUMBERS)}", hour=10**6))


def leave(server: Server, choose: Choose) -> None:
    """Any payment leaves."""
    del server.rows[choose(len(server.rows))]


MINUTE = 1 / 60
SHAPES = {
    "within the margin": [number * MINUTE / 100 for number in range(60)],
    "within a few margins": [number * MINUTE / 3 for number in range(60)],
    "evenly": range(60),
    "all at once": [7] * 60,
    "a crowd in the middle": [*range(20), *[20] * 30, *range(21, 31)],
    "a crowd at the end": [*[0] * 30, *range(5000, 5030)],
    "bursts": [hour * 1000 + minute for hour in range(6) for minute in range(10)],
    "ever rarer": [-(2 ** (number / 2)) for number in range(34)],
}
STEADY = ("evenly", "within the margin", "all at once", "a crowd in the middle")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [2, 5])
@pytest.mark.parametrize("at_once", [1, 2, 4, 8])
@pytest.mark.parametrize("counts_moment_in", [True, False])
def test_slices_are_the_whole_list(shape: str, size: int, at_once: int, counts_moment_in: bool) -> None:
    rows = listed(list(SHAPES[shape]))
    server = Server(rows, tells=["has_more"], counts_moment_in=counts_moment_in)
    for choose in (lambda options: 0, lambda options: options - 1, random.Random(1).randrange):
        server.answered.clear()
        outcome = read_slices(server, size, at_once, choose=choose)
        assert sorted(outcome.ids) == sorted(row.id for row in rows)
        assert (outcome.report.doubts, outcome.report.duplicates_dropped) == ([], 0)
        # Long times without payments, or the other way round, make poor estimates.
        most = 1.6 if shape in STEADY else 5
        assert len(server.answered) <= len(rows) / size * most + 2 * at_once + 3


def test_a_long_list_is_read_side_by_side_with_few_more_requests() -> None:
    rows = listed(range(2000))
    server = Server(rows, tells=["has_more"])
    rounds = []

    def choose(options: int) -> int:
        rounds.append(options)
        return 0

    server.answer = counted(server)  # type: ignore[method-assign]
    outcome = read_slices(server, 10, 8, choose=choose)
    assert len(set(outcome.ids)) == 2000
    assert len(server.answered) <= 200 * 1.1
    assert sum(options >= 7 for options in rounds) >= 0.8 * len(rounds)


def counted(server: Server):  # type: ignore[no-untyped-def]
    """Answer without the simulation's limit of requests, which is for short lists."""
    answer, answered = Server.answer, server.answered

    def unlimited(request):  # type: ignore[no-untyped-def]
        server.answered = []
        reply = answer(server, request)
        answered.extend(server.answered)
        server.answered = answered
        return reply

    return unlimited


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [2, 5])
@pytest.mark.parametrize("at_once", [1, 4])
def test_slices_by_tokens_are_the_whole_list(shape: str, size: int, at_once: int) -> None:
    """A reply's token leads to the next page, and the time at which a slice began stays on each."""
    rows = listed(list(SHAPES[shape]))
    server = Server(rows, tells=["next_cursor"])
    outcome = read_slices(server, size, at_once, choose=random.Random(1).randrange, kind=TokenReader)
    assert sorted(outcome.ids) == sorted(row.id for row in rows)
    assert (outcome.report.doubts, outcome.report.duplicates_dropped) == ([], 0)
    most = 1.6 if shape in STEADY else 5
    assert len(server.answered) <= len(rows) / size * most + 2 * at_once + 3


@pytest.mark.parametrize("event", [add, leave])
@pytest.mark.parametrize("hours", [range(9), [3] * 5 + [4] * 4], ids=["evenly", "crowds"])
def test_changes_lose_nothing_in_any_order_of_answers(event: Event, hours: Sequence[float]) -> None:
    before = listed(list(hours))

    def scenario(choose: Choose) -> None:
        server = Server(list(before), tells=["has_more"])
        outcome = read_slices(server, 1, 3, choose=choose, events=[event])
        assert len(outcome.ids) == len(set(outcome.ids))
        throughout = {row.id for row in before} & {row.id for row in server.rows}
        assert throughout <= set(outcome.ids) or outcome.report.doubts

    assert explore(scenario) >= 10


@pytest.mark.parametrize("seed", range(200))
def test_any_list_with_any_changes(seed: int) -> None:
    dice = random.Random(seed)
    spread = dice.choice([1, 5, 100, 100_000])
    before = listed([dice.randrange(spread) for _ in range(dice.randrange(1, 80))])
    server = Server(list(before), tells=["has_more"], counts_moment_in=dice.random() < 0.5)
    server.answer = counted(server)  # type: ignore[method-assign]
    events = [dice.choice([add, leave]) for _ in range(dice.randrange(5))]
    size, at_once = dice.randrange(1, 6), dice.randrange(1, 9)
    kind = dice.choice([CursorReader, TokenReader])
    server.tells = ["has_more" if kind is CursorReader else "next_cursor"]
    outcome = read_slices(server, size, at_once, choose=dice.randrange, events=events, kind=kind)
    assert len(outcome.ids) == len(set(outcome.ids))
    throughout = {row.id for row in before} & {row.id for row in server.rows}
    assert throughout <= set(outcome.ids) or outcome.report.doubts
    assert outcome.report.is_complete or leave in events


@pytest.mark.parametrize("at_once", [1, 8])
def test_a_window_in_a_long_history_reads_little_more_than_the_window(at_once: int) -> None:
    rows = listed(range(-5000, 1000))
    query = PaymentQuery(START + 100 * HOUR, START + 200 * HOUR)
    server = Server(rows, tells=["has_more"])
    partition = list_from(query.created_to, size=5, at_once=at_once)
    outcome = read(server, [Stage([partition])], query=query, concurrency=at_once)
    assert sorted(outcome.ids) == sorted(row.id for row in rows if 100 <= (row.hour or 0) < 200)
    assert outcome.report.is_complete
    assert len(server.answered) <= 22 + 2 * at_once


def test_a_window_is_read_side_by_side_from_its_second_page_on() -> None:
    rows = listed(range(-1000, 1000))
    query = PaymentQuery(START, START + 900 * HOUR)
    server, rounds = Server(rows, tells=["has_more"]), []
    server.answer = counted(server)  # type: ignore[method-assign]

    def choose(options: int) -> int:
        rounds.append(options)
        return 0

    partition = list_from(query.created_to, size=10, at_once=8)
    outcome = read(server, [Stage([partition])], choose=choose, query=query, concurrency=8)
    assert sorted(outcome.ids) == sorted(row.id for row in rows if 0 <= (row.hour or 0) < 900)
    assert (rounds[:2], outcome.report.is_complete) == ([1, 8], True)
    assert len(server.answered) <= 90 * 1.2


@pytest.mark.parametrize("payments", [1, 12, 25])
def test_a_short_window_is_not_cut(payments: int) -> None:
    rows = [*listed([number * 700 / payments for number in range(payments)])]
    rows += [Row(f"older-{number}", hour=-number) for number in range(1, 5000)]
    query = PaymentQuery(START, START + 700 * HOUR)
    server = Server(rows, tells=["has_more"])
    partition = list_from(query.created_to, size=10, at_once=8)
    outcome = read(server, [Stage([partition])], query=query, concurrency=8)
    assert len([each for each in outcome.ids if each.startswith("succeeded")]) == payments
    assert len(server.answered) <= payments // 10 + 2


@pytest.mark.parametrize(("at_once", "requests"), [(4, 111), (8, 129)])
@pytest.mark.parametrize("hours_before", [1000, 99_000])
def test_a_window_that_begins_long_before_its_payments_is_read_side_by_side(
    at_once: int, requests: int, hours_before: int
) -> None:
    """As where everything since a year long gone is asked for: what begins before the first payment finds nothing."""
    rows = listed(range(1000))
    query = PaymentQuery(START - hours_before * HOUR)
    server, rounds = Server(rows, tells=["has_more"]), []
    server.answer = counted(server)  # type: ignore[method-assign]

    def choose(options: int) -> int:
        rounds.append(options)
        return 0

    partition = list_from(None, size=10, at_once=at_once)
    outcome = read(server, [Stage([partition])], choose=choose, query=query, concurrency=at_once)
    assert sorted(outcome.ids) == sorted(row.id for row in rows)
    assert outcome.report.is_complete
    assert len(server.answered) <= requests
    assert len({tuple(params.items()) for params in server.answered}) == len(server.answered), "asked for twice"
    assert sum(options == at_once for options in rounds) >= 0.7 * len(rounds)


@pytest.mark.parametrize("at_once", [2, 4, 8])
@pytest.mark.parametrize("payments", [11, 20])
def test_nothing_more_is_begun_once_the_list_has_ended(at_once: int, payments: int) -> None:
    """Beside its second page, which is the last, the window's start is all that tells where others might be."""
    rows = listed(range(payments))
    query = PaymentQuery(START - 99_000 * HOUR)
    server = Server(rows, tells=["has_more"])
    partition = list_from(None, size=10, at_once=at_once)
    outcome = read(server, [Stage([partition])], query=query, concurrency=at_once)
    assert sorted(outcome.ids) == sorted(row.id for row in rows)
    assert len(server.answered) == 1 + at_once


def test_a_time_that_means_something_else_is_a_doubt_and_loses_nothing() -> None:
    class Backwards(Server):
        """Its lists begin *after* the time they are given."""

        def is_older(self, row: Row, hour: float) -> bool:
            return not super().is_older(row, hour)

    rows = listed(range(60))
    server = Backwards(rows, tells=["has_more"])
    server.answer = counted(server)  # type: ignore[method-assign]
    outcome = read_slices(server, 5, 4)
    assert sorted(outcome.ids) == sorted(row.id for row in rows)


def test_two_lists_share_the_room() -> None:
    rows = [*listed(range(100), "succeeded"), *listed(range(100), "canceled")]
    server = Server(rows, tells=["has_more"])
    most = 0

    def choose(options: int) -> int:
        nonlocal most
        most = max(most, options)
        return 0

    lists = [list_from(None, size=5, at_once=4, status=status) for status in ("succeeded", "canceled")]
    outcome = read(server, [Stage(lists)], choose=choose, concurrency=8)
    assert sorted(outcome.ids) == sorted(row.id for row in rows)
    assert most <= 5
