"""Each API's own way of paging, against a list that changes between any two answers.

What must hold whatever happens: a payment that was there throughout is in the output, or the report says that some may
be missing, or there is a typed error; and none is there twice.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_payments.exceptions import PaymentsError
from airflow_provider_payments.hooks.listing_builders import build_listing
from airflow_provider_payments.query import PaymentQuery
from tests.listing.drift import LIVES, Company, Sale, advance, arrive, build_api, nothing, slip_in, vanish
from tests.listing.simulation import START, Choose, Outcome, read_listing

Event = Callable[[Company, Choose], None]


@dataclass(frozen=True)
class Case:
    """A company, a question, what happens meanwhile, and in which order (by a seed)."""

    name: str
    gaps: Sequence[int]
    words: Sequence[int]
    window: tuple[int | None, int | None]
    wanted: frozenset[int]
    page_size: int
    concurrency: int
    events: Sequence[Event]
    seed: int
    first_page: int = 0
    largest_page: int = 1000
    lost_cursor: str = "place"
    counts_moment_in: bool = True
    moves: str = "nowhere"

    @property
    def sales(self) -> list[Sale]:
        """The list at first, newest first."""
        words, second, sales = list(LIVES[self.name]), 0, []
        for number, (gap, word) in enumerate(zip(self.gaps, self.words, strict=True)):
            second += gap
            sales.append(Sale(f"s{number}", words[word], second))
        return sales[::-1]

    @property
    def query(self) -> PaymentQuery:
        start, end = (None if each is None else START + timedelta(seconds=each) for each in self.window)
        words = list(LIVES[self.name])
        return PaymentQuery(start, end, provider_statuses=frozenset(words[number] for number in self.wanted))


@st.composite
def cases(draw: st.DrawFn, name: str, events: Sequence[Event]) -> Case:
    gaps = draw(st.lists(st.sampled_from([0, 0, 1, 60]), max_size=40))
    start = draw(st.none() | st.integers(0, sum(gaps)))
    length = draw(st.none() | st.integers(1, sum(gaps) + 1))
    return Case(
        name=name,
        gaps=gaps,
        words=draw(st.lists(st.integers(0, 2), min_size=len(gaps), max_size=len(gaps))),
        window=(start, None if length is None else (start or 0) + length),
        wanted=draw(st.just(frozenset()) | st.frozensets(st.integers(0, 2), min_size=1, max_size=2)),
        page_size=draw(st.integers(1, 7)),
        concurrency=draw(st.integers(1, 8)),
        events=draw(st.lists(st.sampled_from([nothing, *events]), max_size=30)) if events else (),
        seed=draw(st.integers(0, 2**32)),
        first_page=draw(st.integers(0, 1)) if name == "jframework" else 0,
        largest_page=draw(st.sampled_from([1000, 3])),
        lost_cursor=draw(st.sampled_from(["place", "refuse", "restart", "empty"])),
        counts_moment_in=draw(st.booleans()),
    )


def run(case: Case) -> tuple[set[str], Outcome]:
    """Read, and return which payments that were there throughout are missing."""
    company = Company(
        case.name,
        case.sales,
        LIVES[case.name],
        first_page=case.first_page,
        largest_page=case.largest_page,
        lost_cursor=case.lost_cursor,
        counts_moment_in=case.counts_moment_in,
        moves=case.moves,
    )
    query, before = case.query, case.sales
    outcome = read_listing(
        build_listing(build_api(case.name, case.page_size, case.concurrency), query),
        company,
        choose=random.Random(case.seed).randrange,
        events=case.events,
        concurrency=case.concurrency,
    )
    assert len(outcome.ids) == len(set(outcome.ids)), f"twice: {outcome.ids}"
    after = {sale.id for sale in company.sales}
    throughout = {
        sale.id
        for sale in before
        if sale.id in after
        and (not query.provider_statuses or company.words_of.get(sale.id, {sale.word}) <= query.provider_statuses)
        if not (query.is_before_window(sale.moment) or query.is_after_window(sale.moment))
    }
    return throughout - set(outcome.ids), outcome


def check(case: Case) -> None:
    try:
        lost, outcome = run(case)
    except PaymentsError:
        return  # typed, and the task is tried again
    assert not lost or outcome.report.doubts, f"lost {sorted(lost)} without a word"


CHANGES = {
    "additions": [arrive, slip_in],
    "departures": [vanish],
    "statuses": [advance],
    "everything": [arrive, slip_in, vanish, advance],
}


@pytest.mark.parametrize("changes", CHANGES)
@pytest.mark.parametrize("name", LIVES)
def test_nothing_is_lost_without_a_word_and_nothing_comes_twice(name: str, changes: str) -> None:
    @settings(max_examples=80)
    @given(cases(name, CHANGES[changes]))
    def holds(case: Case) -> None:
        check(case)

    holds()


@pytest.mark.parametrize("name", LIVES)
def test_a_list_that_keeps_still_is_complete_and_exact(name: str) -> None:
    @settings(max_examples=80)
    @given(cases(name, []))
    def holds(case: Case) -> None:
        _, outcome = run(case)
        query = case.query
        wanted = {
            sale.id
            for sale in case.sales
            if not (query.provider_statuses and sale.word not in query.provider_statuses)
            and not (query.is_before_window(sale.moment) or query.is_after_window(sale.moment))
        }
        assert (set(outcome.ids), outcome.report.doubts) == (wanted, [])
        assert outcome.report.duplicates_dropped == 0

    holds()


@pytest.mark.parametrize("name", LIVES)
def test_new_payments_alone_raise_no_doubt_where_rows_join(name: str) -> None:
    @settings(max_examples=80)
    @given(cases(name, [arrive]))
    def holds(case: Case) -> None:
        lost, outcome = run(case)
        assert not lost
        assert outcome.report.is_complete

    holds()


@pytest.mark.parametrize("name", ["hotpay", "cryptofuse"])
def test_payments_that_jump_to_the_head_are_found_there(name: str) -> None:
    """Where the order is not documented, a change may move a payment to the head of the list, which was read by then.

    Nothing can prove that no payment was moved by chance, time and again, to wherever was read just before: of 10,000
    such readings 24 lost one without a word. None of these here may.
    """
    for seed in range(300):
        dice = random.Random(seed)
        number = dice.randrange(40)
        case = Case(
            name=name,
            gaps=[dice.choice([0, 1, 60]) for _ in range(number)],
            words=[dice.randrange(3) for _ in range(number)],
            window=(None, None),
            wanted=frozenset(),
            page_size=dice.randrange(2, 8),
            concurrency=dice.randrange(1, 9),
            events=[dice.choice([arrive, advance, nothing]) for _ in range(dice.choice([3, 10, 30]))],
            seed=seed,
            moves="head",
        )
        lost, outcome = run(case)
        assert not lost or outcome.report.doubts, (case, lost)


@pytest.mark.parametrize("name", ["hotpay", "cryptofuse"])
def test_a_new_payment_does_not_make_a_long_list_be_read_again(name: str) -> None:
    def read(event: Event) -> Outcome:
        case = Case(
            name=name,
            gaps=[60] * 1000,
            words=[1] * 1000,
            window=(None, None),
            wanted=frozenset(),
            page_size=50,
            concurrency=4,
            events=[nothing, nothing, event],
            seed=1,
        )
        lost, outcome = run(case)
        assert not lost
        return outcome

    still, busy = read(nothing), read(arrive)
    assert len(busy.payments) == len(still.payments) + 1
    assert busy.report.is_complete
    assert busy.report.requests <= still.report.requests + 8  # however long the list is


def random_case(name: str, events: Sequence[Event], seed: int) -> Case:
    """A case with a long list and many changes, which chance would take long to find."""
    dice = random.Random(seed)
    number = dice.randrange(40)
    gaps = [dice.choice([0, 0, 1, 60]) for _ in range(number)]
    start = dice.choice([None, None, dice.randrange(sum(gaps) + 1)])
    end = dice.choice([None, None, (start or 0) + 1 + dice.randrange(sum(gaps) + 1)])
    return Case(
        name=name,
        gaps=gaps,
        words=[dice.randrange(3) for _ in range(number)],
        window=(start, end),
        wanted=frozenset(dice.sample(range(3), dice.choice([0, 0, 1, 2]))),
        page_size=dice.randrange(1, 8),
        concurrency=dice.randrange(1, 6),
        events=[dice.choice([nothing, *events]) for _ in range(dice.choice([3, 10, 30]))],
        seed=seed,
        first_page=dice.randrange(2) if name == "jframework" else 0,
        largest_page=dice.choice([1000, 1000, 3]),
        lost_cursor=dice.choice(["place", "refuse", "restart", "empty"]),
        counts_moment_in=dice.random() < 0.5,
    )


#: Each lost a payment in silence once, or does when one of the guards is taken away.
FOUND = [
    ("hotpay", "additions", 254),  # a full page that repeats the one before looked like the end
    ("hotpay", "additions", 1173),
    ("hotpay", "departures", 2025),  # an empty page that was read twice did, too
    ("spacepay", "everything", 732),
    ("spacepay", "additions", 25),  # pages of one row
    ("jframework", "additions", 28),  # fewer rows than the last page counts
    ("jframework", "additions", 37),  # or than any page
    ("jframework", "additions", 1584),
    ("satispay", "additions", 44),  # slices of time that were taken for joined
    ("satispay", "everything", 98),
    ("gocardless", "statuses", 62),  # a payment that went back to a list that was read before
    ("gocardless", "everything", 30),  # an empty page after a cursor whose payment had left the list
]


@pytest.mark.found
@pytest.mark.parametrize(("name", "changes", "seed"), FOUND)
def test_what_was_lost_once(name: str, changes: str, seed: int) -> None:
    check(random_case(name, CHANGES[changes], seed))
