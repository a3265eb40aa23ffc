"""Texts that others wrote: what in them logs, databases and readers of JSON do not survive.

Three things are done about it: what is said of a text is escaped; what Airflow's database keeps for us is packed, and
comes back as it was; what is no Unicode is mended before it is read.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

# Control characters (C0, DEL, C1), separators of lines and paragraphs, marks that change the direction of writing, and
# halves of surrogate pairs.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_HALF = re.compile("[\ud800-\udfff]")
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
#: What is shown of a text in a sentence.
_LONGEST = 200
#: The only key of a packed value.
_PACKED = "as_json_text"
# Every escape of JSON is matched, so that an escaped backslash is not taken for the beginning of another one.
_JSON_HALF = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|[^u]|u)"
)
#: Bytes that are checked at once.
_PIECE = 1 << 16
_WRONG_BYTE = re.compile("[\udc80-\udcff]")


def escape_controls(text: str) -> str:
    r"""Return a text on one line, with control characters visible: ``\n``, ``\x00``, ``\u202e``."""
    return _CONTROL.sub(_escape, text)


def quote_text(text: str) -> str:
    """Return a text as it is shown in a sentence: in quotes, escaped, and not longer than a few lines."""
    return repr(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")


def is_unicode(text: str) -> bool:
    """Whether a text can be encoded. Half a surrogate pair cannot."""
    return _HALF.search(text) is None


def text_of(values: Any, key: str) -> str | None:
    """Return the text under a key of what merchants write themselves: an object, or a list, a text or nothing instead.

    A whole number is given as text. None where there is nothing else, or an empty text.

    :param values: decoded JSON; or its text, of which only that value is decoded, so that no other can be in the way.
    """
    if isinstance(values, msgspec.Raw):
        if not bytes(values).lstrip().startswith(b"{"):  # in most payments there is nothing
            return None
        try:
            values = {key: msgspec.json.decode(msgspec.json.decode(values, type=dict[str, msgspec.Raw])[key])}
        except (msgspec.DecodeError, RecursionError, KeyError):
            return None
    value = values.get(key) if isinstance(values, dict) else None
    is_text = isinstance(value, (str, int)) and not isinstance(value, bool)
    return str(value) or None if is_text else None


def pack(value: Any) -> Any:
    """Return a JSON value that every database keeps.

    PostgreSQL refuses U+0000 in JSON. A value with control characters in it becomes ``{"as_json_text": "…"}``, whose
    text is ASCII; any other stays as it is.
    """
    return {_PACKED: json.dumps(value)} if _has_controls(value) else value


def unpack(value: Any) -> Any:
    """Return what was given to :func:`pack`."""
    return json.loads(value[_PACKED]) if isinstance(value, Mapping) and [*value] == [_PACKED] else value


def require_utf8(text: bytes) -> None:
    """Refuse bytes that are not UTF-8.

    :raises UnicodeDecodeError: for such bytes.
    """
    if text.isascii():
        return
    # By pieces, whose memory is used again: that of a page of some megabytes would be got anew for each.
    start, view = 0, memoryview(text)
    while start < len(text):
        end = start + _PIECE
        _, read = codecs.utf_8_decode(view[start:end], "strict", end >= len(text))
        start += read


def mend_json(text: bytes, *, is_visible: bool = False) -> bytes:
    r"""Return JSON text in which U+FFFD stands for halves of surrogate pairs and for bytes that are not UTF-8.

    :param is_visible: write them as ``\\ud800`` and ``\\xff`` instead, so that different texts stay different.
    """

    def mend_half(escape: re.Match[bytes]) -> bytes:
        if escape[1] is None:
            return escape[0]
        return b"\\" + escape[0] if is_visible else b"\\ufffd"

    def mend_byte(byte: re.Match[str]) -> str:
        return f"\\\\x{ord(byte[0]) - 0xDC00:02x}" if is_visible else "\ufffd"

    halves = _JSON_HALF.sub(mend_half, text)
    return _WRONG_BYTE.sub(mend_byte, halves.decode("utf-8", "surrogateescape")).encode()


def decode_json(text: bytes, decode: Callable[[bytes], Any] = msgspec.json.decode) -> Any:
    """Decode JSON, mended where it needs to be.

    :param decode: decodes JSON into a type.
    :raises msgspec.DecodeError: when it is no JSON, or not of that type.
    """
    try:
        return decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        mended = mend_json(text)
        if mended == text:
            raise
    return decode(mended)


def _escape(control: re.Match[str]) -> str:
    character = control[0]
    number = ord(character)
    return _SHORT.get(character) or (f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}")


def _has_controls(value: Any) -> bool:
    match value:
        case str():
            return _CONTROL.search(value) is not None
        case Mapping():
            return any(_has_controls(each) for item in value.items() for each in item)
        case list() | tuple():
            return any(map(_has_controls, value))
        case _:
            return False


def find_similar(text: str, known: Iterable[str], *, likeness: float) -> str | None:
    """Return the known text that is most like another one, or None.

    :param likeness: how much alike they must be at least; 1 is the same.
    """
    from difflib import get_close_matches  # only mistakes need it, and DAG files are parsed all the time

    return next(iter(get_close_matches(text, known, n=1, cutoff=likeness)), None)
