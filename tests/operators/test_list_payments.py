"""The operator, in real DAG runs and by itself."""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
import runpy
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_payments._compat import BaseHook
from airflow_provider_payments.exceptions import (
    PaymentsAuthError,
    PaymentsConfigError,
    PaymentsError,
    PaymentsRequestError,
    TooManyRecordsForXCom,
)
from airflow_provider_payments.get_provider_info import get_provider_info
from airflow_provider_payments.operators.list_payments import ListPaymentsOperator
from airflow_provider_payments.output.delivery import MAX_XCOM_BYTES
from airflow_provider_payments.sandbox import Call, Sandbox
from tests.listed import content, unlisted
from tests.texts import NASTY, find_controls

DAGS = Path(__file__).parent / "dags" / "list_payments.py"
CONN_TYPES = [each["connection-type"] for each in get_provider_info()["connection-types"]]
START = datetime(2026, 1, 1, tzinfo=timezone.utc)
MANIFEST = [
    "path",
    "format",
    "records",
    "bytes",
    "sha256",
    "provider",
    "connection_id",
    "created_from",
    "created_to",
    "listed_at",
    "first_created_at",
    "last_created_at",
    "statuses",
    "pending",
    "unknown_statuses",
    "succeeded_amounts",
    "refunded_amounts",
    "amounts_unknown",
    "amounts_unfit",
    "duplicates_dropped",
    "complete",
    "warnings",
    "requests",
    "seconds",
]


def records_of(conn_id: str, **question: Any) -> list[dict[str, Any]]:
    return [payment.to_dict() for payment in BaseHook.get_hook(conn_id).list_payments(**question)]


def run(conn_type: str = "spacepay", **settings: Any) -> Any:
    return ListPaymentsOperator(task_id="list", payments_conn_id=f"{conn_type}_default", **settings).execute({})


def read(path: Path) -> list[dict[str, Any]]:
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in text.splitlines()]


def pulled(dag_run: Any, task_id: str) -> Any:
    return dag_run.get_task_instance(task_id).xcom_pull(task_ids=task_id)


def tries(dag_run: Any, task_id: str) -> tuple[str, int]:
    instance = dag_run.get_task_instance(task_id)
    return str(instance.state), instance.try_number


def run_dag(name: str, file: Path = DAGS, **conf: str) -> Any:
    return runpy.run_path(str(file))[name].test(run_conf=conf)


