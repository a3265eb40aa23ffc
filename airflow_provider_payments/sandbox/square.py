"""Square in the sandbox: a list for each location, cursors that expire, pages that may be short."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import Any
from zlib import crc32

from airflow_provider_payments.sandbox.api import Answer, Api, Built, Call, Problem, Row, only
from airflow_provider_payments.sandbox.data import Dice
from airflow_provider_payments.sandbox.square_data import build_example, build_locations, build_payment
from airflow_provider_payments.sandbox.square_query import (
    BOUNDS,
    FILTERS,
    KNOWN,
    SORT_FIELDS,
    as_text,
    get_field,
    parse_moment,
    read_bound,
    read_whole_number,
    time_of,
)

ACCESS_TOKEN = "sandbox_access_token"  # noqa: S105
VERSION = "2026-08-19"
PAYMENTS, LOCATIONS = "/v2/payments", "/v2/locations"
PERMISSIONS = {PAYMENTS: "PAYMENTS_READ", LOCATIONS: "MERCHANT_PROFILE_READ"}
_YEAR = timedelta(days=365)
_CATEGORIES = {401: "AUTHENTICATION_ERROR", 403: "AUTHENTICATION_ERROR", 429: "RATE_LIMIT_ERROR"}
_CODES = {429: "RATE_LIMITED", 500: "INTERNAL_SERVER_ERROR", 503: "SERVICE_UNAVAILABLE"}


class Square(Api):
    """``rows`` are newest first, those of all locations together."""

    name = "square"
    newest = datetime(2026, 3, 3, 16, 20, 31, 447000, tzinfo=timezone.utc)
    time_field = "created_at"

    def __init__(self, *args: Any) -> None:
        self.locations = build_locations()
        super().__init__(*args)
        self._sort()
        self.permissions = set(PERMISSIONS.values())
        """What the token may do."""
        self.cursor_seconds = 300.0
        self.counts_end_in = True
        """Whether ``end_time`` is itself part of the range, which is not documented."""
        self.page_length: Callable[[Row, int], int] = lambda first, most: (
            most - (most > 1 and crc32(first["id"].encode()) % 10 == 0)
        )
        """How many rows a page has, given the first and how many it could have. Any page may have fewer, or none."""
        self.delay_seconds = 0.0
        """How long it takes until a payment that is added shows up in the list."""
        self._appears: dict[str, float] = {}
        self._cursors: dict[str, tuple[Row | None, Row, int, float]] = {}
        """Of each cursor: the query, the last row shown and where it was, and when it was issued."""
        self._random = Dice("cursors of square")

    def connection(self, url: str) -> Row:
        return {"conn_type": "square", "host": f"{url}/square", "password": ACCESS_TOKEN}

    @property
    def now(self) -> datetime:
        """The sandbox's time, in which nothing was created later."""
        latest = max(
            (parse_moment(row["created_at"]) for row in self.rows[:1] if row["created_at"]), default=self.newest_at
        )
        return max(datetime.now(timezone.utc), latest) + timedelta(seconds=self.clock.elapsed())

    def add(self, at: datetime | None = None, **changes: Any) -> Row:
        row = super().add(at, **changes)
        self._sort()
        self._appears[row["id"]] = self.clock.elapsed() + self.delay_seconds
        return row

    def _sort(self) -> None:
        # Not in place: while a list is sorted, it is empty for whoever else looks at it, as the server's threads do.
        self.rows[:] = sorted(self.rows, key=lambda row: time_of(row, ("created_at",)), reverse=True)

    def respond(self, call: Call) -> Answer:
        if call.header("Authorization") != f"Bearer {ACCESS_TOKEN}":
            raise Problem(401, "This request could not be authorized.", "UNAUTHORIZED")
        version = call.header("Square-Version", VERSION)
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", version):
            raise Problem(400, "The Square-Version is malformed.", "INVALID_SQUARE_VERSION_FORMAT", "Square-Version")
        area = next((each for each in PERMISSIONS if f"{call.route}/".startswith(f"{each}/")), None)
        if area is None or (area == LOCATIONS and call.route != LOCATIONS):
            raise Problem(404, "Resource not found.", "NOT_FOUND")
        only(call, "GET")
        if PERMISSIONS[area] not in self.permissions:
            lacking = f"The merchant must authorize your application for the following scopes: {PERMISSIONS[area]}"
            raise Problem(
                403, f"The merchant has not given your application permission. {lacking}", "INSUFFICIENT_SCOPES"
            )
        return Answer.json(self._reply(call, area), Square_Version=version)

    def _reply(self, call: Call, area: str) -> Row:
        if area == LOCATIONS:
            return {"locations": self.locations}
        if call.route == PAYMENTS:
            return self._list(call.query)
        wanted = call.route.removeprefix(f"{PAYMENTS}/")
        row = next((row for row in self.rows if row["id"] == wanted), None)
        if row is None:
            raise Problem(404, f"Could not find payment with id: {wanted}", "NOT_FOUND", "payment_id")
        return {"payment": row}

    # The list.

    def _list(self, asked: Row) -> Row:
        query = {name: value for name, value in asked.items() if name != "cursor"}
        is_wanted = self._filter(query)
        limit = read_whole_number(query, "limit", 100)
        rows = self._sorted(query)
        place = self._find_place(rows, query, asked["cursor"]) if asked.get("cursor") else 0
        most = min(limit, 100)
        found = list(islice((n for n in range(place, len(rows)) if is_wanted(rows[n])), most + 1))
        most = self.page_length(rows[found[0]], most) if found else 0
        page: Row = {"payments": [rows[n] for n in found[:most]]} if most else {}
        if len(found) > most:
            cursor = self._random.letters(40)
            last = found[most - 1] if most else place - 1
            self._cursors[cursor] = (query, rows[last], last, self.clock.elapsed())
            page["cursor"] = cursor
        return page

    def _find_place(self, rows: list[Row], query: Row, cursor: str) -> int:
        """Where the rows behind a cursor begin."""
        known, last, place, issued = self._cursors.get(cursor, (None, {}, 0, 0.0))
        if known != query or self.clock.elapsed() - issued > self.cursor_seconds:
            raise Problem(400, "The cursor is invalid or has expired.", "INVALID_CURSOR", "cursor")
        if place < 0 or (place < len(rows) and rows[place] is last):
            return place + 1
        return next((n + 1 for n, row in enumerate(rows) if row is last), len(rows))

    def _sorted(self, query: Row) -> list[Row]:
        field = SORT_FIELDS.get(query.get("sort_field", "CREATED_AT"))
        order = query.get("sort_order", "DESC")
        if field is None:
            raise Problem(400, "Not a field to sort by.", "INVALID_ENUM_VALUE", "sort_field")
        if order not in ("ASC", "DESC"):
            raise Problem(400, "The sort order must be ASC or DESC.", "INVALID_SORT_ORDER", "sort_order")
        if field == ("created_at",):
            # Copies, for a test may add a payment meanwhile, and then each row behind it has another place.
            return self.rows[:] if order == "DESC" else self.rows[::-1]
        return sorted(self.rows, key=lambda row: time_of(row, field), reverse=order == "DESC")

    def _filter(self, query: Row) -> Callable[[Row], bool]:
        """What is asked for. Without a location, the main one; without a range, the last year."""
        for name in query:
            if name not in KNOWN:
                raise Problem(400, f"Unknown parameter: {name}", "UNKNOWN_QUERY_PARAMETER", name)
        now, ids = self.now, [each["id"] for each in self.locations]
        location = query.get("location_id", ids[0])
        if location not in ids:
            raise Problem(404, f"There is no location with the id {location}.", "NOT_FOUND", "location_id")
        bounds = {name: read_bound(name, query[name]) for name in BOUNDS if name in query}
        bounds = {"begin_time": now - _YEAR, "end_time": now, **bounds}
        for begin, end in (("begin_time", "end_time"), ("updated_at_begin_time", "updated_at_end_time")):
            if begin in bounds and end in bounds and bounds[begin] >= bounds[end]:
                raise Problem(400, f"{begin} must be before {end}.", "INVALID_TIME_RANGE", begin)
        plain = {FILTERS[name]: query[name] for name in FILTERS if name in query}
        elapsed = self.clock.elapsed()

        def is_wanted(row: Row) -> bool:
            return (
                row["location_id"] == location
                and self._appears.get(row["id"], 0.0) <= elapsed
                and all(self._is_within(name, bound, row) for name, bound in bounds.items())
                and all(as_text(get_field(row, field)) == value for field, value in plain.items())
            )

        return is_wanted

    def _is_within(self, name: str, bound: datetime, row: Row) -> bool:
        moment = time_of(row, BOUNDS[name])
        if "begin" in name:
            return moment >= bound
        return moment <= bound if self.counts_end_in else moment < bound

    # Its ways to say no.

    def refuse(self, problem: Problem) -> Answer:
        category = _CATEGORIES.get(problem.status, "API_ERROR" if problem.status >= 500 else "INVALID_REQUEST_ERROR")
        code = _CODES.get(problem.status, problem.code.upper())
        error = {"category": category, "code": code, "detail": problem.args[0]}
        if problem.field:
            error["field"] = problem.field
        return Answer.json({"errors": [error]}, problem.status)

    def examples(self) -> list[Built]:
        return [(build_example(self.newest), [])]

    def build(self, dice: Dice, created: datetime, index: int | None) -> Built:
        return build_payment(dice, created, index, self.locations)
