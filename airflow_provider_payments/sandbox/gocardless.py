"""GoCardless in the sandbox: a version on every request, cursors in the reply, and statuses that no end is final to."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from email.utils import format_datetime
from itertools import islice
from math import ceil
from typing import Any

from airflow_provider_payments.sandbox.api import Answer, Api, Built, Call, Problem, Row, only
from airflow_provider_payments.sandbox.data import Dice
from airflow_provider_payments.sandbox.gocardless_data import build_example, build_payment
from airflow_provider_payments.sandbox.gocardless_query import build_filter, check, read_limit, sort

ACCESS_TOKEN = "sandbox_access_token"  # noqa: S105
LIVE_TOKEN = "live_access_token"  # noqa: S105
"""A token of the other system, which has accounts and tokens of its own."""
VERSION = "2015-07-06"
ROUTE = "/payments"
_MINUTE = 60


class GoCardless(Api):
    """``rows`` are newest first. They carry whose they are, and how many days after its creation one is collected."""

    name = "gocardless"
    newest = datetime(2026, 3, 2, 10, 15, 42, 871000, tzinfo=timezone.utc)
    time_field = "created_at"
    hidden = frozenset({"customer", "charge_days"})

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.can_read = True
        """Whether the token has the scope to read payments."""
        self.empty_cursor = "null"
        """How a reply says that there is no page: ``null``, or ``absent`` as in some old ones."""
        self.amounts_as_text = False
        """Whether amounts are texts, as one of the SDKs declares them."""
        self.requests_per_minute = 1000
        self._window, self._used = 0, 0
        self._places: dict[str, int] = {}
        self._refusals = 0

    def connection(self, url: str) -> Row:
        return {"conn_type": "gocardless", "host": f"{url}/gocardless", "password": ACCESS_TOKEN}

    def respond(self, call: Call) -> Answer:
        self._count()
        self._admit(call)
        if call.route == ROUTE:
            return self._reply(self._list(call))
        return self._reply({"payments": self.shown(self.rows[self._place(call.route.removeprefix(f"{ROUTE}/"))])})

    def _admit(self, call: Call) -> None:
        version = call.header("GoCardless-Version")
        if not version:
            raise Problem(400, "Missing GoCardless-Version header", "missing_version_header")
        if version != VERSION:
            raise Problem(400, "Version not found", "version_not_found")
        token = call.header("Authorization").removeprefix("Bearer ")
        if token == LIVE_TOKEN:
            text = "The access token you've used is not a valid sandbox API access token"
            raise Problem(401, text, "access_token_not_found")
        if call.header("Authorization") != f"Bearer {ACCESS_TOKEN}":
            raise Problem(401, "Unauthorized", "unauthorized")
        if call.route != ROUTE and not call.route.startswith(f"{ROUTE}/"):
            raise Problem(404, "Not found", "route_not_found")
        only(call, "GET")
        if not self.can_read:
            raise Problem(403, "Insufficient permissions", "insufficient_permissions")

    def _count(self) -> None:
        """Count a request, within the minute in which it comes."""
        window = int(self.clock.elapsed() // _MINUTE)
        if window != self._window:
            self._window, self._used = window, 0
        self._used += 1
        if self._used > self.requests_per_minute:
            raise Problem(429, "Rate limit exceeded", "rate_limit_exceeded")

    def _reply(self, value: Row, status: int = 200) -> Answer:
        answer = Answer.json(value, status)
        reset = _http_date(_MINUTE - self.clock.elapsed() % _MINUTE)
        limit = {
            "RateLimit-Limit": str(self.requests_per_minute),
            "RateLimit-Remaining": str(max(self.requests_per_minute - self._used, 0)),
            "RateLimit-Reset": reset,
        }
        return Answer(answer.status, answer.body, {**answer.headers, **limit})

    # The list.

    def _list(self, call: Call) -> Row:
        asked = call.query
        check(asked)
        limit = read_limit(asked)
        rows = sort(self.rows, asked, self.shown)
        is_wanted = build_filter(asked, self.shown)
        backwards = "before" in asked
        if cursor := asked.get("after", asked.get("before")):
            place = self._place(cursor, rows, "before" if backwards else "after")
            places = range(place - 1, -1, -1) if backwards else range(place + 1, len(rows))
        else:
            places = range(len(rows))
        found = list(islice((place for place in places if is_wanted(rows[place])), limit + 1))
        has_more, page = len(found) > limit, sorted(found[:limit])
        for place in page[:1] + page[-1:]:
            self._places[rows[place]["id"]] = place
        first, last = (rows[page[0]]["id"], rows[page[-1]]["id"]) if page else (None, None)
        cursors = {
            "before": first if (has_more if backwards else cursor) else None,
            "after": last if (cursor if backwards else has_more) else None,
        }
        if self.empty_cursor == "absent":
            cursors = {side: told for side, told in cursors.items() if told}
        return {
            "payments": [self.shown(rows[place]) for place in page],
            "meta": {"cursors": cursors, "limit": limit},
        }

    def _place(self, wanted: str, rows: list[Row] | None = None, cursor: str = "") -> int:
        """Where a payment is in the list, whatever its status is now."""
        rows = self.rows if rows is None else rows
        guess = self._places.get(wanted, len(rows))
        if guess < len(rows) and rows[guess]["id"] == wanted:
            return guess
        for place, row in enumerate(rows):
            if row["id"] == wanted:
                return place
        if cursor:
            raise Problem(422, "is invalid", "", cursor)
        raise Problem(404, "Resource not found", "resource_not_found")

    def shown(self, row: Row) -> Row:
        shown = super().shown(row)
        if self.amounts_as_text:
            shown.update({name: str(row[name]) for name in ("amount", "amount_refunded")})
        if "charge_date" not in row:
            shown["charge_date"] = _charge_date(row)
        return shown

    # Its ways to say no.

    def refuse(self, problem: Problem) -> Answer:
        self._refusals += 1
        kinds = {422: "validation_failed"}
        kind = "gocardless" if problem.status >= 500 else kinds.get(problem.status, "invalid_api_usage")
        about: Row = {
            "message": "Validation failed" if problem.field else problem.message,
            "documentation_url": f"https://developer.gocardless.com/api-reference#{problem.code or kind}",
            "type": kind,
            "request_id": f"00000000-0000-4000-8000-{self._refusals:012d}",
            "code": problem.status,
        }
        if problem.field:
            pointer = f"/payments/{problem.field}"
            about["errors"] = [{"field": problem.field, "message": problem.message, "request_pointer": pointer}]
        elif problem.status < 500:
            about["errors"] = [{"reason": problem.code, "message": problem.message}]
        return self._reply({"error": about}, problem.status)

    def throttle(self, retry_after: str | None) -> Answer:
        """GoCardless sends no Retry-After: a date tells when the limit is reset."""
        answer = self.refuse(Problem(429, "Rate limit exceeded", "rate_limit_exceeded"))
        headers = {name: text for name, text in answer.headers.items() if name != "RateLimit-Reset"}
        if retry_after is not None:
            headers["RateLimit-Reset"] = _http_date(float(retry_after)) if retry_after.isdigit() else retry_after
        return Answer(answer.status, answer.body, headers)

    def examples(self) -> list[Built]:
        return [(build_example(self.newest), [])]

    def build(self, dice: Dice, created: datetime, index: int | None) -> Built:
        return build_payment(dice, created, index)


def _charge_date(row: Row) -> str | None:
    days, created = row.get("charge_days"), row["created_at"]
    return str(date.fromisoformat(created[:10]) + timedelta(days=days)) if created and days is not None else None


def _http_date(seconds: float) -> str:
    """The first whole second that is so many seconds from now."""
    moment = ceil((datetime.now(timezone.utc) + timedelta(seconds=seconds)).timestamp())
    return format_datetime(datetime.fromtimestamp(moment, timezone.utc), usegmt=True)
