from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_payments.http.rate_limit import RateLimiter


def test_turns_are_even_and_without_a_burst() -> None:
    rate_limiter = RateLimiter(4)
    assert [rate_limiter.reserve(100.0) for _ in range(4)] == [0, 0.25, 0.5, 0.75]
    assert rate_limiter.reserve(100.5) == 0.5  # the slot after the last one given out
    assert rate_limiter.reserve(200.0) == 0  # time that passed is not saved up
    assert rate_limiter.reserve(200.0) == 0.25


def test_no_pace_is_no_wait() -> None:
    rate_limiter = RateLimiter(None)
    assert [rate_limiter.reserve(now) for now in (5.0, 5.0, 6.0)] == [0, 0, 0]


def test_nobody_gets_a_turn_during_a_pause() -> None:
    rate_limiter = RateLimiter(4)
    assert [rate_limiter.reserve(100.0), rate_limiter.reserve(100.0)] == [0, 0.25]
    rate_limiter.pause(102.0)
    rate_limiter.pause(101.0)  # a shorter one changes nothing
    assert rate_limiter.claim(100.25) == 1.75  # it had got its slot before
    assert rate_limiter.reserve(100.5) == 1.75  # and the next one follows at the usual distance
    assert rate_limiter.claim(102.0) == 0


def test_who_wakes_up_late_does_not_come_close_to_the_next() -> None:
    rate_limiter = RateLimiter(4)
    rate_limiter.reserve(100.0)
    assert rate_limiter.reserve(100.0) == 0.25
    assert rate_limiter.claim(100.4) == 0
    assert rate_limiter.reserve(100.4) == pytest.approx(0.25)


def test_who_wake_up_late_together_do_not_start_together() -> None:
    rate_limiter = RateLimiter(4)
    assert [rate_limiter.reserve(100.0) for _ in range(3)] == [0, 0.25, 0.5]
    assert rate_limiter.claim(103.0) == 0
    assert rate_limiter.claim(103.0) == 0.25
    assert rate_limiter.claim(103.25) == 0


def test_threads_never_get_the_same_turn() -> None:
    rate_limiter, together = RateLimiter(10), threading.Barrier(8)

    def reserve(_: int) -> list[float]:
        together.wait(10)
        return [rate_limiter.reserve(0.0) for _ in range(100)]

    with ThreadPoolExecutor(8) as pool:
        slots = sorted(slot for slots in pool.map(reserve, range(8)) for slot in slots)
    assert slots == pytest.approx([number / 10 for number in range(800)])
