"""What words and amounts mean."""

from __future__ import annotations

from guards.guard import Guard

GUARDS = [
    Guard(
        "an unknown word is not guessed",
        "hooks/api.py",
        "self.statuses.get(word, PaymentStatus.UNKNOWN)",
        "self.statuses.get(word, PaymentStatus.PENDING)",
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
        "            completed_at=read_unix_seconds(row.timestamp),\n",
        "            completed_at=read_unix_seconds(row.timestamp), fee=None, net_amount=None, description=None,\n",
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
        "                if not payment.is_final:\n",
        "                if payment.status.is_pending:\n",
        "tests/waiting/test_pending.py",
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
]
