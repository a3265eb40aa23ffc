"""Invented JFramework payments."""

from __future__ import annotations

import copy
import re
from datetime import datetime, timedelta, timezone
from functools import lru_cache

from airflow_provider_payments.sandbox import examples
from airflow_provider_payments.sandbox.api import Built, Row
from airflow_provider_payments.sandbox.data import NAMES, TEXTS, Dice

STATUSES = {
    "Completed": 80,
    "Created": 1,
    "Pending": 2,
    "Reserved": 1,
    "CanceledReversal": 1,
    "Refunded": 4,
    "Failed": 4,
    "Denied": 2,
    "Voided": 2,
    "Deleted": 1,
}
PENDING = {"Created", "Pending", "Reserved"}
CURRENCIES = (("USD", 2), ("USD", 2), ("EUR", 2), ("VND", 0), ("JPY", 0), ("KWD", 3))
ZONE = timezone(timedelta(hours=7))
ID_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
ID_START = ID_LETTERS[: ID_LETTERS.index("s")]
MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?)?")


def build_payment(dice: Dice, created: datetime, status: str) -> Built:
    """Ids sort below that of the documented example, and in no relation to time."""
    currency, places = dice.choice(CURRENCIES)
    units = dice.cents()
    fee = units * dice.choice((0, 29, 100)) // 1000
    paid = _stamp(created + dice.soon())
    row: Row = {
        "amountFee": _double(fee, places),
        "status": status,
        "notes": dice.choice(TEXTS) if dice.chance(20) else None,
        "paymentType": dice.choice(("PayPal", "Card", "BankTransfer", None)),
        "invoiceNo": f"INV-{dice.randrange(10_000)}" if dice.chance(80) else None,
        "description": dice.choice(TEXTS),
        "code": f"P{dice.hex(9).upper()}" if dice.chance(70) else None,
        "name": dice.choice((None, *NAMES)),
        "amountGross": _double(units, places),
        "id": dice.choice(ID_START) + dice.letters(17, ID_LETTERS),
        "amountNet": _double(units - fee, places),
        "commission": _double(fee, places),
        "currencyCode": currency,
        "user": _user(dice) if dice.chance(90) else None,
        "price": copy.deepcopy(examples.JFRAMEWORK["price"]) if dice.chance(30) else None,
        "package": None,
        "sharedAmount": None,
        "amount": _double(units, places),
        "paymentDate": None if status in PENDING else paid,
        "createdDate": _stamp(created),
        "testMode": dice.chance(3),
        "referralUserCode": "FRIEND" if dice.chance(10) else None,
        "appIntegrationPaymentGatewayId": dice.choice(("gateway-1", "gateway-2")),
    }
    if status not in PENDING:
        return row, []
    due = dice.patience()
    steps = [(due / 2, {"status": "Pending"})] if status == "Created" else []
    final = dice.choice(("Completed",) * 6 + (("Voided",) if status == "Reserved" else ("Failed",)))
    return row, [*steps, (due, {"status": final, "paymentDate": paid})]


def _stamp(moment: datetime) -> str:
    """Seven digits, as .NET writes them."""
    return f"{moment.astimezone(ZONE):%Y-%m-%dT%H:%M:%S.%f}{moment.microsecond // 7 % 10}+07:00"


def _double(units: int, places: int) -> float:
    """A JSON number as a double is written: 100, 10.1, 19.99."""
    scale = int(10**places)
    return units / scale if units % scale else units // scale


def _user(dice: Dice) -> Row:
    number = dice.randrange(40)
    return {
        "id": f"user-{number}",
        "code": f"USER{number}",
        "avatar": None,
        "emailAddress": f"user{number}@example.com",
        "nickName": NAMES[number % len(NAMES)],
        "roles": ["user"],
    }


@lru_cache(maxsize=1 << 20)
def ticks(text: str) -> int:
    """.NET's hundreds of nanoseconds since year 1; a time without a zone is the server's own."""
    match = MOMENT.fullmatch(text)
    if match is None:
        raise ValueError(text)
    date, time, fraction, zone = match.groups()
    suffix = {None: "+07:00", "Z": "+00:00"}.get(zone, zone)
    moment = datetime.fromisoformat(f"{date}T{time or '00:00:00'}{suffix}")
    seconds = (moment - datetime(1, 1, 1, tzinfo=timezone.utc)) // timedelta(seconds=1)
    return seconds * 10_000_000 + int((fraction or "").ljust(7, "0")[:7])
