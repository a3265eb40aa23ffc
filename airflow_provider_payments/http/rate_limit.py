"""An even rate of requests, for all of a connection."""

from __future__ import annotations

import threading


class RateLimiter:
    """Gives out evenly spaced slots, without a burst, and none while the API has asked to wait.

    Times are those of one monotonic clock, in seconds.
    """

    def __init__(self, per_second: float | None) -> None:
        self._interval = 1 / per_second if per_second else 0.0
        self._next = 0.0
        self._last = float("-inf")
        self._pause_ends = 0.0
        self._lock = threading.Lock()

    def reserve(self, now: float) -> float:
        """Take the next slot and return the seconds until then."""
        with self._lock:
            slot = max(now, self._next, self._pause_ends)
            self._next = slot + self._interval
            if slot == now:
                self._last = now
            return slot - now

    def claim(self, now: float) -> float:
        """Claim a slot whose time has come. Return 0.0 if the request may be sent now, else the seconds left to wait.

        There are some when a pause was set meanwhile, or when the slot before was claimed late.
        """
        with self._lock:
            if now >= self._pause_ends:
                too_early = self._last + self._interval - now
                if too_early > 0:
                    return too_early
                self._last = now
                self._next = max(self._next, now + self._interval)
                return 0.0
        return self.reserve(now)

    def pause(self, until: float) -> None:
        """Give out no slot before a time, to no request of the connection."""
        with self._lock:
            self._pause_ends = max(self._pause_ends, until)
