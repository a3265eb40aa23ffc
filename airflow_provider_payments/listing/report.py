"""What a listing says of itself, and of each page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from airflow_provider_payments.payment import Payment
from airflow_provider_payments.texts import quote_text

#: Pages of payments newer than the window that are read before a warning tells of them.
_MANY_PAGES = 10
#: Names without a payment that a manifest tells, and that a sentence does, at most.
_MISSING_TOLD, _MISSING_NAMED = 100, 10


@dataclass
class ListingReport:
    """What can be said about a listing so far.

    :param duplicates_dropped: rows dropped because their payment had been seen.
    :param doubts: why payments that existed throughout may be missing.
    :param notes: what the API never lists, which is no doubt: the same for each of its listings.
    :param requests: requests sent, those for tokens and repeated ones included.
    :param listed_at: when its reading began, in UTC; None before.
    :param rows_mended: rows that had texts that are no Unicode.
    :param newer_pages: pages that had nothing but payments newer than the window, and were read on the way to it.
    :param newer_payments: how many payments these had.
    :param is_read_to_end: whether every payment was handed out; not when the reading was left, or has failed.
    """

    duplicates_dropped: int = 0
    doubts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    requests: int = 0
    listed_at: datetime | None = None
    rows_mended: int = 0
    newer_pages: int = 0
    newer_payments: int = 0
    is_read_to_end: bool = False

    def warnings(self) -> list[str]:
        """Return what a person should know of this listing."""
        mended = f"{self.rows_mended} payments had texts that are no Unicode; U+FFFD stands for what could not be read."
        newer = (
            f"{self.newer_pages} pages with {self.newer_payments} newer payments were read on the way to the window, "
            "for the API's list cannot begin there. Other windows read them again: list the whole range in one task."
        )
        is_far = self.newer_pages > _MANY_PAGES
        return [*self.doubts, *([mended] if self.rows_mended else []), *([newer] if is_far else []), *self.notes]

    def summary(self) -> dict[str, Any]:
        """Return what a manifest says of this listing, as plain JSON values."""
        return {"duplicates_dropped": self.duplicates_dropped, "complete": self.is_complete}

    @property
    def is_complete(self) -> bool:
        """Whether every payment that existed throughout was handed out; never before the listing is read to its end."""
        return self.is_read_to_end and not self.doubts

    def add(self, part: ListingReport) -> None:
        """Add what can be said about the listing of a part; the requests of all parts are counted together."""
        self.doubts += [each for each in part.doubts if each not in self.doubts]
        self.duplicates_dropped += part.duplicates_dropped
        self.rows_mended += part.rows_mended


@dataclass
class NamedReport(ListingReport):
    """What can be said so far about reading payments that were named.

    :param names: by what they were named: ``payment ids`` or ``order ids``.
    :param named: how many names there were.
    :param missing: how many of these the API knows no payment by.
    :param missing_ids: the first of those.
    """

    names: str = ""
    named: int = 0
    missing: int = 0
    missing_ids: list[str] = field(default_factory=list)

    def miss(self, name: str) -> None:
        """Note a name that the API knows no payment by."""
        self.missing += 1
        if len(self.missing_ids) < _MISSING_TOLD:
            self.missing_ids.append(name)

    def summary(self) -> dict[str, Any]:
        return {**super().summary(), "missing": self.missing, "missing_ids": [*self.missing_ids]}

    def warnings(self) -> list[str]:
        return [*super().warnings(), *([self.describe_missing()] if self.missing else [])]

    def describe_missing(self) -> str:
        """Say how many names the API knows no payment by, and the first of them."""
        first = ", ".join(map(quote_text, self.missing_ids[:_MISSING_NAMED]))
        more = ", …" if self.missing > _MISSING_NAMED else ""
        return f"No payment was found for {self.missing} of {self.named} {self.names}: {first}{more}."


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a listing says of a page's payments.

    :param payments: those to hand out: they are wanted, were not seen before, and are not held back.
    :param keys: of each row, what tells its payment apart from others.
    :param new_rows: rows that this pass had not seen.
    :param has_new: whether any was not seen by any pass.
    """

    payments: Sequence[Payment]
    keys: Sequence[str]
    new_rows: int
    has_new: bool


def count_doubt(counted: int, found: int) -> str:
    """Return the doubt that fewer payments were found than the API counts."""
    return f"the API counts {counted} payments, and {found} different ones were found"
