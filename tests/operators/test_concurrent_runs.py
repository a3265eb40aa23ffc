"""Runs that write to one place at once, by mistake: nothing is a mixture, and a manifest fits what is there."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_payments.operators.list_payments import ListPaymentsOperator
from airflow_provider_payments.output.atomic_output import AtomicOutput, open_output
from airflow_provider_payments.output.formats import FORMATS
from airflow_provider_payments.output.location import StorageLocation
from airflow_provider_payments.output.s3_store import S3Store
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.sandbox import Call, Sandbox
from tests.stores import DiskUnderTest, S3UnderTest, StoreUnderTest

STATUSES = ["completed", "pending", "expired", "failed"]
"""Each run lists another status, so that each has other payments."""
PARTS = {"max_records_per_file": 3}


@pytest.fixture
def hasty(s3: S3UnderTest, monkeypatch: pytest.MonkeyPatch) -> S3UnderTest:
    """S3 by a connection that tries each request once: moto answers 500 where S3 says that an upload was aborted."""
    connection = json.loads(os.environ["AIRFLOW_CONN_LAKE"])
    connection["extra"]["config_kwargs"] = {"retries": {"total_max_attempts": 1}}
    monkeypatch.setenv("AIRFLOW_CONN_HASTY_LAKE", json.dumps(connection))
    s3.root = s3.root.replace("lake@", "hasty_lake@")
    return s3


@pytest.fixture(params=["disk", "hasty"])
def store(request: pytest.FixtureRequest) -> StoreUnderTest:
    made: StoreUnderTest = request.getfixturevalue(request.param)
    return made


@pytest.fixture
def many(sandbox: Sandbox) -> None:
    for number, status in enumerate(STATUSES):
        for _ in range(12 + number):
            sandbox.spacepay.add(status=status)


def run(url: str, status: str, **settings: Any) -> dict[str, Any]:
    operator = ListPaymentsOperator(
        **{"task_id": "list", "payments_conn_id": "spacepay_default", **settings}, statuses=[status], output_path=url
    )
    # Undecorated: Airflow 2.11's guard of execute() knows the main thread only.
    manifest: dict[str, Any] = inspect.unwrap(type(operator).execute)(operator, {})
    return manifest


def run_together(count: int, act: Callable[[int], dict[str, Any]]) -> list[dict[str, Any] | Exception]:
    """Begin so many runs at the same moment; return the manifest or the error of each."""
    together = threading.Barrier(count)

    def begin(number: int) -> dict[str, Any] | Exception:
        together.wait(60)
        try:
            return act(number)
        except Exception as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(begin, range(count)))


def check_object(store: StoreUnderTest, name: str, manifests: list[dict[str, Any]]) -> dict[str, Any]:
    """Check that an object is that of one of some runs, and return its manifest."""
    content = store.objects()[name]
    sha256 = hashlib.sha256(content).hexdigest()
    fitting = [each for each in manifests if each["sha256"] == sha256]
    assert fitting, "the object is of none of the runs"
    assert (fitting[0]["bytes"], fitting[0]["records"]) == (len(content), content.count(b"\n"))
    return fitting[0]


def check_parts(store: StoreUnderTest, folder: str) -> dict[str, Any] | None:
    """Check that the parts are those that the published manifest lists; return it, None where there is none."""
    objects = {name.partition("/")[2]: content for name, content in store.objects().items()}
    if "_manifest.json" not in objects:
        return None
    manifest: dict[str, Any] = json.loads(objects.pop("_manifest.json"))
    found = {
        name: (hashlib.sha256(content).hexdigest(), len(content), content.count(b"\n"))
        for name, content in objects.items()
    }
    assert found == {each["name"]: (each["sha256"], each["bytes"], each["records"]) for each in manifest["files"]}
    assert hashlib.sha256(b"".join(objects[name] for name in sorted(objects))).hexdigest() == manifest["sha256"]
    return manifest


@pytest.mark.usefixtures("many")
def test_one_object(store: StoreUnderTest) -> None:
    for _ in range(3):
        outcomes = run_together(4, lambda number: run(store.url("p.jsonl"), STATUSES[number]))
        manifests = [each for each in outcomes if isinstance(each, dict)]
        assert manifests, outcomes
        check_object(store, "p.jsonl", manifests)
        errors = [each for each in outcomes if isinstance(each, Exception)]
        assert store.kind == "s3" or not errors
        assert all(isinstance(error, OSError) for error in errors)  # the upload that was aborted
        assert (list(store.objects()), store.unfinished()) == (["p.jsonl"], [])


@pytest.mark.without_airflow
@pytest.mark.usefixtures("many")
def test_parts(store: StoreUnderTest) -> None:
    url = store.url("parts.jsonl")
    for _ in range(4 if store.kind == "file" else 2):
        outcomes = run_together(4, lambda number: run(url, STATUSES[number], **PARTS))
        manifests = [each for each in outcomes if isinstance(each, dict)]
        published = check_parts(store, "parts.jsonl")
        if published is None:
            # Another one, that failed after it, has removed the manifest of a run that succeeded.
            assert len(manifests) < len(outcomes), "of runs that succeed, the last one leaves its manifest"
        else:
            assert published["statuses"] in [each["statuses"] for each in manifests]
        assert store.kind == "s3" or len(manifests) == 4
        assert store.unfinished() == []
    last = run(url, "failed", **PARTS)
    assert check_parts(store, "parts.jsonl") == {**last, "files": _files(store)}


def publish_together(begun: list[AtomicOutput], make_payment: Callable[..., Payment], parts: int) -> list[bool]:
    """Write other parts to each output, then publish all at the same moment; return of each whether it could be."""
    together = threading.Barrier(len(begun))

    def act(number: int) -> bool:
        output = begun[number]
        output.write([make_payment(f"{number}-{part}") for part in range(parts + number)])
        output.finish()
        together.wait(60)
        try:
            output.publish({"sha256": output.sha256})
        except OSError:
            return False
        return True

    with ThreadPoolExecutor(len(begun)) as pool:
        return list(pool.map(act, range(len(begun))))


@pytest.mark.without_airflow
def test_parts_that_are_published_at_the_same_moment_on_a_disk(
    disk: DiskUnderTest, make_payment: Callable[..., Payment]
) -> None:
    location = StorageLocation.parse(disk.url("parts.jsonl"))
    for _ in range(8):
        with ExitStack() as stack:
            begun = [
                stack.enter_context(open_output(location, FORMATS["jsonl"], include_raw=False, records_per_file=1))
                for _ in range(3)
            ]
            assert publish_together(begun, make_payment, 60) == [True] * 3
        assert check_parts(disk, "parts.jsonl") is not None


@pytest.mark.without_airflow
def test_parts_that_are_published_at_the_same_moment_on_s3(
    hasty: S3UnderTest, make_payment: Callable[..., Payment]
) -> None:
    """Each of them looked for the uploads of others before any had begun."""
    location = StorageLocation.parse(hasty.url("parts.jsonl"))
    with ThreadPoolExecutor(1) as executor:
        for _ in range(2):
            begun = [
                AtomicOutput(
                    S3Store(location, lambda key: key.startswith(location.key)),
                    executor,
                    location,
                    FORMATS["jsonl"],
                    False,
                    1,
                )
                for _ in range(3)
            ]
            for output in begun:
                output.begin()
            outcomes = publish_together(begun, make_payment, 6)
            for output in begun:
                output.discard()
            assert sum(outcomes) <= 1
            assert (check_parts(hasty, "parts.jsonl") is not None) == any(outcomes)
            assert hasty.unfinished() == []


def _files(store: StoreUnderTest) -> list[dict[str, Any]]:
    files: list[dict[str, Any]] = json.loads(store.objects()["parts.jsonl/_manifest.json"])["files"]
    return files


@pytest.mark.parametrize("settings", [{}, PARTS], ids=["object", "parts"])
@pytest.mark.usefixtures("many")
def test_a_retry_that_overtakes_a_zombie(
    store: StoreUnderTest, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The zombie is held in the middle of its walk until its own retry is through."""
    is_held, may_go_on = threading.Event(), threading.Event()

    def hold(call: Call) -> None:
        if not is_held.is_set():
            is_held.set()
            assert may_go_on.wait(60)

    url = store.url("out.jsonl")
    with Sandbox(payments=40) as slow, ThreadPoolExecutor(1) as pool:
        slow.before_reply = hold
        monkeypatch.setenv("AIRFLOW_CONN_SLOW", json.dumps(slow.connections()["spacepay_default"]))
        zombie = pool.submit(run, url, "pending", payments_conn_id="slow", **settings)
        assert is_held.wait(60)
        retry = run(url, "completed", **settings)
        may_go_on.set()
        error = zombie.exception(60)
    if store.kind == "s3":  # its uploads were aborted
        assert isinstance(error, OSError)
        winner = retry
    else:
        assert error is None
        winner = zombie.result()
    if settings:
        published = check_parts(store, "out.jsonl")
        assert published is not None
        assert published["sha256"] == winner["sha256"]
    else:
        assert check_object(store, "out.jsonl", [retry, winner]) == winner
    assert store.unfinished() == []


