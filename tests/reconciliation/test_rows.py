"""The rows of a query: four columns by name, in batches, and left with the server where the driver can."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from types import ModuleType
from typing import Any

import pytest

from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.reconciliation.rows import read_rows

pytestmark = pytest.mark.without_airflow
FOUR = "'a' AS id, 'b' AS status, 1 AS amount, 'c' AS currency"


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as opened:
        yield opened


def read(connection: Any, sql: str, parameters: object = None) -> list[Any]:
    return [row for rows in read_rows(connection, sql, parameters) for row in rows]


def test_columns_are_found_by_name(connection: sqlite3.Connection) -> None:
    row = ("a", "b", 1, "c")
    assert read(connection, f"SELECT {FOUR}") == [row]
    assert read(connection, "SELECT 1 AS AMOUNT, 'c' AS Currency, 'x' AS payer, 'b' AS \"STATUS\", 'a' AS Id") == [row]
    assert read(connection, f"SELECT {FOUR} WHERE 1 = 0") == []


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("SELECT 'a' AS payment_id, 'b' AS status, 1 AS amount", "'payment_id', 'status', 'amount'; id, currency must"),
        (f"SELECT {FOUR}, 'd' AS ID", "id must be there once"),
        ("SELECT 'a' AS id, 'b' AS state, 1, 'c' WHERE 1 = 0", "status, amount, currency must"),
        ("SELECT " + ", ".join(f"{number} AS c{number}" for number in range(100)), "'c29', …; id"),
        ("CREATE TABLE t (a)", "no rows"),
    ],
)
def test_other_columns_are_refused(connection: sqlite3.Connection, sql: str, hint: str) -> None:
    with pytest.raises(PaymentsConfigError, match=hint):
        read(connection, sql)


def test_parameters_reach_the_driver(connection: sqlite3.Connection) -> None:
    sql = "SELECT ? AS id, 'b' AS status, 1 AS amount, '%s' AS currency"
    assert read(connection, sql, ["a"]) == [("a", "b", 1, "%s")]
    assert read(connection, sql.replace("?", ":key"), {"key": "a"}) == [("a", "b", 1, "%s")]


def test_an_error_of_the_driver_comes_as_it_is(connection: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table: nowhere"):
        read(connection, "SELECT * FROM nowhere")


def test_rows_come_in_batches_and_nothing_is_kept(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE t (n)")
    numbers = "WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 12000)"
    sql = f"{numbers} SELECT id, 'b' AS status, 1 AS amount, 'c' AS currency FROM n"
    batches = list(read_rows(connection, sql))
    assert [len(batch) for batch in batches] == [5000, 5000, 2000]
    assert [row[0] for batch in batches for row in batch] == [*range(1, 12_001)]


def test_rows_that_are_dictionaries(connection: sqlite3.Connection) -> None:
    connection.row_factory = lambda cursor, row: {
        column[0]: value for column, value in zip(cursor.description, row, strict=True)
    }
    assert read(connection, "SELECT 1 AS AMOUNT, 'c' AS Currency, 'b' AS status, 'a' AS id") == [("a", "b", 1, "c")]


class Cursor:
    """A cursor of a driver that is not installed here, on SQLite's.

    :param name: of a cursor in the server. Its columns are known once rows have come, as with psycopg2.
    """

    def __init__(self, connection: sqlite3.Connection, name: str | None = None) -> None:
        self._cursor = connection.cursor()
        self.name = name
        self.description: Any = None

    def execute(self, sql: str) -> None:
        self._cursor.execute(sql)
        self.description = None if self.name else self._cursor.description

    def fetchmany(self, size: int) -> list[Any]:
        self.description = self._cursor.description
        return self._cursor.fetchmany(size)

    def close(self) -> None:
        self._cursor.close()


@pytest.mark.parametrize(
    ("driver", "names", "expected"),
    [
        ("psycopg2", "extensions.cursor", {"name": "reconcile_payments", "cursor_factory": "extensions.cursor"}),
        ("psycopg", "rows.tuple_row", {"name": "reconcile_payments", "row_factory": "rows.tuple_row"}),
        ("MySQLdb", "cursors.SSCursor", {"kind": "cursors.SSCursor"}),
        ("pymysql", "cursors.SSCursor", {"kind": "cursors.SSCursor"}),
        ("oracledb", "nothing.at_all", {}),
    ],
)
@pytest.mark.parametrize("rows", [0, 1])
def test_rows_stay_with_the_server(
    connection: sqlite3.Connection,
    monkeypatch: pytest.MonkeyPatch,
    driver: str,
    names: str,
    expected: dict[str, Any],
    rows: int,
) -> None:
    """These drivers' usual cursors read all rows at once. They were tried for real with a million rows."""
    module, _, attribute = names.partition(".")
    for name in (driver, f"{driver}.{module}"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    setattr(sys.modules[f"{driver}.{module}"], attribute, names)
    asked: dict[str, Any] = {}

    class Connection:
        __module__ = f"{driver}.connections"

        def cursor(self, name: str | None = None, **options: Any) -> Cursor:
            if name is not None:
                options["kind" if name == names else "name"] = name
            asked.update(options)
            return Cursor(connection, options.get("name"))

    class OfAHook(Connection):
        """Some hooks have a subclass of the driver's own."""

        __module__ = "airflow.providers.something"

    assert len(read(OfAHook(), f"SELECT {FOUR} LIMIT {rows}")) == rows
    assert asked == expected
    with pytest.raises(PaymentsConfigError, match="must be there once"):
        read(OfAHook(), f"SELECT 1 AS other LIMIT {rows}")
