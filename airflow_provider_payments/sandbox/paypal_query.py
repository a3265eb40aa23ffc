"""What can be asked of PayPal's transaction search."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from airflow_provider_payments.sandbox.api import Call, Problem, Row

LONGEST, HISTORY = timedelta(days=31), timedelta(days=3 * 365)
NOT_YET = "Data for the given start date is not available."
OPTIONAL = {
    "transaction_status": ("status",),
    "transaction_type": ("transaction_event_code",),
    "transaction_id": ("transaction_id",),
    "transaction_currency": ("transaction_amount", "currency_code"),
    "payment_instrument_type": ("instrument_type",),
    "store_id": ("store_id",),
    "terminal_id": ("terminal_id",),
}
"""Filters, and where a row has what has to be equal."""


def read_window(call: Call, now: datetime, last_refreshed: datetime, too_late_status: int) -> tuple[datetime, datetime]:
    """The window of a call, or the complaint about it."""
    start, end = (_read_time(call, name) for name in ("start_date", "end_date"))
    if end < start or end - start > LONGEST:
        raise Problem(400, "Date range is greater than 31 days", "INVALID_REQUEST", "end_date")
    if start < now - HISTORY:
        raise Problem(400, "Data is available for the last three years.", "INVALID_REQUEST", "start_date")
    if start > last_refreshed:
        raise Problem(too_late_status, NOT_YET, "INVALID_REQUEST")
    return start, end


def passes(row: Row, query: dict[str, str]) -> bool:
    """Whether a row passes the optional filters."""
    for name, path in OPTIONAL.items():
        value: Any = row
        for key in path:
            value = value.get(key, "")
        if name in query and value != query[name]:
            return False
    return "transaction_amount" not in query or _is_within(row["transaction_amount"], query["transaction_amount"])


def _read_time(call: Call, name: str) -> datetime:
    text = call.query.get(name, "")
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)", text):
        raise Problem(400, "MISSING_REQUIRED_PARAMETER" if not text else "INVALID_DATE", "INVALID_REQUEST", name)
    return parse(text)


@lru_cache(maxsize=100_000)
def parse(text: str) -> datetime:
    head, fraction, zone = re.fullmatch(r"(.{19})(\.\d+)?(.+)", text).groups()  # type: ignore[union-attr]
    offset = "+00:00" if zone == "Z" else f"{zone[:3]}:{zone[-2:]}"
    return datetime.fromisoformat(f"{head}{(fraction or '.0').ljust(7, '0')[:7]}{offset}")


def _is_within(amount: Row, wanted: str) -> bool:
    """Whether an amount is in a range like ``[500 TO 1005]``, in smallest units."""
    found = re.fullmatch(r"\[(-?\d+) TO (-?\d+)\]", wanted)
    if not found:
        raise Problem(400, "INVALID_AMOUNT_RANGE", "INVALID_REQUEST", "transaction_amount")
    units = int(amount["value"].replace(".", ""))
    return int(found[1]) <= units <= int(found[2])
