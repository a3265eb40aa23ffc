"""The locations and payments of Square in the sandbox."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow_provider_payments.sandbox.api import Built, Row
from airflow_provider_payments.sandbox.data import NAMES, TEXTS, Dice, iso

MATTERS = {
    "card": 55,
    "tip": 8,
    "app fee": 3,
    "fee to come": 4,
    "fee adjusted": 3,
    "partly refunded": 4,
    "refunded": 3,
    "approved": 3,
    "approved, completes by itself": 1,
    "bank transfer": 3,
    "canceled": 4,
    "failed": 4,
    "cash": 4,
    "external": 2,
    "wallet": 3,
    "offline": 2,
}
"""What can be the matter with a payment."""
_ID_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def build_locations() -> list[Row]:
    """The main one, which a list is of by default, one that counts in yen, and one that is closed."""
    about = (
        ("LSANDBOXMAIN01", "Harbour Street", "ACTIVE", "USD", "US", "America/New_York", "2019-04-02T15:00:00Z"),
        ("LSANDBOXTOKYO2", "神田", "ACTIVE", "JPY", "JP", "Asia/Tokyo", "2024-11-20T01:30:00Z"),
        ("LSANDBOXCLOSD3", "Winter market", "INACTIVE", "CAD", "CA", "America/Toronto", "2021-12-01T12:00:00Z"),
    )
    names = ("id", "name", "status", "currency", "country", "timezone", "created_at")
    return [
        {**dict(zip(names, each, strict=True)), "merchant_id": "MSANDBOX000001", "business_name": "Copycat Creations"}
        for each in about
    ]


def build_example(created: datetime) -> Row:
    """One with every field that a card payment can have."""
    row = _start("sandboxPaymentExample0000001", created, "LSANDBOXMAIN01", "USD", 2450)
    row.update(
        tip_money=_money(550, "USD"),
        total_money=_money(3000, "USD"),
        app_fee_money=_money(60, "USD"),
        approved_money=_money(3000, "USD"),
        refunded_money=_money(1000, "USD"),
        refund_ids=["sandboxPaymentExample0000001_refund1"],
        processing_fee=[
            _fee(117, "USD", created + timedelta(hours=2)),
            _fee(-9, "USD", created + timedelta(days=3), "ADJUSTMENT"),
        ],
        status="COMPLETED",
        source_type="CARD",
        card_details=_card_details(created, "captured_at"),
        reference_id="order-1001",
        customer_id="CUSTSANDBOX0001",
        note="Table 7, two coffees and a cake",
        buyer_email_address="ada@example.com",
        team_member_id="TMsandbox000001",
        receipt_number="sand",
        receipt_url="https://squareup.example/receipt/sandboxPaymentExample0000001",
        risk_evaluation={"created_at": iso(created + timedelta(seconds=1)), "risk_level": "NORMAL"},
        application_details={"square_product": "SQUARE_POS", "application_id": "sq0ids-Sandbox000"},
        updated_at=iso(created + timedelta(days=4)),
    )
    return row


def build_payment(dice: Dice, created: datetime, index: int | None, locations: list[Row]) -> Built:
    """One invented payment, and what becomes of it."""
    matter = dice.word(index, MATTERS)
    # Most are sold at the main location; of the newest, some at each.
    place = (
        dice.choice((locations[0], locations[0], *locations)) if index is None or index > 6 else locations[index % 3]
    )
    if dice.chance(10):
        created = created.replace(microsecond=0)
    currency, amount = place["currency"], dice.cents()
    row = _start(dice.letters(28, _ID_LETTERS), created, place["id"], currency, amount)
    row["order_id"] = dice.letters(27, _ID_LETTERS)
    optional: Row = {
        "reference_id": f"order-{dice.randrange(10_000)}"[:40],
        "note": dice.choice(TEXTS)[:500] or None,
        "customer_id": f"CUST{dice.randrange(100):011}",
        "buyer_email_address": "payer@example.com",
        "billing_address": {"first_name": dice.choice(NAMES)},
    }
    row.update({name: value for name, value in optional.items() if value and dice.chance(60)})
    changes = _happen(row, matter, dice, created)
    row["updated_at"] = iso(created + dice.soon(1, 5))
    return row, changes


def _start(payment_id: str, created: datetime, location_id: str, currency: str, amount: int) -> Row:
    return {
        "id": payment_id,
        "created_at": _iso_short(created),
        "amount_money": _money(amount, currency),
        "total_money": _money(amount, currency),
        "delay_action": "CANCEL",
        "delay_duration": "PT168H",
        "delayed_until": iso(created + timedelta(days=7)),
        "location_id": location_id,
        "version_token": f"v{payment_id[:12]}6o",
    }


def _happen(row: Row, matter: str, dice: Dice, created: datetime) -> list[tuple[float, Row]]:
    """Complete a payment by what is the matter with it; return the changes to come."""
    amount, currency = row["amount_money"]["amount"], row["amount_money"]["currency"]
    fee = _fee(amount * 29 // 1000 + 30, currency, created + timedelta(hours=2))
    taken: Row = {"status": "COMPLETED", "card_details": _card_details(created, "captured_at")}
    row.update(source_type="CARD", approved_money=_money(amount, currency), **taken)
    due = dice.patience()
    if matter in ("approved", "approved, completes by itself"):
        row.update(status="APPROVED", card_details=_card_details(created, None), capabilities=["EDIT_TIP_AMOUNT_UP"])
        completes = matter != "approved" or dice.chance(50)
        row["delay_action"] = "COMPLETE" if matter != "approved" else "CANCEL"
        ended = taken if completes else {"status": "CANCELED", "card_details": _card_details(created, "voided_at")}
        return [(due, ended)]
    if matter == "canceled":
        row.update(status="CANCELED", card_details=_card_details(created, "voided_at"))
    elif matter == "failed":
        # Declined: much of it is missing.
        row.update(status="FAILED", card_details={"status": "FAILED", "errors": [{"code": "GENERIC_DECLINE"}]})
        for name in ("approved_money", "delayed_until"):
            row.pop(name)
    elif matter == "bank transfer":
        row.update(status="PENDING", source_type="BANK_ACCOUNT", bank_account_details={"transfer_type": "ACH"})
        row.pop("card_details")
        return [(due, {"status": "FAILED" if dice.chance(20) else "COMPLETED"})]
    elif matter in ("cash", "external", "wallet"):
        row.update(_OTHER_SOURCES[matter])
        row.pop("card_details")
        if matter == "cash":
            row["cash_details"] = {"buyer_supplied_money": _money(amount, currency)}
    elif matter == "fee to come":
        return [(due, {"status": "COMPLETED", "processing_fee": [fee]})]
    else:
        row["processing_fee"] = [fee]
    if matter == "tip":
        tip = dice.randrange(1, 2000)
        row.update(tip_money=_money(tip, currency), total_money=_money(amount + tip, currency))
        row["approved_money"] = row["total_money"]
    elif matter == "app fee":
        row["app_fee_money"] = _money(amount // 50, currency)
    elif matter == "fee adjusted":
        row["processing_fee"].append(_fee(-dice.randrange(1, 30), currency, created + timedelta(days=2), "ADJUSTMENT"))
    elif matter in ("partly refunded", "refunded"):
        back = amount if matter == "refunded" else max(1, amount // 3)
        row.update(refunded_money=_money(back, currency), refund_ids=[f"{row['id']}_refund"])
    elif matter == "offline":
        row["offline_payment_details"] = {"client_created_at": iso(created - timedelta(hours=5))}
        row["is_offline_payment"] = True
    return []


_OTHER_SOURCES: dict[str, Any] = {
    "cash": {"source_type": "CASH"},
    "external": {"source_type": "EXTERNAL", "external_details": {"type": "CRYPTO", "source": "elsewhere"}},
    "wallet": {"source_type": "WALLET", "wallet_details": {"status": "CAPTURED", "brand": "CASH_APP"}},
}


def _card_details(created: datetime, ended: str | None) -> Row:
    timeline = {"authorized_at": iso(created + timedelta(milliseconds=160))}
    if ended:
        timeline[ended] = iso(created + timedelta(milliseconds=820))
    status = {"captured_at": "CAPTURED", "voided_at": "VOIDED"}.get(ended or "", "AUTHORIZED")
    card = {"card_brand": "VISA", "last_4": "1111", "exp_month": 11, "exp_year": 2030, "fingerprint": "sq-1-sandbox"}
    return {"status": status, "card": card, "entry_method": "KEYED", "card_payment_timeline": timeline}


def _money(amount: int, currency: str) -> Row:
    return {"amount": amount, "currency": currency}


def _fee(amount: int, currency: str, at: datetime, kind: str = "INITIAL") -> Row:
    return {"effective_at": iso(at, "seconds"), "type": kind, "amount_money": _money(amount, currency)}


def _iso_short(moment: datetime) -> str:
    """With as many fractional digits as it takes: three, two, or none."""
    text = iso(moment).removesuffix("Z").rstrip("0").removesuffix(".")
    return f"{text}Z" if "." in text else f"{iso(moment, 'seconds')}"
