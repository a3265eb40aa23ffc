"""
### Stripe's payments as Parquet, refreshed every day with a lookback

Copy this file and change the three lines marked CHANGE. Parquet needs the extra `parquet`, and S3 the extra `s3`.

The lake has one object for each day: `…/day=2026-08-12T000000Z/payments.parquet`, with the payments that were created
on it. Each run lists the day that has ended, and the `LOOKBACK` days before it once more, for their payments may have
been captured, refunded or disputed since. An object is replaced whole. So all objects together have each payment once,
as it was listed last, and a warehouse reads them as one table: in DuckDB, `FROM
read_parquet('…/*/payments.parquet')`; in Athena, BigQuery or Snowflake, an external table.

What happened to older payments is not seen. So run it from time to time with a long lookback, by hand:

    airflow dags trigger example_stripe_to_parquet --conf '{"lookback_days": 180}'

The last task adds up what has come in less what went back, by currency, and fails when payments may be missing.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_payments.operators.list_payments import ListPaymentsOperator
from airflow_provider_payments.windows import slice_window

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task

CONNECTION = "stripe_default"  # CHANGE: the id of your connection to Stripe
LAKE = "file:///tmp/lake/stripe"  # CHANGE: where objects go, like "s3://my_aws_connection@my-bucket/payments/stripe"
LOOKBACK = timedelta(days=14)  # CHANGE: cards are captured within a week; bank debits and most refunds take up to two
START = datetime(2026, 1, 1, tzinfo=timezone.utc)
# Stripe permits 25 requests a second to a list. Each task has up to four under way.
AT_ONCE = 2

log = logging.getLogger(__name__)

with DAG(
    dag_id="example_stripe_to_parquet",
    # Not "@daily": on Airflow 3 that gives data intervals of zero length.
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=START,
    catchup=False,
    max_active_runs=1,  # two runs would write the same objects
    params={"lookback_days": LOOKBACK.days},
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5), "retry_exponential_backoff": True},
    tags=["payments", "example"],
    doc_md=__doc__,
) as dag:

    @task(retries=0)
    def choose_days(data_interval_start: Any = None, data_interval_end: Any = None, params: Any = None) -> Any:
        """Return the window and the path of each day."""
        return slice_window(
            data_interval_start - timedelta(days=int(params["lookback_days"])),
            data_interval_end,
            every=timedelta(days=1),
            output_path=f"{LAKE}/day={{slice}}/payments.parquet",
        )

    listed = ListPaymentsOperator.partial(
        task_id="list_payments",
        payments_conn_id=CONNECTION,
        include_raw=False,  # columns only; raw holds names and addresses
        max_active_tis_per_dag=AT_ONCE,
        map_index_template="{{ task.created_from }}",  # what the UI calls a day
        execution_timeout=timedelta(hours=2),
    ).expand_kwargs(choose_days())

    @task(retries=0)
    def add_up(manifests: Any) -> dict[str, str]:
        """Return what has come in less what went back; fail when payments may be missing, so that somebody looks."""
        net: defaultdict[str, Decimal] = defaultdict(Decimal)
        doubts = []
        for manifest in manifests:  # Airflow fetches one after the other
            for currency, amount in manifest["succeeded_amounts"].items():
                net[currency] += Decimal(amount)
            for currency, amount in manifest["refunded_amounts"].items():
                net[currency] -= Decimal(amount)
            if not manifest["complete"]:
                doubts.append(f"{manifest['path']}: {manifest['warnings']}")
        if doubts:
            raise ValueError(f"Payments may be missing: {doubts}")
        totals = {currency: str(amount) for currency, amount in sorted(net.items())}
        log.info("Net of the days that were listed: %s", totals)
        return totals

    add_up(listed.output)
