"""
### Payments as Parquet in the lake, and in a table of the warehouse

Copy this file and change the four lines marked CHANGE. It needs the extra `parquet`, the extra `s3` for S3, and the
provider package of your database: `apache-airflow-providers-postgres`, `-sqlite`, `-snowflake`, …

The lake has one object for each company and day: `…/company=spacepay/date=2026-01-31/payments.parquet`. It holds the
payments that were created on the day, and on the days before it within `LOOKBACK`, as they were when listed.

The table has each payment once, as it was listed last: the row with the later `listed_at` stays, whichever day's run
it is from. Each run is one transaction, so any day, and any task of it, can be run again at any time. The first run
makes the table. The page "Keeping a warehouse right" of the documentation says what to ask of it.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_payments.operators.list_payments import ListPaymentsOperator
from airflow_provider_payments.output.warehouse import load_payments

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task

CONNECTION = "spacepay_default"  # CHANGE: the id of your payment company's connection
COMPANY = "spacepay"  # CHANGE: its name, for the path; not "provider=": that is a column of the files
LAKE = "file:///tmp/lake/payments"  # CHANGE: where objects go, like "s3://my_aws_connection@my-bucket/payments"
WAREHOUSE = "warehouse_default"  # CHANGE: the id of your database's connection
START = datetime(2026, 1, 1, tzinfo=timezone.utc)
LOOKBACK = timedelta(days=2)
TABLE = "payments"

with DAG(
    dag_id="example_payments_to_warehouse",
    # Not "@daily": on Airflow 3 that gives data intervals of zero length.
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=START,
    catchup=False,  # True also lists every day since START
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5), "retry_exponential_backoff": True},
    tags=["payments", "example"],
    doc_md=__doc__,
) as dag:
    listed = ListPaymentsOperator(
        task_id="list_payments",
        payments_conn_id=CONNECTION,
        created_from="{{ data_interval_start }}",
        created_to="{{ data_interval_end }}",
        lookback=LOOKBACK,
        output_path=f"{LAKE}/company={COMPANY}/date={{{{ data_interval_start | ds }}}}/payments.parquet",
        execution_timeout=timedelta(hours=2),
    )

    @task(execution_timeout=timedelta(hours=2))
    def load(manifest: dict[str, Any]) -> int:
        """Put the payments of an object into the table, but for those that it has from a later listing."""
        return load_payments(manifest, WAREHOUSE, TABLE)

    @task(retries=0)
    def require_complete(manifest: dict[str, Any]) -> None:
        """Fail when the listing may have missed payments, so that somebody looks."""
        if not manifest["complete"]:
            raise ValueError(f"Payments may be missing: {manifest['warnings']}")

    load(listed.output)
    require_complete(listed.output)
