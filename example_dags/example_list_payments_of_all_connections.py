"""
### The payments of every connection, one file each

Copy this file and change the two lines marked CHANGE.

Each run lists the whole history of every connection, side by side, and replaces its file: always current, and the
simplest thing as long as the history is not too long. For a long one list day by day, as `example_list_payments` does.

The last task fails when a listing could not vouch for every payment, so that somebody looks.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow_provider_payments.operators.list_payments import ListPaymentsOperator

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task

# CHANGE: the ids of your connections
CONNECTIONS = [
    "hotpay_default",
    "cryptofuse_default",
    "spacepay_default",
    "satispay_default",
    "jframework_default",
    "stripe_default",
    "gocardless_default",
    "mollie_default",
    "razorpay_default",
    "square_default",
]
OUTPUT = "file:///tmp/payments"  # CHANGE: where files go, like "s3://my_aws_connection@my-bucket/payments"

with DAG(
    dag_id="example_list_payments_of_all_connections",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5), "retry_exponential_backoff": True},
    params={"output": OUTPUT},
    tags=["payments", "example"],
    doc_md=__doc__,
) as dag:
    listed = ListPaymentsOperator.partial(
        task_id="list_payments",
        execution_timeout=timedelta(hours=2),
    ).expand_kwargs(
        [
            {"payments_conn_id": connection, "output_path": f"{{{{ params.output }}}}/{connection}.jsonl"}
            for connection in CONNECTIONS
        ]
    )

    @task(retries=0)
    def require_complete(manifests: Any) -> None:
        """Fail when a listing may have missed payments."""
        doubts = [f"{each['connection_id']}: {each['warnings']}" for each in manifests[:] if not each["complete"]]
        if doubts:
            raise ValueError(f"Payments may be missing: {doubts}")

    require_complete(listed.output)
