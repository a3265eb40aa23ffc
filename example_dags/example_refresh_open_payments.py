"""
### What became of the payments that had not ended when they were listed

Copy this file and change the three lines marked CHANGE. It needs the provider package of your database:
`apache-airflow-providers-postgres`, `-sqlite`, `-snowflake`, …; and a table that `example_payments_to_warehouse` or
`load_payments` fills.

A window picks payments by their creation, and their status changes later: direct debits settle after days. So each run
asks the table which payments are open still, gets these by their ids, as they are now, and loads them. However old they
are, that is one request each, and nothing where nothing is open.

A payment that the payment company no longer knows leaves its row as it is, and fails the last task, so that somebody
looks. Mark its row or delete it, or it is asked for again each time. PayPal has to search for each payment, and HOT Pay
knows orders only: the page "Getting payments by their ids" of the documentation says what they need besides.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator

from airflow_provider_payments.operators.get_payments import GetPaymentsOperator
from airflow_provider_payments.output.warehouse import load_payments

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task

CONNECTION = "spacepay_default"  # CHANGE: the id of your payment company's connection
FILES = "file:///tmp/payments"  # CHANGE: where all workers can write, like "s3://my_aws_connection@my-bucket/payments"
WAREHOUSE = "warehouse_default"  # CHANGE: the id of your database's connection
TABLE = "payments"
# A payment that nobody will finish, like one that was abandoned, is refreshed no more after this time.
LONGEST = timedelta(days=90)

with DAG(
    dag_id="example_refresh_open_payments",
    schedule="@hourly",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5), "retry_exponential_backoff": True},
    tags=["payments", "example"],
    doc_md=__doc__,
) as dag:
    find_open = SQLExecuteQueryOperator(
        task_id="find_open",
        conn_id=WAREHOUSE,
        sql=f"""
            SELECT id FROM {TABLE}
            WHERE connection_id = '{CONNECTION}' AND NOT is_final
              AND created_at >= '{{{{ (dag_run.start_date - macros.timedelta(days={LONGEST.days})).isoformat() }}}}'
            ORDER BY created_at
        """,
    )
    refreshed = GetPaymentsOperator(
        task_id="refresh_open",
        payments_conn_id=CONNECTION,
        payment_ids=find_open.output,
        on_missing="report",
        output_path=f"{FILES}/{CONNECTION}/refreshed.jsonl.gz",
        execution_timeout=timedelta(hours=2),
    )

    @task(execution_timeout=timedelta(hours=2))
    def load(manifest: dict[str, Any]) -> int:
        """Put the payments of a file into the table, but for those that it has from a later listing."""
        return load_payments(manifest, WAREHOUSE, TABLE)

    @task(retries=0)
    def require_known(manifest: dict[str, Any]) -> None:
        """Fail when the payment company does not know some payments, or may not have shown them."""
        if manifest["missing"] or not manifest["complete"]:
            raise ValueError(f"{manifest['warnings']} {manifest['missing_ids']}")

    load(refreshed.output) >> require_known(refreshed.output)
