"""What a connection says, read once and frozen."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow_provider_payments.api.extra import Extra, parse_extra
from airflow_provider_payments.arguments import find_flag, find_number
from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.http.options import TransportOptions, is_http_proxy

if TYPE_CHECKING:
    from airflow_provider_payments.api.connection import Connection


#: Time-out of the whole response, as a multiple of the read time-out, where the connection does not set it.
_RESPONSE_PER_READ = 10
#: What pasting leaves around a value, and no value has.
_BLANKS = " \t\r\n\v\f"
_TYPOGRAPHIC_QUOTES = "\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b\u00ab\u00bb\u2039\u203a"
_STRAIGHT_QUOTES = "\"'`"
#: Words that stand before a key in a header, and come along when the whole header is copied.
_SCHEMES = frozenset({"authorization", "basic", "bearer"})


@dataclass(frozen=True)
class Credentials(Extra):
    """One connection.

    :param base_url: origin and optional path prefix, without a slash at the end.
    :param login: without the blanks and line breaks that pasting leaves around it.
    :param password: the same.
    :param page_size: rows to ask for at once, None for the API's maximum.
    """

    base_url: str
    login: str = field(repr=False)
    password: str = field(repr=False)
    options: TransportOptions
    page_size: int | None
    max_attempts: int

    @property
    def is_unencrypted(self) -> bool:
        """Whether others can read what is sent there."""
        url = urlsplit(self.base_url)
        if url.scheme != "http" or url.hostname == "localhost":
            return False
        try:
            return not ip_address(url.hostname or "").is_loopback
        except ValueError:
            return True

    def require(self, value: str, what: str) -> str:
        """Return a value that the API cannot do without."""
        if not value:
            raise PaymentsConfigError(f"Connection {self.connection_id!r} lacks {what}.")
        return value

    def secret(self, value: str, what: str) -> str:
        """Return a value on one line that the API cannot do without.

        :raises PaymentsConfigError: when it has characters that come along when it is copied from a page or a letter:
            the API would only say that it is wrong.
        """
        value = self.require(value.strip(_BLANKS), what)
        odd = next(filter(_is_invisible, value), None)
        if odd is not None:
            name = "a line break" if odd in "\r\n" else f"an invisible character (U+{ord(odd):04X})"
            raise PaymentsConfigError(
                f"Connection {self.connection_id!r}: {what} contains {name}. Copy it again, as plain text."
            )
        self._refuse_quotes(value, what, _TYPOGRAPHIC_QUOTES)
        return value

    def header_value(self, value: str, what: str) -> str:
        """Return a value that is sent in a header; see :meth:`secret`."""
        value = self.secret(value, what)
        self._refuse_quotes(value, what, _STRAIGHT_QUOTES)
        # HTTP libraries would quote the whole value, a secret, in their own error.
        if not value.isascii():
            raise PaymentsConfigError(
                f"Connection {self.connection_id!r}: {what} contains a character that no header can carry "
                "(it is not ASCII). Copy it again, as plain text."
            )
        return value

    def header_key(self, value: str, what: str) -> str:
        """Return a key or token that is sent in a header behind a word of its own; see :meth:`header_value`."""
        value = self.header_value(value, what)
        scheme, blank, _ = value.partition(" ")
        if blank and scheme.rstrip(":").lower() in _SCHEMES:
            raise PaymentsConfigError(
                f"Connection {self.connection_id!r}: {what} begins with {scheme!r}. Leave that word out: it is added."
            )
        return value

    def _refuse_quotes(self, value: str, what: str, quotes: str) -> None:
        if len(value) > 1 and value[0] in quotes and value[-1] in quotes:
            raise PaymentsConfigError(f"Connection {self.connection_id!r}: {what} is in quotes. Leave them out.")


def parse_connection(connection: Connection, default_host: str) -> Credentials:
    """Read a connection.

    :raises PaymentsConfigError: when host, schema or extra make no sense.
    """
    extra = parse_extra(connection)
    connect, read, whole = _timeouts(extra)
    return Credentials(
        connection_id=extra.connection_id,
        extra=extra.extra,
        asked=extra.asked,
        base_url=_base_url(extra.connection_id, connection.host or default_host, connection.schema, connection.port),
        login=(connection.login or "").strip(_BLANKS),
        password=(connection.password or "").strip(_BLANKS),
        options=TransportOptions(
            connect_timeout=connect,
            read_timeout=read,
            response_timeout=whole,
            verify=_verify(extra),
            cert=_certificate(extra),
            proxies=_proxies(extra),
            trust_env=extra.flag("trust_env", default=True),
            max_concurrency=extra.number("max_concurrency", 4, minimum=1),
            requests_per_second=extra.real_number("requests_per_second", 0) or None,
        ),
        page_size=extra.number("page_size", 0, minimum=1) or None,
        max_attempts=extra.number("max_attempts", 5, minimum=1),
    )


def _is_invisible(character: str) -> bool:
    """Whether a character shows as nothing, or as a blank that is none: no secret is made of these."""
    return character != " " and unicodedata.category(character) in ("Cc", "Cf", "Zs", "Zl", "Zp")


def is_url_text(text: str) -> bool:
    """Whether a text can go into a URL as it is."""
    return text.isascii() and text.isprintable() and " " not in text


def _base_url(conn_id: str, host: str, schema: str | None, port: int | None) -> str:
    """Join host, schema and port. https is assumed; a host that is a URL may have a path prefix."""
    schema, host = (schema or "https").lower(), host.strip()
    try:
        url = urlsplit(host if "://" in host else f"{schema}://{host}")
        own_port = url.port
        if "[" in url.netloc:
            ip_address(url.hostname or "")  # Python 3.10 takes anything between the brackets
    except ValueError:
        url, own_port = urlsplit(""), None
    # HTTP libraries differ in what they make of other characters, and some raise errors of their own.
    is_plain = not (url.username or url.password or url.query) and is_url_text(host)
    if url.scheme not in ("https", "http") or not url.hostname or not is_plain:
        raise PaymentsConfigError(
            f"Connection {conn_id!r}: host must be a host name or a URL like 'https://api.example.com/prefix' "
            "(http or https, no user name, no query), and schema empty, 'https' or 'http'."
        )
    port = own_port or port
    # Written out, a default port would be signed with the Host header but left out of it by HTTP libraries.
    is_default = port in (None, 443 if url.scheme == "https" else 80)
    name = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    return f"{url.scheme}://{name}{'' if is_default else f':{port}'}{url.path.rstrip('/')}"


def _timeouts(extra: Extra) -> tuple[float, float, float]:
    """``timeout`` is the read time-out in seconds; or a list: connect, read, and, if you like, the whole response."""
    defaults, value = TransportOptions(), extra.structure("timeout")
    if value is None:
        return defaults.connect_timeout, defaults.read_timeout, defaults.response_timeout
    listed = value if isinstance(value, list) else [defaults.connect_timeout, value]
    seconds = [float(find_number(each) or 0) for each in listed]
    if len(seconds) == 2:
        seconds.append(_RESPONSE_PER_READ * seconds[1])
    if len(seconds) != 3 or not all(0 < each < 1e7 for each in seconds):
        raise extra.wrong(
            "timeout", "seconds, or a list of seconds to connect, to read and for the whole reply, more than 0"
        )
    connect, read, whole = seconds
    return connect, read, whole


def _verify(extra: Extra) -> bool | str:
    value = extra.value("verify", "verify_ssl")
    flag = True if value is None else find_flag(value)
    if flag is not None:
        return flag
    if not isinstance(value, str) or not Path(value).exists():
        raise extra.wrong("verify", "true, false, or the path of certificate authorities on this machine")
    return value


def _certificate(extra: Extra) -> str | tuple[str, str] | None:
    value = extra.structure("cert")
    if not value and value != 0:
        return None
    paths = value if isinstance(value, list) else [value]
    if len(paths) > 2 or not all(isinstance(path, str) and Path(path).is_file() for path in paths):
        raise extra.wrong("cert", "the path of a certificate on this machine, or those of certificate and key")
    return paths[0] if len(paths) == 1 else (paths[0], paths[1])


def _proxies(extra: Extra) -> Mapping[str, str]:
    value = extra.structure("proxies", "proxy")
    by_scheme = {"http": value, "https": value} if isinstance(value, str) else {} if value is None else value
    if isinstance(by_scheme, dict) and all(map(_is_proxy, by_scheme, by_scheme.values())):
        return {key: url.strip() for key, url in by_scheme.items() if url.strip()}
    raise extra.wrong(
        "proxies", "the URL of an HTTP proxy, or an object of such URLs by 'http', 'https' and 'all'; not SOCKS"
    )


def _is_proxy(scheme: str, url: object) -> bool:
    return scheme.partition("://")[0] in ("http", "https", "all") and (
        isinstance(url, str) and (url.strip() == "" or is_http_proxy(url.strip()))
    )
