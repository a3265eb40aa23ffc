"""What words and amounts mean."""

from __future__ import annotations

from guards.guard import Guard

GUARDS = [
    Guard(
        "an unknown word is not guessed",
        "api/base.py",
        "self.statuses.get(provider_status, PaymentStatus.UNKNOWN)",
        "self.statuses.get(provider_status, PaymentStatus.PENDING)",
        "tests/hooks/test_contract_records.py",
    ),
    Guard(
        "a record's times keep their places",
        "payment.py",
        "            created if created is None or created.tzinfo is UTC else created.astimezone(UTC),\n",
        "            expires if expires is None or expires.tzinfo is UTC else expires.astimezone(UTC),\n",
        "tests/core/test_payment.py -k that_name",
    ),
    Guard(
        "no payment is made through a dict",
        "hooks/hotpay.py",
        "            completed_at=api.parse_unix_seconds(row.timestamp),\n",
        "            completed_at=api.parse_unix_seconds(row.timestamp), fee=None, net_amount=None, updated_at=None,\n",
        "tests/hooks/test_contract_records.py -k through_a_dict",
    ),
    Guard(
        "unknown is not final",
        "status.py",
        'return "unknown"',
        'return "final"',
        "tests/core/test_payment.py",
    ),
    Guard(
        "unknown is not settled",
        "waiting/pending.py",
        "return not (payment.is_final or payment.status in self._disregarded)",
        "return payment.status in self._statuses",
        "tests/waiting/test_pending.py",
    ),
    Guard(
        "a window is settled although payments are in a pending status that is not waited for",
        "waiting/pending.py",
        "return not (payment.is_final or payment.status in self._disregarded)",
        "return not payment.is_final",
        "tests/waiting/test_pending.py -k delivered_as_they_are",
    ),
    Guard(
        "only the pending statuses that are waited for are asked for",
        "hooks/lookups.py",
        "if api.statuses[provider_status] in statuses]",
        "if api.statuses[provider_status].is_pending]",
        "tests/waiting/test_pending.py -k only_the_words",
    ),
    Guard(
        "pending_statuses go with a sensor into the triggerer",
        "waiting/arguments.py",
        "            if value is not None\n",
        '            if value is not None and name != "pending_statuses"\n',
        "tests/sensors/test_modes.py -k pending_statuses",
    ),
    Guard(
        "an amount is no float",
        "money.py",
        "else Decimal(value)",
        "else Decimal(float(value))",
        "tests/core/test_money.py",
    ),
    Guard(
        "half a cent is an error",
        "money.py",
        "if units != amount:",
        "if False:",
        "tests/core/test_money.py",
    ),
    Guard(
        "what was not captured was not refunded (Stripe)",
        "hooks/stripe.py",
        "max(0, counted - released)",
        "counted",
        "tests/hooks/test_stripe.py -k captured",
    ),
    Guard(
        "a fee in another currency is none of the payment's (Stripe)",
        "hooks/stripe.py",
        'told = settled if settled and (settled.currency or "").upper() == currency else BalanceTransaction()',
        "told = settled or BalanceTransaction()",
        "tests/hooks/test_stripe.py -k fee",
    ),
    Guard(
        "shillings are sent in hundredths (Stripe)",
        "hooks/stripe.py",
        '"UGX": 2, ',
        "",
        "tests/hooks/test_stripe.py -k units",
    ),
    Guard(
        "a charge that was let go has expired (Stripe)",
        "hooks/stripe.py",
        "if status is api.PaymentStatus.SUCCEEDED and row.captured is False:",
        "if False:",
        "tests/hooks/test_stripe.py -k let_go",
    ),
    Guard(
        "what was captured is what was received (Mollie)",
        "hooks/mollie.py",
        "amount = captured or whole",
        "amount = whole",
        "tests/hooks/test_contract_records.py -k mollie",
    ),
    Guard(
        "refunds and chargebacks together (Mollie)",
        "hooks/mollie.py",
        "row.amountRefunded, row.amountChargedBack)",
        "row.amountRefunded)",
        "tests/hooks/test_contract_records.py -k mollie",
    ),
    Guard(
        "a fee in another currency is not the payment's (Razorpay)",
        "hooks/razorpay.py",
        "return api.parse_units(row.fee) if is_own else None",
        "return api.parse_units(row.fee)",
        "tests/hooks/test_razorpay.py -k fee",
    ),
    Guard(
        "a 400 for a wrong path is no missing payment (Razorpay)",
        "hooks/razorpay.py",
        'return error.status == 400 and "does not exist" in str(error)',
        "return error.status == 400",
        "tests/hooks/test_razorpay.py -k wrong_path",
    ),
]