@pytest.mark.usefixtures("database")
def test_a_dag_run_of_every_connection(sandbox: Sandbox, tmp_path: Path) -> None:
    dag_run = run_dag("every_connection", folder=tmp_path.as_uri())
    assert dag_run.state == "success"
    files = []
    for number, conn_type in enumerate(CONN_TYPES):
        wanted = records_of(f"{conn_type}_default", created_from="2024-01-01T00:00:00Z")
        assert unlisted(pulled(dag_run, f"{conn_type}_xcom")) == unlisted(wanted)
        path = tmp_path / f"{conn_type}.jsonl{'.gz' * (number % 2)}"
        assert unlisted(read(path)) == unlisted(wanted)
        manifest = pulled(dag_run, f"{conn_type}_file")
        assert list(manifest) == MANIFEST
        assert manifest["records"] == len(wanted)
        assert manifest["path"] == path.as_uri()
        assert manifest["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        files.append(path)
    assert sorted(tmp_path.iterdir()) == sorted(files)


@pytest.mark.usefixtures("database")
def test_templates_render(sandbox: Sandbox, tmp_path: Path) -> None:
    manifest = pulled(run_dag("templates", folder=tmp_path.as_uri()), "list")
    assert sandbox.requests[0].query["status"] == "completed"
    assert sandbox.requests[0].query["type"] == "payment"
    assert (manifest["created_from"], manifest["created_to"]) == ("2025-10-10T21:00:00Z", "2025-10-11T00:00:00Z")
    assert read(tmp_path / "spacepay_default.dat")[0]["id"] == sandbox.spacepay.rows[0]["id"]


@pytest.mark.usefixtures("database")
def test_what_cannot_be_helped_is_not_tried_again(sandbox: Sandbox) -> None:
    sandbox.before_reply = lambda call: (
        sandbox.faults.reply_with[call.api].append((401, {}, b"{}")) if call.api == "hotpay" else None
    )
    dag_run = run_dag("cannot_be_helped")
    for task_id in ("refused", "wrong", "many"):
        assert tries(dag_run, task_id) == ("failed", 1)
    assert sum(call.api == "hotpay" for call in sandbox.requests) == 1
    assert sum(call.api == "spacepay" for call in sandbox.requests) == 1


@pytest.mark.parametrize("conn_type", CONN_TYPES)
@pytest.mark.parametrize("suffix", ["jsonl", "jsonl.gz", "csv", "csv.gz"])
def test_the_same_payments_are_the_same_bytes(sandbox: Sandbox, tmp_path: Path, conn_type: str, suffix: str) -> None:
    one, other = (run(conn_type, output_path=(tmp_path / f"{name}.{suffix}").as_uri()) for name in ("a", "b"))
    assert one["listed_at"] < other["listed_at"]
    first = content(one)
    assert first == content(other)
    if suffix.endswith(".gz"):
        assert (tmp_path / f"a.{suffix}").read_bytes()[3:8] == bytes(5), "a name or a time in the gzip header"
    assert one["bytes"] == (tmp_path / f"a.{suffix}").stat().st_size
    assert content(run(conn_type, output_path=(tmp_path / f"a.{suffix}").as_uri())) == first


@pytest.mark.parametrize("conn_type", CONN_TYPES)
def test_the_manifest_is_exact(sandbox: Sandbox, tmp_path: Path, conn_type: str) -> None:
    path = tmp_path / "payments.jsonl"
    if conn_type != "satispay":  # finds payments by their status
        sandbox.apis[conn_type].add(status="brand_new")
    # PayPal lists three years.
    since = f"{datetime.now(timezone.utc).year - 1 if conn_type == 'paypal' else 2024}-01-01T00:00:00Z"
    manifest = run(conn_type, output_path=path.as_uri(), created_from=since)
    records = read(path)
    requests = [call for call in sandbox.requests if call.api == conn_type]
    sums: dict[str, dict[str, Decimal]] = {"refund": {}, "other": {}}
    for record in records:
        if record["status"] == "succeeded" and record["amount"] is not None:
            totals = sums["refund" if record["kind"] == "refund" else "other"]
            totals[record["currency"]] = totals.get(record["currency"], Decimal(0)) + Decimal(record["amount"])
            if refunded := Decimal(record["refunded_amount"] or 0):
                sums["refund"][record["currency"]] = sums["refund"].get(record["currency"], Decimal(0)) + refunded
    times = sorted(
        each["created_at"] or each["completed_at"] for each in records if each["created_at"] or each["completed_at"]
    )
    count = {word: sum(each["status"] == word for each in records) for word in {each["status"] for each in records}}
    unknown = {} if conn_type == "satispay" else {"brand_new": 1}
    assert manifest["records"] == len(records) > 20
    assert manifest["statuses"] == count
    assert manifest["pending"] == sum(count.get(word, 0) for word in ("pending", "processing", "authorized"))
    assert manifest["unknown_statuses"] == unknown
    assert any("brand_new" in each for each in manifest["warnings"]) == bool(unknown)
    for name, kind in (("succeeded_amounts", "other"), ("refunded_amounts", "refund")):
        assert {key: Decimal(value) for key, value in manifest[name].items()} == sums[kind]
        assert all("E" not in value for value in manifest[name].values())
    with_refunds = ("satispay", "stripe", "gocardless", "mollie", "razorpay", "square", "paypal")
    assert bool(sums["refund"]) == (conn_type in with_refunds)
    assert manifest["amounts_unknown"] == sum(each["amount"] is None for each in records)
    assert manifest["amounts_unfit"] == 0
    assert manifest["duplicates_dropped"] == 0
    assert manifest["complete"] is True
    assert manifest["requests"] == len(requests)
    assert manifest["seconds"] >= 0
    assert (manifest["provider"], manifest["connection_id"]) == (conn_type, f"{conn_type}_default")
    assert (manifest["format"], manifest["path"]) == ("jsonl", path.as_uri())
    assert (manifest["created_from"], manifest["created_to"]) == (since, None)
    moments = [datetime.fromisoformat(each.replace("Z", "+00:00")) for each in times]
    for name, moment in (("first_created_at", min(moments)), ("last_created_at", max(moments))):
        assert datetime.fromisoformat(manifest[name].replace("Z", "+00:00")) == moment
    assert json.loads(json.dumps(manifest)) == manifest


def test_an_empty_listing(sandbox: Sandbox, tmp_path: Path) -> None:
    question = {"created_from": "2031-01-01T00:00:00Z", "created_to": "2032-01-01T00:00:00Z"}
    path = tmp_path / "none.jsonl"
    manifest = run(output_path=path.as_uri(), **question)
    assert run(**question) == []
    assert path.read_bytes() == b""
    assert (manifest["records"], manifest["statuses"], manifest["first_created_at"]) == (0, {}, None)
    assert manifest["complete"] is True


def test_what_cannot_be_vouched_for_says_so(sandbox: Sandbox, tmp_path: Path) -> None:
    manifest = run("satispay", output_path=(tmp_path / "a.jsonl").as_uri(), statuses=["authorized"])
    assert manifest["complete"] is False
    assert "AUTHORIZED" in manifest["warnings"][0]


def test_what_no_list_shows_is_told_of_and_the_listing_is_complete(
    sandbox: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In the manifest; in the log of each run it is no warning."""
    with caplog.at_level(logging.INFO, "airflow_provider_payments"):
        manifest = run("satispay", output_path=(tmp_path / "a.jsonl").as_uri())
        run("satispay", created_from="2031-01-01T00:00:00Z")
    (warning,) = manifest["warnings"]
    assert warning.startswith("No list of Satispay shows AUTHORIZED payments")
    assert manifest["complete"] is True
    assert [each.levelname for each in caplog.records if each.getMessage() == warning] == ["INFO", "INFO"]
    chosen = run("satispay", output_path=(tmp_path / "a.jsonl").as_uri(), statuses=["succeeded"])
    assert (chosen["complete"], chosen["warnings"]) == (True, [])


def test_raw_may_be_left_out(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    run(output_path=path.as_uri(), include_raw=False)
    assert all("raw" not in each for each in (*read(path), *run(include_raw=False)))


@pytest.mark.parametrize("suffix", ["jsonl", "csv.gz", "parquet"])
@pytest.mark.parametrize(
    "error", [(400, {}, b"{}"), (200, {}, b"<html>"), (200, {}, b'{"data": [7], "pagination": {"total": 40}}')]
)
def test_an_error_midway_leaves_everything_as_it_was(sandbox: Sandbox, tmp_path: Path, suffix: str, error: Any) -> None:
    path = tmp_path / "folder" / f"payments.{suffix}"
    path.parent.mkdir()
    path.write_bytes(b"older")
    for _ in range(2000):
        sandbox.spacepay.add()

    def fail(call: Call) -> None:
        if int(call.query["offset"]) >= 1000:
            sandbox.faults.reply_with["spacepay"].append(error)

    sandbox.before_reply = fail
    with pytest.raises(PaymentsError):
        run(output_path=path.as_uri())
    assert path.read_bytes() == b"older"
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    sandbox.before_reply = None
    assert run(output_path=path.as_uri())["records"] == len(sandbox.spacepay.rows)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_an_error_midway_leaves_nothing_where_nothing_was(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "new" / "payments.jsonl"
    sandbox.before_reply = lambda call: sandbox.faults.reply_with["spacepay"].append((400, {}, b"{}"))
    with pytest.raises(PaymentsRequestError):
        run(output_path=path.as_uri())
    assert not path.exists()
    assert not path.parent.exists() or list(path.parent.iterdir()) == []


@pytest.mark.parametrize("conn_type", CONN_TYPES)
def test_faults_on_the_way_do_not_show_in_the_result(sandbox: Sandbox, tmp_path: Path, conn_type: str) -> None:
    since = datetime.now(timezone.utc) - timedelta(days=60) if conn_type == "paypal" else None
    calm = run(conn_type, output_path=(tmp_path / "calm.jsonl").as_uri(), created_from=since)
    sandbox.faults.throttle_every, sandbox.faults.retry_after = 2, "0.01"
    rough = run(conn_type, output_path=(tmp_path / "rough.jsonl").as_uri(), created_from=since)
    assert content(rough) == content(calm)
    assert rough["requests"] > calm["requests"] or conn_type == "hotpay"


BAD: list[tuple[dict[str, Any], str]] = [
    ({"statuses": ["paid"]}, "Normalised statuses: pending"),
    ({"statuses": ["SUCCEDED"]}, "Did you mean 'succeeded'"),
    ({"filters": {"serch": "x"}}, "Did you mean 'search'"),
    ({"statuses": "succeeded"}, "must be a list"),
    ({"statuses": []}, "empty list"),
    ({"filters": {"orderId": "x"}}, "type, search"),
    ({"filters": {"limit": 1}}, "paging"),
    ({"created_from": "2026-01-01"}, r"time zone.*\{\{ ds \}\}T00:00:00Z"),
    ({"created_from": datetime(2026, 1, 1)}, "time zone"),  # noqa: DTZ001 - the point
    ({"created_from": "{{ data_interval_start }}"}, "ISO 8601"),
    ({"created_to": "None"}, "ISO 8601"),
    ({"created_to": ""}, "ISO 8601.*misspelled"),
    ({"created_from": 7}, "created_from"),
    ({"created_from": START, "created_to": START}, "CronDataIntervalTimetable"),
    ({"created_from": START, "created_to": START, "lookback": timedelta(days=1)}, "CronDataIntervalTimetable"),
    ({"created_from": START, "created_to": START - timedelta(days=1)}, "reversed.*Exchange"),
    ({"lookback": timedelta(days=-1)}, "lookback"),
    ({"output_path": "file:///tmp/payments.xlsx"}, r"\.jsonl"),
    ({"output_path": "file:///tmp/payments"}, r"\.jsonl"),
    ({"output_path": "file:///tmp/payments/"}, "directory"),
    ({"output_path": ""}, "must name a file"),
    ({"output_path": "/tmp/payments.jsonl"}, "file:///"),
    ({"output_path": "payments.jsonl"}, "file:///"),
    ({"output_path": "file:///tmp/.jsonl"}, "missing or misspelled"),
    ({"output_path": "nowhere://bucket/payments.jsonl"}, "nowhere"),
    ({"output_path": "file:///tmp/a.jsonl", "file_format": "xml"}, "jsonl, jsonl.gz"),
    ({"output_path": "file:///tmp/a/", "max_records_per_file": 5}, "name the file_format"),
    ({"output_path": "file:///tmp/a.jsonl", "max_records_per_file": 0}, "at least 1"),
    ({"max_records_per_file": 5}, "needs an output_path"),
    ({"output_path": "s3://nobody@bucket/a.jsonl"}, "'nobody', which does not exist"),
    ({"output_path": "gs://bucket/a.jsonl"}, "apache-airflow-providers-google"),
]


@pytest.mark.parametrize(("settings", "hint"), BAD, ids=[str(number) for number in range(len(BAD))])
def test_a_bad_question_is_refused_before_any_request(sandbox: Sandbox, settings: dict[str, Any], hint: str) -> None:
    with pytest.raises(PaymentsConfigError, match=hint):
        run(**settings)
    assert sandbox.requests == []


def test_a_directory_in_the_way(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "payments.jsonl"
    path.mkdir()
    with pytest.raises(PaymentsConfigError, match="directory"):
        run(output_path=path.as_uri())
    assert sandbox.requests == []
    assert [each.name for each in tmp_path.rglob("*")] == ["payments.jsonl"]


def test_too_many_records_for_xcom(sandbox: Sandbox) -> None:
    assert len(run(max_xcom_records=40)) == 40
    with pytest.raises(TooManyRecordsForXCom, match=r"more than 39.*output_path"):
        run(max_xcom_records=39)


@pytest.mark.parametrize("text", ["x", "é"])
def test_too_many_bytes_for_xcom(sandbox: Sandbox, text: str) -> None:
    """As JSON, which XComs are, each é takes six bytes."""
    fitting = MAX_XCOM_BYTES // 40 // 2 // len(json.dumps(text).strip('"'))  # it is in the record, and in its raw
    for row in sandbox.spacepay.rows:
        row["orderId"] = text * (fitting * 9 // 10)
    found = run()
    assert len(found) == 40
    assert MAX_XCOM_BYTES * 0.8 < len(json.dumps(found)) < MAX_XCOM_BYTES
    for row in sandbox.spacepay.rows[:10]:
        row["orderId"] = text * fitting * 2
    with pytest.raises(TooManyRecordsForXCom, match=r"4 MiB.*output_path"):
        run()
    assert len(run(include_raw=False)) == 40


@pytest.mark.usefixtures("database")
def test_payments_that_a_task_returns(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Records go from task to task. Payments do not, and the task that returns them says what to write."""
    dag_run = run_dag("payments_in_xcom", DAGS.with_name("payments_in_xcom.py"))
    assert pulled(dag_run, "count") == {"records": 40}
    for task_id in ("one", "several", "within", "listing"):
        assert tries(dag_run, task_id) == ("failed", 1), task_id
    log = caplog.text + "".join(capfd.readouterr())  # where it is depends on the version of Airflow
    for kind in ("Payment", "PaymentListing"):
        assert f"A {kind} is nothing that an XCom can hold. Return records: [payment.to_dict()" in log


def test_a_connection_of_another_type(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", json.dumps({"conn_type": "http", "host": "http://127.0.0.1"}))
    with pytest.raises(PaymentsConfigError, match=r"other.*HttpHook"):
        ListPaymentsOperator(task_id="list", payments_conn_id="other").execute({})


@pytest.mark.parametrize("conn_type", ["stipe", "SpacePay", None])
def test_a_connection_of_an_unknown_type(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, conn_type: str | None
) -> None:
    fields = {"conn_type": conn_type, "password": "s3cret-key"}
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", json.dumps({key: each for key, each in fields.items() if each}))
    with pytest.raises(PaymentsConfigError, match=f"'other' has the type {conn_type!r}.*spacepay, satispay") as caught:
        ListPaymentsOperator(task_id="list", payments_conn_id="other").execute({})
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        ("AIRFLOW_CONN_OTHER", '{"conn_type": "spacepay", "password": "s3cret-key"', "cannot read"),
        ("AIRFLOW_CONN_OTHER", "{'conn_type': 'spacepay', 'password': 's3cret-key'}", "double quotes"),
        ("AIRFLOW_CONN_OTHER", '{"conn_type": "spacepay", "passwd": "s3cret-key"}', "it takes conn_type"),
        ("AIRFLOW_CONN_OTHER", '{"conn_type": "spacepay", "password": "s3cret-key", "port": "x"}', "port"),
        ("AIRFLOW_CONN_OTHER", "spacepay://:s3cret-key", "cannot read"),
        ("AIRFLOW_CONN_OTHER", "", "cannot read"),
        ("AIRFLOW_CONN_other", '{"conn_type": "spacepay", "password": "s3cret-key"}', "must be in capitals"),
        ("AIRFLOW_CONN_ANOTHER", "", "Create it"),
    ],
)
def test_a_connection_that_airflow_does_not_find(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, said: str
) -> None:
    monkeypatch.setenv(variable, text)
    with pytest.raises(PaymentsConfigError, match=f"payments_conn_id names the connection 'other', .*{said}") as caught:
        ListPaymentsOperator(task_id="list", payments_conn_id="other").execute({})
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["stripe://:s3cret-key@", '{"conn_type": "stripe", "password": "s3cret-key"}', "s3cret-key" * 30]
)
def test_a_whole_connection_is_no_id_and_not_shown(text: str) -> None:
    with pytest.raises(PaymentsConfigError, match="must be the id of a connection") as caught:
        ListPaymentsOperator(task_id="list", payments_conn_id=text).execute({})
    assert "s3cret" not in str(caught.value)


