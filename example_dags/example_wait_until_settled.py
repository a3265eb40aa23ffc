"""
### The payments of a day, loaded once they have all settled

Copy this file and change the three lines marked CHANGE.

A payment that is pending when its day is listed will have another status later. So each run waits until no payment of
its day is pending any more, and writes the day once, with statuses that are final. No day has to be listed again.

The sensor waits in the triggerer, and occupies no worker meanwhile. When nothing seems to be pending it lists the day
in full, and writes it only if that shows final payments alone. It returns a manifest; the next task loads the object
that the manifest names.

A day that has not settled within `PATIENCE` fails, and the log names a payment that holds it up. Some stay for weeks:
where such payments are usual, list days again instead, as `example_list_payments` does.
"""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_payments.sensors.payments import PendingPaymentsSensor

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task

CONNECTION = "spacepay_default"  # CHANGE: the id of your connection, of whichever payment company
OUTPUT = "file:///tmp/settled"  # CHANGE: where files go, like "s3://my_aws_connection@my-bucket/payments"
START = datetime(2026, 1, 1, tzinfo=timezone.utc)
INTERVAL = timedelta(minutes=10)
PATIENCE = timedelta(days=3)


def parse_payments(path: str) -> Iterator[dict[str, Any]]:
    """Read an object, one payment after the other."""
    try:
        from airflow.sdk import ObjectStoragePath
    except ImportError:  # Airflow 2.11
        from airflow.io.path import ObjectStoragePath

    with ObjectStoragePath(path).open("rb") as stream, gzip.open(stream, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


with DAG(
    dag_id="example_wait_until_settled",
    # Not "@daily": on Airflow 3 that gives data intervals of zero length.
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=START,
    catchup=False,  # True also loads every day from START on
    max_active_runs=7,  # a day may wait while the days after it do
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5), "retry_exponential_backoff": True},
    tags=["payments", "example"],
    doc_md=__doc__,
) as dag:
    settled = PendingPaymentsSensor(
        task_id="wait_until_settled",
        payments_conn_id=CONNECTION,
        created_from="{{ data_interval_start }}",
        created_to="{{ data_interval_end }}",
        until="settled",
        output_path=f"{OUTPUT}/{CONNECTION}/{{{{ data_interval_start | ds }}}}.jsonl.gz",
        deferrable=True,
        poke_interval=INTERVAL,
        timeout=PATIENCE,
    )

    @task
    def load(manifest: dict[str, Any]) -> dict[str, str]:
        """Add up the day's income by currency."""
        # CHANGE: load the object into where you need it
        income: defaultdict[str, Decimal] = defaultdict(Decimal)
        rows = 0
        for payment in parse_payments(manifest["path"]):
            rows += 1
            if payment["status"] == "succeeded" and payment["amount"] is not None:
                amount = Decimal(payment["amount"])
                income[payment["currency"]] += -amount if payment["kind"] == "refund" else amount
        if rows != manifest["records"]:
            raise ValueError(f"{manifest['records']} payments were written, and {rows} read.")
        return {currency: str(amount) for currency, amount in income.items()}

    load(settled.output)
