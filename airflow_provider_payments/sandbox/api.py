"""What the APIs of the sandbox share: a received call, an answer, and payments that move on by themselves."""

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote

from airflow_provider_payments.sandbox.clock import Clock
from airflow_provider_payments.sandbox.data import Dice, PromptDice, shift_times

Row = dict[str, Any]
Built = tuple[Row, list[tuple[float, Row]]]
"""A row and the changes to come: (when, in multiples of settle_seconds; the fields that change then)."""


@dataclass
class Call:
    """One received request. ``status`` stays 0 until it is answered (and for a dropped connection)."""

    api: str
    method: str
    path: str
    """The request target as it was on the wire: prefix, escapes and query included."""
    headers: list[tuple[str, str]] = field(repr=False)
    body: bytes = field(repr=False)
    status: int = 0
    received_at: float = 0.0
    answered_at: float = 0.0
    """Both in ``time.monotonic()`` seconds, to see pace and overlap."""

    def header(self, name: str, default: str = "") -> str:
        return next((value for key, value in self.headers if key.lower() == name.lower()), default)

    @cached_property
    def route(self) -> str:
        """The decoded path below the API's prefix."""
        return unquote(self.path.partition("?")[0]).removeprefix(f"/{self.api}")

    @cached_property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.path.partition("?")[2], keep_blank_values=True))

    def number(self, name: str, default: int, low: int, high: int | None = None) -> int:
        """A whole number from the query, or the API's complaint about it."""
        text = self.query.get(name, str(default))
        try:
            value = int(text)
        except ValueError:
            raise Problem(400, "A valid integer is required.", "invalid_request", name) from None
        if value < low:
            raise Problem(400, f"Ensure this value is greater than or equal to {low}.", "invalid_request", name)
        if high is not None and value > high:
            raise Problem(400, f"Ensure this value is less than or equal to {high}.", "invalid_request", name)
        return value

    def one_of(self, name: str, words: Iterable[str], default: str = "") -> str:
        """A word from the query that must be one of ``words``; the default where it is missing."""
        value = self.query.get(name, default)
        if value != default and value not in words:
            raise Problem(400, f'"{value}" is not a valid choice.', "invalid_request", name)
        return value

    def json(self) -> Row:
        try:
            value = json.loads(self.body)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise Problem(400, "The body must be a JSON object.", "invalid_request")
        return value


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, value: Any, status: int = 200, **headers: str) -> Answer:
        names = {name.replace("_", "-"): text for name, text in headers.items()}
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        # Half a surrogate pair, which has no encoding, is escaped, as servers in other languages do.
        data = text.encode("utf-8", "backslashreplace")
        return cls(status, data, {"Content-Type": "application/json", **names})


