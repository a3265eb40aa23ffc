from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing
from dataclasses import dataclass, field
from typing import Any

import pytest

from airflow_provider_payments.exceptions import PaymentsRequestError
from airflow_provider_payments.http.async_client import AsyncClient
from airflow_provider_payments.http.async_session import open_client_session
from airflow_provider_payments.http.auth import Auth, HeaderAuth
from airflow_provider_payments.http.client import ClientConfig
from airflow_provider_payments.http.errors import ErrorMapper
from airflow_provider_payments.http.messages import Request, Response
from airflow_provider_payments.http.options import TransportOptions
from airflow_provider_payments.http.rate_limit import RateLimiter
from airflow_provider_payments.http.retry import RetryPolicy
from airflow_provider_payments.http.sync_client import SyncClient
from airflow_provider_payments.http.sync_session import open_session
from tests.http.server import Server

SECRET = "s3cret-of-the-tests"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@dataclass
class Talk:
    """Makes configurations of clients, with tiny waits, and keeps what is logged."""

    logged: list[str] = field(default_factory=list)

    def __call__(
        self,
        *,
        auth: Auth | None = None,
        rate_limiter: RateLimiter | None = None,
        retry: RetryPolicy | None = None,
        **options: Any,
    ) -> ClientConfig:
        auth = auth or HeaderAuth({"X-Key": SECRET}, (SECRET,))
        transport = TransportOptions(**{"connect_timeout": 30, "read_timeout": 30, **options})
        error_mapper = ErrorMapper(
            "somepay",
            throttle_codes=((403, "70"),),
            proxy_for=transport.proxy_for,
            secrets=lambda: auth.secrets,
        )
        return ClientConfig(
            auth=auth,
            error_mapper=error_mapper,
            raise_for_error=error_mapper.raise_for_error,
            options=transport,
            retry=retry or RetryPolicy(base_wait=0.001),
            rate_limiter=rate_limiter or RateLimiter(None),
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
    urgent: Collection[str] = ()
    received: list[str] = field(default_factory=list)

    def first_steps(self) -> Sequence[str]:
        return self.first

    def request(self, step: str) -> Request:
        return Request("GET", f"{self.origin}{step}")

    def is_urgent(self, step: str) -> bool:
        return step in self.urgent

    def receive(self, step: str, response: Response | PaymentsRequestError) -> tuple[list[Any], Sequence[str]]:
        self.received.append(step)
        return [response if isinstance(response, PaymentsRequestError) else response.body.decode()], self.following(
            step
        )


class Drive:
    """One of the clients, behind one face."""

    requests: int

    def send(self, config: ClientConfig, *requests: Request) -> list[Response]:
        """Send requests, side by side."""
        raise NotImplementedError

    def fetch_pages(
        self,
        config: ClientConfig,
        pages: Pages,
        *,
        take: int | None = None,
        on_page: Callable[[], object] = lambda: None,
    ) -> list[Any]:
        """Return the rows of a walk's pages, each after the caller's work; close it after ``take`` pages."""
        raise NotImplementedError


class SyncDrive(Drive):
    def send(self, config: ClientConfig, *requests: Request) -> list[Response]:
        def run(client: SyncClient) -> list[Response]:
            with ThreadPoolExecutor(len(requests)) as pool:
                return list(pool.map(client.send, requests))

        return self._run(config, run)

    def fetch_pages(
        self,
        config: ClientConfig,
        pages: Pages,
        *,
        take: int | None = None,
        on_page: Callable[[], object] = lambda: None,
    ) -> list[Any]:
        def run(client: SyncClient) -> list[Any]:
            found: list[Any] = []
            with closing(client.fetch_pages(pages)) as going:
                for rows in going:
                    found += rows
                    on_page()
                    if len(found) == take:
                        break
            return found

        return self._run(config, run)

    def _run(self, config: ClientConfig, run: Callable[[SyncClient], Any]) -> Any:
        with open_session(config.options) as session:
            client = SyncClient(config, session)
            try:
                return run(client)
            finally:
                self.requests = client.requests


class AsyncDrive(Drive):
    def send(self, config: ClientConfig, *requests: Request) -> list[Response]:
        async def run(client: AsyncClient) -> list[Response]:
            return list(await asyncio.gather(*map(client.send, requests)))

        return self._run(config, run)

    def fetch_pages(
        self,
        config: ClientConfig,
        pages: Pages,
        *,
        take: int | None = None,
        on_page: Callable[[], object] = lambda: None,
    ) -> list[Any]:
        async def run(client: AsyncClient) -> list[Any]:
            found: list[Any] = []
            async with aclosing(client.fetch_pages(pages)) as going:
                async for rows in going:
                    found += rows
                    await asyncio.to_thread(on_page)
                    if len(found) == take:
                        break
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left, f"still running: {left}"
            return found

        return self._run(config, run)

    def _run(self, config: ClientConfig, run: Callable[[AsyncClient], Any]) -> Any:
        async def main() -> Any:
            async with open_client_session(config.options) as session:
                client = AsyncClient(config, session)
                try:
                    return await run(client)
                finally:
                    self.requests = client.requests

        return asyncio.run(main())


@pytest.fixture(params=[SyncDrive, AsyncDrive], ids=["requests", "aiohttp"])
def drive(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Drive:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "requests_ca_bundle", "curl_ca_bundle"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    made: Drive = request.param()
    return made
