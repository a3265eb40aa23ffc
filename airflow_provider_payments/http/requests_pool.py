"""The sockets of the driver for tasks: as many as requests may be under way, and kept until the next request."""

from __future__ import annotations

import http.client
from collections.abc import Sequence
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

SocketOptions = Sequence[tuple[int, int, int | bytes]]


class _FinalResponse(http.client.HTTPResponse):
    """Reads past every interim reply. Python itself would take 102 and 103 for the answer, and what follows for the
    answer to the next request."""

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


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


_POOLS = {"http": _Pool, "https": _SecurePool}


class PoolAdapter(HTTPAdapter):
    """An adapter of ``requests`` that keeps so many connections to each host.

    :param size: connections.
    :param is_limit: whether requests wait when so many are in use, rather than open one that is not kept.
    :param socket_options: for ``socket.setsockopt``; None is the library's own.
    """

    def __init__(self, size: int, *, is_limit: bool = False, socket_options: SocketOptions | None = None) -> None:
        self._socket_options = {"socket_options": socket_options} if socket_options else {}
        super().__init__(pool_maxsize=size, pool_block=is_limit)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **{**self._socket_options, **kwargs})
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **{**self._socket_options, **kwargs})
        manager.pool_classes_by_scheme = _POOLS
        return manager
