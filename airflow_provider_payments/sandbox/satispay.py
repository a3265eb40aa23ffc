"""Satispay in the sandbox: signed requests, a cursor from newest to oldest, ACCEPTED only unless asked otherwise."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from itertools import islice
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from airflow_provider_payments.sandbox.api import Answer, Api, Built, Call, Problem, Row, only
from airflow_provider_payments.sandbox.data import NAMES, TEXTS, Dice, iso
from airflow_provider_payments.sandbox.signature import check_signature

KEY_ID = "sandbox-key-id"
ROUTE = "/g_business/v1/payments"
WAIT = "x-satispay-response-wait-time"
WAITS = [str(seconds) for seconds in range(61)]
FILTER_STATUSES = ("ACCEPTED", "PENDING", "CANCELED")
STATUSES = {"ACCEPTED": 80, "PENDING": 2, "CANCELED": 5, "EXPIRED": 5, "REFUND": 7, "AUTHORIZED": 1, "OVERDUE": 1}
"""What can be the matter with a payment: EXPIRED is CANCELED and expired, OVERDUE is PENDING and already expired."""
SHOP = {"id": "b0000000-0000-4000-8000-000000000001", "type": "SHOP"}
DEVICE = {"id": "d0000000-0000-4000-8000-000000000001", "type": "DEVICE"}


@lru_cache(maxsize=1)
def _private_key() -> rsa.RSAPrivateKey:
    """Made once per process, known to nobody else."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Satispay(Api):
    """``rows`` are newest first, and carry some fields that only the detail shows.

    AUTHORIZED payments are in ``rows`` but no list shows them, as no documented filter value finds them.
    """

    name = "satispay"
    newest = datetime(2026, 7, 1, 18, 25, 43, 511000, tzinfo=timezone.utc)
    time_field = "insert_date"
    hidden = frozenset({"flow", "code_identifier"})

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.private_key = _private_key()
        self.max_skew = timedelta(minutes=5)
        self.timestamp_is_inclusive = False
        self.code_as_text = False
        self._places: dict[str, int] = {}
        self._refusals = 0

    def connection(self, url: str) -> Row:
        pem = self.private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {"conn_type": "satispay", "host": f"{url}/satispay", "login": KEY_ID, "password": pem.decode()}

    def respond(self, call: Call) -> Answer:
        self._admit(call)
        if call.route == ROUTE:
            return self._list(call)
        return Answer.json(self._asked_for(call)[0])

    def held(self, call: Call) -> Callable[[], bool] | None:
        """The detail waits for another status, final or not, for as long as the request says."""
        if call.route == ROUTE or not call.header(WAIT):
            return None
        try:
            self._admit(call)
            row, seconds = self._asked_for(call)
        except Problem:
            return None
        status = row.get("status")
        end = time.monotonic() + seconds
        return lambda: row.get("status") != status or time.monotonic() >= end

    def _admit(self, call: Call) -> None:
        if call.route != ROUTE and not call.route.startswith(f"{ROUTE}/"):
            raise Problem(404, "Not found", "41")
        check_signature(call, KEY_ID, self.private_key.public_key(), self.max_skew)
        only(call, "GET")

    def _asked_for(self, call: Call) -> tuple[Row, int]:
        """The payment of a detail call, and for how many seconds to wait for its status to change."""
        wait = call.header(WAIT, "0")
        if wait not in WAITS:
            raise Problem(400, f"Invalid header {WAIT}: a whole number from 0 to 60 is required", "36")
        return self.rows[self._place(call.route.removeprefix(f"{ROUTE}/"))], int(wait)

    def _list(self, call: Call) -> Answer:
        limit = call.number("limit", 20, 1, 100)
        status = call.one_of("status", FILTER_STATUSES, "ACCEPTED")
        start = 0
        if "starting_after" in call.query:
            start = self._place(call.query["starting_after"]) + 1
        elif "starting_after_timestamp" in call.query:
            start = self._place_in_time(call.number("starting_after_timestamp", 0, 0))
        places = (place for place in range(start, len(self.rows)) if self.rows[place]["status"] == status)
        found = list(islice(places, limit + 1))
        page = [self.rows[place] for place in found[:limit]]
        if page:
            self._places[page[-1]["id"]] = found[len(page) - 1]
        return Answer.json({"has_more": len(found) > limit, "data": [self.shown(row) for row in page]})

    def _place(self, wanted: str) -> int:
        """Where the row is in the order of creation, whatever its status is now."""
        guess = self._places.get(wanted, len(self.rows))
        if guess < len(self.rows) and self.rows[guess]["id"] == wanted:
            return guess
        for place, row in enumerate(self.rows):
            if row["id"] == wanted:
                return place
        raise Problem(404, "Payment not found", "41")

    def _place_in_time(self, milliseconds: int) -> int:
        """The first row older than the moment (or as old, if that counts)."""
        try:
            moment = iso(datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=milliseconds))
        except OverflowError:
            return 0
        for place, row in enumerate(self.rows):
            if row["insert_date"] < moment or (self.timestamp_is_inclusive and row["insert_date"] == moment):
                return place
        return len(self.rows)

    def refuse(self, problem: Problem) -> Answer:
        self._refusals += 1
        codes = {429: "70", 503: "1", 500: "1", 405: "45"}
        code = problem.code if problem.code.isdigit() else codes.get(problem.status, "36")
        status = 403 if problem.status == 429 else problem.status
        message = f"Invalid query parameter {problem.field}: {problem.message}" if problem.field else problem.message
        wlt = f"00000000-0000-4000-8000-{self._refusals:012d}"
        shown = code if self.code_as_text else int(code)
        return Answer.json({"code": shown, "message": message, "wlt": wlt}, status, x_satispay_cid=wlt)

    def throttle(self, retry_after: str | None) -> Answer:
        """Satispay has no 429 and no Retry-After."""
        return self.refuse(Problem(403, "Anti hammering", "70"))

    def examples(self) -> list[Built]:
        """The page has a field list but no example: this one has every documented field."""
        row = {
            "id": "a0000000-0000-4000-8000-000000000001",
            "type": "TO_BUSINESS",
            "amount_unit": 1250,
            "currency": "EUR",
            "status": "ACCEPTED",
            "status_ownership": True,
            "expired": False,
            "metadata": {"order_id": "order-1001", "user_id": "user-42"},
            "sender": {"id": "c0000000-0000-4000-8000-000000000001", "type": "CONSUMER", "name": "Mario R."},
            "receiver": SHOP,
            "status_owner": DEVICE,
            "daily_closure": {"id": "20260701", "date": "2026-07-01T00:00:00.000Z"},
            "insert_date": iso(self.newest),
            "expire_date": iso(self.newest + timedelta(hours=2)),
            "external_code": "order-1001",
            "flow": "MATCH_CODE",
            "code_identifier": "S6Y-PAY--A0000000-0000-4000-8000-000000000001",
        }
        return [(row, [])]

    def build(self, dice: Dice, created: datetime, index: int | None) -> Built:
        matter = dice.word(index, STATUSES)
        status = {"EXPIRED": "CANCELED", "REFUND": "ACCEPTED", "OVERDUE": "PENDING"}.get(matter, matter)
        consumer = {"id": dice.uuid(), "type": "CONSUMER", "name": dice.choice(NAMES)}
        payment = dice.uuid()
        order = dice.choice(TEXTS)[:50] if dice.chance(8) else f"order-{dice.randrange(10_000)}"
        row: Row = {
            "id": payment,
            "type": "REFUND_TO_BUSINESS" if matter == "REFUND" else "TO_BUSINESS",
            "amount_unit": dice.cents(),
            "currency": "EUR",
            "status": status,
            "status_ownership": dice.chance(50),
            "expired": matter in ("EXPIRED", "OVERDUE"),
            "metadata": dice.choice(({}, {"order_id": order}, {"note": dice.choice(TEXTS)})),
            "sender": SHOP if matter == "REFUND" else consumer,
            "receiver": consumer if matter == "REFUND" else SHOP,
            "insert_date": iso(created),
            "expire_date": iso(created + timedelta(hours=2)),
            "external_code": order if dice.chance(80) else None,
            "flow": "FUND_LOCK" if matter == "AUTHORIZED" else "MATCH_CODE",
            "code_identifier": f"S6Y-PAY--{payment.upper()}",
        }
        accepted: Row = {"status": "ACCEPTED", "sender": row["sender"], "status_owner": DEVICE}
        if matter not in ("REFUND", "AUTHORIZED"):
            accepted["daily_closure"] = {"id": f"{created:%Y%m%d}", "date": f"{created:%Y-%m-%d}T00:00:00.000Z"}
        canceled: Row = {"status": "CANCELED", "expired": True, "status_owner": DEVICE}
        if status == "ACCEPTED":
            return {**row, **accepted}, []
        if status == "CANCELED":
            return {**row, "status_owner": DEVICE}, []
        if status == "PENDING" and dice.chance(60):
            row["sender"] = None  # nobody has scanned the code yet
        due = dice.patience()
        if matter == "AUTHORIZED":  # a capture may be for less than what was held
            return row, [(due, {**accepted, "amount_unit": max(1, row["amount_unit"] - dice.randrange(100))})]
        if matter == "OVERDUE" or dice.chance(25):
            return row, [(due / 2, {"status": "PENDING", "expired": True}), (due, canceled)]
        return row, [(due, accepted)]
