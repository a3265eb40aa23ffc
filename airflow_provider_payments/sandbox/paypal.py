"""PayPal in the sandbox: a ledger in windows of 31 days, some hours late, and no page of what is too large."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode

from airflow_provider_payments.sandbox.api import Answer, Api, Built, Call, Problem, Row, only
from airflow_provider_payments.sandbox.data import Dice, iso
from airflow_provider_payments.sandbox.paypal_data import MATTERS, SECTIONS, build_row, example_rows, show
from airflow_provider_payments.sandbox.paypal_query import OPTIONAL, parse, passes, read_window

CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-client-secret"  # noqa: S105
REPORTING = "https://uri.paypal.com/services/reporting/search/read"
ROUTE = "/v1/reporting/transactions"
TOKENS = "/v1/oauth2/token"


class PayPal(Api):
    """``rows`` are flat: the fields of ``transaction_info``, ``status`` for its ``transaction_status``, ``payer_info``,
    and ``affects_balance``, which holds once they are settled. They are served oldest first, which is not documented.
    """

    name = "paypal"
    newest = datetime(2026, 7, 1, 9, 15, tzinfo=timezone.utc)
    time_field = "transaction_initiation_date"

    def __init__(self, *args: Any) -> None:
        self._refund: Row | None = None
        super().__init__(*args)
        self.token_seconds: float = 32_400
        self.client = (CLIENT_ID, CLIENT_SECRET)
        self.scopes = [REPORTING, "https://uri.paypal.com/services/reporting/balances/read"]
        """What new tokens may do."""
        self.tokens: dict[str, tuple[float, list[str]]] = {}
        """Issued tokens: when each expires on the sandbox's clock, and its scopes. Clear it to revoke all."""
        self.now: datetime | None = None
        """The time now; None is the machine's."""
        self.delay = timedelta(hours=3)
        """How far the data is behind."""
        self.most_rows = 10_000
        self.too_late_status = 400
        """Some see 404."""
        self.end_is_inclusive = True
        self.shows_unsettled = False
        """Whether pending and denied payments are listed although they moved no balance."""
        self.tells_freshness = True
        """Whether replies tell until when there is data."""
        self.omits_empty_list = True
        """Whether a page without rows has no ``transaction_details``."""
        self.window_field = self.time_field
        """The time that windows go by, which is not documented: some think ``transaction_updated_date``."""
        self._issued = self._refusals = 0

    def connection(self, url: str) -> Row:
        fields = {"conn_type": "paypal", "host": f"{url}/paypal", "login": self.client[0], "password": self.client[1]}
        return {**fields, "extra": {"requests_per_second": 0}}  # nobody is locked out here

    @property
    def last_refreshed(self) -> datetime:
        return (self.now or datetime.now(timezone.utc)).replace(microsecond=0) - self.delay

    def respond(self, call: Call) -> Answer:
        if call.route == TOKENS:
            only(call, "POST")
            return self._token(call)
        if call.route != ROUTE:
            raise Problem(404, "The specified resource does not exist.", "RESOURCE_NOT_FOUND")
        self._check_token(call)
        only(call, "GET")
        return self._list(call)

    def _token(self, call: Call) -> Answer:
        form = dict(parse_qsl(call.body.decode(errors="replace"), keep_blank_values=True))
        if _client(call) != self.client:
            described = {"error": "invalid_client", "error_description": "Client Authentication failed"}
            return Answer.json(described, 401)
        if form != {"grant_type": "client_credentials"}:
            return Answer.json({"error": "unsupported_grant_type", "error_description": "Grant Type is NULL"}, 400)
        self._issued += 1
        token = f"A21AA-sandbox-access-token-{self._issued}"
        self.tokens[token] = (self.clock.elapsed() + self.token_seconds, list(self.scopes))
        reply = {"scope": " ".join(self.scopes), "access_token": token, "token_type": "Bearer"}
        return Answer.json({**reply, "app_id": "APP-SANDBOX", "expires_in": int(self.token_seconds), "nonce": "n"})

    def _check_token(self, call: Call) -> None:
        scheme, _, token = call.header("Authorization").partition(" ")
        expires, scopes = self.tokens.get(token, (0.0, []))
        if scheme != "Bearer" or expires <= self.clock.elapsed():
            raise Problem(401, "Token signature verification failed", "invalid_token")
        if REPORTING not in scopes:
            raise Problem(403, "Authorization failed due to insufficient permissions.", "NOT_AUTHORIZED")

    def _list(self, call: Call) -> Answer:
        now = self.now or datetime.now(timezone.utc)
        start, end = read_window(call, now, self.last_refreshed, self.too_late_status)
        page, size = call.number("page", 1, 1), call.number("page_size", 100, 1, 500)
        call.one_of("transaction_status", "DPSV")
        asked = call.query.get("fields", "transaction_info").split(",")
        sections = SECTIONS if "all" in asked else asked
        found = [row for row in reversed(self.rows) if self._is_asked_for(row, call.query, start, end)]
        if len(found) > self.most_rows:
            return self._refuse_size(len(found))
        is_filtered = any(name in call.query for name in (*OPTIONAL, "transaction_amount"))
        balances = {} if is_filtered else self.balances()[0]
        rows = found[(page - 1) * size : page * size]
        pages = max(1, -(-len(found) // size))
        freshness = {
            "end_date": iso(min(end, self.last_refreshed), "seconds"),
            "last_refreshed_datetime": iso(self.last_refreshed, "seconds"),
        }
        shown = [show(row, sections, balances.get(id(row))) for row in rows]
        return Answer.json(
            {
                **({"transaction_details": shown} if shown or not self.omits_empty_list else {}),
                "account_number": "SANDBOXMERCHANT",
                "start_date": iso(start, "seconds"),
                **(freshness if self.tells_freshness else {}),
                "page": page,
                "total_items": len(found),
                "total_pages": pages,
                "links": [{"href": f"{ROUTE}?{urlencode(call.query)}", "rel": "self", "method": "GET"}],
            }
        )

    def repeat_as_pending(self, row: Row) -> None:
        """Let a payment be there once more under its id, as it was before it moved the balance."""
        at = next(number for number, each in enumerate(self.rows) if each is row)
        self.rows.insert(at + 1, {**row, "status": "P", "affects_balance": False})  # served oldest first, so before it

    def _is_asked_for(self, row: Row, query: dict[str, str], start: datetime, end: datetime) -> bool:
        if row[self.window_field]:  # a row without a time, which the API has not, is in every window
            moment = parse(row[self.window_field])
            if not start <= moment <= min(end, self.last_refreshed) or (moment == end and not self.end_is_inclusive):
                return False
        is_shown = _has_moved_balance(row) or (self.shows_unsettled and row["status"] in "PD")
        return (is_shown or query.get("balance_affecting_records_only") == "N") and passes(row, query)

    def balances(self) -> tuple[dict[int, Decimal], dict[str, Decimal]]:
        """After each row that moved the balance, the balance in its own currency; and the last in each currency."""
        totals: dict[str, Decimal] = {}
        after = {}
        for row in reversed(self.rows):
            if _has_moved_balance(row):
                for part in filter(None, (row["transaction_amount"], row.get("fee_amount"))):
                    code = part["currency_code"]
                    totals[code] = totals.get(code, Decimal(0)) + Decimal(part["value"])
                after[id(row)] = totals[row["transaction_amount"]["currency_code"]]
        return after, totals

    def refuse(self, problem: Problem) -> Answer:
        self._refusals += 1
        debug_id = f"{self._refusals:013x}"
        if problem.code == "invalid_token":
            body: Row = {"error": "invalid_token", "error_description": problem.message}
            return Answer.json(body, problem.status, PayPal_Debug_Id=debug_id)
        codes = {429: "RATE_LIMIT_REACHED", 503: "SERVICE_UNAVAILABLE", 500: "INTERNAL_SERVER_ERROR"}
        details = [{"field": problem.field, "location": "query", "issue": problem.message}] if problem.field else []
        message = "Invalid request - see details" if details else problem.message
        body = {
            "name": codes.get(problem.status, "INVALID_REQUEST" if problem.code.islower() else problem.code),
            "message": message,
            "debug_id": debug_id,
            "details": details,
            "links": [],
        }
        return Answer.json(body, problem.status, PayPal_Debug_Id=debug_id)

    def _refuse_size(self, total: int) -> Answer:
        answer = self.refuse(Problem(400, "Result set size is greater than the maximum limit.", "RESULTSET_TOO_LARGE"))
        body = {**json.loads(answer.body), "total_items": total, "maximum_items": self.most_rows}
        return Answer.json(body, answer.status, **answer.headers)

    def throttle(self, retry_after: str | None) -> Answer:
        """Without Retry-After it is the gateway that answers, with a page."""
        if retry_after is None:
            return Answer(429, b"<html><body>Too many requests</body></html>", {"Content-Type": "text/html"})
        return super().throttle(retry_after)

    def shown(self, row: Row) -> Row:
        return show(row, SECTIONS, None)

    def examples(self) -> list[Built]:
        return [(row, []) for row in example_rows(self.newest)]

    def build(self, dice: Dice, created: datetime, index: int | None) -> Built:
        matter = dice.word(index, MATTERS)
        row, changes = build_row(dice, created, matter)
        if index is None:
            return row, changes
        if matter == "reversed" and self._refund:
            given = self._refund["transaction_amount"]
            row["transaction_amount"] = {**given, "value": given["value"].lstrip("-")}
            row.pop("fee_amount", None)
            self._refund["paypal_reference_id"] = row["transaction_id"]
        if matter == "authorization" and self.rows and self.rows[-1]["transaction_event_code"].startswith("T00"):
            row["transaction_id"] = self.rows[-1]["transaction_id"]  # which it was an authorization of
        self._refund = row if matter == "refund" else None
        return row, changes


def _has_moved_balance(row: Row) -> bool:
    return row["affects_balance"] and row["status"] not in ("P", "D")


def _client(call: Call) -> tuple[str, str]:
    scheme, _, encoded = call.header("Authorization").partition(" ")
    try:
        client, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return (unquote_plus(client), unquote_plus(secret)) if scheme.lower() == "basic" else ("", "")
