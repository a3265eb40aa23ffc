"""Failed polls: how many in a row are survived."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass
class FailureCounter:
    """Counts failed polls in a row.

    :param limit: failed polls in a row that are survived.
    :param count: failed polls in a row so far.
    """

    limit: int = 0
    count: int = 0

    def add(self, error: Exception, log: Any, payments_conn_id: str) -> None:
        """Count a failed poll, and log it.

        :param error: what it failed with.
        :param log: the logger of the sensor or trigger.
        :param payments_conn_id: the connection that was polled, for the log.
        :raises Exception: the error itself, when the limit is exceeded.
        """
        self.count += 1
        if self.count > self.limit:
            raise error
        log.warning(
            "Poll of connection %r failed, %d in a row of at most %d. %s",
            payments_conn_id,
            self.count,
            self.limit,
            error,
        )

    def reset(self) -> None:
        """Forget the failures: a poll succeeded."""
        self.count = 0
