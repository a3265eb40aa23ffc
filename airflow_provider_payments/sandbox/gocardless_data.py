"""The payments of GoCardless in the sandbox."""

from __future__ import annotations

from datetime import datetime

from airflow_provider_payments.sandbox.api import Built, Row
from airflow_provider_payments.sandbox.data import TEXTS, Dice, iso

MATTERS = {
    "paid_out": 60,
    "confirmed": 8,
    "submitted": 3,
    "pending_submission": 3,
    "pending_customer_approval": 1,
    "failed": 4,
    "charged_back": 2,
    "customer_approval_denied": 1,
    "cancelled": 4,
    "partly refunded": 3,
    "refunded": 2,
    "fails late": 2,
    "revived": 2,
    "chargeback cancelled": 1,
}
"""What can be the matter with a payment: its status, refunds, or what becomes of it although it seems to have ended."""
SCHEMES = {
    "GBP": ("bacs", "bacs", "faster_payments"),
    "EUR": ("sepa_core", "sepa_core", "sepa_instant_credit_transfer"),
    "USD": ("ach",),
    "SEK": ("autogiro",),
    "AUD": ("becs", "pay_to"),
    "CAD": ("pad",),
    "DKK": ("betalingsservice",),
    "NZD": ("becs_nz",),
}
_ID_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def build_example(created: datetime) -> Row:
    """One with every documented field."""
    return {
        "id": "PM0000SANDBOX1",
        "created_at": iso(created),
        "charge_days": 3,
        "amount": 4999,
        "amount_refunded": 1250,
        "app_fee": 50,
        "currency": "GBP",
        "description": "Tea, monthly",
        "reference": "TEA-0042",
        "status": "paid_out",
        "scheme": "bacs",
        "faster_ach": False,
        "retry_if_possible": True,
        "metadata": {"order_id": "order-1001"},
        "fx": {
            "fx_currency": "EUR",
            "fx_amount": 5749,
            "exchange_rate": "1.1502300460",
            "estimated_exchange_rate": "1.1500000000",
        },
        "links": {
            "creditor": "CR0000SANDBOX1",
            "mandate": "MD0000SANDBOX1",
            "payout": "PO0000SANDBOX1",
            "subscription": "SB0000SANDBOX1",
            "instalment_schedule": "IS0000SANDBOX1",
        },
        "customer": "CU0000SANDBOX1",
    }


def build_payment(dice: Dice, created: datetime, index: int | None) -> Built:
    """One invented payment, and what becomes of it."""
    matter = dice.word(index, MATTERS)
    starts = {"partly refunded": "paid_out", "refunded": "paid_out", "fails late": "paid_out", "revived": "failed"}
    status = {**starts, "chargeback cancelled": "charged_back"}.get(matter, matter)
    currency = "GBP" if dice.chance(60) else dice.choice(tuple(SCHEMES))
    amount = dice.cents()
    payer = dice.randrange(100)
    links = {"creditor": "CR0000SANDBOX1", "mandate": f"MD{payer:012}"}
    if dice.chance(30):
        links["subscription"] = f"SB{payer:012}"
    payout = f"PO{dice.randrange(10**6):012}"
    order = f"order-{dice.randrange(10_000)}"
    row: Row = {
        "id": f"PM{dice.letters(12, _ID_LETTERS)}",
        "created_at": iso(created),
        # Months ahead, some of them; and nobody knows yet before the payer has agreed.
        "charge_days": None if status == "pending_customer_approval" else dice.choice((2, 3, 4, 5, 30, 120)),
        "amount": amount,
        "amount_refunded": {"partly refunded": amount // 2, "refunded": amount}.get(matter, 0),
        "currency": currency,
        "description": dice.choice((None, dice.choice(TEXTS)[:100])),
        "reference": dice.choice((None, f"REF{dice.randrange(10_000)}")),
        "status": status,
        "scheme": dice.choice(SCHEMES[currency]),
        "retry_if_possible": dice.chance(50),
        "metadata": dice.choice(({"order_id": order}, {"order_id": order, "note": dice.choice(TEXTS)[:500]}, {})),
        "fx": {"fx_currency": currency, "fx_amount": None, "exchange_rate": None, "estimated_exchange_rate": None},
        "links": {**links, "payout": payout} if status in ("paid_out", "charged_back") else links,
        "customer": f"CU{payer:012}",
    }
    due = dice.patience()
    paid: Row = {"status": "paid_out", "links": {**links, "payout": payout}}
    later: dict[str, list[tuple[float, Row]]] = {
        "pending_customer_approval": [(due / 4, {"status": "pending_submission", "charge_days": 3})],
        "pending_submission": [(due / 3, {"status": "submitted"})],
        "submitted": [(due / 2, {"status": "confirmed"}), (due, paid)],
        "fails late": [(due, {"status": "failed"})],
        "revived": [(due / 3, {"status": "pending_submission"}), (due / 2, {"status": "submitted"}), (due, paid)],
        "chargeback cancelled": [(due, {"status": "paid_out"})],
    }
    ways = ("pending_customer_approval", "pending_submission", "submitted")
    if matter not in ways:
        return row, later.get(matter, [])
    steps = [step for way in ways[ways.index(matter) :] for step in later[way]]
    if dice.chance(20):
        steps[-2:] = [(due, {"status": "failed"})]
    return row, steps
