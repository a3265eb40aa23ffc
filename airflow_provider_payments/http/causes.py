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


def advise(error: BaseException, proxy: str) -> str:
    """Return what to look at when no reply came, or an empty text where the cause does not tell.

    :param proxy: what to call the proxy that the request went through, if there is one.
    """
    if type(error).__name__ in ("ProxyError", "ClientProxyConnectionError"):  # of requests, and of aiohttp
        return f"{proxy} cannot be used: see 'proxies', or HTTPS_PROXY in the environment."
    if re.search("WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE|PACKET_LENGTH_TOO_LONG", str(error)):
        return "What answers there speaks no TLS. If that is right, begin the connection's host with http://."
    inner: BaseException | None = error
    while inner is not None:
        if type(inner).__name__ == "gaierror":
            return "Check the connection's host, then the network."
        if isinstance(inner, ConnectionRefusedError):
            return "Nothing listens there: check host and port of the connection."
        inner = inner.__cause__ or inner.__context__
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
