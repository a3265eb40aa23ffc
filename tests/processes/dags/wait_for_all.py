"""Waits in each way for payments of several APIs, in the triggerer."""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2.11
    from airflow.models.dag import DAG

from airflow_provider_payments.sensors.payments import PaymentStatusSensor, PendingPaymentsSensor

PENDING = json.loads(os.environ.get("TEST_PENDING", "{}"))  # ids, and orders of HOT Pay, that are pending

with DAG(
    dag_id="wait_for_all",
    schedule="@once",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    is_paused_upon_creation=False,
    default_args={"deferrable": True, "poke_interval": 1, "timeout": 900},
):
    for conn_id, names in PENDING.items():
        api = conn_id.removesuffix("_default")
        wait = {"task_id": api, "payments_conn_id": conn_id}
        if api == "hotpay":
            PaymentStatusSensor(order_ids=names, **wait)
        elif api == "jframework":
            PaymentStatusSensor(payment_ids=names, **wait)
        else:
            PendingPaymentsSensor(output_path=f"{os.environ['TEST_OUTPUT']}/{api}.jsonl", **wait)
    PendingPaymentsSensor(
        task_id="abandoned",
        payments_conn_id="spacepay_default",
        pending_statuses=["processing", "authorized"],
        output_path=f"{os.environ.get('TEST_OUTPUT')}/abandoned.jsonl",
    )
