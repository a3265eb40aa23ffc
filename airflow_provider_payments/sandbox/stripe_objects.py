"""Stripe's objects, written out in full: a PaymentIntent, a charge, a balance transaction."""

from __future__ import annotations

from typing import Any

from airflow_provider_payments.sandbox.api import Row
from airflow_provider_payments.sandbox.data import NAMES, Dice

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def intent(dice: Dice, created: int, amount: int, currency: str, customer: str | None) -> Row:
    """A PaymentIntent that nobody has tried to pay yet."""
    name = f"pi_3{dice.letters(23, ALPHABET)}"
    return {
        "id": name,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": {"allow_redirects": "always", "enabled": True},
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "client_secret": f"{name}_secret_{dice.letters(25, ALPHABET)}",
        "confirmation_method": "automatic",
        "created": created,
        "currency": currency,
        "customer": customer,
        "customer_account": None,
        "description": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_details": None,
        "payment_method": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card", "link"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }


def charge_of(row: Row, dice: Dice, **changes: Any) -> Row:
    """An attempt to pay a PaymentIntent: one that succeeded and was captured, unless it is told otherwise."""
    return {
        "id": f"ch_3{dice.letters(23, ALPHABET)}",
        "object": "charge",
        "amount": row["amount"],
        "amount_captured": row["amount"],
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": {"address": None, "email": None, "name": dice.choice(NAMES), "phone": None, "tax_id": None},
        "calculated_statement_descriptor": "SANDBOX",
        "captured": True,
        "created": row["created"] + dice.randrange(1, 90),
        "currency": row["currency"],
        "customer": row["customer"],
        "description": row["description"],
        "dispute": None,
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": row["metadata"],
        "on_behalf_of": None,
        "outcome": {"network_status": "approved_by_network", "risk_level": "normal", "type": "authorized"},
        "paid": True,
        "payment_intent": row["id"],
        "payment_method": f"pm_1{dice.letters(23, ALPHABET)}",
        "payment_method_details": {"card": {"brand": "visa", "country": "US", "last4": "4242"}, "type": "card"},
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": "https://pay.stripe.com/receipts/SANDBOX",
        "refunded": False,
        "review": None,
        "shipping": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "succeeded",
        "transfer_data": None,
        "transfer_group": None,
        **changes,
    }


def balance_transaction(dice: Dice, charge: Row, captured: int, *, currency: str | None = None) -> Row:
    """What a captured charge brought to the balance. In another currency, it was exchanged."""
    rate = None if currency is None else 0.0071
    amount = captured if rate is None else max(1, int(captured * rate))
    fee = min(amount, amount * 29 // 1000 + 30)
    made = charge["created"] + dice.randrange(5)
    return {
        "id": f"txn_3{dice.letters(23, ALPHABET)}",
        "object": "balance_transaction",
        "amount": amount,
        "available_on": made + 172_800,
        "balance_type": "payments",
        "created": made,
        "currency": currency or charge["currency"],
        "description": charge["description"],
        "exchange_rate": rate,
        "fee": fee,
        "fee_details": [
            {
                "amount": fee,
                "application": None,
                "currency": currency or charge["currency"],
                "description": "Stripe processing fees",
                "type": "stripe_fee",
            }
        ],
        "net": amount - fee,
        "reporting_category": "charge",
        "source": charge["id"],
        "status": "pending",
        "type": "charge",
    }
