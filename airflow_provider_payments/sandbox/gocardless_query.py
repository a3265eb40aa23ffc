"""What the list of GoCardless can be asked for, in the sandbox: filters, order, page size."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from operator import ge, gt, le, lt

from airflow_provider_payments.sandbox.api import Problem, Row
from airflow_provider_payments.sandbox.data import iso

STATUSES = (
    "pending_customer_approval",
    "pending_submission",
    "submitted",
    "confirmed",
    "paid_out",
    "cancelled",
    "customer_approval_denied",
    "failed",
    "charged_back",
)
LINKS = ("creditor", "mandate", "subscription")
BOUNDS: Mapping[str, Callable[[str, str], bool]] = {"gt": gt, "gte": ge, "lt": lt, "lte": le}
KNOWN = {
    *(f"{field}[{bound}]" for field in ("created_at", "charge_date") for bound in BOUNDS),
    *("status", "customer", "currency", "scheme", "limit", "after", "before", "sort_field", "sort_direction", *LINKS),
}
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,3}))?(Z|[+-]\d\d:\d\d)")
_PAIRS = (("after", "before"), ("creditor", "customer"))
"""What cannot be given together."""
_CHOICES = {"status": STATUSES, "sort_field": ("charge_date", "amount"), "sort_direction": ("asc", "desc")}

Show = Callable[[Row], Row]


def check(asked: Mapping[str, str]) -> None:
    """Refuse parameters that there are not, and values that make no sense."""
    for name in asked:
        if name not in KNOWN:
            raise Problem(422, "is not a permitted parameter", "", name)
    for one, other in _PAIRS:
        if one in asked and other in asked:
            raise Problem(422, f"cannot be given with {one}", "", other)
    for name, words in _CHOICES.items():
        if asked.get(name, words[0]) not in words:
            raise Problem(422, f"must be one of {', '.join(words)}", "", name)


def read_limit(asked: Mapping[str, str]) -> int:
    """How many payments are asked for; 50 by default."""
    text = asked.get("limit", "50")
    if not re.fullmatch(r"-?[0-9]{1,9}", text):
        raise Problem(422, "must be a number", "", "limit")
    if not 1 <= int(text) <= 500:
        raise Problem(422, "must be between 1 and 500", "", "limit")
    return int(text)


def sort(rows: list[Row], asked: Mapping[str, str], show: Show) -> list[Row]:
    """The payments in the order that is asked for; newest first by default."""
    is_descending = asked.get("sort_direction", "desc") == "desc"
    field = asked.get("sort_field")
    if field is None:
        return sorted(rows, key=lambda row: row["created_at"] or "", reverse=True)
    return sorted(rows, key=lambda row: show(row)[field] or "", reverse=is_descending)


def build_filter(asked: Mapping[str, str], show: Show) -> Callable[[Row], bool]:
    """Whether a payment is asked for."""
    created = _bounds(asked, "created_at", _read_moment)
    charged = _bounds(asked, "charge_date", _read_day)
    plain = {name: asked[name] for name in ("status", "customer", "currency", "scheme") if name in asked}
    links = {name: asked[name] for name in LINKS if name in asked}

    def is_wanted(row: Row) -> bool:
        return (
            all(row.get(name) == value for name, value in plain.items())
            and all(row["links"].get(name) == value for name, value in links.items())
            and all(holds(row["created_at"] or "", bound) for holds, bound in created)
            and all(holds(show(row)["charge_date"] or "", bound) for holds, bound in charged)
        )

    return is_wanted


def _bounds(
    asked: Mapping[str, str], field: str, read: Callable[[str], str]
) -> list[tuple[Callable[[str, str], bool], str]]:
    found = []
    for bound, holds in BOUNDS.items():
        name = f"{field}[{bound}]"
        if name in asked:
            try:
                found.append((holds, read(asked[name])))
            except ValueError:
                raise Problem(422, "is not a valid time", "", name) from None
    return found


def _read_moment(text: str) -> str:
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise ValueError("not ISO 8601 with at most milliseconds")
    second, fraction, zone = found.groups()
    return iso(datetime.fromisoformat(f"{second}.{(fraction or '0').ljust(3, '0')}{zone.replace('Z', '+00:00')}"))


def _read_day(text: str) -> str:
    return str(date.fromisoformat(text))
