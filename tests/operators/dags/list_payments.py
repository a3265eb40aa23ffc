"""DAGs that the operator's tests run. In a file, for Airflow 3 runs only what it finds in its DAGs folder."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow_provider_payments.get_provider_info import get_provider_info
from airflow_provider_payments.operators.list_payments import ListPaymentsOperator

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2.11
    from airflow import DAG

CONN_TYPES = [each["connection-type"] for each in get_provider_info()["connection-types"]]
START = datetime(2026, 1, 1, tzinfo=timezone.utc)

with DAG("every_connection", params={"folder": ""}, schedule=None, start_date=START) as every_connection:
    for number, conn_type in enumerate(CONN_TYPES):
        names = {"payments_conn_id": f"{conn_type}_default", "created_from": "2024-01-01T00:00:00Z"}
        path = f"{{{{ params.folder }}}}/{conn_type}.jsonl{'.gz' * (number % 2)}"
        ListPaymentsOperator(task_id=f"{conn_type}_xcom", **names)
        ListPaymentsOperator(task_id=f"{conn_type}_file", output_path=path, **names)

with DAG(
    "templates",
    params={
        "folder": "",
        "conn": "spacepay_default",
        "status": "completed",
        "kind": "payment",
        "start": "2025-10-10T21:00:00+00:00",
    },
    schedule=None,
    start_date=START,
) as templates:
    ListPaymentsOperator(
        task_id="list",
        payments_conn_id="{{ params.conn }}",
        created_from="{{ params.start }}",
        created_to="{{ macros.datetime(2025, 10, 11).isoformat() }}Z",
        statuses=["{{ params.status }}"],
        filters={"type": "{{ params.kind }}"},
        output_path="{{ params.folder }}/{{ params.conn }}.dat",
        file_format="{{ 'jsonl' }}",
    )

again = {"retries": 2, "retry_delay": timedelta(0)}
with DAG("cannot_be_helped", schedule=None, start_date=START) as cannot_be_helped:
    ListPaymentsOperator(task_id="refused", payments_conn_id="hotpay_default", **again)
    ListPaymentsOperator(task_id="wrong", payments_conn_id="spacepay_default", statuses=["paid"], **again)
    ListPaymentsOperator(task_id="many", payments_conn_id="spacepay_default", max_xcom_records=3, **again)
