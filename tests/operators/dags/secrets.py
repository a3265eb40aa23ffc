"""DAGs that the search for secrets runs."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow_provider_payments.operators.list_payments import ListPaymentsOperator
from airflow_provider_payments.sensors.payments import PendingPaymentsSensor

try:
    from airflow.sdk import DAG, Asset
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.datasets import Dataset as Asset

START = datetime(2026, 1, 1, tzinfo=timezone.utc)

with DAG("all_at_once", params={"folder": ""}, schedule=None, start_date=START) as all_at_once:
    for conn_type in ("cryptofuse", "satispay"):
        names = {"payments_conn_id": f"{conn_type}_default", "created_from": "2024-01-01T00:00:00Z"}
        ListPaymentsOperator(task_id=f"{conn_type}_list", **names)
        path = f"{{{{ params.folder }}}}/{conn_type}.jsonl"
        outlets = [Asset(f"file:///payments/{conn_type}")]
        ListPaymentsOperator(task_id=f"{conn_type}_file", output_path=path, outlets=outlets, **names)
        for mode in ("poke", "deferrable"):
            PendingPaymentsSensor(
                task_id=f"{conn_type}_{mode}", poke_interval=0.1, timeout=60, deferrable=mode == "deferrable", **names
            )
