"""The ``aiohttp`` session of a connection: its sockets, certificates and time-outs."""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path

import aiohttp

from airflow_provider_payments.http.body import ENCODINGS, MAX_LINE
from airflow_provider_payments.http.options import USER_AGENT, TransportOptions
from airflow_provider_payments.http.tls import certificate_files, load_context


def open_client_session(options: TransportOptions, max_sockets: int | None = None) -> aiohttp.ClientSession:
    """Return a client session with a connection's transport options, and no credentials.

    :param max_sockets: 0 is as many as are needed, None is ``max_concurrency``.
    """
    limit = options.max_concurrency if max_sockets is None else max_sockets
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=limit, ssl=_tls(options)),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": ENCODINGS},
        auto_decompress=False,  # it would unpack whatever comes; see Body
        trust_env=False,  # proxies come from the options; aiohttp would also read ~/.netrc
        max_line_size=MAX_LINE,
        max_field_size=MAX_LINE,
    )
    # By itself aiohttp would send again what a reused connection dropped: unpaced, uncounted, with an old signature.
    session._retry_connection = False
    return session


def timeouts(options: TransportOptions, long_poll_seconds: float = 0.0) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(
        total=options.response_timeout + long_poll_seconds,
        sock_connect=options.connect_timeout,
        sock_read=options.read_timeout + long_poll_seconds,
    )


def _tls(options: TransportOptions) -> ssl.SSLContext | bool:
    if options.verify is False:
        return False
    # The authorities that requests trusts, so that both clients trust the same.
    files = certificate_files(options)
    return _context(files, tuple(map(_version, files)))


def _version(path: str) -> int:
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return 0  # reading it will tell


@lru_cache(maxsize=8)  # reading the authorities takes tens of milliseconds
def _context(files: tuple[str, ...], _versions: tuple[int, ...]) -> ssl.SSLContext:
    authorities, *cert = files
    return load_context(authorities, cert)
