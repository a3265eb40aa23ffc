"""A real HTTP server on a local port that answers as a test says, and remembers what it was asked."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WAIT = 60
"""Seconds after which a test that hangs fails."""


@dataclass
class Call:
    """A request, as it was on the wire."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return a header's value; it must not be there twice."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) <= 1, f"{name}: {values}"
        return values[0] if values else None


@dataclass
class Answer:
    """A reply. ``promised`` bytes more than the body are announced and never sent; ``is_dropped`` sends nothing.

    ``raw`` is sent instead of all else, byte for byte, and ends the connection, and so are ``pieces``, one after the
    other for as long as the client listens; ``before`` is sent before all else, ``behind`` after it.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    promised: int = 0
    is_chunked: bool = False
    is_dropped: bool = False
    raw: bytes = b""
    pieces: Iterable[bytes] = ()
    before: bytes = b""
    behind: bytes = b""


class Server:
    """Answers each call by calling ``answer``; ``most_at_once`` says how many calls overlapped, ``connections`` how
    many connections were opened.

    :param tls: None for plain HTTP.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answer: Callable[[Call], Answer] = lambda call: Answer(body=call.target.encode())
        self.calls: list[Call] = []
        self.most_at_once = 0
        self.connections = 0
        self._at_once = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.scheme = "http"
        if tls:
            self.scheme = "https"
            # The handshake is left to the thread of the connection, so that a client that refuses stops nobody.
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign] - refused handshakes
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def origin(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def targets(self) -> list[str]:
        return [call.target for call in self.calls]

    def script(self, *answers: Answer) -> None:
        """Give these answers, one after the other, and the last one for ever."""
        left = list(answers)
        self.answer = lambda call: left.pop(0) if len(left) > 1 else left[0]

    def wait_for_calls(self, number: int) -> None:
        """Wait until so many calls have come."""
        deadline = time.monotonic() + WAIT
        while len(self.calls) < number:
            assert time.monotonic() < deadline, self.targets
            time.sleep(0.01)

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _receive(self, call: Call) -> Answer:
        with self._lock:
            self.calls.append(call)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return self.answer(call)
        except Exception as error:  # a 418 is retried by nobody, and tells what went wrong
            return Answer(418, repr(error).encode())
        finally:
            with self._lock:
                self._at_once -= 1

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            timeout = WAIT

            def setup(self) -> None:
                super().setup()
                with server._lock:
                    server.connections += 1

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except OSError:
                    self.close_connection = True

            def _handle(self) -> None:
                method, target, _ = self.requestline.split(" ")
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                answer = server._receive(Call(method, target, self.headers.items(), body))
                if answer.is_dropped:
                    self.close_connection = True
                    return
                if answer.raw or answer.pieces:
                    self.wfile.write(answer.raw)
                    for piece in answer.pieces:
                        self.wfile.write(piece)
                    self.close_connection = True
                    return
                self.wfile.write(answer.before)
                self.wfile.flush()
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if answer.is_chunked:
                    self.send_header("Transfer-Encoding", "chunked")
                    body = b"%x\r\n%s\r\n" % (len(answer.body), answer.body) + (
                        b"" if answer.promised else b"0\r\n\r\n"
                    )
                else:
                    self.send_header("Content-Length", str(len(answer.body) + answer.promised))
                    body = answer.body
                # At once, so that over TLS all of it is decrypted together.
                self._headers_buffer.append(b"\r\n" + body + answer.behind)  # type: ignore[attr-defined]
                self.flush_headers()
                self.close_connection |= answer.promised > 0

            do_GET = do_POST = do_CONNECT = _handle  # noqa: N815

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        return Handler
