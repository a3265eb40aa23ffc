"""What a connection says, read once and frozen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.http.secrecy import Unpicklable
from airflow_provider_payments.http.transport import TransportOptions, is_http_proxy

if TYPE_CHECKING:
    from airflow_provider_payments._compat import Connection


#: The whole reply may take so many times as long as its next bytes.
_REPLY_PER_READ = 10


@dataclass(frozen=True)
class Credentials(Unpicklable):
    """One connection.

    :param base_url: origin and optional path prefix, without a slash at the end.
    :param extra: the connection's extra. Nothing of it may become a header by itself.
    :param page_size: rows to ask for at once, None for the API's maximum.
    """

    connection_id: str
    base_url: str
    login: str = field(repr=False)
    password: str = field(repr=False)
    extra: Mapping[str, Any] = field(repr=False)
    options: TransportOptions
    page_size: int | None
    max_attempts: int

    def require(self, value: str, what: str) -> str:
        """Return a value that the API cannot do without."""
        if not value:
            raise PaymentsConfigError(f"Connection {self.connection_id!r} lacks {what}.")
        return value

    def header_value(self, value: str, what: str) -> str:
        """Return a value that is sent in a header, without the white space that pasting leaves around it."""
        value = self.require(value.strip(), what)
        # HTTP libraries would quote the whole value, a secret, in their own error.
        if not (value.isascii() and value.isprintable()):
            raise PaymentsConfigError(
                f"Connection {self.connection_id!r}: {what} contains a line break or another character that "
                "no header can carry. Paste it again."
            )
        return value

    def text(self, key: str, default: str = "") -> str:
        """Return a text of the extra."""
        value = self.extra.get(key)
        return default if value is None or value == "" else str(value)

    def key_of(self, key: str, former: str) -> str:
        """Return the key that the extra has of a key and its former name.

        :raises PaymentsConfigError: when it has both, with different values.
        """
        values = [value for value in map(self.extra.get, (key, former)) if value not in (None, "")]
        if len(values) == 2 and values[0] != values[1]:
            raise PaymentsConfigError(
                f"Connection {self.connection_id!r}: extra has {key!r} and, as {former!r}, its former name, another. "
                f"Keep {key!r}."
            )
        return key if self.extra.get(key) not in (None, "") else former if values else key

    def choice(self, key: str, *permitted: str) -> str:
        """Return a word of the extra; the first permitted one is the default."""
        word = self.text(key, permitted[0])
        if word not in permitted:
            raise self.wrong(key, f"one of {', '.join(permitted)}")
        return word

    def number(self, key: str, default: int) -> int:
        """Return a whole number of the extra, not negative."""
        return int(_number(self, key, default, minimum=0, whole=True))

    def wrong(self, key: str, expected: str) -> PaymentsConfigError:
        """Return the error for a key of the extra. The value may be a secret in the wrong place, so it is not shown."""
        return PaymentsConfigError(f"Connection {self.connection_id!r}: {key!r} in extra must be {expected}.")


def read_connection(connection: Connection, default_host: str) -> Credentials:
    """Read a connection.

    :raises PaymentsConfigError: when host, schema or extra make no sense.
    """
    conn_id = connection.conn_id or ""
    extra = _read_extra(connection, conn_id)
    draft = Credentials(
        connection_id=conn_id,
        base_url=_base_url(conn_id, connection.host or default_host, connection.schema, connection.port),
        login=(connection.login or "").strip(),
        password=connection.password or "",
        extra=extra,
        options=TransportOptions(),
        page_size=None,
        max_attempts=5,
    )
    connect, read, whole = _timeouts(draft)
    options = TransportOptions(
        connect_timeout=connect,
        read_timeout=read,
        reply_timeout=whole,
        verify=_verify(draft),
        cert=_certificate(draft),
        proxies=_proxies(draft),
        trust_env=_flag_or_path(extra.get("trust_env", True)) is not False,
        max_concurrency=int(_number(draft, "max_concurrency", 4, minimum=1, whole=True)),
        requests_per_second=_number(draft, "requests_per_second", 0, minimum=0) or None,
    )
    return Credentials(
        connection_id=conn_id,
        base_url=draft.base_url,
        login=draft.login,
        password=draft.password,
        extra=extra,
        options=options,
        page_size=int(_number(draft, "page_size", 0, minimum=1, whole=True)) or None,
        max_attempts=int(_number(draft, "max_attempts", 5, minimum=1, whole=True)),
    )


def _read_extra(connection: Connection, conn_id: str) -> Mapping[str, Any]:
    if not connection.extra:
        return {}
    try:
        extra = json.loads(connection.extra)
    except ValueError:
        extra = None
    if not isinstance(extra, dict):
        raise PaymentsConfigError(f"Connection {conn_id!r}: extra is not a JSON object.")
    return extra


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
    # HTTP libraries differ in what they make of other characters, and some would fail in words of their own.
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


def _number(credentials: Credentials, key: str, default: float, *, minimum: float, whole: bool = False) -> float:
    value = credentials.extra.get(key)
    if value is None or value == "":
        return default
    try:
        number = float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not minimum <= number < 1e9 or (whole and number != int(number)):
        raise credentials.wrong(key, f"a {'whole ' if whole else ''}number of at least {minimum:g}")
    return number


def _timeouts(credentials: Credentials) -> tuple[float, float, float]:
    """``timeout`` is the read time-out in seconds; or a list: connect, read, and, if you like, the whole reply."""
    defaults, value = credentials.options, credentials.extra.get("timeout")
    if value is None or value == "":
        return defaults.connect_timeout, defaults.read_timeout, defaults.reply_timeout
    listed = value if isinstance(value, list) else [defaults.connect_timeout, value]
    try:
        connect, read, *rest = (float(seconds) for seconds in listed)
        (whole,) = rest or [_REPLY_PER_READ * read]
    except (TypeError, ValueError):
        connect = read = whole = 0.0
    if not all(0 < seconds < 1e7 for seconds in (connect, read, whole)):
        raise credentials.wrong(
            "timeout", "seconds, or a list of seconds to connect, to read and for the whole reply, more than 0"
        )
    return connect, read, whole


def _flag_or_path(value: object) -> bool | str:
    if isinstance(value, str):
        words = {"true": True, "false": False, "": True}
        return words.get(value.lower(), value)
    return value is not False


def _verify(credentials: Credentials) -> bool | str:
    verify = _flag_or_path(credentials.extra.get("verify", credentials.extra.get("verify_ssl", True)))
    if isinstance(verify, str) and not Path(verify).exists():
        raise credentials.wrong("verify", "true, false, or the path of certificate authorities on this machine")
    return verify


def _certificate(credentials: Credentials) -> str | tuple[str, str] | None:
    value = credentials.extra.get("cert")
    if not value:
        return None
    paths = value if isinstance(value, list) else [value]
    if len(paths) > 2 or not all(isinstance(path, str) and Path(path).is_file() for path in paths):
        raise credentials.wrong("cert", "the path of a certificate on this machine, or those of certificate and key")
    return paths[0] if len(paths) == 1 else (paths[0], paths[1])


def _proxies(credentials: Credentials) -> Mapping[str, str]:
    value = credentials.extra.get("proxies", credentials.extra.get("proxy"))
    by_scheme = {"http": value, "https": value} if isinstance(value, str) else value or {}
    if isinstance(by_scheme, dict) and all(map(_is_proxy, by_scheme, by_scheme.values())):
        return {key: url for key, url in by_scheme.items() if url}
    raise credentials.wrong(
        "proxies", "the URL of an HTTP proxy, or an object of such URLs by 'http', 'https' and 'all'; not SOCKS"
    )


def _is_proxy(scheme: str, url: object) -> bool:
    return scheme.partition("://")[0] in ("http", "https", "all") and (
        isinstance(url, str) and (url == "" or is_http_proxy(url))
    )
