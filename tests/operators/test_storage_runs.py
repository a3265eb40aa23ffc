"""Runs of the operator that write to storage: what Airflow is told of them, and what is left when they are killed."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import runpy
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from airflow_provider_payments._compat import Asset, BaseHook
from airflow_provider_payments.get_provider_info import get_provider_info
from airflow_provider_payments.operators.list_payments import ListPaymentsOperator
from airflow_provider_payments.sandbox import Call, Sandbox
from tests.hooks.test_secrets import Ears
from tests.listed import content
from tests.stores import S3UnderTest

CONN_TYPES = [each["connection-type"] for each in get_provider_info()["connection-types"]]
DAGS = Path(__file__).parent / "dags"
HAS_DATASETS = Asset.__name__ == "Dataset"  # Airflow 2.11


def run(conn_type: str, **settings: Any) -> Any:
    operator = ListPaymentsOperator(task_id="list", payments_conn_id=f"{conn_type}_default", **settings)
    return operator.execute({})


@pytest.mark.parametrize("conn_type", CONN_TYPES)
@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "parquet"])
def test_sums_of_a_file_are_the_manifests_totals(sandbox: Sandbox, tmp_path: Path, conn_type: str, suffix: str) -> None:
    if conn_type == "cryptofuse":
        sandbox.cryptofuse.add(status="completed", amount_usd="0.123456789012345678")
        sandbox.cryptofuse.add(status="completed", amount_usd="12345678901234567.000000000000000001")
    path = tmp_path / f"p.{suffix}"
    manifest = run(conn_type, output_path=path.as_uri())
    # NEAR has 24 decimals: more than a Parquet column holds, so they are null there. CSV has them all.
    decimal = f"DECIMAL(38,{24 if conn_type == 'hotpay' and suffix != 'parquet' else 18})"
    table = (
        f"read_parquet('{path}')"
        if suffix == "parquet"
        else f"read_csv('{path}', allow_quoted_nulls = false, "
        f"types = {{'amount': '{decimal}', 'refunded_amount': '{decimal}'}})"
    )
    amounts = {
        "succeeded_amounts": "CASE WHEN kind <> 'refund' THEN amount END",
        "refunded_amounts": "CASE WHEN kind = 'refund' THEN amount ELSE nullif(refunded_amount, 0) END",
    }
    for name, amount in amounts.items():
        wanted = {currency: Decimal(total) for currency, total in manifest[name].items()}
        found = duckdb.sql(f"SELECT currency, sum({amount}) FROM {table} WHERE status = 'succeeded' GROUP BY ALL")
        sums = {currency: total for currency, total in found.fetchall() if total is not None}
        unfit = {currency for currency in wanted if suffix == "parquet" and currency.endswith("wrap.near")}
        assert {key: total for key, total in sums.items() if key not in unfit} == {
            key: total for key, total in wanted.items() if key not in unfit
        }
        assert bool(unfit) == (manifest["amounts_unfit"] > 0 and name == "succeeded_amounts")
    assert duckdb.sql(f"SELECT count(*) FROM {table}").fetchall() == [(manifest["records"],)]
    if conn_type == "cryptofuse":
        assert manifest["succeeded_amounts"]["USD"].endswith("6789012345679")


def test_amounts_that_do_not_fit_are_counted_and_said(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.cryptofuse.add(status="completed", amount_usd="1.0000000000000000001")
    manifest = run("cryptofuse", output_path=(tmp_path / "p.parquet").as_uri())
    assert manifest["amounts_unfit"] == 1
    assert "1 payments have an amount with more digits" in manifest["warnings"][0]
    assert manifest["succeeded_amounts"]["USD"].endswith("0000000000000001")
    assert run("cryptofuse", output_path=(tmp_path / "p.csv").as_uri())["amounts_unfit"] == 0


def test_parts(sandbox: Sandbox, tmp_path: Path) -> None:
    whole = run("spacepay", output_path=(tmp_path / "p.jsonl").as_uri())
    url = (tmp_path / "parts.jsonl").as_uri()
    manifest = run("spacepay", output_path=url, max_records_per_file=16)
    names = sorted(path.name for path in (tmp_path / "parts.jsonl").iterdir())
    assert names == ["_manifest.json", "part-00000.jsonl", "part-00001.jsonl", "part-00002.jsonl"]
    published = json.loads((tmp_path / "parts.jsonl" / "_manifest.json").read_text())
    assert [each["records"] for each in published.pop("files")] == [16, 16, 8]
    assert published == manifest
    assert (manifest["path"], manifest["parts"]) == (url, 3)
    parts = [(tmp_path / "parts.jsonl" / name).read_bytes() for name in names[1:]]
    assert hashlib.sha256(b"".join(parts)).hexdigest() == manifest["sha256"]
    listed_at = manifest["listed_at"].encode()
    assert [part.count(listed_at) for part in parts] == [16, 16, 8], "one time for all parts"
    assert b"".join(parts).replace(listed_at, b"") == content(whole)
    assert (manifest["bytes"], manifest["records"]) == (whole["bytes"], 40)


@pytest.fixture
def lake(s3: S3UnderTest, monkeypatch: pytest.MonkeyPatch) -> S3UnderTest:
    monkeypatch.setenv("TEST_LAKE", s3.root)
    return s3


@pytest.mark.usefixtures("database")
def test_the_events_of_assets_carry_the_manifest(sandbox: Sandbox, lake: S3UnderTest) -> None:
    if HAS_DATASETS:  # as the scheduler does, so that Airflow knows the assets; 3's dag.test() does it, too
        from airflow.models.dagbag import DagBag

        DagBag(include_examples=False).sync_to_db()
    assert run_dag("assets").state == "success"
    manifest, events = told("assets")
    (content,) = lake.objects().values()
    assert manifest["bytes"] == len(content)
    assert manifest["path"] == f"{lake.root}/payments.parquet"
    assert events.pop("x-lake://payments") == manifest
    assert events.keys() == {f"s3://{lake.bucket}/payments.parquet"}
    of_alias = events.popitem()[1]
    if HAS_DATASETS:
        of_alias = {
            key: json.loads(value) if str(value)[:1] in ("{", "[") else value for key, value in of_alias.items()
        }
    assert of_alias == manifest
    assert manifest["records"] == 40
    assert manifest["created_from"] == "2024-01-01T00:00:00Z"


def run_dag(name: str) -> Any:
    return runpy.run_path(str(DAGS / "storage.py"))[name].test()


def start_python(code: str) -> subprocess.Popen[bytes]:
    """Start a program in a process of its own, where Airflow reads its settings anew."""
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def run_python(code: str) -> str:
    process = start_python(code)
    output = process.communicate(timeout=500)[0].decode()
    assert process.returncode == 0, output[-4000:]
    return output


def dag_run(name: str) -> str:
    """Return a program that does what ``airflow dags test`` does, which takes twice as long to start."""
    return f"import runpy\nrunpy.run_path({str(DAGS / 'storage.py')!r})[{name!r}].test()\n"


def task(conn_id: str, name: str) -> str:
    """Return a program that runs a task without Airflow's database."""
    return f"""
import os
from airflow_provider_payments.operators.list_payments import ListPaymentsOperator
path = os.environ["TEST_LAKE"] + "/{name}"
ListPaymentsOperator(task_id="list", payments_conn_id={conn_id!r}, output_path=path).execute({{}})
"""


