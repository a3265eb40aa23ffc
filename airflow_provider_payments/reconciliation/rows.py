"""The rows of a SQL query, a few thousand at a time, from whichever driver a connection comes of."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from importlib import import_module
from operator import itemgetter
from typing import Any

from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.texts import escape_controls, quote_text

#: The columns that a query has to have, in any order and case; further ones are left out.
COLUMNS = ("id", "status", "amount", "currency")
#: Rows that are asked for at a time.
_BATCH = 5000
#: Columns that are named in an error, and characters of a driver's message.
_SHOWN = 30
_LONGEST_MESSAGE = 300
#: How SQLite and MySQL refuse a query, for which most drivers have an error of its own.
_REFUSED = re.compile("no such|unknown column|doesn't exist|syntax", re.IGNORECASE)


def check_query(connect: Callable[[], Any], conn_id: str, sql: str, parameters: object = None) -> None:
    """Refuse a query that the database refuses, or that lacks a column. Its rows are not read.

    :param connect: opens a connection to the database.
    :param conn_id: what that is called in an error.
    :raises PaymentsConfigError: when the driver's error is a ``ProgrammingError``, or says so in the words of SQLite or
        MySQL. Others come as they are, for they may pass.
    """
    try:
        with closing(connect()) as connection:
            no_rows = f"SELECT * FROM (\n{sql}\n) checked WHERE 1 = 0"  # noqa: S608 - the user's own
            for _ in read_rows(connection, no_rows, parameters):
                pass
    except Exception:  # each driver has errors of its own
        # Not each database takes each query within another one. What counts is the query by itself.
        with closing(connect()) as connection:
            try:
                with closing(read_rows(connection, sql, parameters)) as batches:
                    next(batches, None)
            except PaymentsConfigError:
                raise
            except Exception as error:
                kinds = {kind.__name__ for kind in type(error).__mro__}
                if "ProgrammingError" not in kinds and not _REFUSED.search(str(error)):
                    raise
                # Postgres shows the query after its message, on lines of its own.
                message = escape_controls(" ".join(str(error).partition("\nLINE ")[0].split()))[:_LONGEST_MESSAGE]
                raise PaymentsConfigError(
                    f"The query of 'sql' was refused by {conn_id!r}: {message.rstrip('.')}."
                ) from None


def read_rows(connection: Any, sql: str, parameters: object = None) -> Generator[list[Sequence[object]], None, None]:
    """Run a query, and yield batches of its rows: id, status, amount, currency. Nothing is committed.

    :param connection: of any driver that keeps to Python's database API.
    :param parameters: of the query, as the driver takes them; None for none.
    :raises PaymentsConfigError: when a column is missing, or there twice. Errors of the driver come as they are.
    """
    with closing(_open_cursor(connection)) as cursor:
        if parameters is None:
            cursor.execute(sql)  # drivers look for parameters, like %s, only if there are some
        else:
            cursor.execute(sql, parameters)
        # A named cursor of psycopg2 does not know its columns before the first rows have come.
        has_rows = cursor.description or getattr(cursor, "name", None)
        batch = cursor.fetchmany(_BATCH) if has_rows else []
        columns = _find_columns(cursor.description)
        if batch and isinstance(batch[0], Mapping):
            choose = itemgetter(*(cursor.description[column][0] for column in columns))
        else:
            choose = itemgetter(*columns)
        while batch:
            yield [choose(row) for row in batch]
            batch = cursor.fetchmany(_BATCH)


def _open_cursor(connection: Any) -> Any:
    """Open a cursor that lets the rows stay with the server until they are asked for. Most drivers' usual ones do."""
    kinds = [kind.__module__.partition(".")[0] for kind in connection.__class__.__mro__]
    if "psycopg2" in kinds:
        plain = import_module("psycopg2.extensions").cursor
        return connection.cursor("reconcile_payments", cursor_factory=plain)
    if "psycopg" in kinds:
        return connection.cursor("reconcile_payments", row_factory=import_module("psycopg.rows").tuple_row)
    for driver in ("MySQLdb", "pymysql"):
        if driver in kinds:
            return connection.cursor(import_module(f"{driver}.cursors").SSCursor)
    return connection.cursor()


def _find_columns(description: Sequence[Sequence[Any]] | None) -> list[int]:
    if not description:
        raise PaymentsConfigError(
            f"The query of 'sql' returns no rows. Write a SELECT with the columns {', '.join(COLUMNS)}."
        )
    names = [str(column[0]) for column in description]
    folded = [name.lower() for name in names]
    wrong = [name for name in COLUMNS if folded.count(name) != 1]
    if wrong:
        shown = ", ".join(map(quote_text, names[:_SHOWN])) + (", …" if len(names) > _SHOWN else "")
        raise PaymentsConfigError(
            f"The query of 'sql' must return the columns {', '.join(COLUMNS)}, each once. It returns {shown}; "
            f"{', '.join(wrong)} must be there once. Name columns with AS, like: SELECT payment_id AS id, …"
        )
    return [folded.index(name) for name in COLUMNS]
