"""Failures that need a place of their own: another host, no host, much memory, several pages at once."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest

from airflow_provider_payments.exceptions import (
    PaymentsError,
    PaymentsProtocolError,
    PaymentsThrottled,
    PaymentsUnavailable,
)
from tests.faults.conftest import Way
from tests.faults.faults import FAULTS, NAMES, RENEWING, answer_as_another, bomb, status
from tests.faults.page import LINES
from tests.faults.proxy import Exchange, Proxy
from tests.hooks.facts import FACTS
from tests.http.server import Server

MIB = 2**20
Make = Callable[..., Way]

#: Where those that issue keys do so.
TOKEN_ROUTES = ["/o/token/", "/users/auth", "/v1/oauth2/token"]


@pytest.mark.parametrize("name", NAMES)
def test_a_host_that_nobody_knows(name: str, is_async: bool, proxy: Proxy, make_way: Make) -> None:
    way = make_way(name, proxy, is_async=is_async, host="https://payments.invalid")
    with pytest.raises(PaymentsUnavailable, match=r"no reply from https://payments\.invalid") as caught:
        way.take()
    assert way.secret not in str(caught.value)
    assert len(way.logged) == 2
    way.check_nothing_published()


@pytest.mark.parametrize("turn", range(3))
@pytest.mark.parametrize("name", NAMES)
def test_credentials_do_not_follow_a_redirect(
    name: str, turn: int, is_async: bool, proxy: Proxy, make_way: Make
) -> None:
    number = [301, 307, 308][turn]
    with Server() as elsewhere:
        location = [f"{elsewhere.origin}/x", f"//{elsewhere.origin.removeprefix('http://')}/x", elsewhere.origin][turn]
        way = make_way(name, proxy, is_async=is_async)
        proxy.begin(way.route, turn + 1, status(number, Location=location), is_lasting=True)
        with pytest.raises(PaymentsProtocolError, match="redirects to") as caught:
            way.take()
        assert elsewhere.calls == []
    assert way.secret not in str(caught.value)
    assert proxy.faulted == 1
    way.check_nothing_published()


@pytest.mark.parametrize("key", ["500 MB", "500 MB without length", "gzip bomb"])
def test_memory_does_not_grow_by_what_is_sent(key: str, is_async: bool, proxy: Proxy, make_way: Make) -> None:
    bomb()
    way = make_way("spacepay", proxy, is_async=is_async)
    proxy.begin(way.route, 2, FAULTS[key].act, is_lasting=True)
    tracemalloc.start()
    try:
        with pytest.raises(PaymentsProtocolError):
            way.take()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 110 * MIB  # 32 in pieces, as much in one piece, and a few of the proxy's


LOOK_ALIKES = {("hotpay", "gocardless"), ("hotpay", "square"), ("satispay", "stripe"), ("stripe", "satispay")}
"""The first takes pages of the second for its own: they are alike, and no field of a row has to be there but its id."""
OTHERS = [
    (name, (list(FACTS).index(other) - number) % len(FACTS))
    for number, name in enumerate(FACTS)
    for other in FACTS
    if other != name and (name, other) not in LOOK_ALIKES
]


@pytest.mark.parametrize(("name", "step"), OTHERS)
def test_no_api_is_taken_for_another(name: str, step: int, is_async: bool, proxy: Proxy, make_way: Make) -> None:
    def answer(exchange: Exchange) -> object:
        return answer_as_another(exchange, step)

    way = make_way(name, proxy, is_async=is_async)
    proxy.begin(way.route, 1, answer, is_lasting=True)
    with pytest.raises(PaymentsProtocolError):
        way.take()
    assert proxy.faulted == 1
    way.check_nothing_published()


@pytest.mark.parametrize("key", ["reset", "noise", "html", "truncated", "gzip bomb", "500", "429", "403", "209"])
@pytest.mark.parametrize(("name", "route"), [*zip(RENEWING, TOKEN_ROUTES, strict=True)])
def test_the_request_for_a_key_is_like_any_other(
    name: str, route: str, key: str, is_async: bool, proxy: Proxy, make_way: Make
) -> None:
    fault = FAULTS[key]
    line = LINES[fault.row]
    way = make_way(name, proxy, is_async=is_async)
    proxy.begin(route, 1, fault.act, is_lasting=True)
    with pytest.raises(line.error) as caught:
        way.take()
    assert type(caught.value) is line.error
    assert way.secret not in str(caught.value)
    assert proxy.faulted == (line.tries or way.hook.resolve()[1].retry.max_attempts)
    way.check_nothing_published()
    if line.tries is None:
        way = make_way(name, proxy, is_async=is_async)
        proxy.begin(route, 1, fault.act)
        assert way.take() == way.right_ids()


SIDE_BY_SIDE = ["reset", "noise", "500", "429", "html", "403/70 of Satispay", "401 of a token"]


@pytest.mark.parametrize(("key", "name"), [(key, name) for key in SIDE_BY_SIDE for name in FAULTS[key].names])
def test_several_pages_at_once(key: str, name: str, is_async: bool, proxy: Proxy, make_way: Make) -> None:
    """What befalls one page passes; what befalls all ends in one error, after few requests."""
    settings = {"max_concurrency": 4, "max_attempts": 3, "page_size": 2}
    way = make_way(name, proxy, is_async=is_async, extra=settings)
    if key != "html":
        proxy.begin(way.route, 2, FAULTS[key].act)
        assert way.take() == way.right_ids()
        assert proxy.faulted == 1
    proxy.begin(way.route, 2, FAULTS[key].act, is_lasting=True)
    with pytest.raises(PaymentsError):
        way.take()
    assert proxy.faulted <= settings["max_concurrency"] * settings["max_attempts"]
    way.check_nothing_published()


@pytest.mark.parametrize("name", ["cryptofuse", "spacepay"])
def test_waits_longer_than_the_budget_are_left_to_the_task(
    name: str, is_async: bool, proxy: Proxy, make_way: Make
) -> None:
    """One wait is obeyed up to 300 s; this one is a second longer."""
    way = make_way(name, proxy, is_async=is_async)
    proxy.begin(way.route, 1, status(429, Retry_After="301"), is_lasting=True)
    with pytest.raises(PaymentsThrottled) as caught:
        way.take()
    assert (caught.value.retry_after, proxy.faulted, way.logged) == (301, 1, [])
