"""Keeping secrets out of what is said, in whatever spelling an API repeats them."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from typing import NoReturn, TypeVar
from urllib.parse import quote, quote_plus, unquote, urlsplit

ErrorT = TypeVar("ErrorT", bound=BaseException)

_REDACTED = "***"
#: A shorter text is not looked for: it is no secret, and found everywhere.
_SHORTEST = 4
#: The first characters of a secret that count as the secret: some APIs repeat a key cut short.
_BEGINNING = 12


class Unpicklable:
    """Base of what holds secrets in plain text: it is not written anywhere by mistake."""

    __slots__ = ()

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"A {type(self).__name__} holds secrets, so it cannot be pickled or copied.")


def without_traceback(error: ErrorT) -> ErrorT:
    """Return an error without traceback and causes: error trackers show the variables of frames, which hold secrets.

    For the same reason, an error that stands for another is raised behind the ``except`` (``trouble = …``, then
    ``raise trouble``): raised within, it would carry the other one, and the frames of that, as its context.
    """
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return a text without secrets: not as they are, nor encoded, nor cut short."""
    known = {spelling for secret in secrets if len(secret) >= _SHORTEST for spelling in _spellings(secret)}
    longest_first = sorted(known, key=len, reverse=True)
    for secret in longest_first:
        text = text.replace(secret, _REDACTED)
    for secret in longest_first:
        if len(secret) > _BEGINNING:
            text = re.sub(re.escape(secret[:_BEGINNING]) + r"[^\s\"',;<>]*", _REDACTED, text)
    return text


def proxy_secrets(url: str) -> tuple[str, ...]:
    """Return what of a proxy's URL must not show up in a message."""
    name_and_password, _, _ = urlsplit(url if "://" in url else f"http://{url}").netloc.rpartition("@")
    if not name_and_password:
        return ()
    plain = unquote(name_and_password)
    basic = base64.b64encode(plain.encode()).decode()
    password = plain.partition(":")[2]
    # A name alone may be an everyday word.
    return (name_and_password, plain, basic, password) if password else (basic,)


def _spellings(secret: str) -> Iterator[str]:
    data = secret.encode()
    yield secret
    for encoded in (quote(secret), quote(secret, safe=""), quote_plus(secret)):
        yield encoded
        yield re.sub("%[0-9A-F]{2}", lambda escape: escape[0].lower(), encoded)  # both are usual
    yield from (html.escape(secret), html.escape(secret, quote=False))
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    yield from (base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode(), data.hex())
