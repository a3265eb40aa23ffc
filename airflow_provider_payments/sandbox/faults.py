"""What can be made to go wrong."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field

Canned = tuple[int, dict[str, str], bytes]
"""Status, headers and body, sent as they are."""


@dataclass
class Faults:
    """Switches, read anew for every request; ``*_every`` counts the requests of each API for itself, 0 is never."""

    latency_ms: float = 0
    fail_every: int = 0
    """Answer 503 and 500 in turn, in the API's own error shape."""
    throttle_every: int = 0
    """Answer 429, Satispay 403 with code 70."""
    retry_after: str | None = "1"
    """The Retry-After of a 429: seconds, an HTTP date, or None for no such header. Satispay never sends one."""
    drop_connection_every: int = 0
    """Close the connection without an answer."""
    truncate_every: int = 0
    """Promise the whole body, send half of it, close the connection."""
    reply_with: defaultdict[str, deque[Canned]] = field(default_factory=lambda: defaultdict(deque))
    """Per API name, replies that are sent first come first served instead of the real ones."""
