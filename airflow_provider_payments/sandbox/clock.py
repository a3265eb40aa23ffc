"""The sandbox's clock, which a test can move instead of sleeping."""

from __future__ import annotations

import time


class Clock:
    """Seconds since the server started, plus what it was advanced by."""

    def __init__(self) -> None:
        self._zero = time.monotonic()

    def restart(self) -> None:
        self._zero = time.monotonic()

    def advance(self, seconds: float) -> None:
        self._zero -= seconds

    def elapsed(self) -> float:
        return time.monotonic() - self._zero
