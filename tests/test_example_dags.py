"""The templates that people copy: they parse without a warning, and run as they are."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_provider_payments.payment import RECORD_FIELDS
from airflow_provider_payments.sandbox import Sandbox

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
    """Copy a template and change lines that it says to change, as a user would."""
    text = (EXAMPLES[0].parent / f"{name}.py").read_text()
    for variable, value in {"OUTPUT": repr(folder.as_uri()), **lines}.items():
        text, times = re.subn(rf"(?m)^{variable} = .*  # CHANGE.*$", f"{variable} = {value}", text)
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
    dag = changed("example_list_payments", tmp_path, START="datetime(2025, 1, 1, tzinfo=timezone.utc)")
    run_dag(dag, dag.stem, "2025-10-11")
    found = records(gzip.decompress((tmp_path / "spacepay_default" / "2025-10-10.jsonl.gz").read_bytes()).decode())
    expected = {row["id"] for row in sandbox.spacepay.rows if "2025-10-08" <= row["createdAt"] < "2025-10-11"}
    assert "4291f98b-d68c-4eb0-883e-6bc790a41c96" in expected  # the documentation's own
    assert sorted(str(record["id"]) for record in found) == sorted(expected)


def test_lists_every_connection(run_dag: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    dag = changed("example_list_payments_of_all_connections", tmp_path)
    run_dag(dag, dag.stem)
    files = {path.stem: records(path.read_text()) for path in tmp_path.glob("*.jsonl")}
    assert sorted(files) == sorted(sandbox.connections())
    for conn_id, found in files.items():
        assert {record["connection_id"] for record in found} == {conn_id}
        assert len({record["id"] for record in found}) == len(found) > 30


def test_the_check_of_completeness_can_fail(run_dag: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.jframework.extra_total = 5
    dag = changed("example_list_payments_of_all_connections", tmp_path)
    with pytest.raises(AssertionError, match="Payments may be missing"):
        run_dag(dag, dag.stem)
