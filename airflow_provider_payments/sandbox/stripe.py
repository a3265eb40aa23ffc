"""Stripe in the sandbox: PaymentIntents and their charges, newest first, with cursors, expansion and permissions."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl

from airflow_provider_payments.sandbox.api import Answer, Api, Built, Call, Problem, Row
from airflow_provider_payments.sandbox.data import Dice
from airflow_provider_payments.sandbox.stripe_data import ACCOUNT, build_payment, succeed
from airflow_provider_payments.sandbox.stripe_objects import charge_of, intent

KEY = "rk_test_sandbox"
VERSION = "2026-06-24.dahlia"
#: Of each list, what one of its rows is called, which filters it has, and what can be expanded in it.
OBJECTS = {"payment_intents": "payment_intent", "charges": "charge"}
FILTERS = {
    "payment_intents": {"customer", "customer_account"},
    "charges": {"customer", "payment_intent", "transfer_group"},
}
EXPANDABLE: dict[str, set[tuple[str, ...]]] = {
    "payment_intents": {("latest_charge",), ("latest_charge", "balance_transaction")},
    "charges": {("balance_transaction",), ("payment_intent",)},
}
#: The permission that what is expanded needs.
READS = {"latest_charge": "charge", "balance_transaction": "balance", "payment_intent": "payment_intent"}
OPERATORS: dict[str, Callable[[int, int], bool]] = {
    "created": lambda created, bound: created == bound,
    "created[gte]": lambda created, bound: created >= bound,
    "created[gt]": lambda created, bound: created > bound,
    "created[lte]": lambda created, bound: created <= bound,
    "created[lt]": lambda created, bound: created < bound,
}
PAGING = {"limit", "starting_after", "ending_before", "expand"}


class Stripe(Api):
    """``rows`` are PaymentIntents, newest first, each with its latest charge written out.

    :param permissions: what the key may read: ``payment_intent``, ``charge``, ``balance``. Take one away.
    """

    name = "stripe"
    newest = datetime(2026, 8, 12, 9, 41, 7, tzinfo=timezone.utc)
    time_field = "created"
    unix_fields = frozenset({"canceled_at", "available_on"})
    hidden = frozenset({"attempts"})

    def __init__(self, *args: Any) -> None:
        self._crowd: datetime | None = None
        super().__init__(*args)
        self.permissions = {"payment_intent", "charge", "balance"}
        self._places: dict[str, int] = {}
        self._answers = 0

    def connection(self, url: str) -> Row:
        return {"conn_type": "stripe", "host": f"{url}/stripe", "password": KEY}

    def respond(self, call: Call) -> Answer:
        version = self._admit(call)
        found = re.fullmatch(r"/v1/(payment_intents|charges)(?:/(.+))?", call.route, re.DOTALL)
        if found is None or call.method != "GET":
            what = f"Unrecognized request URL ({call.method}: {call.route}). Please see https://stripe.com/docs."
            raise Problem(404, what)
        kind, name = found[1], found[2]
        self._require(OBJECTS[kind])
        params = parse_qsl(call.path.partition("?")[2], keep_blank_values=True)
        rows = self.rows if kind == "payment_intents" else self._charges()
        value = (
            self._list(kind, rows, params)
            if name is None
            else self._shown(rows[_find(rows, name, OBJECTS[kind])], self._expansions(kind, params))
        )
        return Answer.json(value, Request_Id=self._request_id(), Stripe_Version=version)

    def _admit(self, call: Call) -> str:
        """Check the key, the account and the version; return the version that counts."""
        scheme, _, sent = call.header("Authorization").partition(" ")
        if scheme.lower() == "basic":
            sent = base64.b64decode(sent + "==").decode(errors="replace").partition(":")[0]
        elif scheme.lower() != "bearer":
            sent = ""
        if not sent:
            raise Problem(401, "You did not provide an API key. You need to provide your API key in the header.")
        if sent.startswith("pk_"):
            raise Problem(401, "This API call cannot be made with a publishable API key.", "secret_key_required")
        if sent != KEY:
            raise Problem(401, f"Invalid API Key provided: {_masked(sent)}")
        if (account := call.header("Stripe-Account", ACCOUNT)) != ACCOUNT:
            text = f"The provided key '{_masked(sent)}' does not have access to account '{account}'."
            raise Problem(403, text, "account_invalid")
        version = call.header("Stripe-Version", VERSION)
        if not re.fullmatch(r"\d{4}-\d\d-\d\d(\.[a-z]+)?(; *[a-z_]+=v\d+)*;?", version):
            raise Problem(400, f"Invalid Stripe API version: {version}")
        return version

    def _require(self, permission: str) -> None:
        if permission not in self.permissions:
            raise Problem(
                403,
                f"The provided key 'rk_test_{'*' * 92}ndbox' does not have the required permissions for this endpoint "
                f"on account '{ACCOUNT}'. Having the 'rak_{permission}_read' permission would allow this request to "
                "continue.",
            )

    def _list(self, kind: str, rows: Sequence[Row], params: Sequence[tuple[str, str]]) -> Row:
        asked = dict(params)
        known = {*OPERATORS, *FILTERS[kind], *PAGING}
        for name in asked:
            if name not in known and not re.fullmatch(r"expand\[\d*\]", name):
                raise Problem(400, f"Received unknown parameter: {name}", "parameter_unknown", name)
        if {"starting_after", "ending_before"} <= set(asked):
            raise Problem(400, "Received both starting_after and ending_before parameters. Please pass in only one.")
        limit = _whole(asked, "limit", 10)
        if not 1 <= limit <= 100:
            side = "greater than or equal to 1" if limit < 1 else "less than or equal to 100"
            what = f"This value must be {side} (it currently is '{limit}')."
            raise Problem(400, what, "parameter_invalid_integer", "limit")
        bounds = [(OPERATORS[name], _whole(asked, name, 0)) for name in OPERATORS if name in asked]
        filters = {name: asked[name] for name in FILTERS[kind] if name in asked}
        expansions = self._expansions(kind, params, "data")

        def wanted(place: int) -> bool:
            row = rows[place]
            return all(check(row["created"], bound) for check, bound in bounds) and all(
                row.get(name) == value for name, value in filters.items()
            )

        if "ending_before" in asked:
            places: Iterable[int] = range(self._place(rows, kind, asked["ending_before"], "ending_before") - 1, -1, -1)
        elif "starting_after" in asked:
            places = range(self._place(rows, kind, asked["starting_after"], "starting_after") + 1, len(rows))
        else:
            places = range(len(rows))
        found = list(islice(filter(wanted, places), limit + 1))
        page = found[:limit]
        self._places.update((rows[place]["id"], place) for place in (page[:1] + page[-1:]))
        data = [self._shown(rows[place], expansions) for place in sorted(page)]
        return {"object": "list", "url": f"/v1/{kind}", "has_more": len(found) > limit, "data": data}

    def _place(self, rows: Sequence[Row], kind: str, wanted: str, param: str) -> int:
        guess = self._places.get(wanted, len(rows))
        if guess < len(rows) and rows[guess]["id"] == wanted:
            return guess
        return _find(rows, wanted, OBJECTS[kind], param)

    def _expansions(self, kind: str, params: Sequence[tuple[str, str]], *first: str) -> set[tuple[str, ...]]:
        """What is to be written out, and everything on the way there."""
        found: set[tuple[str, ...]] = set()
        for path in (value for name, value in params if name.partition("[")[0] == "expand"):
            steps = tuple(path.split("."))
            below = steps[len(first) :]
            if len(steps) > 4:
                raise Problem(400, f"You cannot expand more than 4 levels of a property. Property: {path}")
            if steps[: len(first)] != first or below not in EXPANDABLE[kind]:
                raise Problem(400, f"This property cannot be expanded ({path}).", "", "expand")
            for step in below:
                self._require(READS[step])
            found.update(below[: number + 1] for number in range(len(below)))
        return found

    def _shown(self, row: Row, expansions: set[tuple[str, ...]], path: tuple[str, ...] = ()) -> Row:
        """The row with only the ids of what was not to be expanded."""
        shown = self.shown(row)
        for name in READS.keys() & shown.keys():
            value, here = shown[name], (*path, name)
            if name == "payment_intent" and here in expansions:
                value = self._shown(self.rows[_find(self.rows, value, name)], set())
            if isinstance(value, dict):
                shown[name] = self._shown(value, expansions, here) if here in expansions else value["id"]
        return shown

    def _charges(self) -> list[Row]:
        """Every attempt to pay, newest first."""
        attempts = (each for row in self.rows for each in (row["latest_charge"], *row.get("attempts", ())) if each)
        return sorted(attempts, key=lambda charge: (charge["created"], charge["id"]), reverse=True)

    def _request_id(self) -> str:
        self._answers += 1
        return f"req_{self._answers:014d}"

    def refuse(self, problem: Problem) -> Answer:
        error = {
            "type": "api_error" if problem.status >= 500 else "invalid_request_error",
            "code": "" if problem.status >= 500 else problem.code,
            "message": problem.message,
            "param": problem.field,
        }
        told = {name: value for name, value in error.items() if value}  # what is null is left out
        return Answer.json({"error": told}, problem.status, Request_Id=self._request_id())

    def throttle(self, retry_after: str | None) -> Answer:
        """Stripe tells no Retry-After."""
        answer = self.refuse(Problem(429, "Request rate limit exceeded.", "rate_limit"))
        return Answer(429, answer.body, {**answer.headers, "Stripe-Rate-Limited-Reason": "endpoint-rate"})

    def examples(self) -> list[Built]:
        """One with every field that the hook reads."""
        dice = Dice("stripe:example")
        row = intent(dice, int(self.newest.timestamp()), 2000, "usd", "cus_SandboxExample")
        row.update(description="Two croissants", metadata={"order_id": "order-1001"})
        row.update(succeed(row, dice, charge=charge_of(row, dice)))
        return [(row, [])]

    def build(self, dice: Dice, created: datetime, index: int | None) -> Built:
        """Of forty payments, seven are of one second, so that it crosses the border of a page."""
        if index is None or not 3 <= index % 40 < 10:
            return build_payment(dice, created, index)
        if index % 40 == 3:
            self._crowd = created
        return build_payment(dice, self._crowd or created, index)


def _find(rows: Sequence[Row], wanted: str, what: str, param: str = "intent") -> int:
    """Where the row of an id is."""
    for place, row in enumerate(rows):
        if row["id"] == wanted:
            return place
    raise Problem(404, f"No such {what}: '{wanted}'", "resource_missing", param)


def _whole(asked: Row, name: str, default: int) -> int:
    text = asked.get(name, str(default))
    if not re.fullmatch(r"-?\d+", text, re.ASCII):
        raise Problem(400, f"Invalid integer: {text}", "parameter_invalid_integer", name)
    return int(text)


def _masked(key: str) -> str:
    return f"{key[:8]}{'*' * max(len(key) - 12, 0)}{key[-4:]}"
