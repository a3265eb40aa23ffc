"""Invented rows of a PayPal ledger."""

from __future__ import annotations

import zlib
from collections.abc import Collection
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from airflow_provider_payments.sandbox.api import Built, Row
from airflow_provider_payments.sandbox.data import TEXTS, Dice, decimal_text, iso

MATTERS = {
    "payment": 60,
    "authorization": 2,
    "pending": 2,
    "denied": 2,
    "refund": 6,
    "reversed": 3,
    "card payment": 2,
    "fee": 4,
    "payment sent": 3,
    "refund received": 1,
    "chargeback": 2,
    "chargeback won": 1,
    "withdrawal": 3,
    "conversion": 2,
    "hold": 1,
}
"""What can be the matter with a row. Rows are made back in time: an authorization has the id of the payment before it,
and a refund is of the reversed payment that comes next."""
CODES = {
    "payment": ("T0006", "T0006", "T0000", "T0007", "T0011", "T0013", "T0002"),
    "pending": ("T0000",),
    "denied": ("T0000",),
    "refund": ("T1107", "T1107", "T1106"),
    "reversed": ("T0006",),
    "card payment": ("T0005", "T3000"),
    "fee": ("T0106", "T0113"),
    "payment sent": ("T0000", "T0003"),
    "refund received": ("T1107",),
    "chargeback": ("T1201",),
    "chargeback won": ("T1202", "T1202", "T1205", "T1208"),
    "withdrawal": ("T0403",),
    "conversion": ("T0200",),
    "hold": ("T1110",),
    "authorization": ("T1300",),
}
STATUSES = {"pending": "P", "denied": "D", "reversed": "V"}
GIVEN_BACK = ("refund", "chargeback", "chargeback won")
DEBITS = ("refund", "fee", "payment sent", "chargeback", "withdrawal", "conversion", "hold")
PLACES = {"USD": 2, "EUR": 2, "GBP": 2, "JPY": 0, "TND": 3}
ALPHABET = "0123456789ABCDEFGHJKLMNPRSTUVWXY"
SECTIONS = ("transaction_info", "payer_info", "shipping_info", "cart_info", "store_info", "auction_info")
PERSONAL = {"email_address": "payer@example.com", "address_status": "N", "payer_status": "Y"}


def example_rows(newest: datetime) -> list[Row]:
    """The specification has no example. A donation, what the platform took of it, and a withdrawal of the rest."""
    first, second, third = "12345678E01234567", "4RT50187KL339021V", "7HB22900PC481553D"
    payer = {"account_id": "QW3ERTY7UIOP9", "email_address": "payer@example.com", "country_code": "US"}
    gift = {"transaction_subject": "Donation", "invoice_id": "gift-2041", "paypal_account_id": "QW3ERTY7UIOP9"}
    earlier = newest - timedelta(minutes=90)
    return [
        _example(third, "T0403", newest, "-47.63"),
        _example(second, "T0113", earlier, "-0.88", paypal_reference_id=first, paypal_reference_id_type="TXN"),
        _example(first, "T0013", earlier, "50.00", **gift, fee_amount=money("-1.49", "USD"), payer_info=payer),
    ]


def _example(transaction_id: str, code: str, moment: datetime, value: str, **more: Any) -> Row:
    return {
        "transaction_id": transaction_id,
        "transaction_event_code": code,
        "transaction_initiation_date": iso(moment, "seconds"),
        "transaction_updated_date": iso(moment, "seconds"),
        "transaction_amount": money(value, "USD"),
        "status": "S",
        "affects_balance": True,
        **more,
    }


def build_row(dice: Dice, created: datetime, matter: str) -> Built:
    currency = dice.choice(("USD",) * 6 + tuple(PLACES))
    units = dice.cents() * 10 ** PLACES[currency] // 100 or 1
    sign = "-" if matter in DEBITS else ""
    is_payment = matter in ("payment", "pending", "reversed", "card payment")
    moment = iso(created, "seconds")
    row: Row = {
        "transaction_id": _make_id(dice),
        "transaction_event_code": dice.choice(CODES[matter]),
        "transaction_initiation_date": moment,
        "transaction_updated_date": moment if matter == "pending" else iso(created + dice.soon(), "seconds"),
        "transaction_amount": money(sign + _write(units, currency), currency),
        "status": STATUSES.get(matter, "S"),
        "affects_balance": matter != "authorization",
    }
    if is_payment or matter in GIVEN_BACK:
        row["paypal_account_id"] = dice.letters(13, ALPHABET)
        row["invoice_id" if dice.chance(80) else "custom_field"] = f"order-{dice.randrange(10_000)}"
        row["transaction_subject"] = dice.choice(TEXTS)[:256]
        row["payer_info"] = {**PERSONAL, "account_id": row["paypal_account_id"], "payer_name": {"surname": "Doe"}}
    if matter in GIVEN_BACK:
        row |= {"paypal_reference_id": _make_id(dice), "paypal_reference_id_type": "TXN"}
    if is_payment and dice.chance(85):
        row["fee_amount"] = _make_fee(dice, units, currency)
    elif matter == "refund" and dice.chance(30):
        row["fee_amount"] = money(_write(units // 50, currency), currency)
    if matter != "pending":
        return row, []
    settled = iso(created + timedelta(days=3), "seconds")
    return row, [(dice.patience(), {"status": dice.choice("SSSD"), "transaction_updated_date": settled})]


def money(value: str, currency: str) -> Row:
    return {"currency_code": currency, "value": value}


def show(row: Row, sections: Collection[str], balance: Decimal | None) -> Row:
    """The row as the list shows it: sections that were not asked for are absent, and those without data empty."""
    info: dict[str, Any] = {
        name: value for name, value in row.items() if name not in ("status", "affects_balance", "payer_info")
    }
    if zlib.crc32(row["transaction_id"].encode()) % 3 == 0:  # some of the API's systems write times like this
        for name in ("transaction_initiation_date", "transaction_updated_date"):
            info[name] = row[name] and row[name].replace("Z", "+0000")
    info |= {"transaction_status": row["status"]} if "status" in row else {}
    if balance is not None:
        info["ending_balance"] = info["available_balance"] = money(
            str(balance), row["transaction_amount"]["currency_code"]
        )
    shown = {"transaction_info": info, "payer_info": row.get("payer_info", {"address_status": "N", "payer_name": {}})}
    return {name: shown.get(name, {}) for name in SECTIONS if name in sections}


def _write(units: int, currency: str) -> str:
    return decimal_text(units, PLACES[currency]) if PLACES[currency] else str(units)


def _make_id(dice: Dice) -> str:
    """17 characters; of some, programs think that they are numbers."""
    if dice.chance(10):
        return f"{dice.randrange(10**7, 10**8)}E{dice.randrange(10**8):08d}"
    return dice.letters(17, ALPHABET)


def _make_fee(dice: Dice, units: int, currency: str) -> Row:
    if dice.chance(5):
        other = "EUR" if currency == "USD" else "USD"
        return money(f"-0.{dice.randrange(10, 99)}", other)
    return money("-" + _write(max(1, units // 30), currency), currency)
