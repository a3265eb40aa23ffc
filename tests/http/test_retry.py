from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

import pytest

from airflow_provider_payments.exceptions import (
    PaymentNotFound,
    PaymentsAuthError,
    PaymentsConfigError,
    PaymentsError,
    PaymentsProtocolError,
    PaymentsRequestError,
    PaymentsThrottled,
    PaymentsUnavailable,
)
from airflow_provider_payments.http.retry import RetryPolicy, parse_retry_after

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0),
        ("120", 120),
        (" 7 ", 7),
        ("Fri, 20 Nov 2026 12:00:30 GMT", 30),
        ("Fri, 20 Nov 2026 12:00:30 -0000", 30),
        ("Fri, 20 Nov 2026 13:00:30 +0100", 30),
        ("Friday, 20-Nov-26 12:00:30 GMT", 30),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", 1.5),
        ("1.", None),
        (".5", None),
        ("1e3", None),
        ("1 5", None),
        ("120s", None),
        ("120, 5", 120),
        ("5,120 ,soon", 120),
        ("-5, 7", 7),
        ("Fri, 20 Nov 2026 12:00:30 GMT, 7", 30),
        ("7, Fri, 20 Nov 2026 12:00:30 GMT", 30),
        ("٣", None),
        ("Fri, 99 Nov 2026 12:00:30 GMT", None),
        ("Fri, 20 Nov 2026 12:00:30 +99999999999999", None),
        ("9" * 400, 1e9),
    ],
)
def test_reads_retry_after(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, NOW) == seconds


class Attempts:
    """Fails with given errors, then succeeds; waits are noted and not waited."""

    def __init__(self, *errors: PaymentsError) -> None:
        self._errors = list(errors)
        self.made = 0
        self.waits: list[float] = []

    def run(self, policy: RetryPolicy) -> str:
        while True:
            self.made += 1
            if not self._errors:
                return "done"
            error = self._errors.pop(0)
            wait = policy.next_wait(self.made, sum(self.waits), error)
            if wait is None:
                raise error
            self.waits.append(wait)


DOWN = PaymentsUnavailable("down.")


@pytest.mark.parametrize("error", [DOWN, PaymentsThrottled("wait."), PaymentsThrottled("wait.", 0)])
def test_retries_what_may_pass(error: PaymentsError) -> None:
    attempts = Attempts(error, error)
    assert (attempts.run(RetryPolicy()), attempts.made, len(attempts.waits)) == ("done", 3, 2)


@pytest.mark.parametrize(
    "error",
    [
        PaymentsAuthError("no"),
        PaymentsConfigError("no"),
        PaymentsRequestError("no", 400),
        PaymentNotFound("no", 404),
        PaymentsProtocolError("no"),
    ],
)
def test_retries_nothing_else(error: PaymentsError) -> None:
    attempts = Attempts(error)
    with pytest.raises(type(error)) as caught:
        attempts.run(RetryPolicy())
    assert caught.value is error
    assert (attempts.made, attempts.waits) == (1, [])


@pytest.mark.parametrize("max_attempts", [1, 2, 5])
def test_gives_up_with_the_last_error(max_attempts: int) -> None:
    errors = [PaymentsUnavailable(str(number)) for number in range(10)]
    attempts = Attempts(*errors)
    with pytest.raises(PaymentsUnavailable) as caught:
        attempts.run(RetryPolicy(max_attempts=max_attempts))
    assert caught.value is errors[max_attempts - 1]
    assert (attempts.made, len(attempts.waits)) == (max_attempts, max_attempts - 1)


def test_obeys_retry_after_exactly() -> None:
    attempts = Attempts(
        PaymentsThrottled("wait.", 17), PaymentsThrottled("wait.", 300), PaymentsThrottled("wait.", 0.1)
    )
    attempts.run(RetryPolicy())
    assert attempts.waits == [17, 300, 0.1]


def test_a_time_that_is_past_does_not_say_how_long() -> None:
    attempts = Attempts(PaymentsThrottled("wait.", 0), PaymentsThrottled("wait.", 0.0))
    attempts.run(RetryPolicy(base_wait=8))
    assert [4 <= attempts.waits[0] <= 8, 8 <= attempts.waits[1] <= 16] == [True, True]


@pytest.mark.parametrize("seconds", [301, 1e9, float("inf")])
def test_leaves_a_long_wait_to_the_task(seconds: float) -> None:
    attempts = Attempts(PaymentsThrottled("wait.", 1), PaymentsThrottled("wait.", seconds))
    with pytest.raises(PaymentsThrottled) as caught:
        attempts.run(RetryPolicy())
    assert (caught.value.retry_after, attempts.waits) == (seconds, [1])


@pytest.mark.parametrize(
    ("asked", "waited"), [([250, 250, 250], [250, 250]), ([300, 300, 1], [300, 300]), ([300, 299, 1, 1], [300, 299, 1])]
)
def test_waits_no_longer_than_the_budget_in_all(asked: Sequence[float], waited: Sequence[float]) -> None:
    attempts = Attempts(*(PaymentsThrottled("wait.", seconds) for seconds in asked))
    with pytest.raises(PaymentsThrottled):
        attempts.run(RetryPolicy(max_attempts=10))
    assert attempts.waits == waited


def test_own_waits_are_random_below_a_bound_that_doubles() -> None:
    policy = RetryPolicy(max_attempts=8)
    seen = []
    for _ in range(200):
        attempts = Attempts(*[DOWN] * 7)
        attempts.run(policy)
        seen.append(attempts.waits)
    for waits, bound in zip(zip(*seen, strict=True), [1, 2, 4, 8, 16, 30, 30], strict=True):
        assert min(waits) >= 0
        assert max(waits) <= bound
        assert min(waits) < bound / 4  # the whole range is used: of 200 draws some are small, and some large
        assert max(waits) > bound * 3 / 4


def test_a_wait_that_is_not_said_is_no_short_one() -> None:
    policy = RetryPolicy(max_attempts=8)
    seen = []
    for _ in range(200):
        attempts = Attempts(*[PaymentsThrottled("wait.")] * 7)
        attempts.run(policy)
        seen.append(attempts.waits)
    for waits, step in zip(zip(*seen, strict=True), [1, 2, 4, 8, 16, 30, 30], strict=True):
        assert min(waits) >= max(step / 2, 0.5)
        assert max(waits) <= step
        assert max(waits) - min(waits) > step / 6  # random all the same, for many may be waiting


def test_a_wait_that_is_not_said_is_at_least_what_the_api_documents() -> None:
    policy = RetryPolicy(throttle_wait=30.0)
    attempts = Attempts(PaymentsThrottled("wait."), PaymentsThrottled("wait.", 2), DOWN)
    attempts.run(policy)
    assert 30.5 <= attempts.waits[0] <= 31
    assert attempts.waits[1] == 2
    assert attempts.waits[2] <= 4


def test_own_waits_count_towards_the_budget() -> None:
    policy = RetryPolicy(max_attempts=1000)
    attempts = Attempts(*[DOWN] * 999)
    with pytest.raises(PaymentsUnavailable):
        attempts.run(policy)
    assert 570 <= sum(attempts.waits) <= 600
