"""Each failure, for each payment company, awaited and not, at the first page, in the middle and at the last one.

What is expected is what docs/reliability.md says. ``make test`` runs a systematic choice of the product, and
``make test-all`` the whole of it.
"""

from __future__ import annotations

import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_payments._compat import AirflowFailException
from airflow_provider_payments.exceptions import PaymentsError, PaymentsRequestError
from airflow_provider_payments.listing.cursors import MAX_FALLBACKS
from tests.companies import COMPANIES, one_of_each
from tests.faults.conftest import Way
from tests.faults.faults import FAULTS, LARGE, LOGIN, NAMES, Fault
from tests.faults.page import LINES
from tests.faults.proxy import Proxy

ELSEWHERE = {"the host's name is not known", "a redirect"}
"""Lines of the page that have tests of their own, in test_places.py."""
Case = tuple[str, str, str, bool, bool]
"""Fault, connection, position, whether awaited, whether it lasts."""


def all_cases() -> Iterator[Case]:
    """Yield the whole product."""
    for key, fault in FAULTS.items():
        for name in fault.names:
            for position in fault.positions:
                for is_async in (False, True):
                    yield from ((key, name, position, is_async, is_lasting) for is_lasting in endings_of(fault))


def endings_of(fault: Fault) -> list[bool]:
    is_retried = LINES[fault.row].tries != 1
    return [True, False] if is_retried and not fault.only_lasts else [True]


def choose_cases() -> Iterator[Case]:
    """Yield what ``make test`` runs.

    Each fault meets one connection everywhere, or once if it takes its time; and one connection of each kind meets each
    line of the page once, by the faults of that line in turn. Ways, endings and positions take turns.
    """
    unlike = [name for name in NAMES if name in (*one_of_each("paging"), LOGIN)]
    for number, (key, fault) in enumerate(FAULTS.items()):
        endings = endings_of(fault)
        for at in range(3) if not fault.is_slow else [number % 3]:
            position = fault.positions[at % len(fault.positions)]
            yield key, fault.home, position, bool((number + at) % 2), endings[(at + number // 2) % len(endings)]
    for number, row in enumerate(LINES):
        for turn, name in enumerate(unlike, start=number):
            keys = [key for key, fault in FAULTS.items() if fault.row == row and name in fault.names]
            if keys and any(FAULTS[key].home != name for key in keys):
                key = keys[turn % len(keys)]
                endings, positions = endings_of(FAULTS[key]), FAULTS[key].positions
                yield key, name, positions[turn % len(positions)], bool((turn // 2) % 2), endings[turn % len(endings)]


def cases() -> list[Any]:
    chosen = set(choose_cases())
    return [case if case in chosen else pytest.param(*case, marks=pytest.mark.exhaustive) for case in all_cases()]


def describe(value: object) -> str | None:
    return {True: "yes", False: "no"}.get(value) if isinstance(value, bool) else str(value)  # type: ignore[call-overload]


def test_the_page_says_all_that_is_tested_and_nothing_else() -> None:
    assert set(LINES) == {fault.row for fault in FAULTS.values()} | ELSEWHERE
    for row, line in LINES.items():
        assert issubclass(line.error, AirflowFailException) == line.is_final, row
        assert line.published == "nothing", row


@pytest.fixture(scope="session")
def usual_pages() -> dict[str, int]:
    """How many requests for pages a listing takes, by connection."""
    return {}


def count_pages(make_way: Callable[[], Way], usual: dict[str, int]) -> int:
    way = make_way()
    if way.name not in usual:
        way.proxy.begin(way.route, at=10_000)
        assert way.take() == way.right_ids()
        usual[way.name] = way.proxy.pages
        assert usual[way.name] >= 3
    return usual[way.name]


@pytest.mark.parametrize(("key", "name", "position", "is_async", "is_lasting"), cases(), ids=describe)
def test_a_fault(
    key: str,
    name: str,
    position: str,
    is_async: bool,
    is_lasting: bool,
    request: pytest.FixtureRequest,
    proxy: Proxy,
    make_way: Callable[..., Way],
    certificates: list[tuple[ssl.SSLContext, Path]],
    usual_pages: dict[str, int],
) -> None:
    fault = FAULTS[key]
    line = LINES[fault.row]
    usual = count_pages(lambda: make_way(name, proxy, is_async=is_async), usual_pages)
    extra = dict(fault.extra)
    if fault.before is Proxy.next_context:
        proxy = request.getfixturevalue("tls_proxy")
        extra["verify"] = str(certificates[0][1])
    way = make_way(name, proxy, is_async=is_async, extra=extra)
    place = {"first": 1, "middle": usual // 2 + 1, "last": usual}[position]
    if not is_lasting:
        way.on_retry = proxy.open
    proxy.begin(way.route, place, fault.act, before=fault.before, is_lasting=is_lasting)
    began = time.monotonic()

    if not is_lasting and line.tries != 1:
        assert way.take() == way.right_ids()
        assert (proxy.faulted, proxy.pages) == ((1, usual + 1) if fault.act else (0, usual))
        assert len(way.logged) == (line.tries is None)
        assert time.monotonic() - began >= fault.waits
        return

    with pytest.raises(PaymentsError) as caught:
        way.take()
    assert type(caught.value) is line.error, caught.value
    assert fault.said in str(caught.value)
    assert way.conn_type in str(caught.value)
    assert way.secret not in str(caught.value)
    attempts = way.hook.resolve()[1].retry.max_attempts if line.tries is None else line.tries
    tries = Counter(proxy.faulted_paths)
    assert set(tries.values()) == ({attempts} if fault.act else set())
    # Where the API refuses a cursor, the list is read on after one of the rows before, which is another request.
    goes_back = line.error is PaymentsRequestError and "cursors" in COMPANIES[way.conn_type].paging
    assert len(tries) <= (2 + MAX_FALLBACKS if goes_back else 1)
    assert proxy.pages == place - 1 + proxy.faulted
    assert len(way.logged) == (attempts - 1 if line.tries is None else 0)
    assert time.monotonic() - began >= fault.waits * (attempts - 1)
    if fault.row == LARGE:
        assert proxy.sent < 2 * 32 * 2**20  # and what the sockets hold
    way.check_nothing_published()
