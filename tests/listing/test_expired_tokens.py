"""Tokens that may be refused at any request, and empty pages anywhere: every reading of a small list that this makes.

The list is newest first, begins where it is told to, and orders payments of one time anew with each query.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import combinations, product

import pytest

from airflow_provider_payments.exceptions import PaymentsRequestError
from airflow_provider_payments.listing.pages import Order, Page
from airflow_provider_payments.listing.readers import PageRequest
from airflow_provider_payments.listing.tokens import MAX_FRUITLESS_RESTARTS, TokenReader
from tests.listing.by_hand import START, options

#: Of six payments: seconds since the one before. Less than one is within the second by which a list begins earlier.
GAPS = [
    (9, 9, 9, 9, 9),
    (0, 0, 0, 0, 0),
    (0, 9, 0, 9, 0),
    (9, 0, 0, 0, 9),
    (0, 0, 9, 0, 9),
    (0.4, 0, 0.4, 9, 0.4),
    (0.9, 0.9, 0.9, 0.9, 0.9),
]
#: What may happen to a request: its token is refused, or its page has no rows and leads on.
REFUSED, EMPTY, FULL = "refused", "empty", "full"
#: Returns what happens to a request, by its number and whether the caller has been given payments since the one before.
Fate = Callable[[int, bool], str]

each_list = pytest.mark.parametrize("gaps", GAPS, ids=str)
each_page_size = pytest.mark.parametrize("page_size", [1, 2, 3])


class ShortList:
    """A list, and one reading of it."""

    def __init__(self, gaps: Sequence[float]) -> None:
        self._rows = [(START, 0)]
        for gap in gaps:
            self._rows.append((self._rows[-1][0] - timedelta(seconds=gap), len(self._rows)))
        self._queries = 0
        self.seen: set[str] = set()
        self.requests = 0
        self.doubts: list[str] = []

    def read(self, page_size: int, fate: Fate, most: int = 6) -> None:
        """Read the list to its end."""
        reader = TokenReader(
            options(page_size), order=Order.NEWEST_FIRST, start_params=_until, max_page_size=min(most, 6)
        )
        self.doubts = reader.doubts
        asked, is_taken = reader.start(), False
        while asked:
            self.requests += 1
            assert self.requests < 200, "the reading goes on for ever"
            what, is_taken = fate(self.requests, is_taken), False
            if what == REFUSED and "cursor" in asked[0].params:
                asked = reader.receive_refusal(asked[0], PaymentsRequestError("invalid cursor", 400))
                continue
            page = self._show(asked[0], is_empty=what == EMPTY)
            is_taken = page.new > 0
            asked = reader.receive(asked[0], page)

    def _show(self, asked: PageRequest, *, is_empty: bool) -> Page:
        if "cursor" in asked.params:
            query, start, _ = map(int, asked.params["cursor"].split())
        else:
            self._queries += 1
            query, start = self._queries, 0
        until = datetime.fromisoformat(asked.params.get("until", START.isoformat()))
        turn = 1 if query % 2 else -1
        listed = sorted((row for row in self._rows if row[0] <= until), key=lambda row: (row[0], row[1] * turn))[::-1]
        end = start if is_empty else start + int(asked.params["limit"])
        keys = [str(number) for _, number in listed[start:end]]
        new = len(set(keys) - self.seen)
        self.seen.update(keys)
        more = f"{query} {end} {self.requests}" if is_empty or end < len(listed) else ""
        return Page(keys, keys, new, [moment for moment, _ in listed[start:end]], next_cursor=more)


def _until(moment: datetime) -> dict[str, str]:
    return {"until": moment.isoformat()}


def read_all(gaps: Sequence[float], page_size: int, fate: Fate, most: int = 6) -> None:
    """Read a list, and see that nothing is missing or in doubt."""
    listed = ShortList(gaps)
    listed.read(page_size, fate, most)
    assert (len(listed.seen), listed.doubts) == (6, [])


@each_page_size
@each_list
def test_no_two_misfortunes_lose_a_payment(gaps: Sequence[float], page_size: int) -> None:
    for numbers in combinations(range(1, 11), 2):
        for fates in product((REFUSED, EMPTY), repeat=2):
            unlucky = dict(zip(numbers, fates, strict=True))
            read_all(gaps, page_size, lambda number, is_taken, unlucky=unlucky: unlucky.get(number, FULL), page_size)


@each_page_size
@each_list
def test_whoever_is_slow_over_each_page_gets_every_payment(gaps: Sequence[float], page_size: int) -> None:
    """A token lives until the caller has been given payments. Any of the first six pages may be empty."""
    for empty in product((True, False), repeat=6):

        def fate(number: int, is_taken: bool, empty: Sequence[bool] = empty) -> str:
            return REFUSED if is_taken else EMPTY if number <= 6 and empty[number - 1] else FULL

        read_all(gaps, page_size, fate, page_size)


@each_page_size
@each_list
def test_where_no_token_is_taken_longer_pages_are_asked_for(gaps: Sequence[float], page_size: int) -> None:
    read_all(gaps, page_size, lambda number, is_taken: REFUSED)


@each_page_size
@each_list
def test_a_reading_that_is_refused_again_and_again_ends(gaps: Sequence[float], page_size: int) -> None:
    """With every payment, or with the refusal."""
    for often, since in product((2, 3, 4), repeat=2):

        def fate(number: int, is_taken: bool, often: int = often, since: int = since) -> str:
            return FULL if (number + since) % often else REFUSED

        with suppress(PaymentsRequestError):
            read_all(gaps, page_size, fate, page_size)


@pytest.mark.parametrize(("first", "fruitful"), [(FULL, 2), (EMPTY, 1)])
def test_where_nothing_more_can_be_seen_the_refusal_is_the_end(first: str, fruitful: int) -> None:
    """Six payments of one time on pages of three, of which two orders show all; or nothing but empty pages."""
    listed = ShortList(GAPS[1])
    with pytest.raises(PaymentsRequestError, match="invalid cursor"):
        listed.read(3, lambda number, is_taken: first if number % 2 else REFUSED, 3)
    assert listed.requests == 2 * (fruitful + MAX_FRUITLESS_RESTARTS)
