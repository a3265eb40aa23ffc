"""Databases to load payments into: SQLite, DuckDB for those that have MERGE, and Postgres where there is one.

PAYMENTS_TEST_POSTGRES is the URI of a database of Postgres that the tests may make tables in. Airflow's provider
package for it has to be installed besides.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import pytest
from airflow.providers.common.sql.hooks.sql import DbApiHook

from airflow_provider_payments.output.databases import find_database
from airflow_provider_payments.output.warehouse import load_payments

POSTGRES = os.environ.get("PAYMENTS_TEST_POSTGRES", "")


class DuckDbConnection:
    """DuckDB as PEP 249 has it: a transaction is always open, and cursors are of it."""

    def __init__(self, path: Path) -> None:
        self._connection = duckdb.connect(path)
        self._connection.execute("SET TimeZone = 'UTC'")
        self._connection.begin()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def cursor(self) -> Any:
        return DuckDbCursor(self._connection)

    def commit(self) -> None:
        self._connection.commit()
        self._connection.begin()

    def rollback(self) -> None:
        self._connection.rollback()
        self._connection.begin()


class DuckDbCursor:
    """What runs statements; closing it leaves the connection open."""

    rowcount = -1

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def close(self) -> None:
        """Nothing."""


class DuckDbHook(DbApiHook):
    conn_name_attr = "duckdb_conn_id"
    conn_type = "duckdb"
    placeholder = "?"

    def __init__(self, path: Path) -> None:
        super().__init__(duckdb_conn_id="none")
        self._path = path

    def get_conn(self) -> Any:
        return DuckDbConnection(self._path)


@dataclass
class Warehouse:
    """A database without a table of payments."""

    hook: DbApiHook

    def execute(self, sql: str) -> None:
        with closing(self.hook.get_conn()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute(sql)
            connection.commit()

    def rows(self) -> dict[str, dict[str, Any]]:
        with closing(self.hook.get_conn()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute("SELECT * FROM payments")
            names = [column[0] for column in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return {row["id"]: row for row in sorted(rows, key=lambda row: row["id"])}

    def statuses(self) -> str:
        """Each payment's id, and its status' first letter."""
        return " ".join(key + row["status"][0] for key, row in self.rows().items())

    def load(self, manifest: dict[str, Any]) -> int:
        return load_payments(manifest, self.hook)


@pytest.fixture(params=["sqlite", "duckdb", "postgres"])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    if request.param == "duckdb":
        yield Warehouse(DuckDbHook(tmp_path / "warehouse.duckdb"))
    elif request.param == "sqlite":
        connect_sqlite(tmp_path, monkeypatch)
        yield Warehouse(find_database("warehouse"))
    elif not POSTGRES:
        pytest.skip("PAYMENTS_TEST_POSTGRES is not set")
    else:
        schema = f"test_{uuid.uuid4().hex}"
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", POSTGRES)
        database = Warehouse(find_database("warehouse"))
        database.execute(f"CREATE SCHEMA {schema}")
        options = quote(f"-c search_path={schema} -c TimeZone=UTC")
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", f"{POSTGRES}?options={options}")
        yield Warehouse(find_database("warehouse"))
        database.execute(f"DROP SCHEMA {schema} CASCADE")


def connect_sqlite(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = {"conn_type": "sqlite", "host": str(folder / "warehouse.db")}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(connection))
