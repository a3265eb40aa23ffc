"""Invented Stripe payments: what becomes of a PaymentIntent and its charges."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from airflow_provider_payments.sandbox.api import Built, Row
from airflow_provider_payments.sandbox.data import TEXTS, Dice
from airflow_provider_payments.sandbox.stripe_objects import ALPHABET, balance_transaction, charge_of, intent

ACCOUNT = "acct_sandbox"
#: Of each currency, the smallest amount that can be charged, in Stripe's units: kronur and shillings are sent as
#: hundredths although there are none, and the last of three decimals is always 0.
CURRENCIES = {"usd": 1, "eur": 1, "jpy": 1, "isk": 100, "kwd": 10, "ugx": 100, "gbp": 1}
#: What can be the matter with a payment, and how often.
MATTERS = {
    "succeeded": 60,
    "partly captured": 2,
    "fresh": 2,
    "abandoned": 4,
    "refunded": 3,
    "requires_capture": 2,
    "settled in another currency": 4,
    "processing": 2,
    "partly refunded": 3,
    "requires_action": 2,
    "expired": 2,
    "disputed": 1,
    "declined": 3,
    "partly captured, then refunded": 1,
    "canceled": 3,
    "partly captured and partly refunded": 1,
    "requires_confirmation": 1,
}
PENDING = {"fresh", "processing", "requires_action", "requires_capture", "requires_confirmation"}
CAPTURED_LATER = {"requires_capture", "expired"}


def build_payment(dice: Dice, created: datetime, index: int | None) -> Built:
    """A PaymentIntent, and what becomes of it."""
    matter = dice.word(index, MATTERS)
    currency = "usd" if index is None else list(CURRENCIES)[index % len(CURRENCIES)]
    amount = dice.cents() * CURRENCIES[currency] + (100 * CURRENCIES[currency] if "partly" in matter else 0)
    customer = f"cus_{dice.letters(14, ALPHABET)}" if dice.chance(60) else None
    row = intent(dice, int(created.timestamp()), amount, currency, customer)
    if dice.chance(80):
        row["metadata"] = {
            "order_id": dice.choice(TEXTS)[:500] if dice.chance(8) else f"order-{dice.randrange(10_000)}"
        }
    elif dice.chance(50):
        row["payment_details"] = {"customer_reference": None, "order_reference": f"ref-{dice.randrange(10_000)}"}
    if dice.chance(50):
        row["description"] = dice.choice(TEXTS)[:1000]
    matters: dict[str, Callable[[Row, Dice], list[tuple[float, Row]]]] = {
        "abandoned": lambda row, dice: [],
        "declined": _decline,
        "canceled": _cancel,
        "expired": _expire,
        "processing": _process,
        "requires_action": _ask_for_action,
        "requires_capture": _authorize,
        "requires_confirmation": _ask_for_confirmation,
    }
    if matter in matters:
        return row, matters[matter](row, dice)
    row.update(succeed(row, dice, matter))
    if matter != "fresh":
        return row, []
    charge = row["latest_charge"]
    settled = {**charge, "balance_transaction": balance_transaction(dice, charge, amount)}
    row["latest_charge"] = {**charge, "balance_transaction": None}
    return row, [(dice.patience(), {"status": "succeeded", "latest_charge": settled})]


def succeed(row: Row, dice: Dice, matter: str = "succeeded", charge: Row | None = None) -> Row:
    """What changes when a PaymentIntent is paid: by a charge that was authorized, or by a new one.

    What is not captured is released; a charge counts that among what was refunded.
    """
    amount, unit = row["amount"], CURRENCIES[row["currency"]]
    captured = amount - 30 * unit if matter.startswith("partly captured") else amount
    back = 0
    if matter.endswith("partly refunded"):
        back = 20 * unit
    elif matter.endswith("refunded"):
        back = captured
    charge = {
        **(charge or charge_of(row, dice)),
        "captured": True,
        "amount_captured": captured,
        "amount_refunded": amount - captured + back,
        "refunded": back == captured,
        "disputed": matter == "disputed",
        "dispute": f"du_1{dice.letters(23, ALPHABET)}" if matter == "disputed" else None,
    }
    settlement = ("usd" if row["currency"] != "usd" else "eur") if matter == "settled in another currency" else None
    charge["balance_transaction"] = balance_transaction(dice, charge, captured, currency=settlement)
    return {
        "status": "succeeded",
        "amount_received": captured,
        "amount_capturable": 0,
        "next_action": None,
        "payment_method": charge["payment_method"],
        "processing": None,
        "latest_charge": charge,
    }


def _failed(row: Row, dice: Dice) -> Row:
    return charge_of(
        row,
        dice,
        amount_captured=0,
        captured=False,
        failure_code="card_declined",
        failure_message="Your card has insufficient funds.",
        outcome={"network_status": "declined_by_network", "reason": "insufficient_funds", "type": "issuer_declined"},
        paid=False,
        status="failed",
    )


def _decline(row: Row, dice: Dice) -> list[tuple[float, Row]]:
    """The bank declined. The payment asks for another card, and half of the time gets one."""
    charge = _failed(row, dice)
    secret = f"src_client_secret_{dice.letters(24, ALPHABET)}"
    row.update(
        latest_charge=charge,
        last_payment_error={
            "charge": charge["id"],
            "code": "card_declined",
            "decline_code": "insufficient_funds",
            "message": "Your card has insufficient funds.",
            "source": {"id": f"src_1{dice.letters(23, ALPHABET)}", "object": "source", "client_secret": secret},
            "type": "card_error",
        },
    )
    if dice.chance(50):
        return []
    paid = {**succeed(row, dice), "last_payment_error": None}
    return [(dice.patience(), {**paid, "attempts": [charge]})]


def _cancel(row: Row, dice: Dice) -> list[tuple[float, Row]]:
    reason = dice.choice(("abandoned", "requested_by_customer", "duplicate", "fraudulent", "automatic", None))
    row.update(status="canceled", canceled_at=row["created"] + 3600, cancellation_reason=reason)
    return []


def _authorize(row: Row, dice: Dice) -> list[tuple[float, Row]]:
    """Held, and captured later, perhaps in part."""
    charge = charge_of(row, dice, amount_captured=0, captured=False)
    row.update(
        status="requires_capture",
        amount_capturable=row["amount"],
        capture_method="manual",
        payment_method=charge["payment_method"],
        latest_charge=charge,
    )
    matter = "partly captured" if row["amount"] > 100 * CURRENCIES[row["currency"]] else "succeeded"
    return [(dice.patience(), succeed(row, dice, matter, charge))]


def _expire(row: Row, dice: Dice) -> list[tuple[float, Row]]:
    """Held, and never captured. The charge says that it was refunded; no money has moved."""
    charge = charge_of(row, dice, amount_captured=0, captured=False, amount_refunded=row["amount"], refunded=True)
    row.update(
        status="canceled",
        canceled_at=row["created"] + 604_800,
        cancellation_reason="expired",
        capture_method="manual",
        payment_method=charge["payment_method"],
        latest_charge=charge,
    )
    return []


def _process(row: Row, dice: Dice) -> list[tuple[float, Row]]:
    """A bank debit, which takes days, and may fail."""
    charge = charge_of(row, dice, amount_captured=0, captured=False, paid=False, status="pending")
    row.update(
        status="processing", latest_charge=charge, payment_method_types=["sepa_debit"], payment_method="pm_1sandbox"
    )
    failed = {"status": "requires_payment_method", "latest_charge": {**_failed(row, dice), "id": charge["id"]}}
    paid = succeed(row, dice, charge={**charge, "paid": True, "status": "succeeded"})
    return [(dice.patience(), failed if dice.chance(20) else paid)]


def _ask_for_action(row: Row, dice: Dice) -> list[tuple[float, Row]]:
    """The payer has to say yes, at an address that carries the secret once more."""
    url = (
        f"https://hooks.stripe.com/3d_secure_2/hosted?merchant={ACCOUNT}&payment_intent={row['id']}"
        f"&payment_intent_client_secret={row['client_secret']}&publishable_key=pk_test_sandbox"
    )
    row.update(
        status="requires_action",
        next_action={
            "redirect_to_url": {"return_url": "https://shop.example/done", "url": url},
            "type": "redirect_to_url",
        },
    )
    return [(dice.patience(), succeed(row, dice))]


def _ask_for_confirmation(row: Row, dice: Dice) -> list[tuple[float, Row]]:
    row.update(status="requires_confirmation", payment_method=f"pm_1{dice.letters(23, ALPHABET)}")
    return [(dice.patience(), succeed(row, dice))]
