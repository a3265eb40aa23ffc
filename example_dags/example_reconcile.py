"""
### Is the table in the warehouse what the payment company has?

Copy this file and change the lines marked CHANGE.

Each Monday the payments of a week that ended `SETTLED` before are listed once more, and compared with the table that
`example_payments_to_warehouse` fills, one by one: is each there, once, with this status, amount and currency? If not,
the run fails, `alert` tells somebody, and the task's XCom has the counts, the totals by currency, and examples. Nothing
in the table is changed.

Any query will do that has the columns `id`, `status`, `amount` and `currency` of the same payments. Let the
loads of the day end before this runs: a payment that has changed since its last load is a difference, too.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_payments.operators.reconcile_payments import ReconcilePaymentsOperator

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2.11
    from airflow import DAG

CONNECTION = "spacepay_default"  # CHANGE: the id of your payment company's connection
WAREHOUSE = "warehouse_default"  # CHANGE: the id of your database's connection
TABLE = "payments"  # CHANGE: the table, like "analytics.payments"
START = datetime(2026, 1, 1, tzinfo=timezone.utc)
SETTLED = timedelta(days=3)  # most payments do not change any more then, and late loads are done

log = logging.getLogger(__name__)

FROM = f"{{{{ (data_interval_start - macros.timedelta(days={SETTLED.days})).isoformat() }}}}"
TO = f"{{{{ (data_interval_end - macros.timedelta(days={SETTLED.days})).isoformat() }}}}"


def alert(context: Any) -> None:
    """Tell somebody. CHANGE: in its place, put the notifier of your team's chat or mail."""
    log.error("%s: %s", context["task_instance"].task_id, context["exception"])


with DAG(
    dag_id="example_reconcile",
    # Not "@weekly": on Airflow 3 that gives data intervals of zero length.
    schedule=CronDataIntervalTimetable("0 6 * * MON", timezone="UTC"),
    start_date=START,
    catchup=False,  # True also compares every week since START
    max_active_runs=1,
    # A difference is not tried again: that would find the same.
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5), "retry_exponential_backoff": True},
    tags=["payments", "example"],
    doc_md=__doc__,
) as dag:
    ReconcilePaymentsOperator(
        task_id="compare",
        payments_conn_id=CONNECTION,
        created_from=FROM,
        created_to=TO,
        sql_conn_id=WAREHOUSE,
        # Payments without a creation time are in each window of a listing.
        sql=f"""
            SELECT id, status, amount, currency
            FROM {TABLE}
            WHERE connection_id = '{CONNECTION}'
              AND (created_at >= '{FROM}' AND created_at < '{TO}' OR created_at IS NULL)
        """,
        on_failure_callback=alert,
        execution_timeout=timedelta(hours=4),
    )
