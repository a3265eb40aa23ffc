"""DAGs that the storage tests run, on a disk and on S3."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone

from airflow_provider_payments._compat import Asset, AssetAlias
from airflow_provider_payments.operators.list_payments import ListPaymentsOperator

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2.11
    from airflow import DAG

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
LAKE = os.environ.get("TEST_LAKE", "file:///nowhere")

with DAG("assets", schedule=None, start_date=START) as assets:
    ListPaymentsOperator(
        task_id="list",
        payments_conn_id="cryptofuse_default",
        created_from="2024-01-01T00:00:00Z",
        output_path=f"{LAKE}/payments.parquet",
        outlets=[Asset(uri="x-lake://payments"), AssetAlias("payments_of_today")],
    )

settings = {"payments_conn_id": "spacepay_default", "output_path": f"{LAKE}/payments.csv.gz"}
with DAG("slow", schedule=None, start_date=START) as slow:
    ListPaymentsOperator(task_id="list", **settings)

with DAG("timed_out", schedule=None, start_date=START) as timed_out:
    ListPaymentsOperator(task_id="list", execution_timeout=timedelta(seconds=2), **settings)
