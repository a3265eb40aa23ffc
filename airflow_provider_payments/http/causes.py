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
