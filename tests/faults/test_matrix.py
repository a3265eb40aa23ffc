"""Each failure, for each payment company, awaited and not, at the first page, in the middle and at the last one.

What is expected is what docs/reliability.md says.
"""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airflow_provider_payments._compat import AirflowFailException
from airflow_provider_payments.exceptions import PaymentsError
from tests.faults.conftest import Way
from tests.faults.faults import FAULTS, LARGE
from tests.faults.page import LINES
from tests.faults.proxy import Proxy

ELSEWHERE = {"the host's name is not known", "a redirect"}
"""Lines of the page that have tests of their own, in test_places.py."""
POSITIONS = ("first", "middle", "last")
ALL = bool(os.environ.get("ALL_FAULTS"))
"""Whether to run the whole product, which takes long, rather than a systematic selection."""


def choose_cases() -> Iterator[tuple[str, str, str, bool, bool]]:
    """Yield fault, connection, position, whether awaited, whether it lasts.

    Each fault meets each connection once, at positions and ways that take turns; and one connection everywhere.
    """
    for number, (key, fault) in enumerate(FAULTS.items()):
        is_retried = LINES[fault.row].tries != 1
        endings = [True, False] if is_retried and not fault.only_lasts else [True]
        for turn, name in enumerate(fault.names, start=number):
            for is_lasting in endings:
                if fault.is_slow and len(endings) > 1 and turn % 2 == is_lasting and not ALL:
                    continue
                everywhere = ALL or (name == fault.home and not fault.is_slow)
                for at, position in enumerate(POSITIONS):
                    for is_async in (False, True):
                        if everywhere or (at, is_async) == ((turn + is_lasting) % 3, bool((turn // 2) % 2)):
                            yield key, name, position, is_async, is_lasting


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


@pytest.mark.parametrize(("key", "name", "position", "is_async", "is_lasting"), list(choose_cases()), ids=describe)
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
    attempts = way.hook.open()[1].retry.max_attempts if line.tries is None else line.tries
    assert proxy.faulted == (attempts if fault.act else 0)
    assert proxy.pages == place - 1 + proxy.faulted
    assert len(way.logged) == (attempts - 1 if line.tries is None else 0)
    assert time.monotonic() - began >= fault.waits * (attempts - 1)
    if fault.row == LARGE:
        assert proxy.sent < 2 * 32 * 2**20  # and what the sockets hold
    way.check_nothing_published()
