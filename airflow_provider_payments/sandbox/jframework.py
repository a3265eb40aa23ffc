"""JFramework in the sandbox: session keys that expire, numbered pages, an envelope around everything."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from operator import itemgetter
from typing import Any

from airflow_provider_payments.sandbox import examples
from airflow_provider_payments.sandbox.api import Answer, Api, Built, Call, Problem, Row, only
from airflow_provider_payments.sandbox.data import Dice, iso
from airflow_provider_payments.sandbox.jframework_data import STATUSES, ZONE, build_payment, ticks

BRAND_URL = "sandbox.example.com"
AUTH_KEY = "sandbox-auth-key"
USERNAME = "sandbox-user"
PASSWORD = "sandbox-password"  # noqa: S105
ROUTE = "/api/v1/payments"
LOGIN_ROUTE = "/api/v1/users/auth"
SORT_FIELDS = {name.lower(): name for name in ("id", "createdDate", "paymentDate", "amount")}
SORT_ORDERS = {"asc": True, "ascending": True, "desc": False, "descending": False}
KEYWORD_FIELDS = ("name", "code", "description", "notes", "invoiceNo")
FILTERS: dict[str, Callable[[Row], Any]] = {
    "appintegrationpaymentgatewayid": lambda row: row.get("appIntegrationPaymentGatewayId"),
    "priceid": lambda row: (row.get("price") or {}).get("id"),
    "code": lambda row: row.get("code"),
    "userid": lambda row: (row.get("user") or {}).get("id"),
    "referralusercode": lambda row: row.get("referralUserCode"),
    "status": lambda row: row.get("status"),
    "paymenttype": lambda row: row.get("paymentType"),
    "currencycode": lambda row: row.get("currencyCode"),
}


class JFramework(Api):
    """``rows`` are newest first, but the API's own default order is by id, descending.

    They also carry what only filters see (``testMode``, ``referralUserCode``, ``appIntegrationPaymentGatewayId``).
    """

    name = "jframework"
    newest = datetime(2025, 6, 23, 13, 56, 0, 637207, tzinfo=ZONE)
    time_field = "createdDate"
    hidden = frozenset({"testMode", "referralUserCode", "appIntegrationPaymentGatewayId"})

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.token_seconds: float = 3600
        self.keys: dict[str, float] = {AUTH_KEY: float("inf")}
        """Auth-Keys and when they expire on the sandbox's clock; the fixed one lives until it is removed here."""
        self.refresh_keys: set[str] = set()
        self._issued = 0
        self.tells_expiry = True
        """False: ``expiresIn`` is .NET's empty date, as in one documented example."""
        self.first_page = 0
        self.ignore_page_number = False
        self.max_page_size = 1_000_000
        """No maximum is documented; a larger PageSize is lowered to this without a word."""
        self.omit_nulls = False
        self.extra_total = 0
        """Added to ``totalItems``, to make it wrong."""
        self.over_quota = False
        self.test_mode_default: bool | None = None
        """What a missing TestMode means: None shows both live and test payments."""

    def connection(self, url: str) -> Row:
        host = f"{url}/jframework"
        return {"conn_type": "jframework", "host": host, "password": AUTH_KEY, "extra": {"brand_url": BRAND_URL}}

    def login_connection(self, url: str) -> Row:
        """The other form: a user who logs in for a key."""
        return {**self.connection(url), "login": USERNAME, "password": PASSWORD}

    def respond(self, call: Call) -> Answer:
        route = call.route
        logins = {LOGIN_ROUTE: self._login, f"{LOGIN_ROUTE}/refresh-auth-key": self._refresh}
        if route not in logins and route != ROUTE and not route.startswith(f"{ROUTE}/"):
            raise Problem(404, "The route was not found.", "NotFound")
        if call.header("Brand-URL") != BRAND_URL:
            raise Problem(401, "The Brand-URL header is missing or unknown.", "BrandNotFound")
        if route in logins:
            only(call, "POST")
            return self._reply(logins[route](call))
        if self.keys.get(call.header("Auth-Key"), 0.0) <= self.clock.elapsed():
            raise Problem(401, "The Auth-Key header is missing, unknown or expired.", "Unauthorized")
        only(call, "GET")
        if self.over_quota:
            raise Problem(209, "The feature usage limit was exceeded.", "FeatureUsageLimitExceeded")
        if route == ROUTE:
            return self._list(call)
        row = next((row for row in self.rows if row["id"] == route.removeprefix(f"{ROUTE}/")), None)
        if row is None:
            raise Problem(404, "The payment was not found.", "PaymentNotFound")
        return self._reply(self.shown(row))

    def _login(self, call: Call) -> Row:
        body = call.json()
        if (body.get("username"), body.get("password")) != (USERNAME, PASSWORD):
            raise Problem(401, "The user name or the password is wrong.", "InvalidCredentials")
        return self._new_key()

    def _refresh(self, call: Call) -> Row:
        old = call.json().get("refreshAuthKey")
        if old not in self.refresh_keys:
            raise Problem(401, "The refresh key is unknown.", "InvalidRefreshAuthKey")
        self.refresh_keys.discard(old)
        return self._new_key()

    def _new_key(self) -> Row:
        self._issued += 1
        key, refresh = f"sandbox-session-{self._issued}", f"sandbox-refresh-{self._issued}"
        self.keys[key] = self.clock.elapsed() + self.token_seconds
        self.refresh_keys.add(refresh)
        expires = iso(datetime.now(timezone.utc) + timedelta(seconds=self.token_seconds), "microseconds")
        return {
            "authKey": key,
            "refreshAuthKey": refresh,
            "expiresIn": expires if self.tells_expiry else "0001-01-01T00:00:00",
        }

    def _list(self, call: Call) -> Answer:
        asked = replace(call)
        asked.query = {name.lower(): value for name, value in call.query.items()}
        size = min(asked.number("pagesize", 200, 1), self.max_page_size)
        number = 0 if self.ignore_page_number else max(asked.number("pagenumber", 0, 0) - self.first_page, 0)
        field = SORT_FIELDS.get(asked.query.get("sortdatafield", "id").lower())
        ascending = SORT_ORDERS.get(asked.query.get("sortorder", "desc").lower())
        if field is None or ascending is None:
            raise Problem(400, "The sorting is unknown.", "InvalidRequest")
        tests = self._filters(asked)
        rows = [row for row in self.rows if all(test(row) for test in tests)] if tests else self.rows[:]
        if field.endswith("Date"):
            rows.sort(key=lambda row: ticks(row[field] or "0001-01-01"), reverse=not ascending)
        else:
            rows.sort(key=itemgetter(field), reverse=not ascending)
        page = [self.shown(row) for row in rows[number * size : (number + 1) * size]]
        total = len(rows) + self.extra_total
        return self._reply({"items": page, "totalItems": total, "pageNumber": None, "pageSize": None})

    def _filters(self, call: Call) -> list[Callable[[Row], bool]]:
        query = {name: value for name, value in call.query.items() if value}
        wanted = [(read, query[name]) for name, read in FILTERS.items() if name in query]
        tests: list[Callable[[Row], bool]] = []
        if wanted:
            tests.append(lambda row: all(read(row) == value for read, value in wanted))
        call.one_of("status", (*STATUSES, ""))
        if "keywords" in query:
            word = query["keywords"].lower()
            tests.append(lambda row: any(word in str(row.get(name)).lower() for name in KEYWORD_FIELDS))
        test_mode = query.get("testmode", str(self.test_mode_default)).lower()
        if test_mode in ("true", "false"):
            tests.append(lambda row: row.get("testMode", False) == (test_mode == "true"))
        elif test_mode != "none":
            raise Problem(400, f"The value '{test_mode}' is not valid for TestMode.", "InvalidRequest")
        try:
            if "createddatefrom" in query:
                earliest = ticks(query["createddatefrom"])
                tests.append(lambda row: ticks(row["createdDate"]) >= earliest)
            if "createddateto" in query:
                latest = ticks(query["createddateto"])
                tests.append(lambda row: ticks(row["createdDate"]) <= latest)
        except ValueError:
            raise Problem(400, "A date is not valid.", "InvalidRequest") from None
        return tests

    def _reply(self, data: Any) -> Answer:
        return self._envelope(200, "The request was successful.", data, [])

    def refuse(self, problem: Problem) -> Answer:
        message = f"{problem.field}: {problem.message}" if problem.field else problem.message
        error = {"code": problem.code, "details": message, "correlationId": "sandbox-correlation"}
        return self._envelope(problem.status, message, None, [error])

    def _envelope(self, status: int, message: str, data: Any, errors: list[Row]) -> Answer:
        envelope = {"success": not errors, "statusCode": status, "message": message, "data": data, "errors": errors}
        return Answer.json(_without_nulls(envelope) if self.omit_nulls else envelope, status)

    def examples(self) -> list[Built]:
        return [(copy.deepcopy(examples.JFRAMEWORK), [])]

    def build(self, dice: Dice, created: datetime, index: int | None) -> Built:
        return build_payment(dice, created, dice.word(index, STATUSES))


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value
