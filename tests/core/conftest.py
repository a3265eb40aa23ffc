from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_payments.payment import Payment, PaymentStatus


@pytest.fixture
def make_payment() -> Callable[..., Payment]:
    """Makes payments; ``amount`` and ``created_at`` may be given as text and day of January 2026."""

    def make(payment_id: object = 1, amount: str | None = "1.00", day: int | None = 1, **more: Any) -> Payment:
        fields = {
            "provider": "spacepay",
            "connection_id": "pay",
            "id": str(payment_id),
            "status": PaymentStatus.SUCCEEDED,
            "provider_status": "completed",
            "amount": None if amount is None else Decimal(amount),
            "currency": "USD",
            "created_at": day and datetime(2026, 1, day, tzinfo=timezone.utc),
        }
        return Payment(**{**fields, **more})

    return make
