"""Objects that are uploaded in blocks, and that the store shows only once the upload is committed."""

from __future__ import annotations

import io
from typing import Any

# S3 takes no smaller block but the last, and no more than 10,000 of them. Doubling the size after each thousand keeps
# memory low for most objects, and still lets one have 450 GB.
_SMALLEST_BLOCK = 5 << 20
_LARGEST_BLOCK = 64 << 20
_BLOCKS_OF_A_SIZE = 1000


class MultipartUpload:
    """Cuts what is written into blocks. Subclasses speak to a store."""

    def __init__(self) -> None:
        self._waiting = io.BytesIO()
        self._sent: list[Any] = []
        self._is_closed = False

    def write(self, data: bytes | memoryview) -> None:
        """Add bytes, and send the blocks that are full."""
        rest = memoryview(data)
        while rest:
            size = min(_SMALLEST_BLOCK << len(self._sent) // _BLOCKS_OF_A_SIZE, _LARGEST_BLOCK)
            room = size - self._waiting.tell()
            self._waiting.write(rest[:room])
            rest = rest[room:]
            if self._waiting.tell() == size:
                self._send()

    def flush(self) -> None:
        """Send the last block."""
        if self._waiting.tell():
            self._send()

    def commit(self) -> None:
        """Commit: make an object of the blocks that were sent."""
        self._join(self._sent)
        self._is_closed = True

    def discard(self) -> None:
        """Discard the blocks that were sent."""
        if not self._is_closed:
            self._is_closed = True
            self._withdraw()

    def _send(self) -> None:
        block = self._waiting.getvalue()  # its own buffer, not a copy
        self._waiting = io.BytesIO()
        self._sent.append(self._put(len(self._sent) + 1, block))

    def _put(self, number: int, block: bytes) -> Any:
        """Send a block, and return what :meth:`_join` needs to know of it."""
        raise NotImplementedError

    def _join(self, blocks: list[Any]) -> None:
        raise NotImplementedError

    def _withdraw(self) -> None:
        raise NotImplementedError
