"""DAGs in which other tasks say which payments to get."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator

from airflow_provider_payments.operators.get_payments import GetPaymentsOperator

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
CONNECTION = "spacepay_default"

with DAG("get_payments", schedule=None, start_date=START, params={"folder": "", "order": ""}) as get_payments:
    open_ids = SQLExecuteQueryOperator(
        task_id="open_ids", conn_id="warehouse", sql="SELECT id FROM payments WHERE NOT is_final ORDER BY id"
    )
    no_ids = SQLExecuteQueryOperator(task_id="no_ids", conn_id="warehouse", sql="SELECT id FROM payments WHERE 1 = 0")

    @task
    def cut(rows: Any) -> list[list[str]]:
        """Return the ids in batches of two."""
        ids = [row[0] for row in rows]
        return [ids[start : start + 2] for start in range(0, len(ids), 2)]

    GetPaymentsOperator(
        task_id="of_sql",
        payments_conn_id=CONNECTION,
        payment_ids=open_ids.output,
        output_path="{{ params.folder }}/of_sql.jsonl",
    )
    GetPaymentsOperator(task_id="of_nothing", payments_conn_id=CONNECTION, payment_ids=no_ids.output)
    GetPaymentsOperator.partial(
        task_id="mapped",
        payments_conn_id=CONNECTION,
        output_path="{{ params.folder }}/mapped-{{ ti.map_index }}.jsonl",
    ).expand(payment_ids=cut(open_ids.output))
    of_text = GetPaymentsOperator(
        task_id="of_text",
        payments_conn_id="{{ 'spacepay' }}_default",
        payment_ids="{{ ti.xcom_pull('open_ids') }}",
        on_missing="{{ 'report' }}",
    )
    open_ids >> of_text
    GetPaymentsOperator(task_id="of_order", payments_conn_id=CONNECTION, order_ids=["{{ params.order }}"])

with DAG("missing_payments", schedule=None, start_date=START) as missing_payments:
    GetPaymentsOperator(
        task_id="get",
        payments_conn_id=CONNECTION,
        payment_ids=["00000000-0000-0000-0000-000000000000"],
        retries=2,
        retry_delay=timedelta(0),
    )
