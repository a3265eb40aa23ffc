"""A page of a list as readers see it, and how a list is ordered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class Order(Enum):
    """How a list is ordered by time."""

    NEWEST_FIRST = "newest first"
    OLDEST_FIRST = "oldest first"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Page:
    """A page as readers see it: keys and times of its rows, no payments.

    :param keys: of each row, what tells its payment apart from others (mostly its id); in the page's order.
    :param ids: ids of the rows.
    :param new: rows that this pass had not seen.
    :param times: creation times of the rows that have one.
    :param total: how many rows match, where the response tells it.
    :param limit: the page size that was used, where the response tells it.
    :param has_more: whether more pages follow, where the response tells it.
    :param next_cursor: what leads to the next page, where the response tells it; empty on the last page.
    :param data_until: until when the API has data, where the response tells it.
    """

    keys: Sequence[str]
    ids: Sequence[str]
    new: int
    times: Sequence[datetime]
    total: int | None = None
    limit: int | None = None
    has_more: bool | None = None
    next_cursor: str | None = None
    data_until: datetime | None = None
