"""Retry? And after how long? One decision for both clients."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

from airflow_provider_payments.exceptions import (
    PaymentsError,
    PaymentsNotAvailableYet,
    PaymentsThrottled,
    PaymentsUnavailable,
)

#: Thirty years. Four hundred digits would be infinity, which no JSON can carry to a trigger.
_LONGEST = 1e9
_LONGEST_RESET = 86_400.0
#: Seconds; see :class:`RetryPolicy`.
_LONGEST_STEP = 30.0
_LONGEST_RETRY_AFTER = 300.0
_LONGEST_IN_ALL = 600.0


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Read a ``Retry-After`` header, in seconds or as an HTTP date (RFC 9110, section 10.2.3), as seconds from now."""
    # Joined from several headers, the longest counts. A date has a comma of its own.
    texts = re.findall(r"(?:[A-Za-z]+,)?[^,]+", value or "")
    waits = [seconds for text in texts if (seconds := _parse_wait(text.strip(), now)) is not None]
    return min(max(waits), _LONGEST) if waits else None


def parse_reset(value: str | None, now: datetime) -> float | None:
    """Read a ``RateLimit-Reset`` header, in seconds or as an HTTP date, as seconds from now.

    None when it is further away than a day: then it is the number of a second since 1970, as some APIs have it. None,
    too, when it is not ahead: dates are whole seconds, and clocks differ, so that does not mean "at once".
    """
    wait = parse_retry_after(value, now)
    return wait if wait and wait <= _LONGEST_RESET else None


def _parse_wait(text: str, now: datetime) -> float | None:
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

    Retried are connection errors, statuses that may pass, and responses that mean "wait"; nothing else. Waits are
    random between 0 and a step that doubles each time ("full jitter"), of at most 30 s; after a response that means
    "wait" without saying how long, the wait is at least half of the step. A ``Retry-After`` is obeyed as it is, unless
    it is longer than 300 s: that is left to the task's own retry. No request is waited for longer than 600 s in all.

    :param max_attempts: attempts at one request, the first included.
    :param base_wait: the first step, in seconds. Half of it is the shortest wait for a response that means "wait".
    :param throttle_wait: seconds that are waited besides, after a response that means "wait" without saying how long.
    """

    max_attempts: int = 5
    base_wait: float = 1.0
    throttle_wait: float = 0.0

    def next_wait(self, attempt: int, waited: float, error: PaymentsError) -> float | None:
        """Return the seconds to wait before the next attempt; None when there is to be none.

        :param attempt: number of the attempt that failed, from 1.
        :param waited: seconds waited between the attempts so far.
        :param error: what it failed with.
        """
        is_passing = isinstance(error, PaymentsThrottled | PaymentsUnavailable)
        if attempt >= self.max_attempts or not is_passing or isinstance(error, PaymentsNotAvailableYet):
            return None
        wait = error.retry_after if isinstance(error, PaymentsThrottled) else None
        if not wait:  # a time that is past tells no more than none: clocks differ
            step = min(self.base_wait * 2 ** min(attempt - 1, 60), _LONGEST_STEP)
            is_throttled = isinstance(error, PaymentsThrottled)
            wait = random.uniform(step / 2 if is_throttled else 0.0, step)  # noqa: S311 - no secret
            wait += self.throttle_wait if is_throttled else 0.0
        elif wait > _LONGEST_RETRY_AFTER:
            return None
        return wait if waited + wait <= _LONGEST_IN_ALL else None
