"""Keeping a secret out of ``raw``, where an API puts one into its payments."""

from __future__ import annotations

import re
from collections.abc import Callable


def make_withholder(key: str) -> Callable[[bytes], bytes]:
    """Return a function that takes the texts under a key out of JSON, and leaves everything else byte for byte.

    Wherever an object has the key, its text becomes null. Links lose it, too, where their query has a parameter whose
    name is the key, or ends with it.

    :param key: the key; its case does not count.
    """
    # JSON may write any letter as its number.
    name = "".join(rf"(?:{re.escape(each)}|\\u{ord(each):04x})" for each in key)
    # Before a key there is never a backslash, as there is before a quote within a text.
    pattern = rf'(?<=[{{,\s])("{name}"\s*:\s*)"(?:[^"\\]|\\.)*"|({name}(?:=|%3D|\\u003d))[\w%.~-]+'
    substitute = re.compile(pattern.encode(), re.IGNORECASE | re.DOTALL).sub

    def replace(found: re.Match[bytes]) -> bytes:
        return found[1] + b"null" if found[1] else found[2]

    return lambda text: substitute(replace, text)
