"""The checkpoint of a watch: which payments were announced. It has to outlive the process."""

from __future__ import annotations

import hashlib
import json
import sys
import zlib
from array import array
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

#: A payment without any time is in every window.
NO_TIME = float("inf")
#: What stands for NO_TIME in the text, where times are seconds since 1970 in 32 bits.
_PACKED_NO_TIME = 2**32 - 1


def hash_id(payment_id: str) -> int:
    """Return a hash of an id, of 64 bits: the checkpoint of a busy shop holds many."""
    return int.from_bytes(hashlib.sha256(payment_id.encode()).digest()[:8], "little")


@dataclass
class Checkpoint:
    """The payments that a watch has announced.

    :param polled_at: when the list was last read, in seconds since 1970; None before the first time.
    :param keys: of each payment a short hash of its id, and when it was created, in seconds since 1970.
    """

    polled_at: float | None = None
    keys: dict[int, float] = field(default_factory=dict)
    #: ``polled_at`` of the text that was written last; None when none was.
    _written_at: float | None = field(default=None, compare=False)
    _has_news: bool = field(default=False, compare=False)

    def note(self, listed: dict[int, float], now: float, lookback: float) -> None:
        """Note what was listed, and forget what will not be listed again."""
        self.polled_at = now
        oldest = now - lookback - 1  # times are kept in whole seconds
        known = {key: created for key, created in self.keys.items() if oldest <= created != NO_TIME}
        seen = {key: created for key, created in listed.items() if created >= oldest}
        self._has_news = self._has_news or not seen.keys() <= self.keys.keys()
        self.keys = known | seen

    def is_outdated(self, lookback: float) -> bool:
        """Whether a trigger that starts from the text written last would repeat events, or list twice ``lookback``."""
        return self._written_at is None or self._has_news or (self.polled_at or 0.0) - self._written_at >= lookback

    def to_text(self) -> str:
        """Return the checkpoint as text of about 12 bytes a payment: it is written to a database again and again."""
        whole = {key: _pack(created) for key, created in self.keys.items()}
        in_order = sorted(whole, key=whole.__getitem__)
        times = [whole[key] for key in in_order]
        steps = array("I", (after - before for before, after in zip([0, *times], times, strict=False)))
        hashes = array("Q", in_order)
        packed = zlib.compress(_little_endian(steps)), _little_endian(hashes)
        return json.dumps([self.polled_at, *(b64encode(each).decode() for each in packed)])

    def note_written(self) -> None:
        """Note that the text was written."""
        self._written_at, self._has_news = self.polled_at, False

    @classmethod
    def from_text(cls, text: object) -> Checkpoint:
        """Read a checkpoint from text.

        :raises ValueError: when it is no checkpoint.
        """
        try:
            polled_at, *packed = json.loads(str(text))
            polled_at = float(polled_at)
            steps, hashes = (b64decode(each) for each in packed)
            times = accumulate(_from_little_endian("I", zlib.decompress(steps)))
            keys = zip(_from_little_endian("Q", hashes), times, strict=True)
            found = {key: NO_TIME if created == _PACKED_NO_TIME else float(created) for key, created in keys}
        except (TypeError, AttributeError, zlib.error) as error:
            raise ValueError(f"not a checkpoint of this trigger: {error}") from None
        return cls(polled_at, found, polled_at)


def _pack(created: float) -> int:
    # No time that an API tells may be too large: what cannot be kept would be announced again and again.
    return _PACKED_NO_TIME if created == NO_TIME else int(min(max(created, 0), _PACKED_NO_TIME - 1))


def _little_endian(numbers: array[Any]) -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _from_little_endian(kind: str, data: bytes) -> array[Any]:
    numbers: array[Any] = array(kind, data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
