"""
### The payments of one connection, one file a day

Copy this file and change the two lines marked CHANGE. Everything else may stay as it is.

Each run lists the payments that were created on its day and on the days before it within `LOOKBACK`, for a payment's
status may change later. So a payment can be in several files, and the row that was listed later has its latest status:

    SELECT * FROM payments
    QUALIFY row_number() OVER (PARTITION BY provider, connection_id, id ORDER BY listed_at DESC) = 1

The task returns a manifest: counts, totals, and whether the listing is `complete`.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_payments.operators.list_payments import ListPaymentsOperator

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2.11
    from airflow import DAG

CONNECTION = "spacepay_default"  # CHANGE: the id of your connection, of whichever payment company
OUTPUT = "file:///tmp/payments"  # CHANGE: where files go, like "s3://my_aws_connection@my-bucket/payments"
START = datetime(2026, 1, 1, tzinfo=timezone.utc)
LOOKBACK = timedelta(days=2)

with DAG(
    dag_id="example_list_payments",
    # Not "@daily": on Airflow 3 that gives data intervals of zero length.
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=START,
    catchup=False,  # True also lists every day from START on
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5), "retry_exponential_backoff": True},
    tags=["payments", "example"],
    doc_md=__doc__,
) as dag:
    ListPaymentsOperator(
        task_id="list_payments",
        payments_conn_id=CONNECTION,
        created_from="{{ data_interval_start }}",
        created_to="{{ data_interval_end }}",
        lookback=LOOKBACK,
        output_path=f"{OUTPUT}/{CONNECTION}/{{{{ data_interval_start | ds }}}}.jsonl.gz",
        execution_timeout=timedelta(hours=2),
    )
