"""How requests travel: what both drivers are told about a connection, and how they pace themselves."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from airflow_provider_payments import __version__
from airflow_provider_payments.exceptions import (
    PaymentsConfigError,
    PaymentsError,
    PaymentsRequestError,
    PaymentsThrottled,
)
from airflow_provider_payments.http.auth import Auth
from airflow_provider_payments.http.errors import Judge
from airflow_provider_payments.http.messages import Reply, Request
from airflow_provider_payments.http.redaction import Unpicklable, proxy_secrets
from airflow_provider_payments.http.retry import RetryPolicy

USER_AGENT = f"airflow-provider-payments/{__version__}"

T_co = TypeVar("T_co", covariant=True)
StepT = TypeVar("StepT")


@dataclass(frozen=True, slots=True)
class TransportOptions(Unpicklable):
    """How to send requests.

    :param connect_timeout: seconds to wait for a connection.
    :param read_timeout: seconds to wait for the next bytes of a reply.
    :param reply_timeout: seconds until the whole reply must be there, however steadily it drips.
    :param verify: whether to verify TLS certificates, or a file with certificate authorities.
    :param cert: client certificate: one file, or certificate and key.
    :param proxies: proxy URLs by scheme, ``all``, or scheme and host (``https://api.example.com``).
    :param trust_env: whether the environment's proxies and authorities count where the connection names none.
    :param max_concurrency: requests that may be under way at once.
    :param requests_per_second: None is as fast as the API answers.
    """

    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    reply_timeout: float = 300.0
    verify: bool | str = True
    cert: str | tuple[str, str] | None = None
    proxies: Mapping[str, str] = field(default_factory=dict, repr=False)
    trust_env: bool = True
    max_concurrency: int = 4
    requests_per_second: float | None = None

    def proxy_for(self, url: str) -> str | None:
        """Return the proxy for a URL: the connection's own, else the environment's."""
        from urllib.request import getproxies, proxy_bypass

        own = _choose_proxy(self.proxies, url)
        if own or not self.trust_env or proxy_bypass(urlsplit(url).netloc):
            return own
        proxy = _choose_proxy(getproxies(), url)
        if proxy and not is_http_proxy(proxy):  # the drivers' libraries would pass it by, or try again and again
            raise PaymentsConfigError(
                "The proxy in the environment is not the URL of an HTTP proxy. Name one in the connection's extra "
                "('proxies'), or set 'trust_env' there to false."
            )
        return proxy

    @property
    def authorities(self) -> bool | str:
        """What is to verify certificates: the connection's own choice, else the environment's, else the usual ones."""
        if self.verify is True and self.trust_env:
            return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
        return self.verify

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every text that must not show up in a message."""
        return tuple(secret for url in self.proxies.values() for secret in proxy_secrets(url))


def is_http_proxy(url: str) -> bool:
    """Whether both drivers can use a proxy."""
    try:
        place = urlsplit(url if "://" in url else f"http://{url}")
        return place.scheme in ("http", "https") and bool(place.hostname) and (place.port or 1) > 0
    except ValueError:
        return False


def _choose_proxy(proxies: Mapping[str, str], url: str) -> str | None:
    place = urlsplit(url)
    found = (proxies.get(key) for key in (f"{place.scheme}://{place.hostname}", place.scheme, "all"))
    proxy = next(filter(None, found), None)
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


class Pacer:
    """Gives out evenly spaced turns, without a burst, and none while the API has asked to wait.

    Times are those of one monotonic clock, in seconds.
    """

    def __init__(self, per_second: float | None) -> None:
        self._interval = 1 / per_second if per_second else 0.0
        self._next = 0.0
        self._last = float("-inf")
        self._pause_ends = 0.0
        self._lock = threading.Lock()

    def reserve(self, now: float) -> float:
        """Take the next turn and return the seconds until then."""
        with self._lock:
            turn = max(now, self._next, self._pause_ends)
            self._next = turn + self._interval
            if turn == now:
                self._last = now
            return turn - now

    def take(self, now: float) -> float:
        """Begin a turn whose time has come. Return 0, or for how many seconds it was put off meanwhile.

        A pause may have come between; or the turn before was begun late, and keeps its distance.
        """
        with self._lock:
            if now >= self._pause_ends:
                too_early = self._last + self._interval - now
                if too_early > 0:
                    return too_early
                self._last = now
                self._next = max(self._next, now + self._interval)
                return 0.0
        return self.reserve(now)

    def pause(self, until: float) -> None:
        """Give out no turn before a time, to no request of the connection."""
        with self._lock:
            self._pause_ends = max(self._pause_ends, until)


async def _tell_nobody(secrets: Sequence[str]) -> None:
    """Where no logs are masked."""


@dataclass(frozen=True)
class Conversation:
    """Everything a driver has to know of one API behind one connection.

    :param check: raises the error that the reply to a request means, if it means one.
    :param log: told of every retry.
    :param mask: told of secrets that became known, in the thread that called the driver.
    :param amask: the same, awaited.
    """

    auth: Auth
    judge: Judge
    check: Callable[[Request, Reply], None]
    options: TransportOptions
    retry: RetryPolicy
    pacer: Pacer
    log: Callable[[str], None]
    mask: Callable[[Sequence[str]], None] = lambda secrets: None
    amask: Callable[[Sequence[str]], Awaitable[None]] = _tell_nobody

    def announce_retry(self, error: PaymentsError, attempt: int, wait: float) -> None:
        """Log a retry; when the API has asked to wait, let all requests of the connection wait.

        :param error: why the request is tried again.
        :param attempt: number of the attempt that failed, from 1.
        :param wait: seconds until the next one.
        """
        if isinstance(error, PaymentsThrottled):
            self.pacer.pause(time.monotonic() + wait)
        self.log(f"{error} Attempt {attempt + 1} in {wait:.1f} s.")


class Walk(Protocol[StepT, T_co]):
    """A listing's pages, as drivers see them."""

    def first_steps(self) -> Iterable[StepT]:
        """Return the steps to begin with."""

    def request(self, step: StepT) -> Request:
        """Return the request of a step."""

    def receive(self, step: StepT, reply: Reply | PaymentsRequestError) -> tuple[Sequence[T_co], Iterable[StepT]]:
        """Take a step's reply; return what it holds, and the steps that follow. Called in the order of the steps."""
