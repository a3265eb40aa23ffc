"""The templates that people copy: they parse without a warning, and run as they are."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import os
import re
import runpy
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import aclosing, closing
from datetime import datetime, timedelta, timezone
from importlib import import_module
from pathlib import Path
from typing import Any

import airflow
import airflow.settings
import pytest

from airflow_provider_payments import examples
from airflow_provider_payments._compat import BaseHook
from airflow_provider_payments.output.warehouse import load_payments
from airflow_provider_payments.payment import RECORD_FIELDS, to_json_lines
from airflow_provider_payments.sandbox import Call, Sandbox
from tests.docs.pages import DOCS, ROOT, blocks_of
from tests.hooks.test_secrets import Ears
from tests.sandboxes import copy_sandbox
from tests.stores import S3UnderTest

EXAMPLES = sorted((Path(__file__).parent.parent / "example_dags").glob("*.py"))
NAMES = [path.stem for path in EXAMPLES]
AIRFLOW = tuple(map(int, airflow.__version__.split(".")[:2]))

Run = Callable[..., str]

PARSE = """
import json, runpy, sys, traceback, warnings
said = {}
for path in sys.argv[1:]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            runpy.run_path(path)
            said[path] = []
        except Exception:
            said[path] = [traceback.format_exc()]
    ours = [each for each in caught if "example" in each.filename or "payments" in each.filename]
    said[path] += [str(each.message) for each in ours]
print("SAID", json.dumps(said))
"""


KEEP = """
    try:
        from airflow.sdk import task
    except ImportError:
        from airflow.decorators import task

    @task
    def keep(manifest):
        import json, pathlib

        pathlib.Path("{}").write_text(json.dumps(manifest))

    keep(dag.get_task("list_payments").output)
"""
"""A second task in the DAG of the README, which keeps what the first one returned."""


@pytest.fixture
def run_dag(database: None, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a DAG as its author would try it out, by ``dag.test()``, and return what Airflow says."""
    import_module("airflow.cli.cli_parser")  # brings the tables of users, which Airflow 2 needs to run a day again

    def run(
        file: Path,
        date: str | None = None,
        conf: dict[str, str] | None = None,
        *,
        has_interval: bool = True,
        variable: str = "dag",
    ) -> str:
        monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(file.parent))
        monkeypatch.setattr(airflow.settings, "DAGS_FOLDER", str(file.parent))
        when: dict[str, Any] = {}
        if date:
            when["logical_date" if AIRFLOW >= (3,) else "execution_date"] = datetime.fromisoformat(
                f"{date}+00:00" if "T" in date else f"{date}T00:00:00+00:00"
            )
        elif not has_interval:
            when["logical_date"] = None  # as `airflow dags trigger` of Airflow 3 does
        capfd.readouterr()
        with Ears(level=None) as ears:
            dag_run = runpy.run_path(str(file))[variable].test(run_conf=conf, **when)
        log = "".join(capfd.readouterr()) + ears.stream.getvalue()
        assert dag_run.state == "success", log
        return log

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
    copy.parent.mkdir(parents=True)
    copy.write_text(text)
    return copy


@pytest.fixture(scope="module")
def parsed() -> dict[str, list[str]]:
    """What parsing each of the templates says: errors, and warnings of ours."""
    output = run_python("-c", PARSE, *map(str, EXAMPLES), folder=EXAMPLES[0].parent)
    return json.loads(output.partition("SAID ")[2].splitlines()[0])


@pytest.mark.parametrize("path", EXAMPLES, ids=NAMES)
def test_parses_without_a_warning(path: Path, parsed: dict[str, list[str]]) -> None:
    assert parsed[str(path)] == []


@pytest.mark.parametrize("path", EXAMPLES, ids=NAMES)
def test_says_at_its_top_what_to_change(path: Path) -> None:
    text = path.read_text()
    assert text.startswith('"""\n###')
    assert "marked CHANGE" in text.split('"""')[1]
    assert text.count("# CHANGE") >= 2


