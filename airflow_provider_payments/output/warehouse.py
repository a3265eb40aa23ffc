"""A table of payments in a database: each payment once, as it was listed last."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any

from airflow_provider_payments.exceptions import PaymentsConfigError, PaymentsError
from airflow_provider_payments.output.databases import find_database
from airflow_provider_payments.output.postgres_copy import copy_rows
from airflow_provider_payments.output.records import AMOUNT_FIELDS, TIME_FIELDS, Row, read_records
from airflow_provider_payments.payment import RECORD_FIELDS

if TYPE_CHECKING:
    from airflow.providers.common.sql.hooks.sql import DbApiHook

_log = logging.getLogger(__name__)

KEY = ("provider", "connection_id", "id")

#: What amounts and times are in a table that is made here. SQLite would make floats of decimals, and has texts of one
#: width in the order of time. Postgres takes any number of digits. Others have a limit.
_TYPES = {"postgres": ("NUMERIC", "TIMESTAMP WITH TIME ZONE"), "sqlite": ("TEXT", "TEXT")}
_OTHER_TYPES = ("NUMERIC(38, 18)", "TIMESTAMP WITH TIME ZONE")
_OTHER_SCALE = 18
#: Types of Postgres that an amount cannot be kept in, by their number in its catalog.
_ROUNDING_TYPES = {700: "REAL", 701: "DOUBLE PRECISION", 790: "MONEY"}

_STAGING = "airflow_payments_staging"
_BATCH_ROWS = 1000

_NEWEST = f"""
    SELECT {{names}} FROM (
        SELECT {{names}}, row_number() OVER (PARTITION BY {{key}} ORDER BY listed_at DESC) AS place FROM {_STAGING}
    ) AS ranked WHERE place = 1"""
# Rows are written in the order of the key: of two loads at the same time, one waits for the other, and never both.
# MERGE would fail on Postgres where another load inserts the same payment meanwhile, and SQLite has none.
_UPSERT = f"""
    INSERT INTO {{table}} AS held ({{names}}) {_NEWEST} ORDER BY {{key}}
    ON CONFLICT ({{key}}) DO UPDATE SET {{changes}}
    WHERE held.listed_at IS NULL OR excluded.listed_at >= held.listed_at"""
_MERGE = f"""
    MERGE INTO {{table}} AS held USING ({_NEWEST}) AS excluded ON {{same}}
    WHEN MATCHED AND (held.listed_at IS NULL OR excluded.listed_at >= held.listed_at) THEN UPDATE SET {{changes}}
    WHEN NOT MATCHED THEN INSERT ({{names}}) VALUES ({{values}})"""


def load_payments(manifest: Mapping[str, Any], database: str | DbApiHook, table: str = "payments") -> int:
    """Load what a task has written into a table, and return how many payments were read.

    Of a payment that the table has already, the row with the later ``listed_at`` stays. So objects may be loaded in any
    order and any number of times. All of it is one transaction: nothing shows before its end, and an error leaves the
    rows as they were. The table is made if there is none. It may have fewer columns than a record, but for the key and
    ``listed_at``, and more.

    :param manifest: what the task returned. Its format is ``jsonl``, ``jsonl.gz`` or ``parquet``.
    :param database: the id of the database's connection, or its hook. Postgres and SQLite are loaded by ``INSERT … ON
        CONFLICT``, others by ``MERGE``.
    :param table: its name, which becomes a part of SQL as it is: ``payments``, ``finance.payments``.
    :raises PaymentsConfigError: when the connection, a package or a column is missing, a table of Postgres or SQLite
        has not the key, an amount has more digits after the point than its column takes, or one of Postgres rounds.
    :raises PaymentsError: when the object has not as many payments as the manifest says.
    """
    records = read_records(manifest)
    hook = find_database(database) if isinstance(database, str) else database
    with closing(hook.get_conn()) as connection, closing(connection.cursor()) as cursor:
        if hook.supports_autocommit:
            hook.set_autocommit(connection, False)
        scales = _open_table(hook, connection, cursor, table)
        names = ", ".join(scales)
        cursor.execute(f"CREATE TEMPORARY TABLE {_STAGING} AS SELECT {names} FROM {table} WHERE 1 = 0")
        write = (_UPSERT if hook.conn_type in _TYPES else _MERGE).format(
            table=table,
            names=names,
            key=", ".join(KEY),
            same=" AND ".join(f"held.{name} = excluded.{name}" for name in KEY),
            changes=", ".join(f"{name} = excluded.{name}" for name in scales if name not in KEY),
            values=", ".join(f"excluded.{name}" for name in scales),
        )
        if hook.conn_type in _TYPES:
            _require_key(cursor, write, table)
        batches = _Batches(map(_choose_cells(scales), records))
        _fill_staging(hook, cursor, list(scales), batches)
        if batches.rows != manifest["records"]:
            raise PaymentsError(f"{manifest['path']} has {batches.rows} payments, not {manifest['records']}.")
        cursor.execute(write)
        _log.info("%d payments read; %d rows written to table %s", batches.rows, cursor.rowcount, table)
        cursor.execute(f"DROP TABLE {_STAGING}")
        connection.commit()
    return batches.rows


def _require_key(cursor: Any, upsert: str, table: str) -> None:
    try:
        cursor.execute(f"EXPLAIN {upsert}")
    except Exception as error:  # each driver has errors of its own
        if "ON CONFLICT" not in str(error):
            raise
        raise PaymentsConfigError(
            f"The table {table} has no primary key ({', '.join(KEY)}). Add it: without it, loading cannot replace an "
            "older row."
        ) from None


def _open_table(hook: DbApiHook, connection: Any, cursor: Any, table: str) -> dict[str, int | None]:
    """Return the columns to fill, in the record's order, and how many digits after the point each takes at most.

    Makes the table if there is none.
    """

    def look() -> dict[str, Any]:
        cursor.execute(f"SELECT * FROM {table} WHERE 1 = 0")
        return {str(column[0]).lower(): column for column in cursor.description}

    try:
        held = look()
    except Exception:  # each driver has errors of its own
        connection.rollback()
        amount, time = _TYPES.get(str(hook.conn_type), _OTHER_TYPES)
        types = {**dict.fromkeys(AMOUNT_FIELDS, amount), **dict.fromkeys(TIME_FIELDS, time), "is_final": "BOOLEAN"}
        columns = ", ".join(f"{name} {types.get(name, 'TEXT')}" for name in RECORD_FIELDS)
        try:
            cursor.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns}, PRIMARY KEY ({', '.join(KEY)}))")
            connection.commit()
        except Exception as error:  # another load may have made it just now
            connection.rollback()
            _log.info("The table %s was not made: %s", table, error)
        held = look()
    if missing := {*KEY, "listed_at"} - held.keys():
        raise PaymentsConfigError(f"The table {table} has no column {', '.join(sorted(missing))}.")
    if hook.conn_type == "postgres":
        for name in {*AMOUNT_FIELDS} & held.keys():
            if rounding := _ROUNDING_TYPES.get(held[name][1]):
                raise PaymentsConfigError(f"{table}.{name} is {rounding}, which rounds amounts. Make it NUMERIC.")
    return {
        name: _read_scale(held[name], hook) if name in AMOUNT_FIELDS else None for name in RECORD_FIELDS if name in held
    }


def _read_scale(column: Any, hook: DbApiHook) -> int | None:
    scale = column[5]
    if isinstance(scale, int):
        return scale if scale < 1000 else None  # psycopg2 has 65535 for a column without a limit
    return None if hook.conn_type in _TYPES else _OTHER_SCALE


# As every driver takes them, and no digit lost on the way.
_CELLS: dict[type, Callable[[Any], Any]] = {
    datetime: lambda time: time.isoformat(timespec="microseconds"),
    Decimal: lambda number: f"{number:f}",
    list: ";".join,
    str: lambda text: text.replace("\0", "\ufffd"),  # Postgres refuses it
}


def _choose_cells(scales: dict[str, int | None]) -> Callable[[Row], list[Any]]:
    """Return what makes a row of the table of a record."""
    fields = [RECORD_FIELDS.index(name) for name in scales]
    limits = [(place, name, scale) for place, (name, scale) in enumerate(scales.items()) if scale is not None]

    def choose(record: Row) -> list[Any]:
        row = [_CELLS[type(value)](value) if type(value) in _CELLS else value for value in (record[n] for n in fields)]
        for place, name, scale in limits:
            if row[place] and len(row[place].partition(".")[2].rstrip("0")) > scale:
                raise PaymentsConfigError(
                    f"{name} of payment {record[RECORD_FIELDS.index('id')]!r} has more than the {scale} digits after "
                    "the point that the column takes. Nothing is rounded: widen the column. From Parquet, an amount "
                    "with more than 18 decimals is loaded as null."
                )
        return row

    return choose


class _Batches:
    """Rows, some at a time, and counted."""

    def __init__(self, rows: Iterable[list[Any]]) -> None:
        self.rows = 0
        self._left = iter(rows)

    def __iter__(self) -> Iterator[list[list[Any]]]:
        while batch := list(islice(self._left, _BATCH_ROWS)):
            self.rows += len(batch)
            yield batch


def _fill_staging(hook: DbApiHook, cursor: Any, names: list[str], batches: _Batches) -> None:
    if hook.conn_type == "postgres":
        copy_rows(cursor, _STAGING, names, batches)
        return
    marks = ", ".join([hook.placeholder] * len(names))
    for batch in batches:
        cursor.executemany(f"INSERT INTO {_STAGING} ({', '.join(names)}) VALUES ({marks})", batch)
