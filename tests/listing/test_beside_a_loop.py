"""Each kind of list read beside a plain loop, under the same changes: next offset, next page, next cursor, to the end.

What must hold whatever happens, in this order: ``complete`` is never wrong; what is handed out is never less than what
the plain loop hands out, and nothing is there twice; requests stay within bounds (see ``tests/listing/cases.py``).
"""

from __future__ import annotations

import pytest

from tests.listing.cases import KINDS, LISTS, QUICK_KINDS, QUICK_LISTS, Outcome, find_cases, run

#: A list that changes this rarely is vouched for.
RARELY = 10


def choose_cases() -> list[object]:
    """Return every case; all but the quick ones are exhaustive."""
    return [
        pytest.param(
            list_name,
            kind_name,
            id=f"{list_name}, {kind_name}",
            marks=() if list_name in QUICK_LISTS and kind_name in QUICK_KINDS else pytest.mark.exhaustive,
        )
        for list_name, kind_name in find_cases()
    ]


def check(outcome: Outcome, is_vouched_for: bool = False) -> None:
    reading = outcome.reading
    assert reading.error is None
    assert not outcome.lost_in_silence, f"complete, and lost {sorted(outcome.lost_in_silence)}"
    assert len(outcome.lost) <= len(outcome.lost_by_loop), f"lost {len(outcome.lost)}: {reading.doubts}"
    assert not outcome.twice
    assert outcome.requests <= outcome.most_requests
    assert reading.is_complete or not is_vouched_for or outcome.is_doubt_due, reading.doubts


@pytest.mark.parametrize("concurrency", [1, 4, 8])
@pytest.mark.parametrize(("list_name", "kind_name"), choose_cases())
def test_it_is_read_no_worse_than_by_a_plain_loop(list_name: str, kind_name: str, concurrency: int) -> None:
    check(run(list_name, kind_name, concurrency), is_vouched_for=KINDS[kind_name].every >= RARELY)


def check_seed(list_name: str, kind_name: str, seed: int) -> None:
    outcome = run(list_name, kind_name, (1, 4, 8)[seed % 3], seed)
    check(outcome, is_vouched_for=KINDS[kind_name].every >= RARELY)


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", range(1, 20))
@pytest.mark.parametrize("list_name", LISTS)
def test_nor_by_any_seed(list_name: str, seed: int) -> None:
    for name, kind_name in find_cases():
        if name == list_name:
            check_seed(name, kind_name, seed)


@pytest.mark.found
@pytest.mark.parametrize(
    ("list_name", "kind_name", "seed"),
    [
        ("jframework", "one gone at every request", 2),
        ("jframework from page 1", "one gone at every request", 13),
        ("cryptofuse", "two added at every request, pages of 10", 2),
        ("cryptofuse", "a status changes at every 10th, filtered", 7),
        ("cryptofuse", "a status changes at every 10th, filtered", 13),
    ],
)
def test_nor_by_seeds_that_found_something(list_name: str, kind_name: str, seed: int) -> None:
    check_seed(list_name, kind_name, seed)
