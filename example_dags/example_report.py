"""
### A page about the last weeks of several connections

Copy this file and change the two lines marked CHANGE.

Each run lists the payments of the last `DAYS` days of every connection, side by side, replaces the files of the run
before, and writes `report.html` beside them: for each connection counts by status, exact totals by currency, payments
and amounts by day, what is still on its way and since when, and what the listings doubt or warn of. Open it in a
browser; it needs no network.

A listing that may have missed payments does not fail here: the page says so at its top. Every listing of PayPal that
goes up to now is one, for its last three hours are not there yet. Where the listing of a connection fails, the page is
of the others, and the run fails.
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

CONNECTIONS = ["stripe_default", "mollie_default", "spacepay_default"]  # CHANGE: the ids of your connections
OUTPUT = "file:///tmp/payments_report"  # CHANGE: where files go, like "s3://my_aws_connection@my-bucket/report"
DAYS = 30

with DAG(
    dag_id="example_report",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5), "retry_exponential_backoff": True},
    params={"output": OUTPUT, "days": DAYS},
    tags=["payments", "example"],
    doc_md=__doc__,
) as dag:
    listed = ListPaymentsOperator.partial(
        task_id="list_payments",
        created_from="{{ (dag_run.start_date - macros.timedelta(days=params.days | int)).isoformat() }}",
        include_raw=False,  # the page needs none of what only the API's own objects have
        execution_timeout=timedelta(hours=2),
    ).expand_kwargs(
        [
            {"payments_conn_id": connection, "output_path": f"{{{{ params.output }}}}/{connection}.jsonl.gz"}
            for connection in CONNECTIONS
        ]
    )

    @task(trigger_rule="all_done")  # one connection that fails is not to take the page of the others
    def write_report(manifests: Any, params: Any = None) -> str:
        """Write the page, and return where it is."""
        try:
            from airflow.sdk import ObjectStoragePath
        except ImportError:  # Airflow 2.11
            from airflow.io.path import ObjectStoragePath

        from airflow_provider_payments.report import payments_report

        path = f"{params['output']}/report.html"
        with ObjectStoragePath(path).open("wb") as page:
            page.write(payments_report(manifests=manifests[:]).encode())
        return path

    @task
    def require_all() -> None:
        """Fail the run if a listing has failed: then this is not run."""

    write_report(listed.output)
    listed >> require_all()
