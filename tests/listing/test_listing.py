"""Lists that change while they are read: nothing is lost without a word, and nothing comes twice."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from airflow_provider_payments.exceptions import PaymentNotFound, PaymentsProtocolError, PaymentsRequestError
from airflow_provider_payments.http.messages import Request, Response
from airflow_provider_payments.listing.cursors import CursorReader
from airflow_provider_payments.listing.dedup import HoldbackBuffer, SeenIds
from airflow_provider_payments.listing.list_pass import open_reader
from airflow_provider_payments.listing.offsets import OffsetReader
from airflow_provider_payments.listing.pages import Order
from airflow_provider_payments.listing.plan import Partition, Stage
from airflow_provider_payments.payment import Payment, PaymentStatus
from airflow_provider_payments.query import PaymentQuery
from tests.listing.simulation import (
    START,
    Api,
    Choose,
    Event,
    Outcome,
    Paging,
    Row,
    Server,
    cursors,
    explore,
    numbered,
    offsets,
    read,
    stage,
    tokens,
)


def rows(number: int, status: str = "succeeded") -> list[Row]:
    return [Row(f"{status}-{each}", status) for each in range(number)]


def ids(number: int, status: str = "succeeded") -> list[str]:
    return [row.id for row in rows(number, status)]


def insert(*places: str) -> Event:
    """A row is added: at the "front", at the "end", or "anywhere"."""

    def event(server: Server, choose: Choose) -> None:
        (place,) = places
        index = {"front": 0, "end": len(server.rows)}.get(place)
        index = choose(len(server.rows) + 1) if index is None else index
        server.rows.insert(index, Row(f"added-{len(server.rows)}-{len(server.answered)}"))

    return event


def leave(server: Server, choose: Choose) -> None:
    """Any row leaves."""
    if server.rows:
        del server.rows[choose(len(server.rows))]


def settle(server: Server, choose: Choose) -> None:
    """Any pending payment succeeds, and keeps its place in the list."""
    pending = [number for number, row in enumerate(server.rows) if row.status == "pending"]
    if pending:
        number = pending[choose(len(pending))]
        server.rows[number] = Row(server.rows[number].id, "succeeded")


def check(outcome: Outcome, before: Sequence[Row], after: Sequence[Row], *, complete: bool = False) -> None:
    """Nothing comes twice; what existed throughout comes, or there is a doubt."""
    assert len(outcome.ids) == len(set(outcome.ids)), f"twice: {outcome.ids}"
    throughout = {row.id for row in before} & {row.id for row in after}
    lost = throughout - set(outcome.ids)
    assert not lost or outcome.report.doubts, f"lost {sorted(lost)} without a doubt"
    assert not complete or outcome.report.is_complete, outcome.report.doubts


OFFSETS = {
    "one at a time": offsets(2, 1),
    "side by side": offsets(2, 3),
    "newest first": offsets(2, 3, Order.NEWEST_FIRST),
    "row by row": offsets(1, 4),
}
WITHOUT_HAS_MORE = ("total", "limit")


# Lists that stay as they are.


@pytest.mark.parametrize(
    "tells", [(), ("limit",), ("has_more",), ("total",), ("total", "limit"), ("total", "has_more")]
)
@pytest.mark.parametrize("max_limit", [1, 2, 3, 100])
@pytest.mark.parametrize("paging", [offsets(3, 1), offsets(3, 4), offsets(2, 2), offsets(1, 2)])
def test_offsets_read_everything_whatever_the_limit(paging: Paging, tells: Sequence[str], max_limit: int) -> None:
    for number in (*range(10), 25):
        server = Server(rows(number), tells=tells, max_limit=max_limit)
        outcome = read(server, [stage(paging)])
        assert (outcome.ids, outcome.report.doubts, outcome.report.duplicates_dropped) == (ids(number), [], 0)


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 5, 6, 12])
@pytest.mark.parametrize("server_begins", [0, 1])
@pytest.mark.parametrize("we_begin", [0, 1])
@pytest.mark.parametrize("max_concurrency", [1, 4])
def test_page_numbers_may_begin_at_0_or_1(number: int, server_begins: int, we_begin: int, max_concurrency: int) -> None:
    paging = numbered(3, max_concurrency, we_begin)
    outcome = read(Server(rows(number), first_page=server_begins, tells=["total"]), [stage(paging)])
    if we_begin <= server_begins:
        assert (outcome.ids, outcome.report.doubts) == (ids(number), [])
    elif number:  # the first page is never asked for
        (doubt,) = outcome.report.doubts
        assert f"counts {number} payments, and {max(number - 3, 0)} different ones" in doubt
        assert outcome.ids == ids(number)[3:]


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 5, 12])
@pytest.mark.parametrize("max_limit", [1, 2, 100])
def test_cursors_read_everything(number: int, max_limit: int) -> None:
    server = Server(rows(number), tells=["has_more"], max_limit=max_limit)
    outcome = read(server, [stage(cursors(2))])
    assert (outcome.ids, outcome.report.doubts) == (ids(number), [])
    assert len(server.answered) == max(-(-number // min(max_limit, 2)), 1)


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 5, 12])
def test_tokens_read_everything(number: int) -> None:
    server = Server(rows(number), tells=["next_cursor"])
    outcome = read(server, [stage(tokens(2))])
    assert (outcome.ids, outcome.report.doubts) == (ids(number), [])
    assert len(server.answered) == max(-(-number // 2), 1)


def test_pages_are_asked_for_without_many_in_vain() -> None:
    server = Server(rows(100), tells=WITHOUT_HAS_MORE)
    read(server, [stage(offsets(10, 4))])
    # Each page but the first begins with the last row of the page before; in the end the head is looked at once more.
    asked = [int(params["offset"]) for params in server.answered]
    assert {*range(0, 99, 9)} <= set(asked)
    assert len(asked) <= 14


# Rows are added.


@pytest.mark.parametrize(
    ("events", "name"),
    [
        *((1, name) for name in OFFSETS),
        # Two at once, of which row by row sees thousands of orders.
        *(pytest.param(2, name, marks=[pytest.mark.exhaustive] * (name == "row by row")) for name in OFFSETS),
    ],
)
@pytest.mark.parametrize("tells", [WITHOUT_HAS_MORE, ("total", "has_more")])
def test_additions_in_front_lose_nothing_in_any_order_of_answers(name: str, tells: Sequence[str], events: int) -> None:
    before = rows(5 if OFFSETS[name].page_size > 1 and events == 1 else 5 - events)

    def scenario(choose: Choose) -> None:
        server = Server(list(before), tells=tells)
        outcome = read(server, [stage(OFFSETS[name])], choose=choose, events=[insert("front")] * events)
        # A page of one row has none to share with the next: only a second reading without news could tell.
        check(outcome, before, server.rows, complete=OFFSETS[name].page_size > 1)

    assert explore(scenario) >= 3


@pytest.mark.parametrize("name", ["one at a time", "side by side"])
def test_additions_anywhere_lose_nothing(name: str) -> None:
    before = rows(4)

    def scenario(choose: Choose) -> None:
        server = Server(list(before), tells=WITHOUT_HAS_MORE)
        outcome = read(server, [stage(OFFSETS[name])], choose=choose, events=[insert("anywhere")] * 2)
        check(outcome, before, server.rows)

    assert explore(scenario) >= 100


@pytest.mark.parametrize("paging", [offsets(2, 3, Order.OLDEST_FIRST), numbered(2, 3)])
def test_additions_at_the_end_lose_nothing(paging: Paging) -> None:
    before = rows(6)

    def scenario(choose: Choose) -> None:
        server = Server(list(before), tells=["total"])
        outcome = read(server, [stage(paging)], choose=choose, events=[insert("end")] * 2)
        check(outcome, before, server.rows, complete="offset" in server.answered[0])

    assert explore(scenario) >= 10


@pytest.mark.parametrize("place", ["front", "end", "anywhere"])
@pytest.mark.parametrize("tells", [(), ("limit",)])
@pytest.mark.parametrize(("max_concurrency", "events"), [(1, 2), (2, 1)])
def test_additions_lose_nothing_without_a_total(
    place: str, tells: Sequence[str], max_concurrency: int, events: int
) -> None:
    before = rows(6)

    def scenario(choose: Choose) -> None:
        server = Server(list(before), tells=tells)
        outcome = read(server, [stage(offsets(3, max_concurrency))], choose=choose, events=[insert(place)] * events)
        check(outcome, before, server.rows)

    assert explore(scenario) > 10


@pytest.mark.parametrize(("paging", "tells"), [(cursors(2), "has_more"), (tokens(2), "next_cursor")])
def test_additions_do_not_move_a_cursor(paging: Paging, tells: str) -> None:
    before = rows(6)

    def scenario(choose: Choose) -> None:
        server = Server(list(before), tells=[tells])
        outcome = read(server, [stage(paging)], choose=choose, events=[insert("anywhere")] * 2)
        check(outcome, before, server.rows, complete=True)

    assert explore(scenario) >= 10


# Rows leave.


def lists_that_rows_leave() -> Iterator[Any]:
    """Yield paging, what the API tells, what happens, and what comes of a cursor that left the list."""
    for events in ([leave], [leave, leave], [leave, insert("end")], [insert("front"), leave]):
        for paging, tells in [
            (offsets(2, 1), WITHOUT_HAS_MORE),
            (offsets(2, 2), WITHOUT_HAS_MORE),
            (offsets(2, 2, Order.OLDEST_FIRST), ("total", "has_more")),
            (numbered(2, 2), ("total",)),
            (offsets(2), ("limit",)),
            (offsets(2), ()),
        ]:
            yield paging, tells, events, ""
        # Tens of thousands of orders of answers and events, where two of these happen.
        marks = [pytest.mark.exhaustive] if len(events) > 1 else []
        yield pytest.param(offsets(2, 2), (), events, "", marks=marks)
        for lost_cursor in ("refuse", "restart", "empty"):
            yield cursors(2), ("has_more",), events, lost_cursor
        yield tokens(2), ("next_cursor",), events, ""


@pytest.mark.parametrize(("paging", "tells", "events", "lost_cursor"), lists_that_rows_leave())
def test_rows_that_leave_take_none_along(
    paging: Paging, tells: Sequence[str], events: Sequence[Event], lost_cursor: str
) -> None:
    before = rows(5 if len(events) == 1 else 4)

    def scenario(choose: Choose) -> None:
        server = Server(list(before), tells=tells, lost_cursor=lost_cursor)
        with suppress(PaymentNotFound):  # where neither the cursor's row is known any more, nor one before it
            check(read(server, [stage(paging)], choose=choose, events=events), before, server.rows)

    assert explore(scenario) >= 3


@pytest.mark.parametrize("paging", [offsets(2, 2), offsets(2)])
def test_a_list_that_should_not_shrink_and_does_is_read_again(paging: Paging) -> None:
    before = rows(5)

    def scenario(choose: Choose) -> None:
        server = Server(list(before), tells=("total", "limit"))
        outcome = read(server, [stage(paging)], choose=choose, events=[leave, leave])
        check(outcome, before, server.rows)

    assert explore(scenario) >= 10


@pytest.mark.parametrize("seed", range(150))
def test_larger_lists_with_many_changes(seed: int) -> None:
    dice = random.Random(seed)
    before = rows(dice.randrange(5, 40))
    is_volatile = dice.random() < 0.5
    paging: Paging = dice.choice([offsets(dice.randrange(1, 9), dice.randrange(1, 6)), offsets(dice.randrange(2, 9))])
    # A list that rows leave while others come may look whole when it is not; there one leaves at a time.
    events = [leave] if is_volatile else [insert("front")] * dice.randrange(1, 6)
    server = Server(list(before), tells=WITHOUT_HAS_MORE, max_limit=dice.choice([3, 100]))
    outcome = read(server, [stage(paging)], choose=dice.randrange, events=events)
    check(outcome, before, server.rows, complete=not is_volatile and paging.page_size > 1)


@pytest.mark.parametrize("number", [1, 4])
def test_lists_by_token_side_by_side(number: int) -> None:
    """Each list of a stage is read by itself, whatever happens to the others."""
    words = ["succeeded", "failed", "canceled", "pending"][:number]
    for seed in range(30):
        before = [row for word in words for row in rows(7, word)]
        dice = random.Random(seed)
        server = Server(list(before), tells=["next_cursor"])
        events = [leave, leave, insert("anywhere"), leave]
        outcome = read(server, [stage(tokens(2), *words)], choose=dice.randrange, events=events, concurrency=number)
        check(outcome, before, server.rows, complete=True)


# Payments settle between two lists.


@pytest.mark.parametrize("lost_cursor", ["refuse", "restart", "empty"])
@pytest.mark.parametrize("events", [1, 2])
def test_a_payment_that_settles_meanwhile_is_seen_once(lost_cursor: str, events: int) -> None:
    paging = cursors(2)
    stages = [stage(paging, "pending"), stage(paging, "succeeded", "canceled")]
    before = [*rows(3, "pending"), *rows(2)]

    def scenario(choose: Choose) -> None:
        server = Server(list(before), tells=["has_more"], lost_cursor=lost_cursor)
        with suppress(PaymentNotFound):
            check(read(server, stages, choose=choose, events=[settle] * events), before, server.rows)

    assert explore(scenario) > 10


class Settling(Server):
    """A payment succeeds just before the list of succeeded payments is read."""

    def answer(self, request: Request) -> Response | PaymentsRequestError:
        if "status=succeeded" in request.url:
            self.rows[1] = Row("pending-1", "succeeded")
        return super().answer(request)


@pytest.mark.parametrize("wanted", [(), ("pending", "succeeded")])
def test_the_final_sighting_is_handed_out_and_only_that(wanted: Sequence[str]) -> None:
    stages = [stage(cursors(1), "pending"), stage(cursors(1), "succeeded")]
    query = PaymentQuery(statuses=frozenset(map(PaymentStatus, wanted)))
    outcome = read(Settling(rows(2, "pending"), tells=["has_more"]), stages, query=query)
    assert [(payment.id, payment.status.value) for payment in outcome.payments] == [
        ("pending-1", "succeeded"),
        ("pending-0", "pending"),
    ]
    assert outcome.report.is_complete


# Windows.


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("max_concurrency", [1, 3])
@pytest.mark.parametrize("order", [Order.NEWEST_FIRST, Order.OLDEST_FIRST])
def test_a_window_ends_the_reading_where_the_order_is_known(size: int, max_concurrency: int, order: Order) -> None:
    hours = sorted(range(20), reverse=order is Order.NEWEST_FIRST)
    listed = [Row(str(hour), hour=hour) for hour in hours]
    query = PaymentQuery(START + timedelta(hours=8), START + timedelta(hours=12))
    server = Server(listed, tells=WITHOUT_HAS_MORE)
    outcome = read(server, [stage(offsets(size, max_concurrency, order))], query=query)
    assert outcome.ids == [str(hour) for hour in hours if 8 <= hour < 12]
    assert outcome.report.is_complete
    new_rows = max(size - 1, 1)  # on a page that begins with the last row of the page before
    assert size == 1 or len(server.answered) <= -(-13 // new_rows) + max_concurrency + 1
    unordered = Server(listed, tells=WITHOUT_HAS_MORE)
    assert read(unordered, [stage(offsets(size, max_concurrency))], query=query).ids == outcome.ids
    assert len(unordered.answered) >= 20 // size


@pytest.mark.parametrize("number", [6, pytest.param(7, marks=pytest.mark.exhaustive)])
def test_additions_in_front_of_a_window(number: int) -> None:
    before = [Row(str(hour), hour=hour) for hour in range(number - 1, -1, -1)]
    wanted = {str(hour) for hour in range(3, number)}

    def newest(server: Server, choose: Choose) -> None:
        server.rows.insert(0, Row(f"new-{len(server.answered)}", hour=7))

    def scenario(choose: Choose) -> None:
        server = Server(list(before), tells=WITHOUT_HAS_MORE)
        query = PaymentQuery(START + timedelta(hours=3), START + timedelta(hours=7))
        paging = offsets(2, 3, Order.NEWEST_FIRST)
        outcome = read(server, [stage(paging)], query=query, choose=choose, events=[newest])
        assert sorted(outcome.ids) == sorted(wanted)
        assert outcome.report.is_complete

    assert explore(scenario) > 10


def test_an_undated_payment_ends_no_reading() -> None:
    listed = [Row("9", hour=9), Row("?"), Row("1", hour=1), Row("8", hour=8), Row("0", hour=0), Row("late?")]
    query = PaymentQuery(created_from=START + timedelta(hours=5))
    outcome = read(Server(listed), [stage(offsets(2, 1, Order.NEWEST_FIRST))], query=query)
    assert outcome.ids == ["9", "?", "8", "late?"]


def test_a_second_reading_goes_one_by_one_and_its_own_way_if_there_is_one() -> None:
    query = PaymentQuery()
    partition = Partition(OffsetReader, {}, 2, 4, second_reader=CursorReader)
    first, second = (open_reader(partition, query, is_second=is_second) for is_second in (False, True))
    assert (type(first), first.options.max_concurrency) == (OffsetReader, 4)
    assert (type(second), second.options.max_concurrency) == (CursorReader, 1)
    again = open_reader(Partition(OffsetReader, {}, 2, 4), query, is_second=True)
    assert (type(again), again.options.max_concurrency) == (OffsetReader, 1)


# Servers that are wrong.


@pytest.mark.parametrize(
    ("paging", "ignores", "tells"),
    [
        (offsets(2, 1), ["offset"], ["total"]),
        (offsets(2, 3), ["offset"], ["total", "has_more"]),
        (offsets(2), ["offset"], ["limit"]),
        (offsets(2), ["offset"], []),
        (numbered(2, 1), ["page"], ["total"]),
        (numbered(2, 3), ["page"], ["total"]),
        (cursors(2), ["starting_after"], ["has_more"]),
        (tokens(2), ["cursor"], ["next_cursor"]),
    ],
)
def test_a_server_that_ignores_the_place_is_an_error_soon(
    paging: Paging, ignores: Sequence[str], tells: Sequence[str]
) -> None:
    server = Server(rows(1000), ignores=ignores, tells=tells)
    with pytest.raises(PaymentsProtocolError, match="no progress"):
        read(server, [stage(paging)])
    assert len(server.answered) <= 40


@pytest.mark.parametrize("paging", [offsets(2, 1), offsets(2, 3), numbered(2, 1), numbered(2, 3)])
def test_a_total_that_is_too_large_is_a_doubt(paging: Paging) -> None:
    server = Server(rows(5), extra_total=3, tells=["total"])
    outcome = read(server, [stage(paging)])
    assert (outcome.ids, outcome.report.is_complete) == (ids(5), False)
    assert "Payments may be missing" in outcome.report.doubts[0]
    assert len(server.answered) <= 60


@pytest.mark.parametrize("paging", [offsets(2, 1), offsets(2, 3)])
def test_a_total_that_is_too_small_ends_no_reading_that_says_it_goes_on(paging: Paging) -> None:
    server = Server(rows(9), extra_total=-5, tells=["total", "has_more"])
    assert read(server, [stage(paging)]).ids == ids(9)


class Canned(Server):
    """Answers with given pages, whatever the question."""

    def __init__(self, *pages: str) -> None:
        super().__init__([])
        self._pages = pages

    def answer(self, request):  # type: ignore[no-untyped-def]
        super().answer(request)
        return Response(200, body=self._pages[min(len(self.answered), len(self._pages)) - 1].encode())


@pytest.mark.parametrize(
    ("paging", "pages"),
    [
        (cursors(2), ['{"rows": [], "has_more": true}']),
        (cursors(2), ['{"rows": [{"id": "a"}], "has_more": true}']),
        (
            cursors(1),
            ['{"rows": [{"id": "a"}], "has_more": true}', '{"rows": [{"id": "b"}], "has_more": true}'] * 2,
        ),
        (offsets(2), ['{"rows": [], "total": 5, "has_more": true}']),
        (numbered(2, 1), ['{"rows": [{"id": "a"}]}']),
    ],
)
def test_traps(paging: Paging, pages: Sequence[str]) -> None:
    server = Canned(*pages)
    with pytest.raises(PaymentsProtocolError):
        read(server, [stage(paging)])
    assert len(server.answered) <= 20


def test_a_list_is_read_on_after_the_row_before_a_cursor_that_is_refused() -> None:
    server = Server(rows(4), tells=["has_more"])

    def second(server: Server, choose: Choose) -> None:
        del server.rows[1]

    picks = iter([0, 1])
    outcome = read(server, [stage(cursors(2))], choose=lambda options: next(picks, 0), events=[second])
    assert (outcome.ids, outcome.report.doubts) == (ids(4), [])


def test_a_refused_first_page_is_an_error() -> None:
    class Refusing(Server):
        def answer(self, request):  # type: ignore[no-untyped-def]
            return PaymentsRequestError("no", 400, "36")

    with pytest.raises(PaymentsRequestError):
        read(Refusing([]), [stage(cursors(2))])


# Identity.


@pytest.mark.parametrize("number", [1, 2, 3])
def test_payments_that_share_an_id_stay_apart(number: int) -> None:
    shared = dict.fromkeys(("a", "b", "c")[:number], "same")
    outcome = read(Server([Row(name) for name in shared]), [stage(offsets(2))], api=Api(shared))
    assert outcome.ids == ["same", "b", "c"][:number]
    assert outcome.report.duplicates_dropped == 0


def test_repeated_rows_are_dropped_and_counted() -> None:
    server = Server([Row("a"), Row("b"), Row("a"), Row("c")], tells=["has_more"])
    outcome = read(server, [stage(cursors(4))])
    assert (outcome.ids, outcome.report.duplicates_dropped) == (["a", "b", "c"], 1)


def test_only_wanted_payments_are_handed_out_and_all_are_counted() -> None:
    listed = [*rows(3), *rows(3, "failed")]
    query = PaymentQuery(statuses=frozenset({PaymentStatus.FAILED}))
    outcome = read(Server(listed), [stage(offsets(2, 2))], query=query)
    assert (outcome.ids, outcome.report.doubts) == (ids(3, "failed"), [])


def test_stages_follow_each_other() -> None:
    server = Server([*rows(3, "pending"), *rows(3), *rows(3, "canceled")], tells=["has_more"])
    stages: list[Stage] = [stage(cursors(2), "pending"), stage(cursors(2), "succeeded", "canceled")]
    outcome = read(server, stages)
    words = [params["status"] for params in server.answered]
    assert words == ["pending", "pending", "succeeded", "canceled", "succeeded", "canceled"]
    assert outcome.ids[-3:] == ids(3, "pending")  # held back, for they might have turned up again
    assert len(outcome.ids) == 9


@pytest.mark.parametrize("tells", [(), ("has_more",)])
@pytest.mark.parametrize("seed", range(300))
def test_rows_that_leave_a_list_without_a_total(tells: Sequence[str], seed: int) -> None:
    dice = random.Random(seed)
    before = rows(dice.randrange(3, 30))
    server = Server(list(before), tells=tells)
    events = [leave] * dice.randrange(1, 5)
    stages = [stage(offsets(dice.randrange(2, 6), dice.randrange(1, 6)))]
    outcome = read(server, stages, choose=dice.randrange, events=events, concurrency=dice.randrange(1, 6))
    check(outcome, before, server.rows)


@pytest.mark.parametrize("seed", range(100))
def test_pages_of_one_row_without_a_total(seed: int) -> None:
    dice = random.Random(seed)
    before = rows(dice.randrange(3, 20))
    server = Server(list(before), tells=())
    events = [insert("front")] * dice.randrange(1, 4)
    outcome = read(server, [stage(offsets(1, 4))], choose=dice.randrange, events=events)
    check(outcome, before, server.rows)


# What is kept of them.


def test_ids_are_told_apart_in_little_memory() -> None:
    seen = SeenIds()
    pages = [[f"{page:08x}-{row}" for row in range(1000)] for page in range(50)]
    tracemalloc.start()
    assert all(all(seen.add(page)) for page in pages)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert not any(any(seen.add(page)) for page in pages)
    assert seen.add(["twice", "twice", "", "à la carte"]) == [True, False, True, True]
    assert grown < 6_000_000  # the first few thousand cost more than the 11 bytes of a million


def test_what_is_held_back_stays_as_it_was(make_payment: Callable[..., Payment]) -> None:
    held = HoldbackBuffer()
    first, second = make_payment(1, "1E-24", raw=b'{"n": 1e400}'), make_payment(2, None, 3, flags=("undated",))
    held.put(msgspec.structs.replace(first, status=PaymentStatus.PENDING))
    held.put(second)
    newer = msgspec.structs.replace(first, status=PaymentStatus.PROCESSING)
    held.put(newer)
    held.put(msgspec.structs.replace(second, status=PaymentStatus.PENDING))  # which has succeeded, and still has
    assert "1" in held
    assert list(held.pages()) == [[newer, second]]
    held.drop("1")
    assert "1" not in held
    assert [str(payment.amount) for page in held.pages() for payment in page] == ["None"]
    held.close()
