"""DAGs that the search for secrets runs."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow_provider_payments.operators.list_payments import ListPaymentsOperator
from airflow_provider_payments.sensors.payments import PendingPaymentsSensor

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2.11
    from airflow import DAG

START = datetime(2026, 1, 1, tzinfo=timezone.utc)

with DAG("all_at_once", params={"folder": ""}, schedule=None, start_date=START) as all_at_once:
    for conn_type in ("cryptofuse", "satispay"):
        names = {"payments_conn_id": f"{conn_type}_default", "created_from": "2024-01-01T00:00:00Z"}
        ListPaymentsOperator(task_id=f"{conn_type}_list", **names)
        ListPaymentsOperator(task_id=f"{conn_type}_file", output_path="{{ params.folder }}/p.jsonl", **names)
        for mode in ("poke", "deferrable"):
            PendingPaymentsSensor(
                task_id=f"{conn_type}_{mode}", poke_interval=0.1, timeout=60, deferrable=mode == "deferrable", **names
            )
