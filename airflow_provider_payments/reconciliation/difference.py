"""What a comparison has found, in numbers and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

#: Examples in a sentence.
_SHOWN = 3


@dataclass
class Difference:
    """What a comparison has found.

    Every payment of the API is matched, missing or different, and every row of the table is matched, extra or
    different.

    :param matched: payments with a row that is the same in all fields.
    :param missing: payments without a row.
    :param extra: rows without a payment: those with an id that the API does not have, or with none; and those that
        an id has besides the first.
    :param different: payments with a row, but none that is the same in all fields.
    :param duplicates: how many of ``extra`` have an id that another row has, too.
    :param examples: of each, the first by id: ids, and for ``different`` each field with both values.
    """

    matched: int = 0
    missing: int = 0
    extra: int = 0
    different: int = 0
    duplicates: int = 0
    examples: dict[str, list[Any]] = field(
        default_factory=lambda: {"missing": [], "extra": [], "different": [], "duplicates": []}
    )

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra or self.different)

    def explain(self, provider: str) -> str:
        """Return a sentence for each kind of difference, with what to do about it."""
        missing, extra, different = (self.examples[kind] for kind in ("missing", "extra", "different"))
        parts = [f"{provider}: the table is not what the API lists."]
        if self.missing:
            parts.append(
                f"{self.missing} payments are missing in the table{_show(missing)}: list the window again, and load it."
            )
        if self.extra:
            repeated = f", {self.duplicates} of them with an id that another row has" if self.duplicates else ""
            parts.append(
                f"{self.extra} rows are extra{repeated}{_show(extra)}: does the query choose the same window, statuses "
                "and connection, and does the table have each payment once?"
            )
        if self.different:
            shown = [f"{each['id']}: {each['field']} {each['api']}, in the table {each['table']}" for each in different]
            parts.append(f"{self.different} payments are different{_show(shown)}: load these again as they are now.")
        return " ".join([*parts, "The result has more examples, and the totals."])


def _show(examples: Sequence[object]) -> str:
    shown = ", ".join(map(str, examples[:_SHOWN])) + (", …" if len(examples) > _SHOWN else "")
    return f" ({shown})" if examples else ""
