"""U+0000 in texts, which PostgreSQL and others refuse."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from airflow_provider_payments.payment import Payment

_BACKSLASH = ord("\\")
_ESCAPED = rb"\u0000"
# A search by a pattern is faster than ``in``.
_may_hold_nul = re.compile(rb"\\u0000").search
# Every escape is matched, so that an escaped backslash is not taken for the beginning of another one.
_ESCAPES = re.compile(rb"\\(?:u0000|[^u]|u)")
_TEXTS = tuple(
    field.name
    for field in msgspec.structs.fields(Payment)
    if field.type in (str, str | None) and field.name not in ("provider", "connection_id")
)


class NulFilter:
    """Counts payments with U+0000, and replaces it where that is asked for.

    :param replaces: whether U+FFFD takes its place, in ``raw`` as well.
    :param include_raw: whether ``raw`` counts.
    """

    def __init__(self, *, replaces: bool, include_raw: bool) -> None:
        self.found = 0
        self._replaces = replaces
        self._include_raw = include_raw

    def apply(self, payments: Sequence[Payment]) -> Sequence[Payment]:
        """Return the payments as they are to be written."""
        # Texts are read out of ``raw``, where JSON permits no other spelling. One byte, as a number, is found fastest.
        marked = [n for n, each in enumerate(payments) if _BACKSLASH in each.raw and self._holds_nul(each)]
        self.found += len(marked)
        if not marked or not self._replaces:
            return payments
        replaced = list(payments)
        for n in marked:
            replaced[n] = replace_nul(payments[n])
        return replaced

    def warnings(self) -> list[str]:
        """Say what was found, and what was done or can be."""
        if not self.found:
            return []
        done = (
            "U+FFFD was written in its place."
            if self._replaces
            else "PostgreSQL and other databases refuse it. Set replace_nul=True to have U+FFFD in its place."
        )
        return [f"{self.found} payments have texts with U+0000. {done}"]

    def _holds_nul(self, payment: Payment) -> bool:
        if not _may_hold_nul(payment.raw):
            return False
        if self._include_raw and _ESCAPED in _ESCAPES.findall(payment.raw):
            return True
        return any("\x00" in (getattr(payment, name) or "") for name in _TEXTS)


def replace_nul(payment: Payment) -> Payment:
    """Return a payment with U+FFFD for U+0000 in its texts and in ``raw``."""
    texts = {name: text.replace("\x00", "\ufffd") for name in _TEXTS if (text := getattr(payment, name))}
    raw = _ESCAPES.sub(lambda each: rb"\ufffd" if each[0] == _ESCAPED else each[0], payment.raw)
    return msgspec.structs.replace(payment, raw=raw, **texts)
