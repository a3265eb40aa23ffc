"""A sandbox whose PayPal can be asked for everything that it has."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow_provider_payments.sandbox import Sandbox


def be_recent(sandbox: Sandbox) -> None:
    """Let PayPal's payments be of today: it lists three years, and has_pending looks at the last month."""
    sandbox.paypal.move(datetime.now(timezone.utc) - timedelta(hours=1))
    sandbox.paypal.delay = timedelta(0)
