"""
### Payments as Parquet in the lake, and in a table of the warehouse

Copy this file and change the four lines marked CHANGE. Parquet needs the extra `parquet`, and S3 the extra `s3`. The
warehouse is any database that Airflow has a connection to: Postgres, Snowflake, SQLite, …

The lake has one object for each company and day: `…/company=spacepay/date=2026-01-31/payments.parquet`. It holds the
payments that were created on the day, and on the days before it within `LOOKBACK`, as they were when listed.

The table has each payment once, as it was listed last: the row with the later `listed_at` stays, whichever day's run
it is from. Each run replaces its payments in one transaction, so any day, and any task of it, can be run again at any
time. The first run makes the table. For millions of payments a day, use your warehouse's own bulk load in the place of
`load`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_payments.operators.list_payments import ListPaymentsOperator

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
KEY = ("provider", "connection_id", "id")


def read_rows(path: str) -> Iterator[list[dict[str, Any]]]:
    """Read an object in batches."""
    import pyarrow.parquet as pq

    try:
        from airflow.sdk import ObjectStoragePath
    except ImportError:  # Airflow 2.11
        from airflow.io.path import ObjectStoragePath

    with ObjectStoragePath(path).open("rb") as stream:
        for batch in pq.ParquetFile(stream).iter_batches(batch_size=1000):
            yield batch.to_pylist()


def as_parameter(value: Any) -> Any:
    """Return what every database driver takes, and no digit lost on the way."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.isoformat()
    return ";".join(value) if isinstance(value, list) else value


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

    @task
    def load(manifest: dict[str, Any]) -> int:
        """Replace the payments of an object in the table, but for those that were listed later."""
        import pyarrow as pa

        try:
            from airflow.sdk import BaseHook
        except ImportError:  # Airflow 2.11
            from airflow.hooks.base import BaseHook

        from airflow_provider_payments.output.parquet import SCHEMA

        hook = BaseHook.get_hook(WAREHOUSE)
        # SQLite would turn decimals into floats.
        decimals = "TEXT" if hook.conn_type == "sqlite" else "NUMERIC(38, 18)"
        types = {
            pa.decimal128(38, 18): decimals,
            pa.timestamp("us", tz="UTC"): "TIMESTAMP WITH TIME ZONE",
            pa.bool_(): "BOOLEAN",
        }
        columns = ", ".join(f"{field.name} {types.get(field.type, 'TEXT')}" for field in SCHEMA)
        names, marks = ", ".join(SCHEMA.names), ", ".join([hook.placeholder] * len(SCHEMA))
        same = " AND ".join(f"{name} = {hook.placeholder}" for name in KEY)
        known_later = f"SELECT 1 FROM {TABLE} WHERE {same} AND listed_at > {hook.placeholder}"
        rows = 0
        with closing(hook.get_conn()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute(f"CREATE TABLE IF NOT EXISTS {TABLE} ({columns}, PRIMARY KEY ({', '.join(KEY)}))")
            for batch in read_rows(manifest["path"]):
                newer = []
                for row in batch:
                    cursor.execute(known_later, [*(row[name] for name in KEY), as_parameter(row["listed_at"])])
                    if cursor.fetchone() is None:
                        newer.append(row)
                cursor.executemany(f"DELETE FROM {TABLE} WHERE {same}", [[row[name] for name in KEY] for row in newer])
                cursor.executemany(
                    f"INSERT INTO {TABLE} ({names}) VALUES ({marks})",
                    [[as_parameter(row[name]) for name in SCHEMA.names] for row in newer],
                )
                rows += len(batch)
            connection.commit()
        if rows != manifest["records"]:
            raise ValueError(f"{manifest['records']} payments were written, and {rows} read.")
        return rows

    @task(retries=0)
    def require_complete(manifest: dict[str, Any]) -> None:
        """Fail when the listing may have missed payments, so that somebody looks."""
        if not manifest["complete"]:
            raise ValueError(f"Payments may be missing: {manifest['warnings']}")

    load(listed.output)
    require_complete(listed.output)
