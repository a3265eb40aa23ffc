"""
### A year of payments, in slices that are listed side by side

Copy this file and change the four lines marked CHANGE. Then start it once:

    airflow dags trigger example_parallel_backfill

The first task cuts the window into slices, oldest first. Dynamic task mapping makes one task of each, and Airflow
spreads them over your workers. Every slice writes an object of its own, named by the slice's start, and returns a
manifest. The last task reads all manifests, adds up the records, and fails when a slice may have missed payments.

A slice that fails is tried again by itself. Running the DAG again replaces the same objects.

This pays where the API finds a window by itself: Satispay, JFramework, Stripe, GoCardless and Razorpay. SpacePay and
Mollie read everything newer than a slice first, and HOT Pay and CryptoFuse read their whole list for each: list those
in one task, as `example_list_payments` does. The page "Backfill" of the documentation has the arithmetic.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow_provider_payments.operators.list_payments import ListPaymentsOperator
from airflow_provider_payments.windows import slice_window

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task

CONNECTION = "satispay_default"  # CHANGE: the id of your connection
OUTPUT = "file:///tmp/payments"  # CHANGE: where all workers can write, like "s3://my_aws_connection@my-bucket/payments"
CREATED_FROM = "2025-01-01T00:00:00Z"  # CHANGE: the first instant to list
CREATED_TO = "2026-01-01T00:00:00Z"  # CHANGE: the first instant after, best so long ago that payments have settled
EVERY = timedelta(weeks=4)  # a slice should take minutes to an hour: shorter for many payments, longer for few
# So many slices are listed at once. Each sends up to requests_per_second of the connection, so together they send so
# many times as much, and may have so many times max_concurrency requests under way.
AT_ONCE = 4
# A pool holds this for all DAGs that ask the same company, and exists once you have made it:
#     airflow pools set satispay 4 "Tasks that may ask Satispay at once"
POOL = "default_pool"

log = logging.getLogger(__name__)

with DAG(
    dag_id="example_parallel_backfill",
    schedule=None,
    start_date=datetime(2025, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,  # two runs would write the same objects
    # A run may bring another window: --conf '{"created_from": "2024-01-01T00:00:00Z", "created_to": …}'
    params={"created_from": CREATED_FROM, "created_to": CREATED_TO},
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5), "retry_exponential_backoff": True},
    tags=["payments", "example"],
    doc_md=__doc__,
) as dag:

    @task(retries=0)
    def cut(params: Any = None) -> list[dict[str, str]]:
        """Return the window, path and so on of each slice."""
        return slice_window(
            params["created_from"],
            params["created_to"],
            every=EVERY,
            output_path=f"{OUTPUT}/{CONNECTION}/{{slice}}.jsonl.gz",
        )

    listed = ListPaymentsOperator.partial(
        task_id="list_payments",
        payments_conn_id=CONNECTION,
        pool=POOL,
        max_active_tis_per_dag=AT_ONCE,
        map_index_template="{{ task.created_from }}",  # what the UI calls a slice
        execution_timeout=timedelta(hours=6),
    ).expand_kwargs(cut())

    @task(retries=0)
    def require_complete(manifests: Any) -> int:
        """Return the number of records; fail when a slice may have missed payments, so that somebody looks."""
        records, doubts = 0, []
        for manifest in manifests:  # Airflow fetches one after the other
            records += manifest["records"]
            if not manifest["complete"]:
                doubts.append(f"{manifest['path']}: {manifest['warnings']}")
        if doubts:
            raise ValueError(f"Payments may be missing: {doubts}")
        log.info("%s records, and no slice has missed any", records)
        return records

    require_complete(listed.output)