def test_a_window_that_has_not_ended_is_told_of(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    now = datetime.now(timezone.utc)
    for end, is_told in ((now - timedelta(minutes=1), False), (None, False), (now + timedelta(days=1), True)):
        caplog.clear()
        capfd.readouterr()
        run(created_to=end)
        log = caplog.text + "".join(capfd.readouterr())  # where it is depends on the version of Airflow
        assert ("is yet to come" in log) is is_told


def test_lookback_moves_the_start(sandbox: Sandbox, tmp_path: Path) -> None:
    end = datetime(2025, 10, 10, 18, tzinfo=timezone.utc)
    day = timedelta(hours=6)
    question = {"created_to": end, "output_path": (tmp_path / "a.jsonl").as_uri()}
    narrow = run(created_from=end - timedelta(hours=1), **question)
    wide = run(created_from=end - timedelta(hours=1), lookback=day - timedelta(hours=1), **question)
    found = content(wide)
    assert found == content(run(created_from=(end - day).isoformat(), **question))
    assert wide["created_from"] == "2025-10-10T12:00:00Z"
    assert wide["records"] > narrow["records"]
    assert run(lookback=day, **question)["created_from"] is None


def test_wrong_credentials(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    connection = {**sandbox.connections()["spacepay_default"], "password": "sk_wrong_key"}
    monkeypatch.setenv("AIRFLOW_CONN_SPACEPAY_DEFAULT", json.dumps(connection))
    with pytest.raises(PaymentsAuthError):
        run(output_path=(tmp_path / "a.jsonl").as_uri())
    assert list(tmp_path.iterdir()) == []


def test_templated_fields_are_attributes_taken_as_they_are() -> None:
    settings = {name: f"{{{{ {name} }}}}" for name in ListPaymentsOperator.template_fields}
    operator = ListPaymentsOperator(task_id="list", **settings)
    assert {name: getattr(operator, name) for name in settings} == settings
    assert set(settings) == {
        "payments_conn_id",
        "created_from",
        "created_to",
        "statuses",
        "filters",
        "output_path",
        "file_format",
        "lookback",
        "include_raw",
        "replace_nul",
        "max_xcom_records",
        "max_records_per_file",
    }


def test_texts_that_databases_refuse(sandbox: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    row = sandbox.apis["spacepay"].add(None, orderId="a\x00b", status=NASTY, currency=NASTY)
    sandbox.apis["spacepay"].add(None, orderId="\ud800")
    exact, replaced = tmp_path / "exact.jsonl", tmp_path / "replaced.jsonl"
    manifest = run(output_path=exact.as_uri())
    assert [each for each in manifest["warnings"] if "U+0000" in each] == [
        "1 payments have texts with U+0000. PostgreSQL and other databases refuse it. "
        "Set replace_nul=True to have U+FFFD in its place."
    ]
    assert any("no Unicode" in each for each in manifest["warnings"])
    assert manifest["complete"] is True
    assert not find_controls(manifest)
    assert b"\\u0000" in exact.read_bytes()
    (found,) = [each for each in read(exact) if each["id"] == row["id"]]
    assert (found["order_id"], found["provider_status"]) == ("a\x00b", NASTY)
    again = run(output_path=replaced.as_uri(), replace_nul=True)
    assert any("U+FFFD was written in its place" in each for each in again["warnings"])
    assert b"\\u0000" not in replaced.read_bytes()
    expected = json.loads(exact.read_bytes().splitlines()[read(exact).index(found)].replace(b"\\u0000", b"\\ufffd"))
    for records in (read(replaced), run()):  # the latter from XCom
        (found,) = [each for each in records if each["id"] == row["id"]]
        assert found == {**expected, "listed_at": found["listed_at"]}
    assert "U+FFFD was written in its place" in caplog.text
