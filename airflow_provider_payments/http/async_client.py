"""The client for triggers and other async callers: ``aiohttp``. The twin of ``sync_client``, awaited."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from functools import partial
from typing import ParamSpec, TypeVar

import aiohttp
from yarl import URL

from airflow_provider_payments.exceptions import PaymentsError, PaymentsRequestError
from airflow_provider_payments.http.async_session import timeouts
from airflow_provider_payments.http.auth import AuthFlow, advance
from airflow_provider_payments.http.body import (
    MAX_HEADERS,
    Body,
    BodyTooLarge,
    BodyUnreadable,
    ResponseTooSlow,
    check_framing,
)
from airflow_provider_payments.http.client import ClientConfig, Outcome, PageSource, most_ahead
from airflow_provider_payments.http.messages import Request, Response, parse_headers
from airflow_provider_payments.http.request_tasks import RequestTasks

T = TypeVar("T")
StepT = TypeVar("StepT")
P = ParamSpec("P")
Exchange = tuple[Request, Response]
#: Bytes of JSON that take about a millisecond to decode and normalise.
LARGE = 32_768


async def compute(size: int, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function: in a thread when decoding takes so long that it would hold up the event loop, else directly.

    Not always in a thread, for threads hold up the event loop as well: each time it wakes up, it has to wait for them.

    :param size: bytes to decode.
    """
    return await asyncio.to_thread(function, *args, **kwargs) if size >= LARGE else function(*args, **kwargs)


def len_of(responses: Iterable[object]) -> int:
    """Return the number of bytes in the bodies of those values that are responses."""
    return sum(len(response.body) for response in responses if isinstance(response, Response))


class AsyncClient:
    """Sends requests, retries them, and fetches pages.

    :param config: how to speak to the API.
    :param session: see ``async_session.open_client_session``.
    """

    def __init__(self, config: ClientConfig, session: aiohttp.ClientSession) -> None:
        self._config = config
        self._session = session
        self._auth_lock = asyncio.Lock()
        self._masked = config.auth.secrets
        # As many as the client has sockets: waiting for one of them is not part of a response's time.
        self._sockets = asyncio.Semaphore((session.connector.limit if session.connector else 0) or sys.maxsize)
        #: Requests sent so far, those for tokens and repeated ones included.
        self.requests = 0

    async def send(self, request: Request) -> Response:
        """Send a request until it is answered, at most as often as the retry policy says."""
        attempt, waited = 1, 0.0
        while True:
            try:
                return await self._attempt(request)
            except PaymentsError as error:
                seconds = self._config.retry.next_wait(attempt, waited, error)
                if seconds is None:
                    raise
                self._config.announce_retry(error, attempt, seconds)
            await asyncio.sleep(seconds)
            attempt, waited = attempt + 1, waited + seconds

    async def fetch_pages(
        self, source: PageSource[StepT, T], *, ahead: bool = True
    ) -> AsyncGenerator[Sequence[T], None]:
        """Yield what each page holds, in the order of the steps, urgent ones first; up to ``max_concurrency`` requests
        are under way.

        A caller who does not read to the end closes the generator: then nothing is under way any more.

        :param ahead: whether what follows from a page is asked for before the page is yielded.
        """
        steps = deque(source.first_steps())
        asked: deque[tuple[StepT, asyncio.Future[Outcome]]] = deque()
        limit = most = self._config.options.max_concurrency
        tasks: RequestTasks[Outcome] = RequestTasks(limit)

        def fill() -> None:
            while steps and len(asked) < most:
                step = steps.popleft()
                is_urgent = source.is_urgent(step)
                future = tasks.submit(partial(self._fetch, source.request(step)), is_urgent=is_urgent)
                asked.insert(0 if is_urgent else len(asked), (step, future))

        try:
            fill()
            while asked:
                step, future = asked[0]
                outcome = await future
                asked.popleft()
                most = most_ahead(limit, outcome) if ahead else limit
                found, following = await compute(len_of([outcome]), source.receive, step, outcome)
                for each in following:
                    steps.insert(0 if source.is_urgent(each) else len(steps), each)
                if ahead:
                    fill()  # before yielding, so that waiting and the caller's work overlap
                yield found
                fill()
        finally:
            await tasks.close()

    async def _fetch(self, request: Request) -> Outcome:
        try:
            return await self.send(request)
        except PaymentsRequestError as refusal:
            return refusal

    async def _attempt(self, request: Request) -> Response:
        flow = self._config.auth.auth_flow(request)
        outgoing, last = await self._next_request(flow, None)
        while outgoing is not None:
            outgoing, last = await self._next_request(flow, (outgoing, await self._exchange(outgoing)))
        assert last is not None  # noqa: S101 - a flow yields at least once
        self._config.raise_for_error(*last)
        return last[1]

    async def _next_request(self, flow: AuthFlow, last: Exchange | None) -> tuple[Request | None, Exchange | None]:
        """Go on to the flow's next request that is not exclusive, and return the last exchange before it."""
        # One flow at a time, so that the others find the key that the first one got.
        async with self._auth_lock:
            size = LARGE if self._config.auth.is_slow else 0
            outgoing = await compute(size, advance, flow, last[1] if last else None)
            while outgoing is not None and outgoing.is_exclusive:
                last = (outgoing, await self._exchange(outgoing))
                outgoing = await compute(size, advance, flow, last[1])
                await self._mask()
        return outgoing, last

    async def _mask(self) -> None:
        """Tell of keys that were issued since."""
        secrets = self._config.auth.secrets
        if secrets != self._masked:
            self._masked = secrets
            await self._config.amask(secrets)

    async def _exchange(self, request: Request) -> Response:
        await self._wait_for_slot()
        self.requests += 1
        options = self._config.options
        try:
            async with (
                self._sockets,
                self._session.request(
                    request.method,
                    URL(request.url, encoded=True),  # as it was signed
                    headers=request.headers,
                    data=request.body or None,
                    allow_redirects=False,
                    proxy=options.proxy_for(request.url),
                    timeout=timeouts(options, request.long_poll_seconds),
                ) as response,
            ):
                headers = _read_headers(response)
                body = await _receive(response)
            return Response(
                response.status, headers, await compute(body.size, body.unpack, headers.get("content-encoding"))
            )
        except BodyTooLarge:
            trouble: PaymentsError = self._config.error_mapper.too_large(request)
        except (aiohttp.ClientError, BodyUnreadable) as error:
            trouble = self._config.error_mapper.unreachable(request, error)
        except asyncio.TimeoutError:  # the time for the whole response is over; other time-outs are client errors, too
            trouble = self._config.error_mapper.unreachable(request, ResponseTooSlow())
        raise trouble  # see redaction.without_traceback

    async def _wait_for_slot(self) -> None:
        rate_limiter = self._config.rate_limiter
        seconds = rate_limiter.reserve(time.monotonic())
        while seconds:
            await asyncio.sleep(seconds)
            seconds = rate_limiter.claim(time.monotonic())


def _read_headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    if len(response.raw_headers) > MAX_HEADERS:
        raise BodyUnreadable
    headers = parse_headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.raw_headers)
    check_framing(headers)
    return headers


async def _receive(response: aiohttp.ClientResponse) -> Body:
    body = Body()
    async for piece in response.content.iter_any():
        body.add(piece)
    return body
