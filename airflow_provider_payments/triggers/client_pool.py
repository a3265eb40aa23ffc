"""A pool of API clients: one HTTP session for each connection, shared by all triggers of a process.

A thousand sensors then share sockets, an access token, a parsed private key, the connection's rate limit, and an API's
request to wait.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

from airflow_provider_payments._compat import AirflowNotFoundException
from airflow_provider_payments._supervisor import get_connection_async
from airflow_provider_payments.api.base import PaymentsApi
from airflow_provider_payments.arguments import missing_connection
from airflow_provider_payments.exceptions import (
    PaymentsAuthError,
    PaymentsConfigError,
    PaymentsError,
    PaymentsThrottled,
    PaymentsUnavailable,
)
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.http.async_client import AsyncClient
from airflow_provider_payments.http.async_session import open_client_session
from airflow_provider_payments.http.rate_limit import RateLimiter
from airflow_provider_payments.listing.lookup import Lookup
from airflow_provider_payments.listing.run import alook_up
from airflow_provider_payments.waiting.condition import ONE_ATTEMPT

if TYPE_CHECKING:
    from airflow_provider_payments._compat import Connection

T = TypeVar("T")

#: Polls that a process begins in a second, and polls of one client that are under way, at most: a thousand at once
#: would hold up the event loop.
POLLS_PER_SECOND = 200
MAX_POLLS = 32
_AS_MANY_AS_NEEDED = 0


class ConnectionUnreadable(PaymentsUnavailable):
    """Airflow cannot read the connection at the moment: its database or its API does not answer."""


class ConnectionOutdated(Exception):
    """The Airflow connection was edited after this client was opened."""


@dataclass
class PooledClient:
    """A client of one payment API, shared by the triggers of a connection.

    :param api: the API behind the connection.
    :param fingerprint: hash of the connection's fields when the client was opened.
    """

    api: PaymentsApi
    fingerprint: str
    _client: AsyncClient
    _polls: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_POLLS))
    _silent_until: float = 0.0

    @asynccontextmanager
    async def slot(self, *, is_long_poll: bool = False) -> AsyncIterator[None]:
        """Wait for a slot: no two polls of a process begin at the same moment, and not too many are under way.

        So polls that were due at the same time spread out, and stay spread.

        :param is_long_poll: whether the API is asked to hold its reply. Such a poll does not count as under way.
        """
        rate_limiter = _rate_limiters.setdefault(asyncio.get_running_loop(), RateLimiter(POLLS_PER_SECOND))
        await asyncio.sleep(rate_limiter.reserve(time.monotonic()))
        async with AsyncExitStack() as stack:
            if not is_long_poll:
                await stack.enter_async_context(self._polls)
            yield

    async def ask(self, poll: Callable[[PaymentsApi], Lookup[T]]) -> T:
        """Answer a poll, each request sent once.

        :raises ConnectionOutdated: when the credentials are refused, and the connection has been changed meanwhile.
        """
        try:
            return await alook_up(poll(self.api), self._client)
        except (PaymentsAuthError, PaymentsUnavailable) as error:
            is_refused = isinstance(error, PaymentsAuthError) or error.status == 401  # of a key that was good before
            if is_refused and await _is_outdated(self):
                raise ConnectionOutdated from None
            raise
        except PaymentsThrottled as error:
            if error.retry_after:
                self._silent_until = max(self._silent_until, time.monotonic() + error.retry_after)
            raise

    def retry_after(self, interval: float) -> float:
        """Return the seconds that are left of the wait that the API asked for, 0.0 when none are.

        :param interval: seconds over which the triggers spread out afterwards, at random.
        """
        silence = self._silent_until - time.monotonic()
        return silence + random.uniform(0, interval) if silence > 0 else 0.0  # noqa: S311 - no secret


@dataclass
class _PoolEntry:
    """A client, and how many triggers use it."""

    users: int = 0
    client: PooledClient | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)


_rate_limiters: WeakKeyDictionary[asyncio.AbstractEventLoop, RateLimiter] = WeakKeyDictionary()
_pool: dict[tuple[asyncio.AbstractEventLoop, str, str], _PoolEntry] = {}


@asynccontextmanager
async def acquire_client(payments_conn_id: str) -> AsyncIterator[PooledClient]:
    """Acquire the client of a connection; it is opened for the first trigger and closed after the last.

    :raises PaymentsConfigError: when there is no such connection, or it is none of a payment company, or lacks
        something.
    :raises ConnectionUnreadable: when it cannot be read at the moment.
    """
    connection = await _read(payments_conn_id)
    # A connection that was changed meanwhile is another one.
    key = (asyncio.get_running_loop(), payments_conn_id, _fingerprint(connection))
    entry = _pool.setdefault(key, _PoolEntry())
    entry.users += 1
    try:
        async with entry.lock:
            if entry.client is None:
                entry.client = await _open(connection, entry.stack)
        yield entry.client
    finally:
        entry.users -= 1
        if not entry.users:
            del _pool[key]
            await entry.stack.aclose()


async def _open(connection: Connection, stack: AsyncExitStack) -> PooledClient:
    # In a thread, for finding the hook may import all providers.
    hook = await asyncio.to_thread(connection.get_hook)
    if not isinstance(hook, PaymentsHook):
        raise PaymentsConfigError(f"Connection {connection.conn_id!r} is not of a payment company's type.")
    hook.use_connection(connection)
    api, config = await hook.aresolve()
    # A connection that sets max_concurrency means all requests of this process; else each sensor has its own share.
    max_sockets = config.options.max_concurrency if api.credentials.value("max_concurrency") is not None else None
    session = open_client_session(config.options, max_sockets or _AS_MANY_AS_NEEDED)
    await stack.enter_async_context(session)
    return PooledClient(api, _fingerprint(connection), AsyncClient(replace(config, retry=ONE_ATTEMPT), session))


async def _is_outdated(client: PooledClient) -> bool:
    """Whether the connection is known to have changed since the client was opened."""
    try:
        return _fingerprint(await _read(client.api.credentials.connection_id)) != client.fingerprint
    except PaymentsError:
        return False


async def _read(conn_id: str) -> Connection:
    try:
        return await get_connection_async(conn_id)
    except AirflowNotFoundException:
        raise missing_connection("payments_conn_id", conn_id) from None
    except Exception as error:
        raise ConnectionUnreadable(f"Connection {conn_id!r} cannot be read: {type(error).__name__}.") from error


def _fingerprint(connection: Connection) -> str:
    parts = (connection.conn_type, connection.host, connection.port, connection.schema)
    secrets = (connection.login, connection.password, connection.extra)
    return hashlib.sha256(repr((*parts, *secrets)).encode()).hexdigest()
