"""Razorpay in the sandbox: Basic authentication, pages by ``skip`` without a total, and 400 for what is not there."""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any
from urllib.parse import parse_qsl

from airflow_provider_payments.sandbox.api import Answer, Api, Built, Call, Problem, Row
from airflow_provider_payments.sandbox.data import TEXTS, Dice
from airflow_provider_payments.sandbox.razorpay_data import EXAMPLES, LETTERS, RATES, make_payment, state_of

#: Either is taken. They have the same payments, of which nothing but the key tells whether they are tests.
KEY_IDS = ("rzp_live_sandbox", "rzp_test_sandbox")
KEY_SECRET = "sandbox.razorpay.secret"  # noqa: S105
ROUTE = "/v1/payments"
STATUSES = {"captured": 80, "created": 2, "authorized": 3, "pending": 1, "failed": 9, "refunded": 5}
EXPANSIONS = ("card", "emi", "transaction", "transaction.settlement", "refunds", "offers", "token")
#: The times that the API takes, in Unix seconds.
FIRST, LAST = 946_684_800, 4_765_046_400


class InvalidInput(Problem):
    """A parameter or an id that is wrong."""


class Razorpay(Api):
    """``rows`` are newest first; payments of one second keep their places, unless ``shuffles_ties``."""

    name = "razorpay"
    newest = datetime(2025, 11, 3, 18, 30, 21, tzinfo=timezone.utc)
    time_field = "created_at"
    hidden = frozenset({"card"})

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.includes_bounds = True
        """Whether ``from`` and ``to`` count payments of that very second in, which is not documented."""
        self.shuffles_ties = False
        """Whether payments of one second change places at every request."""
        self.accounts = {"acc_sandbox0000001"}
        """What a partner may name in ``X-Razorpay-Account``; all have the same payments."""
        self.denied_with: int | None = None
        """HTTP status of the refusal of a caller whose IP address is not permitted."""

    def connection(self, url: str) -> Row:
        return {"conn_type": "razorpay", "host": f"{url}/razorpay", "login": KEY_IDS[0], "password": KEY_SECRET}

    def respond(self, call: Call) -> Answer:
        order = _ORDER.fullmatch(call.route)
        if call.method != "GET" or not (call.route == ROUTE or call.route.startswith(f"{ROUTE}/") or order):
            raise Problem(400, "The requested URL was not found on the server")
        self._authenticate(call)
        if order:
            rows = [row for row in self.rows if row["order_id"] == order[1]]
            return self._collection(rows[::-1])  # oldest first, unlike the list
        if call.route == ROUTE:
            return self._list(call)
        wanted = call.route.removeprefix(f"{ROUTE}/")
        found = next((row for row in self.rows if row["id"] == wanted), None)
        if found is None:
            raise InvalidInput(400, "The id provided does not exist")
        return Answer.json(self._expand(found, _expansions(call)))

    def _authenticate(self, call: Call) -> None:
        pairs = (base64.b64encode(f"{key_id}:{KEY_SECRET}".encode()).decode() for key_id in KEY_IDS)
        if call.header("Authorization") not in {f"Basic {pair}" for pair in pairs}:
            raise Problem(401, "The api key provided is invalid")
        if self.denied_with is not None:
            raise Problem(self.denied_with, "Access Denied")
        account = call.header("X-Razorpay-Account")
        if account and account not in self.accounts:
            raise Problem(400, "The id provided does not exist or access is unauthorised")

    def _list(self, call: Call) -> Answer:
        edge = 0 if self.includes_bounds else 1
        start, end = _second(call, "from", FIRST) + edge, _second(call, "to", LAST) - edge
        count = _number(call, "count", 10)
        if count < 1:
            raise InvalidInput(400, "The count must be at least 1.", "", "count")
        if count > 100:
            raise InvalidInput(400, "The count may not be greater than 100.", "", "count")
        skip = _number(call, "skip", 0)
        if skip < 0:
            raise InvalidInput(400, "The skip must be at least 0.", "", "skip")
        expansions = _expansions(call)
        rows = [row for row in self.rows if start <= (row["created_at"] or 0) <= end]
        if self.shuffles_ties:
            rows.sort(key=lambda row: (-row["created_at"], random.random()))
        return self._collection(rows[skip : skip + count], expansions)

    def _collection(self, rows: Sequence[Row], expansions: Sequence[str] = ()) -> Answer:
        """``count`` counts the rows of this reply."""
        items = [self._expand(row, expansions) for row in rows]
        return Answer.json({"entity": "collection", "count": len(items), "items": items})

    def _expand(self, row: Row, expansions: Sequence[str]) -> Row:
        return {name: value for name, value in row.items() if name not in self.hidden or name in expansions}

    def refuse(self, problem: Problem) -> Answer:
        code, text = _WORDED.get(problem.code, (problem.code or "BAD_REQUEST_ERROR", problem.message))
        said: Row = {"code": code, "description": text, "source": "NA", "step": "NA", "reason": "NA", "metadata": {}}
        if isinstance(problem, InvalidInput):
            said |= {"source": "business", "step": "payment_initiation", "reason": "input_validation_failed"}
        if problem.field:
            said["field"] = problem.field
        return Answer.json({"error": said}, problem.status)

    def examples(self) -> list[Built]:
        return [self._example(place, changes) for place, changes in enumerate(EXAMPLES)]

    def _example(self, place: int, changes: Row) -> Built:
        row = make_payment(f"Sandbox{place:07}", created_at=int(self.newest.timestamp()) - 60 * place, **changes)
        end = state_of("failed" if row["status"] == "created" else "captured", row["amount"], row["currency"])
        return row, [(1.0, end)] if row["status"] in ("created", "pending", "authorized") else []

    def build(self, dice: Dice, created: datetime, index: int | None) -> Built:
        word, amount = dice.word(index, STATUSES), dice.cents()
        currency = dice.choice(list(RATES)) if index is not None and dice.chance(15) else "INR"
        row = make_payment(
            dice.letters(14, LETTERS),
            word,
            amount,
            currency,
            method="cod" if word == "pending" else dice.choice(("card", "upi", "netbanking", "wallet")),
            description=dice.choice((None, dice.choice(TEXTS))),
            customer_id=f"cust_{dice.letters(14, LETTERS)}" if dice.chance(50) else None,
            notes=dice.choice(([], {}, {"shop_order": f"S-{dice.randrange(10_000)}", "gift": dice.choice(TEXTS)})),
            created_at=int(created.timestamp()),
        )
        if dice.chance(15):
            row["order_id"] = None
        if index is None:
            return row, []
        if word == "captured" and amount > 1 and dice.chance(8):
            row.update(amount_refunded=dice.randrange(1, amount), refund_status="partial")
        if word in ("captured", "refunded", "failed"):
            return row, []
        captured, failed = state_of("captured", amount, currency), state_of("failed", amount, currency)
        # What nobody captures goes back to the payer.
        returned = {**state_of("refunded", amount, currency), "captured": False, "fee": None, "tax": None}
        due, authorized = dice.patience(), state_of("authorized", amount, currency)
        end = dice.choice((captured, captured, captured, returned if word == "authorized" else failed))
        if word == "created" and end is captured:
            # Now and then the bank's answer comes after it was given up.
            late = [(due / 3, failed)] if dice.chance(20) else []
            return row, [*late, (due / 2, authorized), (due, captured)]
        return row, [(due, end)]


_ORDER = re.compile(r"/v1/orders/(.+)/payments", re.DOTALL)
_WORDED = {
    "rate_limited": ("BAD_REQUEST_ERROR", "Too many requests"),
    "unavailable": (
        "SERVER_ERROR",
        "We are facing some trouble completing your request at the moment. Please try again shortly.",
    ),
}
"""How it says what any API can say."""


def _number(call: Call, name: str, default: int) -> int:
    try:
        return int(call.query.get(name, default))
    except ValueError:
        raise InvalidInput(400, f"{name} must be an integer.", "", name) from None


def _second(call: Call, name: str, default: int) -> int:
    second = _number(call, name, default)
    if not FIRST <= second <= LAST:
        raise InvalidInput(400, f"{name} must be between {FIRST} and {LAST}", "", name)
    return second


def _expansions(call: Call) -> list[str]:
    asked = [value for name, value in parse_qsl(call.path.partition("?")[2]) if name.startswith("expand[")]
    for place, name in enumerate(asked):
        if name not in EXPANSIONS:
            text = f"{name} cannot be expanded. Permitted are: {', '.join(EXPANSIONS)}"
            raise InvalidInput(400, text, "", f"expand.{place}")
    return asked
