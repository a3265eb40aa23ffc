"""Invented Mollie payments."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow_provider_payments.sandbox.api import Built, Row
from airflow_provider_payments.sandbox.data import NAMES, TEXTS, Dice, decimal_text, iso

ROUTE = "/v2/payments"
PROFILE = "pfl_SandboxOne"
OTHER_PROFILE = "pfl_SandboxTwo"
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


def build_payment(dice: Dice, created: datetime, matter: str, *, is_plain: bool) -> Built:
    """One payment.

    :param matter: a key of ``MATTERS``.
    :param is_plain: whether it has no order of its own, so that a test can give it one.
    """
    payment = f"tr_{dice.letters(dice.choice((10, 22)), LETTERS)}"
    currency, places = dice.choice(CURRENCIES)
    units = dice.cents()
    order = f"order-{dice.randrange(10_000)}"
    row: Row = {
        "resource": "payment",
        "id": payment,
        "mode": "test" if matter == "of the test mode" else "live",
        "createdAt": format_time(created),
        "amount": _money(units, currency, places),
        "description": dice.choice(TEXTS)[:255],
        "method": dice.choice(("ideal", "creditcard", "banktransfer", "directdebit", None)),
        "metadata": None if is_plain else _metadata(dice, order),
        "status": "paid",
        "locale": "nl_NL",
        "countryCode": "NL",
        "profileId": OTHER_PROFILE if matter == "of another website" else PROFILE,
        "sequenceType": "oneoff",
        "redirectUrl": "https://webshop.example.org/return" if dice.chance(80) else None,
        "_links": write_links(payment),
    }
    if dice.chance(30):
        row["customerId"] = f"cst_{dice.letters(10, LETTERS)}"
    if not is_plain and dice.chance(10):
        row["orderId"] = f"ord_{dice.letters(6, LETTERS)}"
    row["details"] = {"consumerName": dice.choice(NAMES), "consumerAccount": "NL53INGB0654422370"}
    done = format_time(created + dice.soon())
    money = {"amountRefunded": _money(0, currency, places), "amountRemaining": _money(units, currency, places)}
    paid: Row = {"status": "paid", "paidAt": done, **money}
    if matter in ("open", "transfer", "pending", "authorized", "part authorized", "canceled", "expired", "failed"):
        return _build_unpaid(dice, created, matter, row, paid, done)
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


def _build_unpaid(dice: Dice, created: datetime, matter: str, row: Row, paid: Row, done: str) -> Built:
    """A payment without ``paidAt``, and what becomes of it."""
    row["status"] = matter
    if matter in ("canceled", "expired", "failed"):
        row[f"{matter}At"] = done
        return row, []
    due = dice.patience()
    if matter == "transfer":
        row |= {"status": "open", "method": "banktransfer", "isCancelable": True}
        row["expiresAt"] = format_time(created + timedelta(days=12))
    elif matter == "open":
        row |= {"isCancelable": False, "expiresAt": format_time(created + timedelta(minutes=15))}
    elif matter == "pending":
        return row, [(due, {"status": "failed", "failedAt": done} if dice.chance(30) else paid)]
    else:
        amount = row["amount"]
        captured = {**amount, "value": "0.00" if "." in amount["value"] else "0"}
        if matter == "part authorized":
            captured["value"] = "0.01" if "." in amount["value"] else "1"
        row |= {"status": "authorized", "authorizedAt": done, "amountCaptured": captured, "captureMode": "manual"}
        row["captureBefore"] = format_time(created + timedelta(days=7))
        return row, [(due, {**paid, "amountCaptured": amount})]
    lost = {"status": "expired", "expiredAt": done}
    return row, [(due, lost if dice.chance(30) else paid)]


def format_time(moment: datetime) -> str:
    """Whole seconds, with an offset."""
    return iso(moment, "seconds").replace("Z", "+00:00")


def _money(units: int, currency: str, places: int) -> Row:
    return {"value": decimal_text(units, places) if places else str(units), "currency": currency}


def _metadata(dice: Dice, order: str) -> Any:
    """What shops write: anything."""
    number = int(order.removeprefix("order-"))
    return dice.choice((None, {"order_id": order}, {"order_id": number}, {"note": "gift"}, order, number, [order], {}))


def write_links(payment: str) -> Row:
    return {
        "self": {"href": f"https://api.mollie.com{ROUTE}/{payment}", "type": "application/hal+json"},
        "dashboard": {"href": f"https://my.mollie.com/dashboard/payments/{payment}", "type": "text/html"},
    }
