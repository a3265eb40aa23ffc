"""Keeping a secret out of ``raw``, where an API puts one into its payments."""

from __future__ import annotations

import re
from collections.abc import Callable

_BACKSLASH = ord("\\")


def make_withholder(key: str) -> Callable[[bytes], bytes]:
    """Return a function that takes the texts under a key out of JSON, and leaves everything else byte for byte.

    Wherever an object has the key, or one that ends with it, its text becomes null. Links whose query has such a
    parameter lose its value.

    :param key: the key, in ASCII.
    """
    name = key.encode()
    # JSON may write any letter as its number. That takes ten times as long to find, so it is looked for only if needed.
    escaped = "".join(rf"(?:{re.escape(each)}|\\u{ord(each):04x})" for each in key)
    numbers = "|".join(sorted({f"{ord(each):02x}" for each in key}))
    # An unescaped quote and a colon behind it make it the end of a key. The name comes first: so it is found fast.
    of_plain, of_escaped = (
        re.compile(
            rf'({each}(?:"\s*:\s*(?=")|(?:=|%3D|\\u003d)(?!")))("[^"\\]*(?:\\.[^"\\]*)*"|[\w%.~-]+)'.encode(), re.DOTALL
        )
        for each in (re.escape(key), f"(?i:{escaped})")
    )
    has_numbers = re.compile(rf"\\u00(?:{numbers})".encode(), re.IGNORECASE).search

    def replace(found: re.Match[bytes]) -> bytes:
        return found[1] + (b"null" if found[2].startswith(b'"') else b"")

    def withhold(text: bytes) -> bytes:
        if _BACKSLASH in text and has_numbers(text):  # one byte is found ten times as fast
            return of_escaped.sub(replace, text)
        most = text.count(name)  # behind the last one, nothing needs to be searched
        return of_plain.sub(replace, text, most) if most else text

    return withhold
