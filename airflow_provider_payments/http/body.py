"""The body of a response, gathered and unpacked in bounded memory.

HTTP libraries hold whatever a server sends, and unpack a thousand bytes from one. A page of a thousand payments takes a
few megabytes; what is much larger is no page, and is not worth the worker's memory.
"""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Mapping

#: Bytes that a body has at most, packed and unpacked.
MAX_BODY = 32 * 2**20
#: What :meth:`Body.unpack` can read, as clients ask for it.
ENCODINGS = "gzip"

#: Lines of headers that a response has at most: as many as Python's own HTTP client takes.
MAX_HEADERS = 99
#: Bytes of one of them, and of the status line: as many as Python's own HTTP client takes.
MAX_LINE = 65_536
#: Digits of a length. One of thousands is none to Python's own HTTP client, which then reads until the connection ends.
_LONGEST_LENGTH = 100

# How zlib is told what to expect. "deflate" is not asked for, and comes from some servers all the same; some of them
# leave out its frame.
_WINDOWS = {
    "gzip": (16 + zlib.MAX_WBITS,),
    "x-gzip": (16 + zlib.MAX_WBITS,),
    "deflate": (zlib.MAX_WBITS, -zlib.MAX_WBITS),
}

_GZIP = b"\x1f\x8b"


class BodyTooLarge(Exception):
    """The body is larger than any page of payments."""


class BodyUnreadable(Exception):
    """The body is not compressed as the response says, or it cannot be told for certain where it ends."""


class ResponseTooSlow(Exception):
    """The response comes, but not within the time that a whole one may take."""


class Body:
    """A body that comes in pieces."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.size = 0

    def add(self, piece: bytes) -> None:
        """Add a piece.

        :raises BodyTooLarge: when the body is too large with it.
        """
        self.size += len(piece)
        if self.size > MAX_BODY:
            raise BodyTooLarge
        self._pieces.append(piece)

    def unpack(self, encoding: str | None) -> bytes:
        """Return the whole body, decompressed.

        :param encoding: the response's ``Content-Encoding``. With one that is not known here the body is left as it is:
            some servers name a character set there.
        :raises BodyTooLarge: when it is too large unpacked.
        :raises BodyUnreadable: when it cannot be unpacked, or breaks off.
        """
        body = b"".join(self._pieces)
        if body:
            for name in reversed((encoding or "").lower().split(",")):  # the last one was packed last
                body = _unpack(body, _WINDOWS[name.strip()]) if name.strip() in _WINDOWS else body
        return body.removeprefix(codecs.BOM_UTF8)


def _unpack(packed: bytes, windows: tuple[int, ...]) -> bytes:
    left = MAX_BODY
    pieces: list[bytes] = []
    # Several packed texts, one behind the other, are one. Other bytes behind the end mean nothing.
    while not pieces or packed.startswith(_GZIP):
        piece, packed = _unpack_one(packed, windows, left)
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _unpack_one(packed: bytes, windows: tuple[int, ...], left: int) -> tuple[bytes, bytes]:
    """Return what a packed text holds, and the bytes behind it."""
    for window in windows:
        decoder = zlib.decompressobj(window)
        try:
            piece = decoder.decompress(packed, left + 1)
        except zlib.error:
            continue
        if len(piece) > left:
            raise BodyTooLarge
        if decoder.eof:
            return piece, decoder.unused_data
    raise BodyUnreadable


def check_framing(headers: Mapping[str, str]) -> None:
    """Refuse a response of which HTTP libraries would read different bodies, or could not tell that it breaks off, and
    one that says itself that it is too large.

    :param headers: names in lower case.
    :raises BodyUnreadable: when its length is told twice, or in no way that RFC 9112 (section 6) knows.
    :raises BodyTooLarge: when its length is more than a body's may be.
    """
    length, transfer = headers.get("content-length"), headers.get("transfer-encoding")
    is_plain = length is None or (length.isascii() and length.isdigit() and len(length) <= _LONGEST_LENGTH)
    is_chunked = transfer is None or (transfer.lower() == "chunked" and length is None)
    if not (is_plain and is_chunked) or any("\0" in value for value in headers.values()):
        raise BodyUnreadable
    if int(length or 0) > MAX_BODY:
        raise BodyTooLarge
