"""How far a walk has come."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Progress:
    """How far a strand has been read."""

    seen: int = 0
    pages: int = 0
    longest: int = 0
    first_total: int | None = None
    largest_total: int | None = None
    head: frozenset[str] = frozenset()
    has_reached_head: bool = False
    has_shifted: bool = False
    boundary: str | None = None
    has_short_page: bool = False
    overlap: int = 0
    under_way: int = 0
    furthest: int = 0
    stale_pages: int = 0
    is_ordered: bool = True
    has_passed_window: bool = False
    is_broken: bool = False
    has_end: bool = False
