"""The server itself: one loopback port, every API, in a thread of its own."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from datetime import datetime

from aiohttp import web

from airflow_provider_payments.sandbox.api import Answer, Api, Call, Row
from airflow_provider_payments.sandbox.clock import Clock
from airflow_provider_payments.sandbox.cryptofuse import CryptoFuse
from airflow_provider_payments.sandbox.faults import Faults
from airflow_provider_payments.sandbox.gocardless import GoCardless
from airflow_provider_payments.sandbox.hotpay import HotPay
from airflow_provider_payments.sandbox.jframework import JFramework
from airflow_provider_payments.sandbox.mollie import Mollie
from airflow_provider_payments.sandbox.paypal import PayPal
from airflow_provider_payments.sandbox.razorpay import Razorpay
from airflow_provider_payments.sandbox.satispay import Satispay
from airflow_provider_payments.sandbox.spacepay import SpacePay
from airflow_provider_payments.sandbox.square import Square
from airflow_provider_payments.sandbox.stripe import Stripe


class Sandbox:
    """Every API on one port; start and stop it with ``with``.

    :param port: 0 takes a free one.
    :param payments: rows per API, the documentation's examples included; or the rows of named APIs, others none.
    :param seed: the same seed and number give the same payments, byte for byte.
    :param newest: time of the documented payments, which are the newest of each API; None is as documented.
    :param new_every: seconds between payments that are made while it runs; None: none are made.
    :param settle_seconds: when payments that start pending reach their final status; None: only by ``settle()``.
    :param root: name of an API that is served at the root, too, for clients that drop the path of a URL.
    :param token_seconds: lifetime of access tokens (CryptoFuse, PayPal) and of JFramework session keys.
    :param cursor_seconds: lifetime of Square's cursors.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        payments: int | Mapping[str, int] = 200,
        seed: int = 1,
        newest: datetime | None = None,
        new_every: float | None = None,
        settle_seconds: float | None = None,
        token_seconds: float = 3600,
        cursor_seconds: float = 300,
        latency_ms: float = 0,
        fail_every: int = 0,
        throttle_every: int = 0,
        root: str | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.root = root
        self.settle_seconds = settle_seconds
        self.new_every = new_every
        self.clock = Clock()
        number = payments.get if isinstance(payments, Mapping) else lambda _name, _none: payments
        self.hotpay = HotPay(number("hotpay", 0), seed, self.clock)
        self.cryptofuse = CryptoFuse(number("cryptofuse", 0), seed, self.clock)
        self.spacepay = SpacePay(number("spacepay", 0), seed, self.clock)
        self.satispay = Satispay(number("satispay", 0), seed, self.clock)
        self.jframework = JFramework(number("jframework", 0), seed, self.clock)
        self.stripe = Stripe(number("stripe", 0), seed, self.clock)
        self.gocardless = GoCardless(number("gocardless", 0), seed, self.clock)
        self.mollie = Mollie(number("mollie", 0), seed, self.clock)
        self.razorpay = Razorpay(number("razorpay", 0), seed, self.clock)
        self.square = Square(number("square", 0), seed, self.clock)
        self.paypal = PayPal(number("paypal", 0), seed, self.clock)
        self.cryptofuse.token_seconds = self.jframework.token_seconds = self.paypal.token_seconds = token_seconds
        self.square.cursor_seconds = cursor_seconds
        self.apis = {api.name: api for api in vars(self).values() if isinstance(api, Api)}
        if root not in (None, *self.apis):
            raise ValueError(f"There is no API {root!r} here, only {', '.join(self.apis)}.")
        if newest is not None:
            for api in self.apis.values():
                api.move(newest)
        self.faults = Faults(latency_ms=latency_ms, fail_every=fail_every, throttle_every=throttle_every)
        self.requests: list[Call] = []
        """Every request received, token requests too, in order of arrival."""
        self.before_reply: Callable[[Call], object] | None = None
        """Called in the server's thread right before a reply is computed; nothing happens in between.

        For a long poll: once its wait has begun, so a change made here can end it.
        """
        self._counts: defaultdict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None

    @property
    def url(self) -> str:
        return f"http://{'127.0.0.1' if self.host == '0.0.0.0' else self.host}:{self.port}"  # noqa: S104

    def connections(self) -> dict[str, Row]:
        """Airflow connections, by the id that each hook uses when none is named."""
        return {f"{name}_default": api.connection(self.url) for name, api in self.apis.items()}

    def settle(self) -> None:
        """Let every payment that is going to reach its final status reach it now."""
        for api in self.apis.values():
            api.settle(float("inf"))

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass at once: pending payments settle, tokens expire."""
        self.clock.advance(seconds)

    def start(self) -> Sandbox:
        ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="payments-sandbox", daemon=True)
        self._thread.start()
        ready.result()
        return self

    def stop(self) -> None:
        if self._thread is None or self._loop is None or self._stop is None:
            return
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._thread = self._loop = self._stop = None

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self, ready: Future[None]) -> None:
        try:
            asyncio.run(self._serve(ready))
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    async def _serve(self, ready: Future[None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.5)
        await runner.setup()
        try:
            await web.TCPSite(runner, self.host, self.port).start()
            self.port = runner.addresses[0][1]
            self.clock.restart()
            ready.set_result(None)
            await self._stop.wait()
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        name = f"{request.raw_path}/".partition("?")[0].split("/")[1]
        if name not in self.apis:
            name = self.root or ""
        call = Call(
            api=name,
            method=request.method,
            path=request.raw_path,
            headers=list(request.headers.items()),
            body=await request.read(),
            received_at=time.monotonic(),
        )
        self.requests.append(call)
        number = next(self._counts[name])
        if self.faults.latency_ms:
            await asyncio.sleep(self.faults.latency_ms / 1000)
        if _hits(self.faults.drop_connection_every, number):
            _hang_up(request)
            return web.Response()
        answer = await self._answer(call, number)
        call.status = answer.status
        call.answered_at = time.monotonic()
        if _hits(self.faults.truncate_every, number):
            return await _half(request, answer)
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)

    async def _answer(self, call: Call, number: int) -> Answer:
        api = self.apis.get(call.api)
        if api is None:
            return Answer.json({"apis": [f"{self.url}/{name}" for name in self.apis]}, 200 if call.path == "/" else 404)
        self._settle_due(api)
        over = api.held(call)
        if self.before_reply is not None:
            self.before_reply(call)
        fault = self._fault(api, number)
        if fault is not None:
            return fault
        while over is not None and not over():
            await asyncio.sleep(0.02)
            self._settle_due(api)
        return api.answer(call)

    def _settle_due(self, api: Api) -> None:
        if self.settle_seconds is not None:
            api.settle(self.clock.elapsed() / max(self.settle_seconds, 1e-9))
        if self.new_every is not None:
            api.make_due(int(self.clock.elapsed() / self.new_every), self.new_every)

    def _fault(self, api: Api, number: int) -> Answer | None:
        canned = self.faults.reply_with[api.name]
        if canned:
            status, headers, body = canned.popleft()
            return Answer(status, body, headers)
        if _hits(self.faults.fail_every, number):
            failures = number // self.faults.fail_every
            return api.fail(503 if failures % 2 else 500)
        if _hits(self.faults.throttle_every, number):
            return api.throttle(self.faults.retry_after)
        return None


def _hits(every: int, number: int) -> bool:
    return every > 0 and number % every == 0


def _hang_up(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()


async def _half(request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.content_length = len(answer.body)
    await response.prepare(request)
    await response.write(answer.body[: len(answer.body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
