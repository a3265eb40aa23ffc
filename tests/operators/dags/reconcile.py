"""DAGs that the tests of comparing with a table run."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow_provider_payments.operators.reconcile_payments import ReconcilePaymentsOperator

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
CONNECTIONS = ["spacepay_default", "stripe_default"]

with DAG("reconcile", params={"table": "payments", "wanted": "report"}, schedule=None, start_date=START) as reconcile:
    found = ReconcilePaymentsOperator(
        task_id="spacepay",
        payments_conn_id="{{ ti.task_id }}_default",
        created_from="2025-01-01T00:00:00Z",
        created_to="{{ macros.datetime(2027, 1, 1).isoformat() }}Z",
        statuses=["{{ 'succeeded' }}", "pending"],
        sql_conn_id="{{ 'warehouse' }}",
        sql="reconcile.sql",
        on_difference="{{ params.wanted }}",
        max_examples="{{ 3 }}",
        retries=2,
        retry_delay=timedelta(0),
    )

    @task(trigger_rule="all_done")
    def pull(found: dict[str, Any]) -> dict[str, Any]:
        return found

    pull(found.output)

with DAG("reconcile_mapped", schedule=None, start_date=START) as reconcile_mapped:
    mapped = ReconcilePaymentsOperator.partial(
        task_id="mapped",
        created_from="2024-01-01T00:00:00Z",
        sql_conn_id="warehouse",
        sql="SELECT * FROM payments WHERE connection_id = ?",
    ).expand_kwargs([{"payments_conn_id": each, "parameters": [each]} for each in CONNECTIONS])

    @task
    def collect(found: Any) -> dict[str, int]:
        return {each["connection_id"]: each["matched"] for each in found}

    collect(mapped.output)
