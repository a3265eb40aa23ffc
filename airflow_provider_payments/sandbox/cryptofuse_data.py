"""Invented CryptoFuse payments."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow_provider_payments.sandbox.api import Built, Row
from airflow_provider_payments.sandbox.data import TEXTS, Dice, decimal_text, iso

STATUSES = {
    "completed": 80,
    "waiting": 2,
    "confirming": 1,
    "confirmed": 1,
    "sending": 1,
    "expired": 8,
    "failed": 4,
    "partially_completed": 2,
    "partially_paid": 1,
    "pending": 1,
}
PATH = ("waiting", "confirming", "confirmed", "sending", "completed")
COINS = (
    ("TRX", "USDTTRC20", "USDT", 6, 1),
    ("ETH", "USDCERC20", "USDC", 6, 1),
    ("ETH", "ETH", "ETH", 18, 3742),
    ("BTC", "BTC", "BTC", 8, 98765),
    ("BSC", "USDTBEP20", "USDT", 18, 1),
)


def build_payment(dice: Dice, created: datetime, status: str) -> Built:
    chain, currency, token, places, dollars = dice.choice(COINS)
    cents = dice.cents()
    asked = (cents * 10 ** (places - 2) + dice.randrange(10 ** (places - 3))) // dollars
    updated = created + dice.soon()
    trx = dice.hex(64) if chain in ("TRX", "BTC") else "0x" + dice.hex(64)
    row = detailed(
        {
            "transaction_id": dice.uuid(),
            "blockchain": chain,
            "currency": currency,
            "status": status,
            "amount_usd": decimal_text(cents, 2),
            "amount_crypto": decimal_text(asked, places),
            "address": "T" + dice.letters(33) if chain == "TRX" else "0x" + dice.hex(40),
            "token": token,
            "order_id": dice.choice(TEXTS)[:100] if dice.chance(5) else f"ORDER-{dice.randrange(10_000)}",
            "created_at": iso(created, "seconds"),
            "updated_at": iso(created if status == "waiting" else updated, "seconds"),
        },
        trx if status not in ("waiting", "pending", "expired") else None,
    )
    row["order_description"] = dice.choice(TEXTS) or None
    if status in ("completed", "expired", "failed", "partially_completed"):
        return row, []
    final = (
        "partially_completed" if status == "partially_paid" else dice.choice(("completed",) * 6 + ("expired", "failed"))
    )
    words = [word for word in PATH[:-1] if status in PATH and PATH.index(word) > PATH.index(status)] + [final]
    due = dice.patience()
    steps: list[tuple[float, Row]] = []
    for place, word in enumerate(words, start=1):
        moved = iso(updated + timedelta(minutes=5 * place), "seconds")
        steps.append((due * place / len(words), {"status": word, "updated_at": moved, "transaction_hash": trx}))
    return row, steps


def detailed(row: Row, transaction_hash: str | None) -> Row:
    """The row with the fields of the detail."""
    created = datetime.fromisoformat(row["created_at"].replace("Z", "+00:00"))
    return {
        **row,
        "transaction_hash": transaction_hash,
        "order_description": "Order",
        "callback_url": "https://merchant.example.com/callback",
        "expiry_time": iso(created + timedelta(hours=1), "seconds"),
        "is_fixed_rate": True,
        "is_fee_paid_by_user": False,
    }
