"""HOT Pay in the sandbox: a token, one list without a total, no detail, amounts in a token's smallest unit."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from airflow_provider_payments.sandbox.api import Answer, Api, Built, Call, Problem, Row, only
from airflow_provider_payments.sandbox.data import TEXTS, Dice

TOKEN = "sandbox.hotpay.token"  # noqa: S105
TOKENS = {
    "nep141:17208628f84f5d6ad33f0da3bbbeb27ffcb398eac501a31bd6ad2011e36133a1": 6,
    "nep141:usdt.tether-token.near": 6,
    "nep141:wrap.near": 24,
    "nep245:v2_1.omni.hot.tg:56_11111111111111111111": 18,
    "nep141:sol.omft.near": 9,
}
"""Token ids and their decimals; the API itself never tells these."""
KNOWN_DECIMALS = {token: TOKENS[token] for token in list(TOKENS)[:-1]}
"""What the sandbox's connection knows; the amounts of the last token stay unscaled."""
STATUSES = {
    "SUCCESS": 85,
    "PENDING": 1,
    "PENDING_DEPOSIT": 2,
    "KNOWN_DEPOSIT_TX": 1,
    "PROCESSING": 1,
    "INCOMPLETE_DEPOSIT": 1,
    "REFUNDED": 4,
    "FAILED": 5,
}
FINAL = {"SUCCESS", "REFUNDED", "FAILED"}


class HotPay(Api):
    """``rows`` are in no promised order (about newest first) and carry ``payment_id``, which the list hides."""

    name = "hotpay"
    newest = datetime(2026, 2, 1, 12, 0, tzinfo=timezone.utc)
    time_field = "timestamp"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._shared: Row = {}
        self.auth_schemes = {"raw", "bearer", "api-key"}
        self.with_payment_id = False
        self.max_limit = 1000
        self.tells_limit = True
        """False: ``pagination.limit`` repeats what was asked for, even where the server lowered it."""
        super().__init__(*args, **kwargs)

    def connection(self, url: str) -> Row:
        return {
            "conn_type": "hotpay",
            "host": f"{url}/hotpay",
            "password": TOKEN,
            "extra": {"token_decimals": KNOWN_DECIMALS},
        }

    def respond(self, call: Call) -> Answer:
        if call.route != "/partners/processed_payments":
            raise Problem(404, "Not Found")
        only(call, "GET")
        sent = {"raw": call.header("Authorization"), "api-key": call.header("Api-Key")}
        scheme, _, sent["bearer"] = sent["raw"].partition(" ")
        if scheme.lower() != "bearer":
            sent["bearer"] = ""
        if TOKEN not in {sent[name] for name in self.auth_schemes}:
            raise Problem(401, "Invalid or missing Authorization token")
        asked = call.number("limit", 100, 0)
        limit = min(asked, self.max_limit)
        offset = call.number("offset", 0, 0)
        filters: Row = {name: call.query[name] for name in ("item_id", "memo", "sender_id") if name in call.query}
        rows = self.having(filters)
        page = [self.shown(row) for row in rows[offset : offset + limit]]
        told = limit if self.tells_limit else asked
        return Answer.json({"payments": page, "pagination": {"limit": told, "offset": offset, "count": len(page)}})

    def refuse(self, problem: Problem) -> Answer:
        return Answer.json({"error": problem.message}, problem.status)

    def shown(self, row: Row) -> Row:
        return {name: value for name, value in row.items() if self.with_payment_id or name != "payment_id"}

    def examples(self) -> list[Built]:
        """The page has a field list but no example: this one has every documented field."""
        row = {
            "payment_id": "00000000-0000-4000-8000-000000000001",
            "memo": "order-1001",
            "item_id": "item-1",
            "timestamp": int(self.newest.timestamp()),
            "amount": "25000000",
            "token_id": "nep141:usdt.tether-token.near",
            "sender_id": "alice.near",
            "near_trx": "8uVxZ9Y3fYfTzTq5mC2sJkQ4rXwN6pLhB7dGvEaR1nMt",
            "status": "SUCCESS",
        }
        return [(row, [])]

    def build(self, dice: Dice, created: datetime, index: int | None) -> Built:
        status = dice.word(index, STATUSES)
        token, decimals = dice.choice(list(TOKENS.items()))
        units = dice.cents() * 10 ** (decimals - 2) + (dice.randrange(10 ** (decimals - 3)) if dice.chance(40) else 0)
        trx = {"near_trx": dice.letters(44), "timestamp": int((created + dice.soon()).timestamp())}
        if index is not None and status in FINAL and self._shared and dice.chance(15):
            trx = self._shared  # several transfers in one transaction
        row: Row = {
            "payment_id": dice.uuid(),
            "memo": dice.choice(TEXTS) if dice.chance(8) else f"order-{dice.randrange(1, 5_000)}",
            "item_id": f"item-{dice.randrange(1, 6)}",
            "amount": str(units),
            "token_id": token,
            "sender_id": f"0x{dice.hex(40)}" if dice.chance(40) else f"{dice.hex(6)}.near",
            "status": status,
        }
        if status in FINAL:
            self._shared = trx
            return {**row, **trx}, []
        row.update(dice.choice(({}, {"near_trx": None, "timestamp": 0}, {"near_trx": "", "timestamp": None})))
        if dice.chance(50):
            row["sender_id"] = None
        final = {"status": "SUCCESS", "sender_id": row["sender_id"] or f"{dice.hex(6)}.near", **trx}
        if status == "INCOMPLETE_DEPOSIT":
            return row, [(3.0, {**final, "status": dice.choice(("REFUNDED", "SUCCESS"))})]
        due = dice.patience()
        steps = [] if status == "PROCESSING" else [(due / 2, {"status": "PROCESSING"})]
        return row, [*steps, (due, {**final, "status": "FAILED" if dice.chance(15) else "SUCCESS"})]
