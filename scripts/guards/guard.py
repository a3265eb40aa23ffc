"""What a guard is, to ``break_guards.py``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Guard:
    """A guard.

    :param what: what it protects from.
    :param file: below ``airflow_provider_payments/``.
    :param text: what to replace.
    :param broken: what to put there.
    :param tests: arguments of pytest.
    :param besides: another text that has to change with it, and what becomes of it.
    """

    what: str
    file: str
    text: str
    broken: str
    tests: str
    besides: tuple[str, str] = ("", "")
