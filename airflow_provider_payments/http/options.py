"""How requests travel: time-outs, certificates, proxies, and how many at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from airflow_provider_payments import __version__
from airflow_provider_payments.exceptions import (
    PaymentsConfigError,
)
from airflow_provider_payments.http.redaction import Unpicklable, proxy_secrets

USER_AGENT = f"airflow-provider-payments/{__version__}"


@dataclass(frozen=True, slots=True)
class TransportOptions(Unpicklable):
    """How to send requests.

    :param connect_timeout: seconds to wait for a connection.
    :param read_timeout: seconds to wait for the next bytes of a response.
    :param response_timeout: seconds until the whole response must be there, however steadily it drips.
    :param verify: whether to verify TLS certificates, or a file with certificate authorities.
    :param cert: client certificate: one file, or certificate and key.
    :param proxies: proxy URLs by scheme, ``all``, or scheme and host (``https://api.example.com``).
    :param trust_env: whether the environment's proxies and authorities count where the connection names none.
    :param max_concurrency: requests that may be under way at once.
    :param requests_per_second: None is as fast as the API answers.
    """

    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    response_timeout: float = 300.0
    verify: bool | str = True
    cert: str | tuple[str, str] | None = None
    proxies: Mapping[str, str] = field(default_factory=dict, repr=False)
    trust_env: bool = True
    max_concurrency: int = 4
    requests_per_second: float | None = None

    def proxy_for(self, url: str) -> str | None:
        """Return the proxy for a URL: the connection's own, else the environment's."""
        from urllib.request import getproxies, proxy_bypass

        own = _choose_proxy(self.proxies, url)
        if own or not self.trust_env or proxy_bypass(urlsplit(url).netloc):
            return own
        proxy = _choose_proxy(getproxies(), url)
        if proxy and not is_http_proxy(proxy):  # the clients' libraries would pass it by, or try again and again
            raise PaymentsConfigError(
                "The proxy in the environment is not the URL of an HTTP proxy. Name one in the connection's extra "
                "('proxies'), or set 'trust_env' there to false."
            )
        return proxy

    @property
    def authorities(self) -> bool | str:
        """What is to verify certificates: the connection's own choice, else the environment's, else the usual ones."""
        if self.verify is True and self.trust_env:
            return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
        return self.verify

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every text that must not show up in a message."""
        return tuple(secret for url in self.proxies.values() for secret in proxy_secrets(url))


def is_http_proxy(url: str) -> bool:
    """Whether both clients can use a proxy."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def _choose_proxy(proxies: Mapping[str, str], url: str) -> str | None:
    parts = urlsplit(url)
    found = (proxies.get(key) for key in (f"{parts.scheme}://{parts.hostname}", parts.scheme, "all"))
    proxy = next(filter(None, found), None)
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"
