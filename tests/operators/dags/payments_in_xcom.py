"""DAGs whose tasks return payments, as people write them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

try:
    from airflow.sdk import DAG, BaseHook, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task
    from airflow.hooks.base import BaseHook

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
again = {"retries": 2, "retry_delay": timedelta(0)}


def list_payments() -> Any:
    return BaseHook.get_hook("spacepay_default").list_payments()


with DAG("payments_in_xcom", schedule=None, start_date=START) as payments_in_xcom:

    @task
    def records() -> list[dict[str, Any]]:
        return [payment.to_dict() for payment in list_payments()]

    @task
    def count(records: list[dict[str, Any]]) -> dict[str, int]:
        return {"records": len({record["id"] for record in records})}

    @task(**again)
    def one() -> Any:
        return next(list_payments())

    @task(**again)
    def several() -> Any:
        return list(list_payments())

    @task(**again)
    def within() -> Any:
        return {"payments": list(list_payments())}

    @task(**again)
    def listing() -> Any:
        return list_payments()

    count(records())
    one()
    several()
    within()
    listing()
