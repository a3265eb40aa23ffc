"""The guards of the package: how to break each, and which tests have to notice.

Texts to replace are exact and occur once in their file; a change of the code moves these lists along.
"""

from __future__ import annotations

from guards import arguments, completeness, guest, meaning, output, reconciliation, report, secrets
from guards.guard import Guard

GUARDS: list[Guard] = [
    *completeness.GUARDS,
    *meaning.GUARDS,
    *arguments.GUARDS,
    *guest.GUARDS,
    *secrets.GUARDS,
    *output.GUARDS,
    *reconciliation.GUARDS,
    *report.GUARDS,
]

__all__ = ["GUARDS", "Guard"]
