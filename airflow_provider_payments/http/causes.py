"""Why no response came, as far as the libraries' errors tell it without quoting what was sent."""

from __future__ import annotations

import re
from urllib.parse import urlsplit


def describe_cause(error: BaseException) -> str:
    """Return what kind of error it is and, where the system has words for what it comes from, those.

    What libraries say themselves is left out, for they quote proxies and headers.
    """
    name = type(error).__name__
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return (
        f"{name} ({error.strerror})." if isinstance(error, OSError) and error.errno and error.strerror else f"{name}."
    )


def find_proxy_status(error: BaseException | None) -> int | None:
    """Return the status with which a proxy refused to make a tunnel to the API, or None."""
    while error is not None:
        # aiohttp tells it; Python's own client, which requests uses, only says it.
        said = re.search(r"Tunnel connection failed: (\d{3})", str(error))
        if said or type(error).__name__ == "ClientHttpProxyError":
            return int(said[1]) if said else getattr(error, "status", None)
        error = error.__cause__ or error.__context__
    return None


def origin_of(location: str) -> str:
    """Return scheme and host of a URL, without name and password; "the same host" for one without a host."""
    try:
        parts = urlsplit(location)
    except ValueError:
        return "an unreadable place"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else "the same host"
