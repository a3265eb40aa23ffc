"""Retry? And after how long? One decision for both drivers."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

import tenacity

from airflow_provider_payments.exceptions import PaymentsThrottled, PaymentsUnavailable

#: Thirty years. Four hundred digits would be infinity, which no JSON can carry to a trigger.
_LONGEST = 1e9


def read_retry_after(value: str | None, now: datetime) -> float | None:
    """Read a ``Retry-After`` header, in seconds or as an HTTP date (RFC 9110, section 10.2.3), as seconds from now."""
    # Joined from several headers, the longest counts. A date has a comma of its own.
    texts = re.findall(r"(?:[A-Za-z]+,)?[^,]+", value or "")
    waits = [seconds for text in texts if (seconds := _read_wait(text.strip(), now)) is not None]
    return min(max(waits), _LONGEST) if waits else None


def _read_wait(text: str, now: datetime) -> float | None:
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):  # a fraction is not the standard's, but there are servers
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
        return max((moment - now).total_seconds(), 0.0)
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True)
class RetryPolicy:
    """When to try a request again.

    Retried are connection errors, statuses that may pass, and replies that mean "wait"; nothing else. Waits are random
    between 0 and an exponentially growing bound ("full jitter"); a ``Retry-After`` is obeyed instead. A reply that
    means "wait" without saying how long is waited for at least half of the bound.

    :param max_attempts: attempts at one request, the first included.
    :param base_wait: bound of the first wait, in seconds; doubled each time.
    :param max_wait: no wait of ours is longer, in seconds.
    :param least_wait: no wait for a reply that means "wait" without saying how long is shorter, in seconds.
    :param max_retry_after: a longer ``Retry-After`` is left to the task's own retry, in seconds.
    :param budget: no more than this is waited for one request in all, in seconds.
    """

    max_attempts: int = 5
    base_wait: float = 1.0
    max_wait: float = 30.0
    least_wait: float = 0.5
    max_retry_after: float = 300.0
    budget: float = 600.0

    def tenacity_arguments(self, log: Callable[[str], None], pause: Callable[[float], None]) -> dict[str, Any]:
        """Return the arguments that ``tenacity.Retrying`` and ``tenacity.AsyncRetrying`` share.

        :param log: told of every retry.
        :param pause: told for how many seconds the API has asked to wait.
        """

        def wait(state: tenacity.RetryCallState) -> float:
            error = _error(state)
            retry_after = _retry_after(error)
            if retry_after is not None:
                return retry_after
            bound = min(self.base_wait * 2 ** min(state.attempt_number - 1, 60), self.max_wait)
            if isinstance(error, PaymentsThrottled):
                return max(random.uniform(bound / 2, bound), self.least_wait)  # noqa: S311 - no secret
            return random.uniform(0, bound)  # noqa: S311

        def give_up(state: tenacity.RetryCallState) -> bool:
            retry_after = _retry_after(_error(state)) or 0.0
            return (
                state.attempt_number >= self.max_attempts
                or retry_after > self.max_retry_after
                or state.idle_for + max(state.upcoming_sleep, retry_after) > self.budget
            )

        def announce(state: tenacity.RetryCallState) -> None:
            if isinstance(_error(state), PaymentsThrottled):
                pause(state.upcoming_sleep)
            log(f"{_error(state)} Attempt {state.attempt_number + 1} in {state.upcoming_sleep:.1f} s.")

        return {
            "retry": tenacity.retry_if_exception_type((PaymentsThrottled, PaymentsUnavailable)),
            "wait": wait,
            "stop": give_up,
            "before_sleep": announce,
            "reraise": True,
        }


def _error(state: tenacity.RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _retry_after(error: BaseException | None) -> float | None:
    return error.retry_after if isinstance(error, PaymentsThrottled) else None
