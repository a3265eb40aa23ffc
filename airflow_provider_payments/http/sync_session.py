"""The sessions of the client for tasks: what they send besides the request, and the sockets that they keep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
from requests import PreparedRequest
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.auth import AuthBase

from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.http.body import ENCODINGS
from airflow_provider_payments.http.connections import POOLS
from airflow_provider_payments.http.messages import Request
from airflow_provider_payments.http.options import USER_AGENT, TransportOptions

SocketOptions = Sequence[tuple[int, int, int | bytes]]


class PoolAdapter(HTTPAdapter):
    """An adapter of ``requests`` with a fixed number of connections to each host.

    :param size: connections to each host.
    :param socket_options: for ``socket.setsockopt``; None is the library's own.
    """

    def __init__(self, size: int, *, socket_options: SocketOptions | None = None) -> None:
        self._socket_options = {"socket_options": socket_options} if socket_options else {}
        self._pools: dict[object, Any] = {}
        super().__init__(pool_maxsize=size)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **{**self._socket_options, **kwargs})
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **{**self._socket_options, **kwargs})
        manager.pool_classes_by_scheme = POOLS
        return manager

    def get_connection_with_tls_context(
        self, request: PreparedRequest, verify: Any, proxies: Any = None, cert: Any = None
    ) -> Any:
        """Return the pool that sends a request. ``requests`` itself would look for certificates' files at each one."""
        key = (*urlsplit(request.url)[:2], verify, *(proxies or {}).items(), cert)
        if key not in self._pools:
            pool: Any = super().get_connection_with_tls_context(request, verify, proxies, cert)
            super().cert_verify(pool, request.url or "", verify, cert)  # type: ignore[no-untyped-call]
            self._pools[key] = pool
        return self._pools[key]

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        if conn not in self._pools.values():  # else that is done
            super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]

    def close(self) -> None:
        self._pools.clear()  # pools close their sockets when nobody has them any more
        super().close()


class GuardedSession(requests.Session):
    """A session that follows no redirect: custom headers, unlike ``Authorization``, would travel to another host.

    :param options: how it sends, whatever the environment says.
    """

    def __init__(self, options: TransportOptions) -> None:
        super().__init__()
        self._options = options

    def merge_environment_settings(
        self, url: str | bytes | None, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> Any:
        """Return the connection's settings. ``requests`` itself would let the environment override some of them."""
        proxy = self._options.proxy_for(str(url))
        return {
            "proxies": {"all": proxy} if proxy else {},
            "stream": stream,
            "verify": self._options.authorities,
            "cert": self._options.cert,
        }

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None


class _NoAuth(AuthBase):
    """Keeps ``requests`` from adding credentials of its own: without any auth it reads ``~/.netrc``."""

    def __call__(self, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        return prepared


def open_session(options: TransportOptions, adapter: BaseAdapter | None = None) -> requests.Session:
    """Return a session with a connection's transport options, and no credentials.

    :param adapter: what sends; None is one that keeps ``max_concurrency`` connections.
    """
    session = GuardedSession(options)
    session.auth = _NoAuth()
    session.verify = options.verify
    session.cert = options.cert
    session.proxies = dict(options.proxies)
    session.trust_env = options.trust_env
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # requests are to be alike
    session.headers.update({"User-Agent": USER_AGENT, "Accept-Encoding": ENCODINGS})
    adapter = adapter or PoolAdapter(options.max_concurrency)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def prepare_request(session: requests.Session, request: Request) -> PreparedRequest:
    """Return a request as a session sends it, with the URL as it is, for it may be signed.

    The session's own way does more than is needed here, and takes a sixth of a request's processor time.
    """
    prepared = PreparedRequest()
    prepared.method, prepared.url = request.method, request.url
    prepared.hooks = {"response": []}
    headers: dict[str, Any] = {**session.headers, **request.headers}
    # A session that is to leave a header out has None for it.
    prepared.prepare_headers({name: value for name, value in headers.items() if value is not None})
    prepared.prepare_cookies({})  # somebody's own adapter may look at them
    prepared.prepare_body(request.body or None, None)
    return prepared


def settings_for(session: requests.Session, url: str) -> dict[str, Any]:
    """Return how a session sends to a URL."""
    return dict(session.merge_environment_settings(url, {}, None, None, None))


class SessionAuth(AuthBase):
    """Authenticates the requests of a session that somebody else sends.

    :param authorize: returns a request with credentials.
    """

    def __init__(self, authorize: Callable[[Request], Request]) -> None:
        self._authorize = authorize

    def __call__(self, prepared: PreparedRequest) -> PreparedRequest:
        body = prepared.body or b""
        if not isinstance(body, str | bytes):
            raise PaymentsConfigError("The body of a request must be text or bytes, for it may have to be signed.")
        body = body.encode() if isinstance(body, str) else body
        request = Request(prepared.method or "GET", prepared.url or "", body=body)
        prepared.headers.update(self._authorize(request).headers)
        return prepared
