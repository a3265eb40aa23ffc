"""Mollie in the sandbox: API keys of one website each, access tokens, a list from newest to oldest with links."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlencode

from airflow_provider_payments.sandbox.api import Answer, Api, Built, Call, Problem, Row, only
from airflow_provider_payments.sandbox.data import NAMES, TEXTS, Dice, decimal_text, iso

KEY = "live_SandboxSandboxSandboxSandbox01"
TEST_KEY = "test_SandboxSandboxSandboxSandbox01"
OTHER_KEY = "live_SandboxSandboxSandboxSandbox02"
TOKEN = "access_SandboxSandboxSandboxSandboxSandb"  # noqa: S105
PROFILE = "pfl_SandboxOne"
OTHER_PROFILE = "pfl_SandboxTwo"
KEYS = {KEY: (PROFILE, "live"), TEST_KEY: (PROFILE, "test"), OTHER_KEY: (OTHER_PROFILE, "live")}
"""API keys, and the website and mode that each is of."""
ROUTE = "/v2/payments"
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
MATTERS = {
    "paid": 56,
    "open": 2,
    "transfer": 1,
    "pending": 2,
    "authorized": 1,
    "part authorized": 1,
    "canceled": 3,
    "expired": 10,
    "failed": 4,
    "captured in part": 2,
    "refunded": 3,
    "refunded in part": 3,
    "refunded and more": 2,
    "charged back": 2,
    "charged back in part": 1,
    "captured and refunded": 1,
    "refunded and charged back": 1,
    "of another website": 2,
    "of the test mode": 3,
}
"""What can be the matter with a payment. ``transfer`` is an open bank transfer, which has twelve days."""
CURRENCIES = (("EUR", 2), ("EUR", 2), ("EUR", 2), ("GBP", 2), ("USD", 2), ("JPY", 0), ("ISK", 0))
LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz"


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
            "createdAt": _time(self.newest),
            "amount": {"value": "10.00", "currency": "EUR"},
            "description": "Order #12345",
            "method": None,
            "metadata": {"order_id": "12345"},
            "status": "paid",
            "paidAt": _time(self.newest + timedelta(seconds=48)),
            "amountRefunded": {"value": "0.00", "currency": "EUR"},
            "amountRemaining": {"value": "35.00", "currency": "EUR"},
            "profileId": PROFILE,
            "sequenceType": "oneoff",
            "redirectUrl": "https://webshop.example.org/order/12345/",
            "_links": _links("tr_7UhSN1zuXS"),
        }
        return [(row, [])]

    def build(self, dice: Dice, created: datetime, index: int | None) -> Built:
        matter = dice.word(index, MATTERS)
        payment = f"tr_{dice.letters(dice.choice((10, 22)), LETTERS)}"
        currency, places = dice.choice(CURRENCIES)
        units = dice.cents()
        order = f"order-{dice.randrange(10_000)}"
        row: Row = {
            "resource": "payment",
            "id": payment,
            "mode": "test" if matter == "of the test mode" else "live",
            "createdAt": _time(created),
            "amount": _money(units, currency, places),
            "description": dice.choice(TEXTS)[:255],
            "method": dice.choice(("ideal", "creditcard", "banktransfer", "directdebit", None)),
            "metadata": _metadata(dice, order) if index is not None else None,
            "status": "paid",
            "locale": "nl_NL",
            "countryCode": "NL",
            "profileId": OTHER_PROFILE if matter == "of another website" else PROFILE,
            "sequenceType": "oneoff",
            "redirectUrl": "https://webshop.example.org/return" if dice.chance(80) else None,
            "_links": _links(payment),
        }
        if dice.chance(30):
            row["customerId"] = f"cst_{dice.letters(10, LETTERS)}"
        if index is not None and dice.chance(10):
            row["orderId"] = f"ord_{dice.letters(6, LETTERS)}"
        row["details"] = {"consumerName": dice.choice(NAMES), "consumerAccount": "NL53INGB0654422370"}
        done = _time(created + dice.soon())
        money = {"amountRefunded": _money(0, currency, places), "amountRemaining": _money(units, currency, places)}
        paid: Row = {"status": "paid", "paidAt": done, **money}
        if matter in ("open", "transfer", "pending", "authorized", "part authorized", "canceled", "expired", "failed"):
            return self._unpaid(dice, created, matter, row, paid, done)
        row |= paid
        if matter == "paid" and dice.chance(10):
            row["settlementAmount"] = {"value": decimal_text(units * 97 // 100, 2), "currency": "EUR"}
        if "captured" in matter and units > 1:
            units -= dice.randrange(1, units)
            row["amountCaptured"] = _money(units, currency, places)
            row["captureMode"] = "manual"
        part = dice.randrange(1, units) if units > 1 else 1
        back = {
            "refunded": (units, 0),
            "captured and refunded": (units, 0),
            "refunded in part": (part, 0),
            "refunded and more": (units + dice.randrange(1, 2500 if places else 25), 0),
            "charged back": (0, units),
            "charged back in part": (0, part),
            "refunded and charged back": (units - part, part),
        }
        refunded, charged_back = back.get(matter, (0, 0))
        row["amountRefunded"] = _money(refunded, currency, places)
        row["amountRemaining"] = _money(max(units - refunded, 0), currency, places)
        if charged_back:
            row["amountChargedBack"] = _money(charged_back, currency, places)
        return row, []

    def _unpaid(self, dice: Dice, created: datetime, matter: str, row: Row, paid: Row, done: str) -> Built:
        """A payment without ``paidAt``, and what becomes of it."""
        row["status"] = matter
        if matter in ("canceled", "expired", "failed"):
            row[f"{matter}At"] = done
            return row, []
        due = dice.patience()
        if matter == "transfer":
            row |= {"status": "open", "method": "banktransfer", "isCancelable": True}
            row["expiresAt"] = _time(created + timedelta(days=12))
        elif matter == "open":
            row |= {"isCancelable": False, "expiresAt": _time(created + timedelta(minutes=15))}
        elif matter == "pending":
            return row, [(due, {"status": "failed", "failedAt": done} if dice.chance(30) else paid)]
        else:
            amount = row["amount"]
            captured = {**amount, "value": "0.00" if "." in amount["value"] else "0"}
            if matter == "part authorized":
                captured["value"] = "0.01" if "." in amount["value"] else "1"
            row |= {"status": "authorized", "authorizedAt": done, "amountCaptured": captured, "captureMode": "manual"}
            row["captureBefore"] = _time(created + timedelta(days=7))
            return row, [(due, {**paid, "amountCaptured": amount})]
        lost = {"status": "expired", "expiredAt": done}
        return row, [(due, lost if dice.chance(30) else paid)]


def _time(moment: datetime) -> str:
    """Whole seconds, with an offset."""
    return iso(moment, "seconds").replace("Z", "+00:00")


def _money(units: int, currency: str, places: int) -> Row:
    return {"value": decimal_text(units, places) if places else str(units), "currency": currency}


def _metadata(dice: Dice, order: str) -> Any:
    """What shops write: anything."""
    number = int(order.removeprefix("order-"))
    return dice.choice((None, {"order_id": order}, {"order_id": number}, {"note": "gift"}, order, number, [order], {}))


def _links(payment: str) -> Row:
    return {
        "self": {"href": f"https://api.mollie.com{ROUTE}/{payment}", "type": "application/hal+json"},
        "dashboard": {"href": f"https://my.mollie.com/dashboard/payments/{payment}", "type": "text/html"},
    }