def told(dag_id: str) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return what Airflow's database has: the manifest of the last run, and the extras of its asset events by URI."""
    word = "dataset" if HAS_DATASETS else "asset"
    connection = sqlite3.connect(Path(os.environ["AIRFLOW_HOME"], "airflow.db"))
    xcoms = connection.execute("SELECT value FROM xcom WHERE key = 'return_value' AND dag_id = ?", [dag_id]).fetchall()
    events = connection.execute(
        f"SELECT a.uri, e.extra FROM {word}_event e JOIN {word} a ON a.id = e.{word}_id WHERE e.source_dag_id = ?",
        [dag_id],
    )
    extras = {uri: json.loads(extra) for uri, extra in events}
    connection.close()
    manifest = json.loads(xcoms[-1][0])
    return manifest if isinstance(manifest, dict) else json.loads(manifest), extras


@pytest.fixture
def many_payments(sandbox: Sandbox) -> None:
    """Six pages; the first four are more than the smallest part of an upload."""
    for _ in range(6_000):
        sandbox.spacepay.add(note=base64.b64encode(os.urandom(1_500)).decode())


@pytest.fixture
def slow_run(
    sandbox: Sandbox, lake: S3UnderTest, many_payments: None
) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Start a program that lists thousands of payments, and come back when it is in the middle of writing them."""
    started: list[subprocess.Popen[bytes]] = []
    is_reached, is_seen = threading.Event(), threading.Event()

    def hold_late_pages(call: Call) -> None:
        if is_late_page(call):
            is_reached.set()
            is_seen.wait(500)
            time.sleep(1)

    def start(code: str) -> subprocess.Popen[bytes]:
        sandbox.requests.clear()
        sandbox.before_reply = hold_late_pages
        started.append(start_python(code))
        deadline = time.monotonic() + 500
        # An upload can be there before the task knows its id, without which it cannot take it back.
        while not (lake.unfinished() and is_reached.is_set()):
            assert time.monotonic() < deadline, "the task has not begun to write"
            assert started[-1].poll() is None, started[-1].stdout.read()  # type: ignore[union-attr]
            time.sleep(0.05)
        is_seen.set()
        return started[-1]

    yield start
    is_seen.set()
    for process in started:
        process.kill()
        process.wait()


def is_late_page(call: Call) -> bool:
    return int(call.query.get("offset", 0)) > 3_000


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("older", [b"older", pytest.param(None, marks=pytest.mark.exhaustive)])
def test_a_task_that_is_told_to_stop_leaves_no_trace(
    slow_run: Callable[[str], subprocess.Popen[bytes]], lake: S3UnderTest, older: bytes | None
) -> None:
    if older:
        lake.put("payments.csv.gz", older)
    process = slow_run(dag_run("slow"))
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=500)
    assert lake.unfinished() == []
    assert lake.objects() == ({"payments.csv.gz": older} if older else {})
    assert b"sk_test" not in output


@pytest.mark.usefixtures("database", "many_payments")
def test_a_task_that_times_out_leaves_no_trace(
    sandbox: Sandbox, lake: S3UnderTest, capfd: pytest.CaptureFixture[str]
) -> None:
    lake.put("payments.csv.gz", b"older")
    is_over = threading.Event()
    sandbox.before_reply = lambda call: is_over.wait(500) if is_late_page(call) else None
    ends: Any = nullcontext()
    if HAS_DATASETS:  # Airflow 2's dag.test() ends with it
        from airflow.exceptions import AirflowTaskTimeout

        ends = pytest.raises(AirflowTaskTimeout)
    with Ears() as ears, ends:
        assert run_dag("timed_out").state == "failed"
    is_over.set()
    log = "".join(capfd.readouterr()) + ears.stream.getvalue()
    assert HAS_DATASETS or "AirflowTaskTimeout" in log
    assert "was told to stop" not in log
    assert (lake.objects(), lake.unfinished()) == ({"payments.csv.gz": b"older"}, [])


@pytest.mark.without_airflow
@pytest.mark.usefixtures("database")
def test_a_run_after_one_that_was_killed_leaves_one_right_object(
    slow_run: Callable[[str], subprocess.Popen[bytes]], sandbox: Sandbox, lake: S3UnderTest, tmp_path: Path
) -> None:
    lake.put("payments.csv.gz", b"older")
    process = slow_run(task("spacepay_default", "payments.csv.gz"))
    process.kill()
    process.wait()
    assert lake.objects() == {"payments.csv.gz": b"older"}
    assert lake.unfinished() == ["payments.csv.gz"]
    sandbox.before_reply = None
    assert run_dag("slow").state == "success"
    assert (list(lake.objects()), lake.unfinished()) == (["payments.csv.gz"], [])
    (tmp_path / "p.csv.gz").write_bytes(lake.objects()["payments.csv.gz"])
    ids = duckdb.sql(f"SELECT id FROM read_csv('{tmp_path}/p.csv.gz', all_varchar = true)").fetchall()
    assert sorted(each for (each,) in ids) == sorted(row["id"] for row in sandbox.spacepay.rows)


#: What Airflow's hook lineage has of the tasks: URIs of inputs and of outputs.
COLLECTED = """
import json
from airflow_provider_payments._compat import get_hook_lineage_collector
collector = get_hook_lineage_collector()
word = "asset" if hasattr(collector, "collected_assets") else "dataset"
lineage = getattr(collector, f"collected_{word}s")
sides = lineage.inputs, lineage.outputs
print("URIS", json.dumps([sorted({getattr(each, word).uri for each in side}) for side in sides]))
"""


@pytest.mark.usefixtures("database")
def test_lineage_names_the_api_and_the_object(
    sandbox: Sandbox, lake: S3UnderTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With Airflow's own OpenLineage provider, which writes its events to a file."""
    transport = {"type": "file", "log_file_path": str(tmp_path / "events.json"), "append": True}
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", json.dumps(transport))
    address = BaseHook.get_hook("cryptofuse_default").base_address
    code = dag_run("assets") + task("cryptofuse_default", "a/p.csv") + COLLECTED
    (said,) = (line for line in run_python(code).splitlines() if line.startswith("URIS"))
    objects = [f"s3://{lake.bucket}/{name}" for name in ("a/p.csv", "payments.parquet")]
    assert json.loads(said.removeprefix("URIS")) == [[f"{address}/payments"], objects]
    events = [json.loads(line) for line in (tmp_path / "events.json").read_text().splitlines()]
    (complete,) = (each for each in events if each["eventType"] == "COMPLETE" and each["job"]["name"] == "assets.list")
    ((source,), (target,)) = complete["inputs"], complete["outputs"]
    assert f"{source['namespace']}/{source['name']}" == f"{address}/payments"
    assert (target["namespace"], target["name"]) == (f"s3://{lake.bucket}", "payments.parquet")
    statistics = target["outputFacets"]["outputStatistics"]
    assert statistics["rowCount"] == 40
    assert statistics["size"] == len(lake.objects()["payments.parquet"])


#: What Airflow loads with the packages of all asset types: one that is installed on both lines.
ASSET_TYPE = "airflow.providers.common.io.assets.file"


@pytest.mark.parametrize("is_read", [False, True])
def test_asset_types_are_loaded_only_where_lineage_is_read(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_read: bool
) -> None:
    monkeypatch.setenv("TEST_LAKE", tmp_path.as_uri())
    if is_read:
        monkeypatch.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", '{"type": "console"}')
    code = task("cryptofuse_default", "p.csv") + "import sys\nprint('LOADED', *sys.modules)"
    (said,) = (line for line in run_python(code).splitlines() if line.startswith("LOADED"))
    assert (tmp_path / "p.csv").exists()
    assert (ASSET_TYPE in said.split()) == is_read


def test_lineage_of_records_in_xcom_names_the_api(sandbox: Sandbox) -> None:
    operator = ListPaymentsOperator(task_id="list", payments_conn_id="hotpay_default")
    operator.execute({})
    facets = operator.get_openlineage_facets_on_complete(None)
    assert facets is not None
    assert ([each.name for each in facets.inputs], facets.outputs) == (["hotpay/payments"], [])
