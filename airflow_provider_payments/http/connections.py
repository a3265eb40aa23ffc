"""The connections of the client for tasks: when reading them ends, and whom they trust."""

from __future__ import annotations

import http.client
import io
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.ssl_ import create_urllib3_context

#: Raises when nothing more is to be read of the response to what is being sent. Nothing else reaches a response before
#: it exists, and its headers may take as long as its body.
_check: ContextVar[Callable[[], object]] = ContextVar("check", default=lambda: None)


class _CheckedReads(io.RawIOBase):
    """What a socket receives. A check is made before each wait, also in the middle of a long read.

    :param reads: the socket's own.
    """

    def __init__(self, reads: io.RawIOBase) -> None:
        self._reads = reads
        self._check = _check.get()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._check()
        return self._reads.readinto(buffer)

    def close(self) -> None:
        self._reads.close()
        super().close()


class _FinalResponse(http.client.HTTPResponse):
    """Reads past every interim response. Python itself would take 102 and 103 for the answer, and what follows for the
    answer to the next request."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fp = io.BufferedReader(_CheckedReads(self.fp.detach()))

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc]
        while 101 < status < 200:
            http.client.parse_headers(self.fp)
            version, status, reason = super()._read_status()  # type: ignore[misc]
        return version, status, reason


class _Connection(HTTPConnection):
    response_class = _FinalResponse


class _SecureConnection(HTTPSConnection):
    response_class = _FinalResponse

    @property
    def is_connected(self) -> bool:
        # What came behind a reply would be taken for the next one, and polling a socket does not tell of what is
        # decrypted already. Through an HTTPS proxy there is nothing that tells.
        return super().is_connected and not (isinstance(self.sock, ssl.SSLSocket) and self.sock.pending())


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    """Reads the authorities once. urllib3 itself would for each connection, and that takes some 20 ms each time."""

    ConnectionCls = _SecureConnection

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._context: ssl.SSLContext | None = None
        self._context_lock = threading.Lock()

    def _new_conn(self) -> Any:
        connection: Any = super()._new_conn()
        # Each connection loads a client certificate into its context, and verifies an HTTPS proxy by the files.
        needs_its_own = self.cert_file or (self.proxy and self.proxy.scheme == "https")
        if (self.ca_certs or self.ca_cert_dir) and not needs_its_own:
            with self._context_lock:
                if self._context is None:
                    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
                    context.load_verify_locations(self.ca_certs, self.ca_cert_dir)
                    self._context = context
            connection.ssl_context, connection.ca_certs, connection.ca_cert_dir = self._context, None, None
        return connection


POOLS = {"http": _Pool, "https": _SecurePool}


@contextmanager
def checked_reads(check: Callable[[], object]) -> Iterator[None]:
    """Let a check be made before each wait for more of a response to what is sent meanwhile, or of a proxy's to it.

    :param check: raises when nothing more is to be read.
    """
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


def are_reads_checked(raw: urllib3.HTTPResponse) -> bool:
    """Whether checks are made before each wait for more of a response: not if somebody else's adapter has sent it."""
    return isinstance(getattr(raw, "_original_response", None), _FinalResponse)
