"""Payments as Razorpay's list shows them."""

from __future__ import annotations

import string
from typing import Any

from airflow_provider_payments.sandbox.api import Row

LETTERS = string.ascii_letters + string.digits
#: Currencies, with what 10,000 of their smallest units are in paise.
RATES = {"INR": 10_000, "USD": 880_000, "JPY": 590_000, "KWD": 287_000}
_FAILURE = {
    "error_code": "BAD_REQUEST_ERROR",
    "error_description": "The bank did not answer in time.",
    "error_source": "gateway",
    "error_step": "payment_authorization",
    "error_reason": "payment_timed_out",
}
_NO_ERROR = dict.fromkeys(_FAILURE)

EXAMPLES: tuple[Row, ...] = (
    {"amount": 149_900, "order_id": "order_sandbox0000001", "notes": {"shop_order": "S-1001"}},
    # Tried twice: the order has a payment that failed and one that did not.
    {"amount": 52_500, "order_id": "order_sandbox0000002", "method": "upi"},
    {"amount": 52_500, "order_id": "order_sandbox0000002", "method": "upi", "status": "failed"},
    # Abroad: the fee is in rupees. Without decimals, and with three.
    {"amount": 2_599, "currency": "USD"},
    {"amount": 4_800, "currency": "JPY"},
    {"amount": 12_340, "currency": "KWD"},
    # Free of charge.
    {"amount": 30_000, "method": "upi", "fee": 0, "tax": 0},
    {"amount": 80_000, "amount_refunded": 25_000, "refund_status": "partial"},
    {"amount": 80_000, "status": "refunded"},
    # Nobody captured it in time, so it went back.
    {"amount": 61_000, "status": "refunded", "captured": False, "fee": None, "tax": None},
    {"amount": 99_900, "status": "authorized"},
    {"amount": 45_000, "status": "pending", "method": "cod"},
    {"amount": 18_000, "status": "created", "order_id": None, "notes": []},
)
"""Payments unlike each other. The documentation's own are composed like these; its amounts are not repeated here."""


def state_of(status: str, amount: int, currency: str) -> Row:
    """What changes together with a status."""
    base = amount * RATES[currency] // 10_000
    is_captured = status in ("captured", "refunded")
    fee = base * 236 // 10_000  # two per cent, and GST of 18 per cent on those
    return {
        "status": status,
        "captured": is_captured,
        "amount_refunded": amount if status == "refunded" else 0,
        "refund_status": "full" if status == "refunded" else None,
        "fee": fee if is_captured else None,
        "tax": fee * 18 // 118 if is_captured else None,
        **(_FAILURE if status == "failed" else _NO_ERROR),
    }


def make_payment(
    letters: str, status: str = "captured", amount: int = 10_000, currency: str = "INR", **changes: Any
) -> Row:
    """A payment.

    :param letters: 14 letters and digits, its id.
    :param changes: other fields.
    """
    base = {"base_amount": amount * RATES[currency] // 10_000, "base_currency": "INR"}
    return {
        "id": f"pay_{letters}",
        "entity": "payment",
        "amount": amount,
        "currency": currency,
        **(base if currency != "INR" else {}),
        "order_id": f"order_{letters[::-1]}",
        "invoice_id": None,
        "international": currency != "INR",
        "method": "card",
        "description": "Payment of the sandbox",
        "card_id": f"card_{letters}",
        "card": {"id": f"card_{letters}", "entity": "card", "name": "", "last4": "0153", "network": "Visa"},
        "bank": None,
        "wallet": None,
        "vpa": None,
        "email": "payer@example.com",
        "contact": "+910000000000",
        "customer_id": f"cust_{letters}",
        "notes": {},
        "acquirer_data": {},
        "created_at": 0,
        **state_of(status, amount, currency),
        **changes,
    }
