from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_payments.http.transport import Pacer, TransportOptions


def test_turns_are_even_and_without_a_burst() -> None:
    pacer = Pacer(4)
    assert [pacer.reserve(100.0) for _ in range(4)] == [0, 0.25, 0.5, 0.75]
    assert pacer.reserve(100.5) == 0.5  # the turn after the last one given out
    assert pacer.reserve(200.0) == 0  # time that passed is not saved up
    assert pacer.reserve(200.0) == 0.25


def test_no_pace_is_no_wait() -> None:
    pacer = Pacer(None)
    assert [pacer.reserve(now) for now in (5.0, 5.0, 6.0)] == [0, 0, 0]


def test_nobody_gets_a_turn_during_a_pause() -> None:
    pacer = Pacer(4)
    assert [pacer.reserve(100.0), pacer.reserve(100.0)] == [0, 0.25]
    pacer.pause(102.0)
    pacer.pause(101.0)  # a shorter one changes nothing
    assert pacer.take(100.25) == 1.75  # it had got its turn before
    assert pacer.reserve(100.5) == 1.75  # and the next one follows at the usual distance
    assert pacer.take(102.0) == 0


def test_who_wakes_up_late_does_not_come_close_to_the_next() -> None:
    pacer = Pacer(4)
    pacer.reserve(100.0)
    assert pacer.reserve(100.0) == 0.25
    assert pacer.take(100.4) == 0
    assert pacer.reserve(100.4) == pytest.approx(0.25)


def test_who_wake_up_late_together_do_not_start_together() -> None:
    pacer = Pacer(4)
    assert [pacer.reserve(100.0) for _ in range(3)] == [0, 0.25, 0.5]
    assert pacer.take(103.0) == 0
    assert pacer.take(103.0) == 0.25
    assert pacer.take(103.25) == 0


def test_threads_never_get_the_same_turn() -> None:
    pacer, together = Pacer(10), threading.Barrier(8)

    def reserve(_: int) -> list[float]:
        together.wait(10)
        return [pacer.reserve(0.0) for _ in range(100)]

    with ThreadPoolExecutor(8) as pool:
        turns = sorted(turn for turns in pool.map(reserve, range(8)) for turn in turns)
    assert turns == pytest.approx([number / 10 for number in range(800)])


@pytest.mark.parametrize(
    ("options", "environment", "proxy"),
    [
        ({}, {}, None),
        ({"proxies": {"https": "http://own:1"}}, {}, "http://own:1"),
        ({"proxies": {"all": "http://own:1"}}, {}, "http://own:1"),
        ({"proxies": {"http": "http://own:1"}}, {}, None),
        ({}, {"https_proxy": "http://env:1"}, "http://env:1"),
        ({}, {"all_proxy": "http://env:1"}, "http://env:1"),
        ({}, {"http_proxy": "http://env:1"}, None),
        ({"proxies": {"https": "http://own:1"}}, {"https_proxy": "http://env:1"}, "http://own:1"),
        ({"trust_env": False}, {"https_proxy": "http://env:1"}, None),
        ({}, {"https_proxy": "http://env:1", "no_proxy": "api.example.com"}, None),
        ({}, {"https_proxy": "http://env:1", "no_proxy": ".example.com"}, None),
        ({}, {"https_proxy": "http://env:1", "no_proxy": "other.com"}, "http://env:1"),
    ],
)
def test_a_connections_own_proxy_comes_before_the_environments(
    options: dict[str, object], environment: dict[str, str], proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert TransportOptions(**options).proxy_for("https://api.example.com/x") == proxy  # type: ignore[arg-type]


def test_proxies_are_not_shown() -> None:
    assert "s3cret" not in repr(TransportOptions(proxies={"https": "http://user:s3cret@proxy"}))
