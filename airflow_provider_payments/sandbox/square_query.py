"""What the list of Square can be asked for, in the sandbox: filters, bounds of time, order, page size."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from functools import cache
from typing import Any

from airflow_provider_payments.sandbox.api import Problem, Row

BOUNDS: Mapping[str, tuple[str, ...]] = {
    "begin_time": ("created_at",),
    "end_time": ("created_at",),
    "updated_at_begin_time": ("updated_at",),
    "updated_at_end_time": ("updated_at",),
    "offline_begin_time": ("offline_payment_details", "client_created_at"),
    "offline_end_time": ("offline_payment_details", "client_created_at"),
}
"""Filters by time, and the field that each is about."""
SORT_FIELDS: Mapping[str, tuple[str, ...]] = {
    "CREATED_AT": ("created_at",),
    "UPDATED_AT": ("updated_at",),
    "OFFLINE_CREATED_AT": ("offline_payment_details", "client_created_at"),
}
FILTERS: Mapping[str, tuple[str, ...]] = {
    "total": ("total_money", "amount"),
    "last_4": ("card_details", "card", "last_4"),
    "card_brand": ("card_details", "card", "card_brand"),
    "is_offline_payment": ("is_offline_payment",),
}
KNOWN = {*BOUNDS, *FILTERS, "sort_field", "sort_order", "location_id", "limit", "cursor"}
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")


def get_field(row: Row, field: tuple[str, ...]) -> Any:
    value: Any = row
    for name in field:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def time_of(row: Row, field: tuple[str, ...]) -> datetime:
    """A row's time; of one that has none, the beginning of all time."""
    value = get_field(row, field)
    return parse_moment(value) if value else datetime.min.replace(tzinfo=timezone.utc)


@cache
def parse_moment(text: str) -> datetime:
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise ValueError("not RFC 3339")
    second, fraction, zone = found.groups()
    return datetime.fromisoformat(f"{second}.{(fraction or '0').ljust(6, '0')[:6]}{zone.replace('Z', '+00:00')}")


def read_bound(name: str, text: str) -> datetime:
    try:
        return parse_moment(text)
    except ValueError:
        raise Problem(400, "The time is not in RFC 3339 format.", "INVALID_TIME", name) from None


def read_whole_number(query: Row, name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not re.fullmatch(r"-?[0-9]{1,9}", text):
        raise Problem(400, "Expected an integer value.", "EXPECTED_INTEGER", name)
    if int(text) < 1:
        raise Problem(400, "The value must be at least 1.", "VALUE_TOO_LOW", name)
    return int(text)
