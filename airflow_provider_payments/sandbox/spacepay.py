"""SpacePay in the sandbox: a secret key, offset pages with a total and hasMore, a detail without an envelope."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow_provider_payments.sandbox import examples
from airflow_provider_payments.sandbox.api import Answer, Api, Built, Call, Problem, Row, only
from airflow_provider_payments.sandbox.data import TEXTS, Dice, iso

SECRET_KEY = "sk_test_sandbox"  # noqa: S105
ROUTE = "/v1/external/secretkey-auth/payments"
STATUSES = {"completed": 82, "pending": 2, "processing": 1, "failed": 4, "expired": 8, "cancelled": 3}
TOKENS = (
    ("ETH", 18, "0x0000000000000000000000000000000000000000", "volatile", "native", 374_205),
    ("USDC", 6, "0x036cbd53842c5426634e7929541ec2318f3dcf7e", "stable", "erc20", 100),
)
RECEIPT_NAMES = {"transactionHash": "txHash", "blockNumber": "txBlockNumber", "completedAt": "txTimestamp"}


class SpacePay(Api):
    """``rows`` are newest first; sorting by createdAt trusts that. ``updatedAt`` is shown by the detail only."""

    name = "spacepay"
    newest = datetime(2025, 10, 10, 21, 44, 6, 733000, tzinfo=timezone.utc)
    time_field = "createdAt"
    hidden = frozenset({"updatedAt"})

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.error_shape = "object"
        """``object`` as the list documents, ``string`` as the framework behind it words errors by default."""
        self.max_limit = 1000

    def connection(self, url: str) -> Row:
        return {"conn_type": "spacepay", "host": f"{url}/spacepay", "password": SECRET_KEY}

    def respond(self, call: Call) -> Answer:
        if call.route != ROUTE and not call.route.startswith(f"{ROUTE}/"):
            raise Problem(404, f"Cannot {call.method} {call.route}", "not_found")
        if call.header("X-SpacePay-Secret-Key") != SECRET_KEY:
            raise Problem(401, "Invalid or missing X-SpacePay-Secret-Key header", "invalid_api_key")
        only(call, "GET")
        if call.route == ROUTE:
            return self._list(call)
        wanted = call.route.removeprefix(f"{ROUTE}/")
        row = next((row for row in self.rows if row["id"] == wanted), None)
        if row is None:
            raise Problem(404, "Payment not found", "payment_not_found")
        return Answer.json(row)

    def _list(self, call: Call) -> Answer:
        limit = call.number("limit", 100, 1, self.max_limit)
        offset = call.number("offset", 0, 0)
        kind = call.one_of("type", ("payment", "deposit"))
        status = call.one_of("status", STATUSES)
        by_amount = call.one_of("sortBy", ("createdAt", "amountInCents"), "createdAt") == "amountInCents"
        ascending = call.one_of("sortOrder", ("ASC", "DESC"), "DESC") == "ASC"
        search = call.query.get("search", "").lower()
        rows = self.rows
        if kind or status or search:
            rows = [
                row
                for row in rows
                if kind in ("", row["type"]) and status in ("", row["status"]) and _mentions(row, search)
            ]
        if by_amount:
            rows = sorted(rows, key=lambda row: row.get("amountInCents") or 0, reverse=not ascending)
        elif ascending:
            rows = rows[::-1]
        page = [self.shown(row) for row in rows[offset : offset + limit]]
        pagination = {
            "total": len(rows),
            "limit": limit,
            "offset": offset,
            "hasMore": offset + len(page) < len(rows) and bool(page),
            "totalPages": -(-len(rows) // limit),
            "currentPage": offset // limit + 1,
        }
        return Answer.json({"data": page, "pagination": pagination})

    def refuse(self, problem: Problem) -> Answer:
        if self.error_shape == "string":
            flat = {"statusCode": problem.status, "message": problem.message, "error": problem.code}
            return Answer.json(flat, problem.status)
        kinds = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}
        kind = kinds.get(problem.status, "api_error" if problem.status >= 500 else "invalid_request_error")
        message = f"{problem.field}: {problem.message}" if problem.field else problem.message
        return Answer.json({"error": {"type": kind, "message": message, "code": problem.code}}, problem.status)

    def examples(self) -> list[Built]:
        return [({**copy.deepcopy(examples.SPACEPAY), "updatedAt": "2025-10-10T21:45:00.000Z"}, [])]

    def build(self, dice: Dice, created: datetime, index: int | None) -> Built:
        status = dice.word(index, STATUSES)
        deposit = index is not None and dice.chance(25)
        payment, cents, completed = dice.uuid(), dice.cents(), created + dice.soon()
        row: Row = {
            "id": payment,
            "merchantId": "4e29f55d-d6a8-42d7-8230-cb8efeded39e",
            "merchantShortName": "Copycat Creations",
            "type": "deposit" if deposit else "payment",
            "amountInCents": cents,
            "currency": "USD",
            "status": status,
            "depositAddress": {
                "id": dice.uuid(),
                "paymentId": payment,
                "type": "EVM",
                "address": "0x" + dice.hex(40),
                "createdAt": iso(created),
            },
            "quotes": [] if deposit else [_quote(dice, payment, cents, created) for _ in range(dice.randrange(1, 3))],
            "receipt": None,
            "orderId": dice.choice((None, dice.choice(TEXTS)[:255], f"order_{dice.randrange(10_000)}")),
            "redirectUrl": "https://merchant.example.com/checkout/success" if dice.chance(60) else None,
            "createdAt": iso(created),
            "updatedAt": iso(created if status == "pending" else completed),
        }
        receipt = _receipt(dice, cents, completed)
        if status == "completed":
            row["receipt"] = receipt
        elif deposit and status != "processing":
            del row["amountInCents"]  # nobody knows yet what will be paid
            row.update(dice.choice(({}, {"amountInCents": None}, {"amountInCents": 0})))
        if status != "completed" and dice.chance(30):
            del row["receipt"]
        if status not in ("pending", "processing"):
            return row, []
        due = dice.patience()
        paid: Row = {"status": "completed", "receipt": receipt, "amountInCents": cents, "updatedAt": iso(completed)}
        lost: Row = {"status": "failed" if status == "processing" else "expired", "updatedAt": iso(completed)}
        steps: list[tuple[float, Row]] = [(due, lost if dice.chance(20) else paid)]
        if status == "pending" and steps[0][1] is paid:
            steps.insert(0, (due / 2, {"status": "processing", "amountInCents": cents}))
        return row, steps


def _mentions(row: Row, search: str) -> bool:
    """Whether the text is in one of the documented places; the order id is none of them."""
    receipt = row.get("receipt") or {}
    address = (row.get("depositAddress") or {}).get("address")
    names = ("transactionHash", "txHash", "txSenderAddress")
    texts = [row["id"], address, row.get("merchantShortName"), *(receipt.get(name) for name in names)]
    return not search or any(search in text.lower() for text in texts if text)


def _quote(dice: Dice, payment: str, cents: int, created: datetime) -> Row:
    symbol, decimals, contract, kind, asset, rate = dice.choice(TOKENS)
    return {
        "id": dice.uuid(),
        "paymentId": payment,
        "token": {
            "id": f"00000000-0000-4000-8000-{decimals:012d}",
            "symbol": symbol,
            "decimals": decimals,
            "contractAddress": contract,
            "type": kind,
            "assetType": asset,
            "status": "active",
        },
        "chainId": 84532,
        "expectedAmountAsset": str(cents * 10**decimals // rate),
        "rateUsdAsset": f"{rate // 100}.{rate % 100:02d}000000",
        "expiresAt": iso(created + timedelta(minutes=10)),
        "status": "active",
        "createdAt": iso(created),
    }


def _receipt(dice: Dice, cents: int, completed: datetime) -> Row:
    """In the shape of the list's page, or in that of the vendor's OpenAPI file."""
    receipt: Row = {"transactionHash": "0x" + dice.hex(64), "blockNumber": dice.randrange(18_000_000, 19_000_000)}
    receipt |= {"confirmations": 12, "requiredConfirmations": 12, "completedAt": iso(completed)}
    if dice.chance(50):
        return receipt
    settled = {"settledAmountAsset": str(cents * 10_000), "settledAmountUsd": cents / 100, "settledToken": "USDC"}
    renamed = {new: receipt[old] for old, new in RECEIPT_NAMES.items()}
    return {**renamed, "txSenderAddress": "0x" + dice.hex(40), **settled}
