"""Which payments were announced: what has to outlive the process."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

#: A payment without any time is in every window.
NO_TIME = float("inf")


def shorten(payment_id: str) -> str:
    """Return a short hash of an id: the state of a busy shop holds many."""
    return hashlib.sha256(payment_id.encode()).hexdigest()[:18]


@dataclass
class Announced:
    """The payments that were announced.

    :param polled_at: when the list was last read, in seconds since 1970; None before the first time.
    :param keys: of each payment a short hash of its id, and when it was created, in seconds since 1970.
    """

    polled_at: float | None = None
    keys: dict[str, float] = field(default_factory=dict)

    def note(self, listed: dict[str, float], now: float, lookback: float) -> None:
        """Note what was listed, and forget what will not be listed again."""
        self.polled_at = now
        oldest = now - lookback - 1  # times are kept in whole seconds
        known = {key: created for key, created in self.keys.items() if oldest <= created != NO_TIME}
        self.keys = known | {key: created for key, created in listed.items() if created >= oldest}

    def to_json(self) -> str:
        """Return it as text."""
        keys = {key: None if created == NO_TIME else int(created) for key, created in self.keys.items()}
        return json.dumps({"polled_at": self.polled_at, "keys": keys})

    @classmethod
    def from_json(cls, text: object) -> Announced:
        """Read it from text.

        :raises ValueError: when it is none of ours.
        """
        try:
            value: Any = json.loads(str(text))
            keys = {str(key): float("inf" if moment is None else moment) for key, moment in value["keys"].items()}
            return cls(float(value["polled_at"]), keys)
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"not a state of this trigger: {error}") from None
