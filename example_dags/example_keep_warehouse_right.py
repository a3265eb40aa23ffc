"""
### A table that follows every payment to its end, and the proof that it is right

Copy this file and change the lines marked CHANGE. It needs the provider package of your database:
`apache-airflow-providers-postgres`, `-sqlite`, `-snowflake`, …

Each day, `example_keep_warehouse_right` lists the payments of the day that has ended, and of `LOOKBACK` before it, and
loads them into the table. Then it asks the table which older payments are open still, gets these by their ids, as they
are now, and loads them, too.

Each week, `example_prove_warehouse_right` lists `LONG_LOOKBACK` once more, for refunds come weeks later, and loads it.
Then it compares the table with the payment company's list, payment by payment, and fails when they differ. The latest
week is left to the next time: what still moves would differ.

The table has each payment once, as it was listed last, so that any task may be run again at any time. Whatever fails
calls `alert`. The page "Keeping a warehouse right" of the documentation says which `LOOKBACK` your company needs, what
to do with a difference, and what HOT Pay, PayPal and Satispay need besides.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_payments.operators.get_payments import GetPaymentsOperator
from airflow_provider_payments.operators.list_payments import ListPaymentsOperator
from airflow_provider_payments.operators.reconcile_payments import ReconcilePaymentsOperator
from airflow_provider_payments.output.warehouse import load_payments

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task

CONNECTION = "spacepay_default"  # CHANGE: the id of your payment company's connection
FILES = "file:///tmp/payments"  # CHANGE: where all workers can write, like "s3://my_aws_connection@my-bucket/payments"
WAREHOUSE = "warehouse_default"  # CHANGE: the id of your database's connection
START = datetime(2026, 1, 1, tzinfo=timezone.utc)  # CHANGE: the first day to list
LOOKBACK = timedelta(days=14)  # CHANGE: how long most changes take
LONG_LOOKBACK = timedelta(weeks=10)  # CHANGE: how late refunds and chargebacks come
TABLE = "payments"

RECENTLY = f"{{{{ (data_interval_start - macros.timedelta(days={LOOKBACK.days})).isoformat() }}}}"
LONG_AGO = f"{{{{ (data_interval_start - macros.timedelta(days={LONG_LOOKBACK.days})).isoformat() }}}}"
A_WEEK_AGO = "{{ data_interval_start.isoformat() }}"  # when the weekly run begins

log = logging.getLogger(__name__)


def alert(context: Any) -> None:
    """Tell somebody that a task has failed."""
    log.error("CALL: %s: %s", context["ti"].task_id, context.get("exception"))  # CHANGE: a message to whom it concerns


default_args = {
    "retries": 3,
    "retry_delay": timedelta(minutes=5),
    "retry_exponential_backoff": True,
    "execution_timeout": timedelta(hours=6),
    "on_failure_callback": alert,
}


@task
def load(manifest: dict[str, Any]) -> int:
    """Put the payments of a file into the table, but for those that it has from a later listing."""
    return load_payments(manifest, WAREHOUSE, TABLE)


@task(retries=0)
def check(manifest: dict[str, Any]) -> None:
    """Fail when payments may be missing, or the company knows some no more, so that somebody looks."""
    if not manifest["complete"] or manifest.get("missing"):
        raise ValueError(f"Payments may be missing: {manifest['warnings']} {manifest.get('missing_ids', '')}")


with DAG(
    dag_id="example_keep_warehouse_right",
    # Not "@daily": on Airflow 3 that gives data intervals of zero length.
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=START,
    catchup=False,  # True also lists every day since START
    max_active_runs=1,
    default_args=default_args,
    tags=["payments", "example"],
    doc_md=__doc__,
) as daily:
    listed = ListPaymentsOperator(
        task_id="list_payments",
        payments_conn_id=CONNECTION,
        created_from="{{ data_interval_start }}",
        created_to="{{ data_interval_end }}",
        lookback=LOOKBACK,
        output_path=f"{FILES}/{CONNECTION}/{{{{ data_interval_start | ds }}}}.jsonl.gz",
    )
    # Each is a request. Stripe's abandoned payments stay pending for ever: add AND status <> 'pending' there.
    find_open = SQLExecuteQueryOperator(
        task_id="find_open",
        conn_id=WAREHOUSE,
        sql=f"""
            SELECT id FROM {TABLE}
            WHERE connection_id = '{CONNECTION}' AND NOT is_final
              AND created_at >= '{LONG_AGO}' AND created_at < '{RECENTLY}'
        """,
    )
    refreshed = GetPaymentsOperator(
        task_id="refresh_open",
        payments_conn_id=CONNECTION,
        payment_ids=find_open.output,
        on_missing="report",
        output_path=f"{FILES}/{CONNECTION}/refreshed/{{{{ data_interval_start | ds }}}}.jsonl.gz",
    )
    check(listed.output)
    load(listed.output) >> find_open
    check(refreshed.output)
    load(refreshed.output)

with DAG(
    dag_id="example_prove_warehouse_right",
    schedule=CronDataIntervalTimetable("0 6 * * 0", timezone="UTC"),
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=default_args,
    tags=["payments", "example"],
    doc_md=__doc__,
) as weekly:
    listed_again = ListPaymentsOperator(
        task_id="list_payments",
        payments_conn_id=CONNECTION,
        created_from=LONG_AGO,
        created_to=A_WEEK_AGO,
        output_path=f"{FILES}/{CONNECTION}/again.jsonl.gz",
    )
    reconcile = ReconcilePaymentsOperator(
        task_id="reconcile",
        payments_conn_id=CONNECTION,
        created_from=LONG_AGO,
        created_to=A_WEEK_AGO,
        sql_conn_id=WAREHOUSE,
        sql=f"""
            SELECT id, status, amount, currency FROM {TABLE}
            WHERE connection_id = '{CONNECTION}' AND created_at >= '{LONG_AGO}' AND created_at < '{A_WEEK_AGO}'
        """,
    )
    load(listed_again.output) >> reconcile
