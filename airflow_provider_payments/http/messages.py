"""Requests and responses, as plain values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from urllib.parse import quote, urlencode, urlsplit

from airflow_provider_payments.http.redaction import Unpicklable


@dataclass(frozen=True, slots=True)
class Request(Unpicklable):
    """One HTTP request, exactly as it goes on the wire.

    :param url: absolute and percent-encoded. Clients send it unchanged, for it may be signed.
    :param is_token_request: whether an auth flow made it, to get a token or a session key.
    :param is_first_use: whether it tries a new key that no other request is to be sent with before its response.
    :param long_poll_seconds: how much longer than others its response may take, because the API was asked to hold it.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    is_token_request: bool = False
    is_first_use: bool = False
    long_poll_seconds: float = 0.0

    @property
    def host(self) -> str:
        """The value of the Host header: with a port only where the URL has one."""
        return urlsplit(self.url).netloc

    @property
    def is_exclusive(self) -> bool:
        """Whether other requests wait for its response, because it decides which key they are sent with."""
        return self.is_token_request or self.is_first_use

    @property
    def target(self) -> str:
        """Path and query, as on the request line."""
        parts = urlsplit(self.url)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def with_headers(self, headers: Mapping[str, str]) -> Request:
        """Return the same request with more headers."""
        return replace(self, headers={**self.headers, **headers})


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response.

    :param headers: names in lower case; see :func:`parse_headers`.
    :param body: decompressed, and without a byte order mark.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


def parse_headers(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return a response's headers: names in lower case, those of one name joined by commas.

    :param pairs: as they came, decoded as ISO 8859-1. What is UTF-8 is read as that, for some servers write it.
    """
    headers: dict[str, str] = {}
    for name, value in pairs:
        text = value.strip()
        if "\r" in text or "\n" in text:
            text = re.sub(r"\s*[\r\n]+\s*", " ", text)  # an old way to write long values
        if not text.isascii():
            with suppress(UnicodeError):
                text = text.encode("latin-1").decode()
        key = name.lower()
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def build_url(base_url: str, path: str, params: Mapping[str, str] | None = None) -> str:
    """Join and percent-encode a URL.

    :param base_url: origin and optional path prefix, without a slash at the end.
    :param path: begins with a slash; already encoded.
    :param params: query parameters, in this order. Everything but unreserved characters is encoded, so that neither
        ``requests`` nor ``aiohttp`` finds anything to encode differently.
    """
    query = urlencode(params or {}, quote_via=quote, safe="")
    return f"{base_url}{path}" + (f"?{query}" if query else "")


def quote_segment(text: str) -> str:
    """Encode text for use as one segment of a path."""
    # "." and ".." would be resolved away by the HTTP libraries.
    return quote(text, safe="").replace(".", "%2E") if set(text) <= {"."} else quote(text, safe="")
