from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing
from dataclasses import dataclass, field
from typing import Any

import pytest

from airflow_provider_payments.exceptions import PaymentsRequestError
from airflow_provider_payments.http.async_client import AiohttpDriver, open_client
from airflow_provider_payments.http.auth import Auth, HeaderKey
from airflow_provider_payments.http.errors import Judge
from airflow_provider_payments.http.messages import Reply, Request
from airflow_provider_payments.http.retry import RetryPolicy
from airflow_provider_payments.http.sync_client import RequestsDriver
from airflow_provider_payments.http.sync_session import open_session
from airflow_provider_payments.http.transport import Conversation, Pacer, TransportOptions
from tests.http.server import Server

SECRET = "s3cret-of-the-tests"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@dataclass
class Talk:
    """Makes conversations, with tiny waits, and keeps what is logged."""

    logged: list[str] = field(default_factory=list)

    def __call__(
        self, *, auth: Auth | None = None, pacer: Pacer | None = None, retry: RetryPolicy | None = None, **options: Any
    ) -> Conversation:
        auth = auth or HeaderKey({"X-Key": SECRET}, (SECRET,))
        transport = TransportOptions(**{"connect_timeout": 30, "read_timeout": 30, **options})
        judge = Judge(
            "somepay",
            throttle_signals=((403, "70"),),
            proxy_for=transport.proxy_for,
            secrets=lambda: auth.secrets,
        )
        return Conversation(
            auth=auth,
            judge=judge,
            check=judge.check,
            options=transport,
            retry=retry or RetryPolicy(base_wait=0.001),
            pacer=pacer or Pacer(None),
            log=self.logged.append,
        )


@pytest.fixture
def talk() -> Talk:
    return Talk()


@dataclass
class Pages:
    """A walk over given paths; each page's row is its body, or the refusal."""

    origin: str
    first: Sequence[str]
    following: Callable[[str], Sequence[str]] = lambda path: ()
    received: list[str] = field(default_factory=list)

    def first_steps(self) -> Sequence[str]:
        return self.first

    def request(self, step: str) -> Request:
        return Request("GET", f"{self.origin}{step}")

    def receive(self, step: str, reply: Reply | PaymentsRequestError) -> tuple[list[Any], Sequence[str]]:
        self.received.append(step)
        return [reply if isinstance(reply, PaymentsRequestError) else reply.body.decode()], self.following(step)


class Drive:
    """One of the drivers, behind one face."""

    requests: int

    def send(self, conversation: Conversation, *requests: Request) -> list[Reply]:
        """Send requests, side by side."""
        raise NotImplementedError

    def walk(
        self,
        conversation: Conversation,
        pages: Pages,
        *,
        take: int | None = None,
        on_page: Callable[[], object] = lambda: None,
    ) -> list[Any]:
        """Return the rows of a walk's pages, each after the caller's work; close it after ``take`` pages."""
        raise NotImplementedError


class SyncDrive(Drive):
    def send(self, conversation: Conversation, *requests: Request) -> list[Reply]:
        def run(driver: RequestsDriver) -> list[Reply]:
            with ThreadPoolExecutor(len(requests)) as pool:
                return list(pool.map(driver.send, requests))

        return self._run(conversation, run)

    def walk(
        self,
        conversation: Conversation,
        pages: Pages,
        *,
        take: int | None = None,
        on_page: Callable[[], object] = lambda: None,
    ) -> list[Any]:
        def run(driver: RequestsDriver) -> list[Any]:
            found: list[Any] = []
            with closing(driver.walk(pages)) as going:
                for rows in going:
                    found += rows
                    on_page()
                    if len(found) == take:
                        break
            return found

        return self._run(conversation, run)

    def _run(self, conversation: Conversation, run: Callable[[RequestsDriver], Any]) -> Any:
        with open_session(conversation.options) as session:
            driver = RequestsDriver(conversation, session)
            try:
                return run(driver)
            finally:
                self.requests = driver.requests


class AsyncDrive(Drive):
    def send(self, conversation: Conversation, *requests: Request) -> list[Reply]:
        async def run(driver: AiohttpDriver) -> list[Reply]:
            return list(await asyncio.gather(*map(driver.send, requests)))

        return self._run(conversation, run)

    def walk(
        self,
        conversation: Conversation,
        pages: Pages,
        *,
        take: int | None = None,
        on_page: Callable[[], object] = lambda: None,
    ) -> list[Any]:
        async def run(driver: AiohttpDriver) -> list[Any]:
            found: list[Any] = []
            async with aclosing(driver.walk(pages)) as going:
                async for rows in going:
                    found += rows
                    await asyncio.to_thread(on_page)
                    if len(found) == take:
                        break
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left, f"still running: {left}"
            return found

        return self._run(conversation, run)

    def _run(self, conversation: Conversation, run: Callable[[AiohttpDriver], Any]) -> Any:
        async def main() -> Any:
            async with open_client(conversation.options) as client:
                driver = AiohttpDriver(conversation, client)
                try:
                    return await run(driver)
                finally:
                    self.requests = driver.requests

        return asyncio.run(main())


@pytest.fixture(params=[SyncDrive, AsyncDrive], ids=["requests", "aiohttp"])
def drive(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Drive:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "requests_ca_bundle", "curl_ca_bundle"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    made: Drive = request.param()
    return made
