"""What an API was asked before its list can be read, and for how long that is believed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

#: Seconds until an API is asked again. A process that waits for payments runs for weeks, and shops open meanwhile.
LIFETIME = 3600.0


@dataclass
class Discovery(Generic[T]):
    """A thing that an API tells when it is asked, and that may change.

    :param known: what needs no asking, since the connection says it; None is to be asked for.
    :param lifetime: seconds for which the API's answer is believed.
    :param now: a clock, in seconds.
    """

    known: T | None = None
    lifetime: float = LIFETIME
    now: Callable[[], float] = time.monotonic
    _found: tuple[T, float] | None = field(default=None, init=False)

    @property
    def is_due(self) -> bool:
        """Whether the API has to be asked, for the first time or again."""
        return self.known is None and (self._found is None or self.now() >= self._found[1])

    @property
    def value(self) -> T:
        """What is known. It may be used beyond its time, until the API has answered again.

        :raises LookupError: when the API was never asked.
        """
        if self.known is not None:
            return self.known
        if self._found is None:
            raise LookupError("not asked for yet")
        return self._found[0]

    def learn(self, value: T) -> None:
        """Take the API's answer."""
        self._found = (value, self.now() + self.lifetime)
