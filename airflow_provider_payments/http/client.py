"""What the two HTTP clients share: how they are set up, and what they fetch pages of."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from airflow_provider_payments.exceptions import (
    PaymentsError,
    PaymentsRequestError,
    PaymentsThrottled,
)
from airflow_provider_payments.http.auth import Auth
from airflow_provider_payments.http.errors import ErrorMapper
from airflow_provider_payments.http.messages import Request, Response
from airflow_provider_payments.http.options import TransportOptions
from airflow_provider_payments.http.rate_limit import RateLimiter
from airflow_provider_payments.http.retry import RetryPolicy

T_co = TypeVar("T_co", covariant=True)
StepT = TypeVar("StepT")
#: A response, or the API's refusal.
Outcome = Response | PaymentsRequestError
#: Bytes of a page that are worth holding in memory, so that requests need not wait for a page that is late.
_SHORT = 262_144


async def _mask_nothing(secrets: Sequence[str]) -> None:
    """Where no logs are masked."""


@dataclass(frozen=True)
class ClientConfig:
    """All that an HTTP client has to know of one API behind one connection.

    :param raise_for_error: raises the error that the response to a request means, if it means one.
    :param log: called with a line for the log at every retry.
    :param mask: called with secrets that became known, in the thread that called the client.
    :param amask: the same, awaited.
    """

    auth: Auth
    error_mapper: ErrorMapper
    raise_for_error: Callable[[Request, Response], None]
    options: TransportOptions
    retry: RetryPolicy
    rate_limiter: RateLimiter
    log: Callable[[str], None]
    mask: Callable[[Sequence[str]], None] = lambda secrets: None
    amask: Callable[[Sequence[str]], Awaitable[None]] = _mask_nothing

    def announce_retry(self, error: PaymentsError, attempt: int, wait: float) -> None:
        """Log a retry; when the API has asked to wait, let all requests of the connection wait.

        :param error: why the request is tried again.
        :param attempt: number of the attempt that failed, from 1.
        :param wait: seconds until the next one.
        """
        if isinstance(error, PaymentsThrottled):
            self.rate_limiter.pause(time.monotonic() + wait)
        self.log(f"{error} Attempt {attempt + 1} in {wait:.1f} s.")


def useful_ahead(max_concurrency: int) -> int:
    """Return how many pages are useful to ask for at once, which are more than the requests that may be under way.

    Pages are received in order, so a late one holds up those that have come after it. While these wait for it, as many
    requests as permitted stay under way.
    """
    return 2 * max_concurrency - 1


def most_ahead(max_concurrency: int, outcome: Outcome) -> int:
    """Return how many pages may be asked for and not be received yet, after one of them has been received.

    Where pages are long, none wait for a late one: they take memory.
    """
    is_short = not isinstance(outcome, Response) or len(outcome.body) <= _SHORT
    return useful_ahead(max_concurrency) if is_short else max_concurrency


class PageSource(Protocol[StepT, T_co]):
    """What a client fetches pages of, for example a list.

    A step stands for one page to fetch; what it is, only the source knows (in a listing it is a ``PageRequest``).
    """

    def first_steps(self) -> Iterable[StepT]:
        """Return the steps to begin with."""

    def request(self, step: StepT) -> Request:
        """Return the request of a step."""

    def is_urgent(self, step: StepT) -> bool:
        """Return whether a step is sent, and its response received, before all steps that wait, as a page whose place
        the API forgets after some minutes: meanwhile others would be yielded, and the caller takes its time."""

    def receive(self, step: StepT, response: Outcome) -> tuple[Sequence[T_co], Iterable[StepT]]:
        """Read a step's response; return what it holds, and the steps that follow. Called in the order of the steps."""