def test_the_first_dag_of_the_readme_does_what_the_readme_says(
    run_dag: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line that it shows, and the manifest of its page, are those of this run, but for times and paths."""
    blocks = [(language, code) for language, code in blocks_of(ROOT / "README.md") if language in ("python", "json")]
    (_, code), (_, line) = blocks
    manifest = next(code for language, code in blocks_of(DOCS / "manifest.md") if language == "json")
    if AIRFLOW < (3,):
        code, times = re.subn(r"(?m)^from airflow.sdk import DAG  # on Airflow 2.11: (.*)$", r"\1", code)
        assert times == 1
    assert code.count("# CHANGE") == 2
    assert code.count("file:///tmp/payments") == 1
    dag = tmp_path / "dags" / "payments_of_yesterday.py"
    dag.parent.mkdir()
    dag.write_text(code.replace("file:///tmp/payments", tmp_path.as_uri()) + KEEP.format(tmp_path / "manifest.json"))
    with copy_sandbox(200) as sandbox:
        monkeypatch.setenv("AIRFLOW_CONN_STRIPE_DEFAULT", json.dumps(sandbox.connections()["stripe_default"]))
        run_dag(dag, "2026-08-13")
    lines = {record["id"]: record for record in records((tmp_path / "2026-08-12.jsonl").read_text())}
    shown = json.loads(line)
    written = lines[shown["id"]]
    assert [*shown, "raw"] == list(written)
    assert shown == {name: written[name] for name in shown} | {"listed_at": shown["listed_at"]}
    said, returned = json.loads(manifest), json.loads((tmp_path / "manifest.json").read_text())
    varying = {name: said[name] for name in ("path", "sha256", "listed_at", "requests", "seconds")}
    assert said == returned | varying
    assert list(returned) == list(said)


def test_a_command_prints_each_example(capsys: pytest.CaptureFixture[str]) -> None:
    examples.main(["list"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [name.removeprefix("example_") for name in NAMES]
    assert all(len(line.split()) > 2 for line in lines)
    for path in EXAMPLES:
        for name in (path.stem.removeprefix("example_"), path.stem, path.name):
            examples.main([name])
            assert capsys.readouterr().out == path.read_text()
    page = (DOCS / "examples.md").read_text()
    assert [name for name in NAMES if f"(../example_dags/{name}.py)" not in page] == []


def test_lists_a_day_of_one_connection(run_dag: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    dag = changed(
        "example_list_payments",
        tmp_path,
        OUTPUT=repr(tmp_path.as_uri()),
        START="datetime(2025, 1, 1, tzinfo=timezone.utc)",
    )
    run_dag(dag, "2025-10-11")
    found = records(gzip.decompress((tmp_path / "spacepay_default" / "2025-10-10.jsonl.gz").read_bytes()).decode())
    expected = {row["id"] for row in sandbox.spacepay.rows if "2025-10-08" <= row["createdAt"] < "2025-10-11"}
    assert "4291f98b-d68c-4eb0-883e-6bc790a41c96" in expected  # the documentation's own
    assert sorted(str(record["id"]) for record in found) == sorted(expected)


def test_lists_every_connection(run_dag: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    dag = changed("example_list_payments_of_all_connections", tmp_path, OUTPUT=repr(tmp_path.as_uri()))
    run_dag(dag)
    files = {path.stem: records(path.read_text()) for path in tmp_path.glob("*.jsonl")}
    assert sorted(files) == sorted(sandbox.connections())
    for conn_id, found in files.items():
        assert {record["connection_id"] for record in found} == {conn_id}
        # PayPal's ledger has other rows, and its last hours are not asked for.
        assert len({record["id"] for record in found}) == len(found) > (10 if conn_id == "paypal_default" else 30)


def test_the_check_of_completeness_can_fail(run_dag: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.jframework.extra_total = 5
    dag = changed("example_list_payments_of_all_connections", tmp_path, OUTPUT=repr(tmp_path.as_uri()))
    with pytest.raises(AssertionError, match="Payments may be missing"):
        run_dag(dag)


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
        run_dag(dag, "2025-10-11")
    assert list(s3.objects()) == ["payments/company=spacepay/date=2025-10-10/payments.parquet"]
    rows = {row["id"]: row for row in sandbox.spacepay.rows if "2025-10-08" <= row["createdAt"] < "2025-10-11"}
    assert {each["id"]: each["provider_status"] for each in table(tmp_path)} == {
        key: row["status"] for key, row in rows.items()
    }
    late = next(row for row in rows.values() if row["createdAt"] >= "2025-10-10")
    late["status"] = "failed"
    exact = sandbox.spacepay.add(
        datetime(2025, 10, 11, 12, tzinfo=timezone.utc), status="completed", amountInCents=1_234_567_890_123_456_789
    )
    run_dag(dag, "2025-10-12")
    loaded = {each["id"]: each for each in table(tmp_path)}
    assert loaded[late["id"]]["status"] == "failed"
    assert loaded[exact["id"]]["amount"] == "12345678901234567.890000000000000000"
    assert len(loaded) == len(rows) + 1
    assert all("+00:00" in each["created_at"] for each in loaded.values())


def test_refreshes_what_is_open(
    run_dag: Run, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of them have settled, one has vanished, one has a status that nobody knows; what had ended is left."""
    warehouse = {"conn_type": "sqlite", "host": str(tmp_path / "warehouse.db")}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE_DEFAULT", json.dumps(warehouse))
    sandbox.stripe.rows.clear()
    began = datetime.now(timezone.utc) - timedelta(days=9)
    rows = [sandbox.stripe.add(began + timedelta(hours=hour), status="processing") for hour in range(8)]
    rows += [sandbox.stripe.add(began), sandbox.stripe.add(began - timedelta(days=90), status="processing")]
    hook = BaseHook.get_hook("stripe_default")
    (tmp_path / "listed.jsonl").write_bytes(to_json_lines(hook.list_payments()))
    listed = {"path": (tmp_path / "listed.jsonl").as_uri(), "format": "jsonl", "records": 10}
    assert load_payments(listed, "warehouse_default") == 10
    for row in rows[:4]:
        row.update(status="succeeded", amount_received=row["amount"])
    rows[4]["status"] = "on_the_moon"
    gone = rows.pop(5)
    sandbox.stripe.rows.remove(gone)
    rows[-1]["status"] = "canceled"  # too old
    sandbox.requests.clear()
    dag = changed(
        "example_refresh_open_payments",
        tmp_path,
        FILES=repr(tmp_path.as_uri()),
        CONNECTION=repr("stripe_default"),
    )
    with pytest.raises(AssertionError, match=rf"for 1 of 8 payment ids: '{gone['id']}'"):
        run_dag(dag)
    assert len(sandbox.requests) == 8
    statuses = {each["id"]: each["status"] for each in table(tmp_path)}
    assert statuses.pop(gone["id"]) == "processing"
    assert [statuses[row["id"]] for row in rows] == [
        *["succeeded"] * 4,
        "unknown",
        *["processing"] * 2,
        "succeeded",
        "processing",
    ]
    with closing(sqlite3.connect(tmp_path / "warehouse.db")) as connection, connection:
        connection.execute("UPDATE payments SET is_final = TRUE")
    sandbox.requests.clear()
    run_dag(dag)
    assert sandbox.requests == [], "nothing is open"


def test_a_warehouse_follows_every_payment_and_is_proven_right(
    run_dag: Run, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debits settle after the lookback, a refund comes later still, and a row that somebody has changed is found."""
    warehouse = {"conn_type": "sqlite", "host": str(tmp_path / "warehouse.db")}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE_DEFAULT", json.dumps(warehouse))
    dags = changed(
        "example_keep_warehouse_right",
        tmp_path,
        FILES=repr(tmp_path.as_uri()),
        CONNECTION=repr("gocardless_default"),
        START="datetime(2025, 1, 1, tzinfo=timezone.utc)",
        LOOKBACK="timedelta(days=2)",
    )
    sandbox.gocardless.rows.clear()
    days = [datetime(2026, 6, day, 12, tzinfo=timezone.utc) for day in (1, 2, 3)]
    debits = [sandbox.gocardless.add(day, status="submitted", amount_refunded=0) for day in days]
    paid = sandbox.gocardless.add(days[0], status="paid_out", amount_refunded=0)

    def statuses() -> dict[str, str]:
        return {each["id"]: each["status"] for each in table(tmp_path)}

    for date in ("2026-06-02", "2026-06-03", "2026-06-04"):
        run_dag(dags, date, variable="daily")
    assert statuses() == {**dict.fromkeys((row["id"] for row in debits), "processing"), paid["id"]: "succeeded"}
    debits[0]["status"], debits[1]["status"] = "confirmed", "failed"
    run_dag(dags, "2026-06-20", variable="daily")  # the lookback does not reach them
    assert [statuses()[row["id"]] for row in debits] == ["succeeded", "failed", "processing"]
    paid["status"] = "charged_back"
    run_dag(dags, "2026-06-21", variable="daily")
    assert statuses()[paid["id"]] == "succeeded"  # it had ended
    log = run_dag(dags, "2026-06-21T06:00:00", variable="weekly")
    assert statuses()[paid["id"]] == "refunded"
    assert '"matched": 4, "missing": 0, "extra": 0, "different": 0' in log
    with closing(sqlite3.connect(tmp_path / "warehouse.db")) as connection, connection:
        connection.execute("UPDATE payments SET amount = '0.01', listed_at = '2099' WHERE id = ?", [paid["id"]])
    with pytest.raises(AssertionError, match=r"CALL: reconcile: gocardless: .*1 payments are different"):
        run_dag(dags, "2026-06-28T06:00:00", variable="weekly")
    sandbox.gocardless.rows.remove(debits[2])
    with pytest.raises(AssertionError, match=rf"CALL: check__1: Payments may be missing: .*{debits[2]['id']}"):
        run_dag(dags, "2026-06-29", variable="daily")
    assert statuses()[debits[2]["id"]] == "processing"


def test_writes_a_page_about_several_connections(run_dag: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    """With its listings' doubts, and without the payments from before its days."""
    sandbox.jframework.extra_total = 5
    dag = changed(
        "example_report",
        tmp_path,
        OUTPUT=repr(tmp_path.as_uri()),
        CONNECTIONS=repr(["stripe_default", "jframework_default"]),
    )
    run_dag(dag, conf={"days": "20000"})
    page = (tmp_path / "report.html").read_text()
    assert ">stripe_default<" in page
    assert re.search(r"Payments may be missing.*the API counts \d+ payments", page, re.DOTALL)
    run_dag(dag, conf={"days": "0"})
    page = (tmp_path / "report.html").read_text()
    assert "0 payments · 2 connections · 2 outputs" in page


def test_the_report_of_a_connection_that_fails_is_of_the_others(run_dag: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    dag = changed(
        "example_report",
        tmp_path,
        OUTPUT=repr(tmp_path.as_uri()),
        CONNECTIONS=repr(["nobody_default", "stripe_default"]),
    )
    with pytest.raises(AssertionError, match="names the connection 'nobody_default'"):
        run_dag(dag, conf={"days": "20000"})
    page = (tmp_path / "report.html").read_text()
    assert ">stripe_default<" in page
    assert "1 connection · 1 output" in page


def test_the_templates_of_one_table_fit_together() -> None:
    """Copied together, they are of the same payments and the same table."""
    names = ("payments_to_warehouse", "reconcile", "refresh_open_payments", "keep_warehouse_right")
    texts = [(EXAMPLES[0].parent / f"example_{name}.py").read_text() for name in names]
    found = [re.findall(r'(?m)^(CONNECTION|WAREHOUSE|TABLE) = "(.*?)"', text) for text in texts]
    assert all(each == found[0] and len(each) == 3 for each in found)


def test_compares_a_week_with_the_warehouse(
    run_dag: Run, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that the other template has filled is right, and then it is not."""
    warehouse = {"conn_type": "sqlite", "host": str(tmp_path / "warehouse.db")}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE_DEFAULT", json.dumps(warehouse))
    start = "datetime(2025, 1, 1, tzinfo=timezone.utc)"
    days = {"LAKE": repr((tmp_path / "lake").as_uri()), "START": start, "LOOKBACK": "timedelta(days=9)"}
    run_dag(changed("example_payments_to_warehouse", tmp_path / "load", **days), "2025-10-12")
    dag = changed("example_reconcile", tmp_path / "compare", START=start)
    log = run_dag(dag, "2025-10-15")
    window = [row for row in sandbox.spacepay.rows if "2025-10-03T06" <= row["createdAt"] < "2025-10-10T06"]
    assert f"{len(window)} payments in the window" in log
    window[0]["status"] = "failed" if window[0]["status"] != "failed" else "completed"
    with pytest.raises(AssertionError, match=rf"1 payments are different \({window[0]['id']}: status") as caught:
        run_dag(dag, "2025-10-15")
    assert "compare: spacepay: the table is not what the API lists" in str(caught.value)  # by the callback


def test_backfills_a_year_in_slices(run_dag: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    start, end = datetime(2025, 1, 1, tzinfo=timezone.utc), datetime(2026, 1, 1, tzinfo=timezone.utc)
    borders = [*(start + number * timedelta(weeks=4) for number in range(14)), end]
    instant = timedelta(milliseconds=1)
    added = [sandbox.satispay.add(border + step) for border in borders for step in (-instant, 0 * instant, instant)]
    # A mapped task renders the templates in its path.
    dag = changed("example_parallel_backfill", tmp_path, OUTPUT=repr(f"{tmp_path.as_uri()}/{{{{ dag.dag_id }}}}"))
    folder = tmp_path / dag.stem / "satispay_default"
    log = run_dag(dag)
    assert "42 records, and no slice has missed any" in log
    written = objects(folder)
    assert list(written) == [f"{border:%Y-%m-%dT%H%M%SZ}.jsonl.gz" for border in borders[:-1]]
    times = [f"{border:%Y-%m-%dT%H:%M:%S}.000Z" for border in borders]
    for content, first, last in zip(written.values(), times, times[1:], strict=False):
        ids = [record["id"] for record in records(gzip.decompress(content).decode())]
        assert sorted(ids) == sorted(row["id"] for row in added if first <= row["insert_date"] < last)
    added[1]["status"] = "CANCELED"
    run_dag(dag, conf={"created_from": times[0], "created_to": times[1]})
    again = objects(folder)
    assert [name for name in again if again[name] != written[name]] == ["2025-01-01T000000Z.jsonl.gz"]
    assert again.keys() == written.keys()


def test_a_backfill_that_may_have_missed_payments_fails(run_dag: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.jframework.extra_total = 5
    dag = changed(
        "example_parallel_backfill", tmp_path, OUTPUT=repr(tmp_path.as_uri()), CONNECTION=repr("jframework_default")
    )
    created = datetime.fromisoformat(sandbox.jframework.rows[-1]["createdDate"][:19]).replace(tzinfo=timezone.utc)
    window = {"created_from": str(created - timedelta(days=1)), "created_to": str(created + timedelta(days=1))}
    with pytest.raises(AssertionError, match="Payments may be missing"):
        run_dag(dag, conf=window)
    assert len(objects(tmp_path / "jframework_default")) == 1


def test_refreshes_stripes_days_with_a_lookback(run_dag: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    """A payment is refunded after its day was listed, and its object is replaced; one of before the lookback stays."""
    import pyarrow.parquet as pq

    dag = changed(
        "example_stripe_to_parquet",
        tmp_path,
        LAKE=repr((tmp_path / "lake").as_uri()),
        START="datetime(2025, 1, 1, tzinfo=timezone.utc)",
        LOOKBACK="timedelta(days=2)",
    )
    sandbox.stripe.rows.clear()
    days = [datetime(2026, 8, day, 12, tzinfo=timezone.utc) for day in (8, 9, 10, 11, 12)]
    sold = [sandbox.stripe.add(day, currency="isk") for day in days[:-1]]

    def read() -> dict[str, dict[str, Any]]:
        files = (tmp_path / "lake").glob("day=*/payments.parquet")
        found = [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]
        assert len({row["id"] for row in found}) == len(found)
        return {row["id"]: row for row in found}

    log = run_dag(dag, "2026-08-12")
    assert sorted(read()) == sorted(row["id"] for row in sold[1:])
    assert f"{{'ISK': '{sum(row['amount'] for row in sold[1:]) / 100:.2f}'}}" in log
    for row in sold:
        row["latest_charge"].update(amount_refunded=row["amount"], refunded=True)
    sold.append(sandbox.stripe.add(days[-1], currency="isk"))
    run_dag(dag, "2026-08-13")
    statuses = [read()[row["id"]]["status"] for row in sold[1:]]
    assert statuses == ["succeeded", "refunded", "refunded", "succeeded"]
    run_dag(dag, "2026-08-13", conf={"lookback_days": "9"})
    assert [read()[row["id"]]["status"] for row in sold] == ["refunded"] * 4 + ["succeeded"]


@pytest.mark.skipif(AIRFLOW < (3,), reason="each run of Airflow 2 has an interval")
def test_refreshes_stripes_days_by_hand_without_an_interval(run_dag: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    """By the command that the example's docstring gives."""
    import pyarrow.parquet as pq

    dag = changed("example_stripe_to_parquet", tmp_path, LAKE=repr((tmp_path / "lake").as_uri()))
    sandbox.stripe.rows.clear()
    sold = [sandbox.stripe.add(datetime.now(timezone.utc) - timedelta(days=days)) for days in (3, 2)]
    run_dag(dag, conf={"lookback_days": "4"}, has_interval=False)
    files = sorted((tmp_path / "lake").glob("day=*/payments.parquet"))
    assert len(files) == 5
    found = [row["id"] for file in files for row in pq.ParquetFile(file).read().to_pylist()]
    assert found == [row["id"] for row in sold]


def objects(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def meanwhile(sandbox: Sandbox, api: str, requests: int, change: Callable[[], object]) -> None:
    """Change something once an API has been asked so many times: while somebody waits for it."""
    seen = itertools.count(1)

    def look(call: Call) -> None:
        if call.api == api and next(seen) == requests:
            change()

    sandbox.before_reply = look


def test_waits_until_a_day_has_settled(run_dag: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    day = [row for row in sandbox.spacepay.rows if row["createdAt"].startswith("2025-10-10")]
    assert {"pending", "processing"} <= {row["status"] for row in day}
    meanwhile(sandbox, "spacepay", 4, sandbox.settle)  # the worker looks first, then the triggerer
    dag = changed(
        "example_wait_until_settled",
        tmp_path,
        OUTPUT=repr(tmp_path.as_uri()),
        START="datetime(2025, 1, 1, tzinfo=timezone.utc)",
        INTERVAL="timedelta(seconds=0.5)",
    )
    log = run_dag(dag, "2025-10-11")
    assert "running trigger in line" in log
    found = records(gzip.decompress((tmp_path / "spacepay_default" / "2025-10-10.jsonl.gz").read_bytes()).decode())
    assert sorted(str(record["id"]) for record in found) == sorted(row["id"] for row in day)
    assert all(record["is_final"] for record in found)
    cents = sum(row["amountInCents"] for row in day if row["status"] == "completed")
    assert f"{{'USD': '{cents // 100}.{cents % 100:02d}'}}" in log


def test_waits_for_an_order_and_checks_what_was_paid(run_dag: Run, sandbox: Sandbox, tmp_path: Path) -> None:
    row = sandbox.spacepay.add(orderId="order-7", status="pending", amountInCents=2500)
    meanwhile(sandbox, "spacepay", 5, lambda: row.update(status="completed"))
    dag = changed("example_wait_for_order", tmp_path, INTERVAL="timedelta(seconds=0.5)")
    log = run_dag(dag, conf={"order_id": "order-7", "amount": "25"})
    assert "running trigger in line" in log
    assert "Order order-7 is paid: 25.00 USD" in log
    with pytest.raises(AssertionError, match=r"Order order-7: 25.00 of 25.01 USD were paid"):
        run_dag(dag, conf={"order_id": "order-7", "amount": "25.01"})


@pytest.mark.skipif(AIRFLOW < (3,), reason="Airflow 2 cannot watch assets")
def test_acts_once_on_payments_that_are_announced_twice(
    run_dag: Run, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.models import dagrun
    from airflow.models.asset import AssetEvent, AssetModel

    from airflow_provider_payments.triggers.payments import NewPaymentsTrigger

    async def announce() -> dict[str, Any]:
        trigger = NewPaymentsTrigger(payments_conn_id="spacepay_default", created_from="2025-10-10T00:00:00Z")
        async with aclosing(trigger.run()) as events:
            return (await anext(events)).payload

    payloads = [asyncio.run(announce())] * 2
    make_run = dagrun.get_or_create_dagrun

    def make_run_with_events(*, session: Any, **about: Any) -> Any:
        """Airflow has no way to try a DAG with an event, so the run is given some as soon as it is made."""
        run = make_run(session=session, **about)
        asset_id = session.query(AssetModel.id).filter(AssetModel.uri.startswith("x-payments://")).scalar()
        for payload in payloads:
            extra = {"from_trigger": True, "payload": payload}
            run.consumed_asset_events.append(AssetEvent(asset_id=asset_id, extra=extra))
        session.commit()
        return run

    monkeypatch.setattr(dagrun, "get_or_create_dagrun", make_run_with_events)
    log = run_dag(changed("example_on_new_payments", tmp_path))
    expected = [
        row for row in sandbox.spacepay.rows if row["createdAt"] >= "2025-10-10" and row["status"] == "completed"
    ]
    assert sorted(re.findall(r"New: (\S+), ", log)) == sorted(row["id"] for row in expected)


@pytest.mark.skipif(AIRFLOW >= (3,), reason="Airflow 3 watches assets")
def test_airflow_2_finds_no_dag_that_watches() -> None:
    path = EXAMPLES[0].parent / "example_on_new_payments.py"
    script = "import sys; from airflow.models.dagbag import DagBag; bag = DagBag(sys.argv[1], include_examples=False)"
    run_python(
        "-c",
        f"{script}; assert not bag.dags and not bag.import_errors, bag.import_errors",
        str(path),
        folder=path.parent,
    )


def table(folder: Path) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(folder / "warehouse.db")) as connection:
        connection.row_factory = sqlite3.Row
        found = [dict(row) for row in connection.execute("SELECT * FROM payments")]
    assert all(tuple(record) == RECORD_FIELDS for record in found)
    return found