PROGRAM = """
import json, sys
from airflow_provider_payments.operators.list_payments import ListPaymentsOperator
status, *urls = sys.argv[1:]
sys.stdin.readline()
for url in urls:
    parts = {"max_records_per_file": 3} if "parts" in url else {}
    operator = ListPaymentsOperator(
        task_id="list", payments_conn_id="spacepay_default", statuses=[status], output_path=url, **parts
    )
    try:
        print("MANIFEST", json.dumps(operator.execute({})))
    except OSError as error:
        print("ABORTED", error)
"""


@pytest.fixture
def processes() -> Iterator[Callable[..., list[str]]]:
    started: list[subprocess.Popen[str]] = []

    def start(statuses: list[str], *urls: str) -> list[str]:
        """Let a process for each status write to each place, all at once; return what they say."""
        for status in statuses:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            started.append(subprocess.Popen([sys.executable, "-c", PROGRAM, status, *urls], text=True, **pipes))  # type: ignore[call-overload]
        time.sleep(0.1)
        for process in started:
            process.stdin.write("go\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
        said = []
        for process in started:
            output, errors = process.communicate(timeout=500)
            assert process.returncode == 0, errors[-3000:]
            said += [line for line in output.splitlines() if line.startswith(("MANIFEST", "ABORTED"))]
        return said

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.without_airflow
@pytest.mark.usefixtures("many")
def test_processes(
    processes: Callable[..., list[str]], disk: DiskUnderTest, hasty: S3UnderTest, tmp_path: Path
) -> None:
    more = tmp_path / "more"
    more.mkdir()
    urls = [disk.url("p.jsonl"), f"{more.as_uri()}/parts.jsonl", hasty.url("p.jsonl")]
    said = processes(STATUSES[:3], *urls)
    assert len(said) == 9
    manifests = [json.loads(line.partition(" ")[2]) for line in said if line.startswith("MANIFEST")]
    by_url = {url: [each for each in manifests if each["path"] == url] for url in urls}
    assert [len(by_url[url]) for url in urls[:2]] == [3, 3]
    check_object(disk, "p.jsonl", by_url[urls[0]])
    assert check_parts(DiskUnderTest(more), "parts.jsonl") is not None
    check_object(hasty, "p.jsonl", by_url[urls[2]])
    assert [disk.unfinished(), DiskUnderTest(more).unfinished(), hasty.unfinished()] == [[], [], []]
