"""The templates that people copy: they parse without a warning, and run as they are."""

from __future__ import annotations

import gzip
import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_payments.payment import RECORD_FIELDS
from airflow_provider_payments.sandbox import Sandbox
from tests.stores import S3UnderTest, moto_url, s3

__all__ = ["moto_url", "s3"]

EXAMPLES = sorted((Path(__file__).parent.parent / "example_dags").glob("*.py"))
NAMES = [path.stem for path in EXAMPLES]

Run = Callable[..., str]

PARSE = """
import sys, warnings, runpy
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    runpy.run_path(sys.argv[1])
ours = [str(each.message) for each in caught if "example" in each.filename or "payments" in each.filename]
assert not ours, ours
"""


@pytest.fixture
def run_dag(database: None) -> Callable[..., str]:
    """Run a DAG as its author would try it out: ``airflow dags test``, which runs ``dag.test()``."""

    def run(file: Path, *arguments: str) -> str:
        return run_python("-m", "airflow", "dags", "test", *arguments, folder=file.parent)

    return run


def run_python(*arguments: str, folder: Path) -> str:
    """Run a program in a process of its own, where the DAGs are those in a folder."""
    environment = {**os.environ, "AIRFLOW__CORE__DAGS_FOLDER": str(folder)}
    done = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
    return done.stdout + done.stderr


def records(text: str) -> list[dict[str, object]]:
    found = [json.loads(line) for line in text.splitlines()]
    assert all(tuple(record) == RECORD_FIELDS for record in found)
    return found


def changed(name: str, folder: Path, **lines: str) -> Path:
    """Copy a template and change lines at its top, as a user would."""
    text = (EXAMPLES[0].parent / f"{name}.py").read_text()
    for variable, value in lines.items():
        text, times = re.subn(rf"(?m)^{variable} = .*$", f"{variable} = {value}", text)
        assert times == 1
    copy = folder / "dags" / f"{name}.py"
    copy.parent.mkdir()
    copy.write_text(text)
    return copy


@pytest.mark.parametrize("path", EXAMPLES, ids=NAMES)
def test_parses_without_a_warning(path: Path) -> None:
    run_python("-c", PARSE, str(path), folder=path.parent)


@pytest.mark.parametrize("path", EXAMPLES, ids=NAMES)
def test_says_at_its_top_what_to_change(path: Path) -> None:
    text = path.read_text()
    assert text.startswith('"""\n###')
    assert "marked CHANGE" in text.split('"""')[1]
    assert text.count("# CHANGE") >= 2


def test_lists_a_day_of_one_connection(run_dag: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    dag = changed(
        "example_list_payments",
        tmp_path,
        OUTPUT=repr(tmp_path.as_uri()),
        START="datetime(2025, 1, 1, tzinfo=timezone.utc)",
    )
    run_dag(dag, dag.stem, "2025-10-11")
    found = records(gzip.decompress((tmp_path / "spacepay_default" / "2025-10-10.jsonl.gz").read_bytes()).decode())
    expected = {row["id"] for row in sandbox.spacepay.rows if "2025-10-08" <= row["createdAt"] < "2025-10-11"}
    assert "4291f98b-d68c-4eb0-883e-6bc790a41c96" in expected  # the documentation's own
    assert sorted(str(record["id"]) for record in found) == sorted(expected)


def test_lists_every_connection(run_dag: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    dag = changed("example_list_payments_of_all_connections", tmp_path, OUTPUT=repr(tmp_path.as_uri()))
    run_dag(dag, dag.stem)
    files = {path.stem: records(path.read_text()) for path in tmp_path.glob("*.jsonl")}
    assert sorted(files) == sorted(sandbox.connections())
    for conn_id, found in files.items():
        assert {record["connection_id"] for record in found} == {conn_id}
        assert len({record["id"] for record in found}) == len(found) > 30


def test_the_check_of_completeness_can_fail(run_dag: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.jframework.extra_total = 5
    dag = changed("example_list_payments_of_all_connections", tmp_path, OUTPUT=repr(tmp_path.as_uri()))
    with pytest.raises(AssertionError, match="Payments may be missing"):
        run_dag(dag, dag.stem)


def test_loads_days_into_a_warehouse(
    run_dag: Run, sandbox: Sandbox, s3: S3UnderTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From SpacePay by way of Parquet on S3 into SQLite, twice the same day, and the day after a status has changed."""
    warehouse = {"conn_type": "sqlite", "host": str(tmp_path / "warehouse.db")}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE_DEFAULT", json.dumps(warehouse))
    dag = changed(
        "example_payments_to_warehouse",
        tmp_path,
        LAKE=repr(f"{s3.root}/payments"),
        START="datetime(2025, 1, 1, tzinfo=timezone.utc)",
    )
    for _ in range(2):
        run_dag(dag, dag.stem, "2025-10-11")
    assert list(s3.objects()) == ["payments/provider=spacepay/date=2025-10-10/payments.parquet"]
    rows = {row["id"]: row for row in sandbox.spacepay.rows if "2025-10-08" <= row["createdAt"] < "2025-10-11"}
    assert {each["id"]: each["provider_status"] for each in table(tmp_path)} == {
        key: row["status"] for key, row in rows.items()
    }
    late = next(row for row in rows.values() if row["createdAt"] >= "2025-10-10")
    late["status"] = "failed"
    exact = sandbox.spacepay.add(
        datetime(2025, 10, 11, 12, tzinfo=timezone.utc), status="completed", amountInCents=1_234_567_890_123_456_789
    )
    run_dag(dag, dag.stem, "2025-10-12")
    loaded = {each["id"]: each for each in table(tmp_path)}
    assert loaded[late["id"]]["status"] == "failed"
    assert loaded[exact["id"]]["amount"] == "12345678901234567.890000000000000000"
    assert len(loaded) == len(rows) + 1
    assert all("+00:00" in each["created_at"] for each in loaded.values())


def table(folder: Path) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(folder / "warehouse.db")) as connection:
        connection.row_factory = sqlite3.Row
        found = [dict(row) for row in connection.execute("SELECT * FROM payments")]
    assert all(tuple(record) == RECORD_FIELDS for record in found)
    return found
