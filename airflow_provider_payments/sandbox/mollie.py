"""Mollie in the sandbox: API keys of one website each, access tokens, a list from newest to oldest with links."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlencode

from airflow_provider_payments.sandbox.api import Answer, Api, Built, Call, Problem, Row, only
from airflow_provider_payments.sandbox.data import Dice
from airflow_provider_payments.sandbox.mollie_data import (
    MATTERS,
    OTHER_PROFILE,
    PROFILE,
    ROUTE,
    build_payment,
    format_time,
    write_links,
)

KEY = "live_SandboxSandboxSandboxSandbox01"
TEST_KEY = "test_SandboxSandboxSandboxSandbox01"
OTHER_KEY = "live_SandboxSandboxSandboxSandbox02"
TOKEN = "access_SandboxSandboxSandboxSandboxSandb"  # noqa: S105
KEYS = {KEY: (PROFILE, "live"), TEST_KEY: (PROFILE, "test"), OTHER_KEY: (OTHER_PROFILE, "live")}
"""API keys, and the website and mode that each is of."""
PARAMS = frozenset({"from", "limit", "sort", "profileId", "testmode", "embed", "include"})
TITLES = {
    400: "Bad Request",
    401: "Unauthorized Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
RATE_LIMIT = {
    "RateLimit-Policy": '"get-v2-payments";q=20;w=3;mollie-burst=60',
    "RateLimit": '"get-v2-payments";r=15;t=2;mollie-burst=60',
}


class Mollie(Api):
    """``rows`` are newest first, of two websites and both modes; a key shows those of one website and mode."""

    name = "mollie"
    newest = datetime(2026, 8, 21, 9, 13, 37, tzinfo=timezone.utc)
    time_field = "createdAt"

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.requires_profile = True
        """False: an access token without ``profileId`` sees all websites, as documented in 2024."""
        self.token_permissions = {"payments.read"}
        self.link_base = ""
        """What addresses in links begin with; empty: with this server's own."""

    def connection(self, url: str) -> Row:
        return {"conn_type": "mollie", "host": f"{url}/mollie", "password": KEY}

    def respond(self, call: Call) -> Answer:
        if call.route != ROUTE and not call.route.startswith(f"{ROUTE}/"):
            raise Problem(404, "The requested path does not exist.")
        scheme, _, credential = call.header("Authorization").partition(" ")
        if scheme.lower() != "bearer" or (credential not in KEYS and credential != TOKEN):
            raise Problem(401, "Missing authentication, or failed to authenticate")
        if credential == TOKEN and "payments.read" not in self.token_permissions:
            raise Problem(403, "The access token does not have the required permission: payments.read")
        only(call, "GET")
        for name in call.query:
            if name not in PARAMS:
                raise Problem(400, f"Unknown field: {name}", field_name=name)
        if call.route == ROUTE:
            return self._answer(self._list(call, credential))
        wanted = call.route.removeprefix(f"{ROUTE}/")
        _, mode = self._scope(call, credential, needs_profile=False)
        for row in self.rows:
            is_visible = row["mode"] == mode and (credential == TOKEN or row["profileId"] == KEYS[credential][0])
            if row["id"] == wanted and is_visible:
                return self._answer(row)
        raise Problem(404, f"No payment exists with token {wanted}.")

    def _scope(self, call: Call, credential: str, *, needs_profile: bool) -> tuple[str, str]:
        """Return website (empty: all) and mode whose payments a credential sees."""
        if credential != TOKEN:
            for name in ("profileId", "testmode"):
                if name in call.query:
                    raise Problem(400, f"{name} can only be used with an access token", field_name=name)
            return KEYS[credential]
        mode = "test" if call.one_of("testmode", ("true", "false"), "false") == "true" else "live"
        profile = call.query.get("profileId", "")
        if not profile and needs_profile and self.requires_profile:
            raise Problem(400, "The profileId is required", field_name="profileId")
        if profile and profile not in (PROFILE, OTHER_PROFILE):
            raise Problem(404, f"No website profile exists with token {profile}.")
        return profile, mode

    def _list(self, call: Call, credential: str) -> Row:
        limit = call.number("limit", 50, 1, 250)
        ascending = call.one_of("sort", ("asc", "desc"), "desc") == "asc"
        profile, mode = self._scope(call, credential, needs_profile=True)
        rows = [row for row in self.rows if row["mode"] == mode and profile in ("", row["profileId"])]
        if ascending:
            rows.reverse()
        start, cursor = 0, call.query.get("from")
        if cursor is not None:
            start = next((place for place, row in enumerate(rows) if row["id"] == cursor), -1)
        if start < 0:
            raise Problem(400, "Invalid cursor value", field_name="from")
        end = start + limit
        previous = self._page_link(call, rows[max(start - limit, 0)]["id"]) if start else None
        following = self._page_link(call, rows[end]["id"]) if end < len(rows) else None
        page = rows[start:end]
        links = {"self": self._page_link(call, cursor), "previous": previous, "next": following}
        documentation = {"href": "https://docs.mollie.com/reference/list-payments", "type": "text/html"}
        return {
            "count": len(page),
            "_embedded": {"payments": page},
            "_links": {**links, "documentation": documentation},
        }

    def _page_link(self, call: Call, cursor: str | None) -> Row:
        base = self.link_base or f"http://{call.header('Host')}/{self.name}"
        params = {**call.query, **({"from": cursor} if cursor else {})}
        return {"href": f"{base}{ROUTE}?{urlencode(params)}".rstrip("?"), "type": "application/hal+json"}

    def _answer(self, value: Row, status: int = 200) -> Answer:
        answer = Answer.json(value, status, Content_Type="application/hal+json")
        return Answer(answer.status, answer.body, {**answer.headers, **RATE_LIMIT})

    def refuse(self, problem: Problem) -> Answer:
        """No code and no request id, but HAL's links."""
        texts = {429: "You have exceeded the rate limit. Please slow down your requests."}
        body: Row = {
            "status": problem.status,
            "title": TITLES.get(problem.status, "Error"),
            "detail": texts.get(problem.status, problem.message),
        }
        if problem.field:
            body["field"] = problem.field
        documentation = {"href": "https://docs.mollie.com/overview/handling-errors", "type": "text/html"}
        return self._answer({**body, "_links": {"documentation": documentation}}, problem.status)

    def examples(self) -> list[Built]:
        """One like the page's own example: the shortest id that there is, and nothing that it can do without."""
        row = {
            "resource": "payment",
            "id": "tr_7UhSN1zuXS",
            "mode": "live",
            "createdAt": format_time(self.newest),
            "amount": {"value": "10.00", "currency": "EUR"},
            "description": "Order #12345",
            "method": None,
            "metadata": {"order_id": "12345"},
            "status": "paid",
            "paidAt": format_time(self.newest + timedelta(seconds=48)),
            "amountRefunded": {"value": "0.00", "currency": "EUR"},
            "amountRemaining": {"value": "35.00", "currency": "EUR"},
            "profileId": PROFILE,
            "sequenceType": "oneoff",
            "redirectUrl": "https://webshop.example.org/order/12345/",
            "_links": write_links("tr_7UhSN1zuXS"),
        }
        return [(row, [])]

    def build(self, dice: Dice, created: datetime, index: int | None) -> Built:
        return build_payment(dice, created, dice.word(index, MATTERS), is_plain=index is None)
