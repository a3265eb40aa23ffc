"""Why no response came, as far as the libraries' errors tell it without quoting what was sent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.client import HTTPException
from urllib.parse import urlsplit

#: What aiohttp raises for it, which is not imported here.
_MALFORMED = frozenset({"ClientResponseError", "ClientPayloadError", "HttpProcessingError"})


def describe_cause(error: BaseException) -> str:
    """Return what kind of error it is and, where the system has words for what it comes from, those.

    What libraries say themselves is left out, for they quote proxies and headers.
    """
    name = type(error).__name__
    words = _words_of_system(error)
    return f"{name} ({words})." if words else f"{name}."


def find_proxy_status(error: BaseException) -> int | None:
    """Return the status with which a proxy refused to make a tunnel to the API, or None."""
    for each in _chain(error):
        # aiohttp tells it; Python's own client, which requests uses, only says it.
        said = re.search(r"Tunnel connection failed: (\d{3})", str(each))
        if said or type(each).__name__ == "ClientHttpProxyError":
            return int(said[1]) if said else getattr(each, "status", None)
    return None


def is_malformed(error: BaseException) -> bool:
    """Whether what came is no HTTP, ends too early, or has more or longer headers than the libraries read."""
    return not _words_of_system(error) and any(
        type(each).__name__ in _MALFORMED
        or (isinstance(each, HTTPException) and not isinstance(each, ConnectionError))  # which means that nothing came
        for each in _chain(error)
    )


def advise(error: BaseException, proxy: str) -> str:
    """Return what to look at when no reply came, or an empty text where the cause does not tell.

    :param proxy: what to call the proxy that the request went through, if there is one.
    """
    if type(error).__name__ in ("ProxyError", "ClientProxyConnectionError"):  # of requests, and of aiohttp
        return f"{proxy} cannot be used: see 'proxies', or HTTPS_PROXY in the environment."
    if re.search("WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE|PACKET_LENGTH_TOO_LONG", str(error)):
        return "What answers there speaks no TLS. If that is right, begin the connection's host with http://."
    for each in _chain(error):
        if type(each).__name__ == "gaierror":
            return "Check the connection's host, then the network."
        if isinstance(each, ConnectionRefusedError):
            return "Nothing listens there: check host and port of the connection."
    return ""


def explain_tls(error: BaseException) -> str:
    """Return why a certificate was refused, in OpenSSL's words, and what to do."""
    said = re.search(r"certificate verify failed: ([\w ,'.:*-]+?)\.? \(_ssl", str(error))
    reason = said[1] if said else ""
    if "mismatch" in reason or "not valid for" in reason:
        then = "It is another host's: check the connection's host."
    elif "expired" in reason or "not yet valid" in reason:
        then = "Whoever runs the host must renew it, unless this machine's clock is wrong."
    else:
        then = "Set 'verify' in the connection's extra to a file with the right certificate authority."
    return f"its TLS certificate could not be verified{f' ({reason})' if reason else ''}. {then}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it comes from, one behind the other."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _words_of_system(error: BaseException) -> str | None:
    *_, first = _chain(error)
    return first.strerror if isinstance(first, OSError) and first.errno else None


def origin_of(location: str) -> str:
    """Return scheme and host of a URL, without name and password; "the same host" for one without a host."""
    try:
        parts = urlsplit(location)
    except ValueError:
        return "an unreadable place"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else "the same host"
