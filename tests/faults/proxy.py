"""A real proxy in front of the sandbox, which lets chosen requests for pages meet a fault and passes on the rest."""

from __future__ import annotations

import http.client
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_payments.sandbox import Sandbox

WAIT = 60
"""Seconds after which a test that hangs fails."""


@dataclass(frozen=True)
class Reply:
    """What the sandbox has answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Exchange:
    """A request for a page that meets a fault: the reply that it would have got, and the client's raw socket."""

    def __init__(self, proxy: Proxy, sock: socket.socket, name: str, ask: Callable[[], Reply]) -> None:
        self.proxy = proxy
        self.sock = sock
        self.name = name
        self.ask = ask

    def say(self, data: bytes) -> bool:
        """Send bytes; return whether the client is still there to take them."""
        try:
            self.sock.sendall(data)
        except OSError:
            return False
        self.proxy.sent += len(data)
        return True

    def reply(self, status: int, body: bytes, length: int | None = -1, **headers: str) -> bool:
        """Send a reply.

        :param length: the length to announce; -1 is the true one, None announces none.
        """
        lines = [f"HTTP/1.1 {status} Fault", "Content-Type: application/json", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        lines += [] if length is None else [f"Content-Length: {len(body) if length == -1 else length}"]
        return self.say("\r\n".join([*lines, "", ""]).encode() + body)

    def reset(self) -> None:
        """Break the connection off."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def is_left(self, seconds: float) -> bool:
        """Wait so long, or until the client has gone or the proxy is to end; return whether either has."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.proxy.is_ending.is_set():
            try:
                if select.select([self.sock], [], [], min(seconds, 0.05))[0]:
                    return True  # a client has nothing more to say before it is answered
            except (OSError, ValueError):
                return True
        return self.proxy.is_ending.is_set()


class Proxy:
    """Listens on a port of its own.

    :param contexts: TLS settings of new connections: the first until ``next_context`` is called, then the second.
    """

    def __init__(self, sandbox: Sandbox, contexts: tuple[ssl.SSLContext, ...] = ()) -> None:
        self.sandbox = sandbox
        self._target = urlsplit(sandbox.url).netloc
        self._contexts = list(contexts)
        self._lock = threading.Lock()
        self._port = 0
        self._listener: socket.socket | None = None
        self._threads: list[threading.Thread] = []
        self._sockets: set[socket.socket] = set()
        self.is_ending = threading.Event()
        self.begin("")

    def begin(
        self,
        route: str,
        at: int = 0,
        act: Callable[[Exchange], object] | None = None,
        *,
        before: Callable[[Proxy], object] | None = None,
        is_lasting: bool = False,
    ) -> None:
        """Count from here on.

        :param route: how the path of a request for a page ends.
        :param at: the request for a page that meets the fault, from 1; 0 is none.
        :param act: what it meets.
        :param before: what happens between the requests before it and that one, when all connections are closed.
        :param is_lasting: whether every later one meets it too.
        """
        self._route, self._at, self._act, self._before, self._is_lasting = route, at, act, before, is_lasting
        self.pages = self.faulted = self.sent = self.others = 0
        self.faulted_paths: list[str] = []
        if before and at == 1:
            before(self)

    @property
    def url(self) -> str:
        return f"{'https' if self._contexts else 'http'}://127.0.0.1:{self._port}"

    def open(self) -> None:
        """Take connections (again, on the same port)."""
        with self._lock:
            if self._listener is None:
                self._listener = socket.create_server(("127.0.0.1", self._port), backlog=64)
                self._port = self._listener.getsockname()[1]
                threading.Thread(target=self._listen, args=(self._listener,), daemon=True).start()

    def close(self) -> None:
        """Refuse connections."""
        with self._lock:
            listener, self._listener = self._listener, None
        if listener:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # or a pending accept() would take one more
            listener.close()

    def next_context(self) -> None:
        """Show another certificate."""
        del self._contexts[0]

    def __enter__(self) -> Proxy:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_ending.set()
        self.close()
        for sock in list(self._sockets):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(WAIT)

    def _listen(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, address = listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(sock, address), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _serve(self, sock: socket.socket, address: Any) -> None:
        self._sockets.add(sock)
        with suppress(OSError):
            sock.settimeout(WAIT)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            talk = self._contexts[0].wrap_socket(sock, server_side=True) if self._contexts else sock
            _Handler(talk, address, self)  # type: ignore[arg-type]  # a server, as far as a handler asks
            talk.close()
        sock.close()
        self._sockets.discard(sock)

    def is_due(self, path: str) -> tuple[bool, bool]:
        """Count a request; return whether it meets the fault, and whether the next one does."""
        if not path.partition("?")[0].endswith(self._route) or not self._at:
            self.others += 1
            return False, False
        with self._lock:
            self.pages += 1
            is_due = self._act is not None and (self.pages >= self._at if self._is_lasting else self.pages == self._at)
            if is_due:
                self.faulted += 1
                self.faulted_paths.append(path)
            return is_due, self.pages + 1 == self._at

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer a request, or let it meet the fault."""
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        is_due, is_next_due = self.is_due(handler.path)

        def ask() -> Reply:
            return self._ask(handler, body)

        handler.close_connection = True
        if is_due:
            assert self._act is not None
            self._act(Exchange(self, handler.connection, handler.path.split("/")[1], ask))
            return
        reply = ask()
        if is_next_due and self._before:
            self._before(self)
        handler.close_connection = self._before is not None
        handler.send_response_only(reply.status)
        for name, value in {**reply.headers, "Content-Length": str(len(reply.body))}.items():
            handler.send_header(name, value)
        if handler.close_connection:
            handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(reply.body)

    def _ask(self, handler: BaseHTTPRequestHandler, body: bytes) -> Reply:
        """Pass a request on, with the Host header that it came with: it may be signed."""
        connection = http.client.HTTPConnection(self._target, timeout=WAIT)
        try:
            connection.putrequest(handler.command, handler.path, skip_host=True, skip_accept_encoding=True)
            for name, value in handler.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            reply = connection.getresponse()
            kept = {"content-type", "retry-after", "x-satispay-cid"}
            return Reply(reply.status, {k: v for k, v in reply.headers.items() if k.lower() in kept}, reply.read())
        finally:
            connection.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any

    def do_GET(self) -> None:
        self.server.handle(self)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
