"""The client for tasks: ``requests``, and threads for pages that are asked for side by side."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
import urllib3

from airflow_provider_payments.exceptions import PaymentsError, PaymentsRequestError
from airflow_provider_payments.http.auth import AuthFlow, advance
from airflow_provider_payments.http.body import (
    Body,
    BodyTooLarge,
    BodyUnreadable,
    ResponseTooSlow,
    check_framing,
)
from airflow_provider_payments.http.client import ClientConfig, Outcome, PageSource, most_ahead
from airflow_provider_payments.http.connections import are_reads_checked, checked_reads
from airflow_provider_payments.http.messages import Request, Response, parse_headers
from airflow_provider_payments.http.request_threads import RequestThreads
from airflow_provider_payments.http.sync_session import prepare_request, settings_for
from airflow_provider_payments.http.tls import certificate_files, load_context

T = TypeVar("T")
StepT = TypeVar("StepT")
Exchange = tuple[Request, Response]
#: Bytes to ask a socket for at once; it gives what has come.
_PIECE = 262_144
#: Seconds to wait for requests that are under way when a listing is closed.
_PATIENCE = 1.0


class SyncClient:
    """Sends requests, retries them, and fetches pages.

    :param config: how to speak to the API.
    :param session: see ``sync_session.open_session``.
    """

    def __init__(self, config: ClientConfig, session: requests.Session) -> None:
        self._config = config
        self._session = session
        self._auth_lock = threading.Lock()
        self._count_lock = threading.Lock()
        self._masked = config.auth.secrets
        self._settings: dict[tuple[str, ...], Mapping[str, Any]] = {}
        #: Requests sent so far, those for tokens and repeated ones included.
        self.requests = 0

    def send(self, request: Request) -> Response:
        """Send a request until it is answered, at most as often as the retry policy says."""
        try:
            return self._send(request, threading.Event())
        finally:
            self._mask()

    def _send(self, request: Request, stop: threading.Event) -> Response:
        """Send a request, in whatever thread.

        :param stop: when it is set, no more is waited or sent.
        """

        def sleep(seconds: float) -> None:
            if stop.wait(seconds):
                raise CancelledError

        attempt, waited = 1, 0.0
        while True:
            try:
                return self._attempt(request, sleep)
            except PaymentsError as error:
                seconds = self._config.retry.next_wait(attempt, waited, error)
                if seconds is None:
                    raise
                self._config.announce_retry(error, attempt, seconds)
            sleep(seconds)
            attempt, waited = attempt + 1, waited + seconds

    def fetch_pages(self, source: PageSource[StepT, T], *, ahead: bool = True) -> Generator[Sequence[T], None, None]:
        """Yield what each page holds, in the order of the steps, urgent ones first; up to ``max_concurrency`` requests
        are under way.

        A caller who does not read to the end closes the generator: then nothing more is sent. Threads that wait for a
        response are given a second; those whose responses take longer end when these have come.

        :param ahead: whether what follows from a page is asked for before the page is yielded.
        """
        steps = deque(source.first_steps())
        asked: deque[tuple[StepT, Future[Outcome]]] = deque()
        limit = most = self._config.options.max_concurrency
        threads: RequestThreads[Outcome] = RequestThreads(limit)

        def fill() -> None:
            while steps and len(asked) < most:
                step = steps.popleft()
                is_urgent = source.is_urgent(step)
                call = partial(self._fetch, source.request(step), threads.closed)
                future = threads.submit(call, is_urgent=is_urgent)
                asked.insert(0 if is_urgent else len(asked), (step, future))

        try:
            fill()
            while asked:
                step, future = asked[0]
                try:
                    outcome = future.result()
                finally:
                    self._mask()
                asked.popleft()
                most = most_ahead(limit, outcome) if ahead else limit
                found, following = source.receive(step, outcome)
                for each in following:
                    steps.insert(0 if source.is_urgent(each) else len(steps), each)
                del future, outcome
                if ahead:
                    fill()  # before yielding, so that waiting and the caller's work overlap
                yield found
                fill()
        finally:
            threads.close(_PATIENCE)

    def authorize(self, request: Request) -> Request:
        """Return a request with credentials, getting them first where needed, for a session that sends it itself."""
        outgoing, last = self._next_request(self._config.auth.auth_flow(request), None, time.sleep)
        self._mask()
        if outgoing is None and last is not None:
            self._config.raise_for_error(*last)
        return outgoing or request

    def _fetch(self, request: Request, stop: threading.Event) -> Outcome:
        try:
            return self._send(request, stop)
        except PaymentsRequestError as refusal:
            return refusal

    def _attempt(self, request: Request, sleep: Callable[[float], None]) -> Response:
        flow = self._config.auth.auth_flow(request)
        outgoing, last = self._next_request(flow, None, sleep)
        while outgoing is not None:
            outgoing, last = self._next_request(flow, (outgoing, self._exchange(outgoing, sleep)), sleep)
        assert last is not None  # noqa: S101 - a flow yields at least once
        self._config.raise_for_error(*last)
        return last[1]

    def _next_request(
        self, flow: AuthFlow, last: Exchange | None, sleep: Callable[[float], None]
    ) -> tuple[Request | None, Exchange | None]:
        """Go on to the flow's next request that is not exclusive, and return the last exchange before it."""
        # One flow at a time, so that the others find the key that the first one got.
        with self._auth_lock:
            outgoing = advance(flow, last[1] if last else None)
            while outgoing is not None and outgoing.is_exclusive:
                last = (outgoing, self._exchange(outgoing, sleep))
                outgoing = advance(flow, last[1])
        return outgoing, last

    def _mask(self) -> None:
        """Mask keys that were issued meanwhile; in the caller's thread, where Airflow's own calls are made as well.

        Before Airflow 3.2, two threads of a task that speak to its supervisor get each other's responses.
        """
        secrets = self._config.auth.secrets
        if secrets != self._masked:
            self._config.mask(secrets)
            self._masked = secrets

    def _exchange(self, request: Request, sleep: Callable[[float], None]) -> Response:
        options = self._config.options
        sleep(0)  # which raises when the listing was closed while this waited for credentials
        self._wait_for_slot(sleep)
        with self._count_lock:
            self.requests += 1
        deadline = time.monotonic() + options.response_timeout + request.long_poll_seconds
        read_timeout = min(options.read_timeout, options.response_timeout) + request.long_poll_seconds

        def check() -> None:
            sleep(0)  # which raises once nobody wants the response any more
            if time.monotonic() > deadline:
                raise ResponseTooSlow

        try:
            with checked_reads(check):
                response = self._session.send(
                    prepare_request(self._session, request),
                    timeout=(options.connect_timeout, read_timeout),
                    allow_redirects=False,
                    **self._settings_for(request.url),
                )
            with response:
                headers = _read_headers(response.raw)
                body = _receive(response.raw, check).unpack(headers.get("content-encoding"))
        except BodyTooLarge:
            trouble: PaymentsError = self._config.error_mapper.too_large(request)
        except (requests.RequestException, urllib3.exceptions.HTTPError, BodyUnreadable, ResponseTooSlow) as error:
            trouble = self._config.error_mapper.unreachable(request, error)
        else:
            return Response(response.status_code, headers, body)
        raise trouble  # see redaction.without_traceback

    def _wait_for_slot(self, sleep: Callable[[float], None]) -> None:
        rate_limiter = self._config.rate_limiter
        seconds = rate_limiter.reserve(time.monotonic())
        while seconds:
            sleep(seconds)
            seconds = rate_limiter.claim(time.monotonic())

    def _settings_for(self, url: str) -> Mapping[str, Any]:
        origin = urlsplit(url)[:2]
        if origin not in self._settings:
            self._settings[origin] = {**settings_for(self._session, url), "stream": True}
            options = self._config.options
            if origin[0] == "https" and (options.cert or isinstance(options.authorities, str)):
                # Loaded here, for requests would report a bad file as a ConnectionError, which is retried.
                authorities, *cert = certificate_files(options)
                load_context(authorities, cert)
        return self._settings[origin]


def _read_headers(raw: urllib3.HTTPResponse) -> dict[str, str]:
    message = getattr(getattr(raw, "_original_response", None), "msg", None)
    if getattr(message, "defects", None):  # a line that is no header, and what follows it is lost
        raise BodyUnreadable
    headers = parse_headers(raw.headers.items())
    check_framing(headers)
    return headers


def _receive(raw: urllib3.HTTPResponse, check: Callable[[], object]) -> Body:
    """Read a body: in one piece where its length is known, for joining many costs as much as reading them.

    :param check: raises when nothing more is to be read.
    """
    body = Body()
    # A read for so many bytes waits for the last one. Where that is not checked meanwhile, they are read as they come.
    size = (raw.length_remaining or 0) if are_reads_checked(raw) else 0
    read = partial(raw.read, size) if size else partial(raw.read1, _PIECE)
    while piece := read(decode_content=False):
        body.add(piece)
        check()
    return body
