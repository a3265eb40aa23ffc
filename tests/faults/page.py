"""docs/reliability.md, as far as tests read it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from airflow_provider_payments import exceptions
from airflow_provider_payments.exceptions import PaymentsError

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"


@dataclass(frozen=True)
class Line:
    """A line of the page's table.

    :param tries: requests that are sent for a page when the failure stays; None is as many as the connection says.
    :param is_final: whether the task does not try again.
    """

    tries: int | None
    error: type[PaymentsError]
    is_final: bool
    published: str


def read_lines() -> dict[str, Line]:
    """Read the table of the page."""
    lines = {}
    tries = {"yes": None, "no": 1, "once, with a new key": 2}
    for text in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in text.strip("|").split(" | ")]
        if len(cells) == 6 and (name := re.fullmatch(r"`(Payments\w+)`", cells[2])):
            error = getattr(exceptions, name[1])
            lines[cells[0]] = Line(tries[cells[1]], error, {"yes": False, "no": True}[cells[3]], cells[4])
    return lines


LINES = read_lines()