class Problem(Exception):
    def __init__(self, status: int, message: str, code: str = "", field_name: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.field = field_name


@dataclass(frozen=True)
class Step:
    """A change that comes by itself, unless somebody else changed the status first."""

    due: float
    row: Row
    was: str
    changes: Row


class Api(ABC):
    """One payment API: its rows, its rules, and its way of saying no.

    ``rows`` is live: insert, change and delete while the server runs. It is kept newest first and served in that
    order where the API's own sorting does not say otherwise; ``add()`` puts a new row into its place.
    """

    name: ClassVar[str]
    newest: ClassVar[datetime]
    """The time of the documented example payment; seeded payments are older."""
    time_field: ClassVar[str]
    unix_fields: frozenset[str] = frozenset()
    """Fields besides ``time_field`` that hold Unix seconds."""
    hidden: frozenset[str] = frozenset()
    """Fields that rows have here but the list does not show."""

    def __init__(self, payments: int, seed: int, clock: Clock) -> None:
        self.clock = clock
        self.newest_at = self.newest
        self._made = 0
        self._new = PromptDice(f"{seed}:{self.name}:new")
        self.rows: list[Row] = []
        self._steps: list[Step] = []
        self._added = Dice(f"{seed}:{self.name}:added")
        self._added_at = self.newest
        for built in self.examples()[:payments]:
            self._append(built)
        dice = Dice(f"{seed}:{self.name}")
        created = self.newest - timedelta(hours=1)
        for index in range(payments - len(self.rows)):
            created -= dice.gap()
            self._append(self.build(dice, created, index))
        self._due = deque(sorted(self._steps, key=lambda step: step.due))
        self._settling = threading.Lock()

    def _append(self, built: Built) -> None:
        row, changes = built
        self.rows.append(row)
        was = row["status"]
        for due, change in changes:
            self._steps.append(Step(due, row, was, change))
            was = change["status"]

    @abstractmethod
    def examples(self) -> list[Built]:
        """The payments of the API's own documentation, in their order there."""

    @abstractmethod
    def build(self, dice: Dice, created: datetime, index: int | None) -> Built:
        """One invented payment. ``index`` counts from the newest; None asks for a plain successful one."""

    @abstractmethod
    def respond(self, call: Call) -> Answer: ...

    @abstractmethod
    def refuse(self, problem: Problem) -> Answer:
        """A problem in the API's own shape."""

    @abstractmethod
    def connection(self, url: str) -> Row:
        """The fields of an Airflow connection to this API at ``url`` (without the API's prefix)."""

    def held(self, call: Call) -> Callable[[], bool] | None:
        """For a long poll: whether what it waits for has happened, asked again and again. None: answer at once.

        A call that will be refused is not held.
        """
        return None

    def answer(self, call: Call) -> Answer:
        try:
            return self.respond(call)
        except Problem as problem:
            return self.refuse(problem)

    def fail(self, status: int) -> Answer:
        return self.refuse(Problem(status, "The service is unavailable for a moment.", "unavailable"))

    def throttle(self, retry_after: str | None) -> Answer:
        answer = self.refuse(Problem(429, "Too many requests.", "rate_limited"))
        headers = {} if retry_after is None else {"Retry-After": retry_after}
        return Answer(answer.status, answer.body, {**answer.headers, **headers})

    def add(self, at: datetime | None = None, **changes: Any) -> Row:
        """A new successful payment with ``changes``: the newest of all, or created ``at`` a time; returned live."""
        if at is None:
            self._added_at += timedelta(minutes=1)
        row = {**self.build(self._added, at or self._added_at, None)[0], **changes}
        time = row.get(self.time_field)
        if at is None or not time:
            self.rows.insert(0, row)
        else:
            older = (place for place, other in enumerate(self.rows) if (other.get(self.time_field) or time) < time)
            self.rows.insert(next(older, len(self.rows)), row)
        return row

    def move(self, newest: datetime) -> None:
        """Move all payments in time, by whole seconds, so that the documented one is of ``newest``."""
        seconds = round((newest - self.newest_at).total_seconds())
        for part in (*self.rows, *(step.changes for step in self._due)):
            part.update(shift_times(part, seconds, {self.time_field, *self.unix_fields}))
        self.newest_at += timedelta(seconds=seconds)
        self._added_at += timedelta(seconds=seconds)

    def make_due(self, number: int, every: float) -> None:
        """Make the payments up to a number, ``every`` so many seconds one after the documented one."""
        for made in range(self._made + 1, number + 1):
            row = self.build(self._new, self.newest_at + timedelta(seconds=made * every), None)[0]
            self.rows.insert(0, row)
        self._made = max(self._made, number)

    def settle(self, elapsed: float) -> None:
        """Apply what was due by ``elapsed``, counted in multiples of settle_seconds."""
        with self._settling:  # a test's thread can settle while the server's does, too
            while self._due and self._due[0].due <= elapsed:
                step = self._due.popleft()
                if step.row.get("status") == step.was:
                    step.row.update(step.changes)

    def having(self, filters: Row) -> list[Row]:
        """The rows with these values, in their order."""
        if not filters:
            return self.rows
        return [row for row in self.rows if all(row.get(name) == value for name, value in filters.items())]

    def shown(self, row: Row) -> Row:
        """The row as the list shows it."""
        return {name: value for name, value in row.items() if name not in self.hidden}


def only(call: Call, method: str) -> None:
    if call.method != method:
        raise Problem(405, f'Method "{call.method}" not allowed.', "method_not_allowed")
