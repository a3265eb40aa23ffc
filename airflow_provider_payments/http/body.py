"""The body of a reply, gathered and unpacked in bounded memory.

HTTP libraries hold whatever a server sends, and unpack a thousand bytes from one. A page of a thousand payments takes a
few megabytes; what is much larger is no page, and is not worth the worker's memory.
"""

from __future__ import annotations

import zlib

#: Bytes that a body has at most, packed and unpacked.
MAX_BODY = 32 * 2**20
#: What :meth:`Body.unpack` can read, as drivers ask for it.
ENCODINGS = "gzip"

# How zlib is told what to expect. "deflate" is not asked for, and comes from some servers all the same.
_WINDOWS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}

_GZIP = b"\x1f\x8b"


class BodyTooLarge(Exception):
    """There is more of it than any page has."""


class BodyUnreadable(Exception):
    """It is not packed as the reply says."""


class BodyTooSlow(Exception):
    """It comes, but not within the time that a whole reply may take."""


class Body:
    """A body that comes in pieces."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.size = 0

    def add(self, piece: bytes) -> None:
        """Take a piece.

        :raises BodyTooLarge: when it is one too many.
        """
        self.size += len(piece)
        if self.size > MAX_BODY:
            raise BodyTooLarge
        self._pieces.append(piece)

    def unpack(self, encoding: str | None) -> bytes:
        """Return the whole.

        :param encoding: the reply's ``Content-Encoding``. What is no packing that is known here is taken as it is: some
            servers name a character set, and whoever reads it will see.
        :raises BodyTooLarge: when it is too large unpacked.
        :raises BodyUnreadable: when it cannot be unpacked, or breaks off.
        """
        packed = b"".join(self._pieces)
        name = (encoding or "").strip().lower()
        if name not in _WINDOWS or not packed:
            return packed
        left = MAX_BODY
        pieces: list[bytes] = []
        # Several packed texts, one behind the other, are one. Other bytes behind the end mean nothing.
        while not pieces or packed.startswith(_GZIP):
            try:
                decoder = zlib.decompressobj(_WINDOWS[name])
                pieces.append(decoder.decompress(packed, left + 1))
            except zlib.error:
                raise BodyUnreadable from None
            left -= len(pieces[-1])
            if left < 0:
                raise BodyTooLarge
            if not decoder.eof:
                raise BodyUnreadable
            packed = decoder.unused_data
        return b"".join(pieces)
