"""Sensors that wait in a real triggerer, under a real scheduler: until the payments settle, whatever becomes of it."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from airflow_provider_payments._compat import Asset, BaseHook
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.sandbox import Sandbox

IS_AIRFLOW_2 = Asset.__name__ == "Dataset"
DAGS = Path(__file__).parent / "dags"


class Deployment:
    """An Airflow of its own: scheduler, triggerer and what else this line needs."""

    def __init__(self, home: Path, settings: dict[str, str]) -> None:
        self.home = home
        self._port = port = free_port()
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://localhost:{port}/execution/",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API_AUTH__JWT_SECRET": "of-this-test-and-of-nothing-else",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "_AIRFLOW__SKIP_DATABASE_EXECUTOR_COMPATIBILITY_CHECK": "1",  # 2.11 would not run it with SQLite
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__FERNET_KEY": "",  # what is stored is to be readable
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
            "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
            "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
            # Several processes write to one file.
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db?timeout=60",
            "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "4",
            **settings,
        }
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def migrate(self) -> None:
        assert self._run("db", "migrate").wait() == 0, self.tail()

    def start(self, *components: str) -> None:
        for component in components:
            # Its logs would be served on a fixed port, which another run on this machine may have.
            options = ["--skip-serve-logs"] if component in ("scheduler", "triggerer") else []
            self._processes[component] = self._run(component, *options)

    def start_all(self) -> None:
        if not IS_AIRFLOW_2:
            self.start("api-server", "dag-processor")
            self._wait_for_api()
        self.start("scheduler", "triggerer")

    def kill(self, component: str) -> None:
        """Kill a component and all that it has started, in whatever process group."""
        session = self._processes.pop(component).pid
        for process in psutil.process_iter():
            with suppress(ProcessLookupError, psutil.NoSuchProcess):
                if os.getsid(process.pid) == session:
                    process.kill()

    def stop(self) -> None:
        for component in list(self._processes):
            self.kill(component)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        # Not read-only: it may have to roll back what a process had begun when it was killed.
        with closing(sqlite3.connect(f"file:{self.home}/airflow.db?mode=rw", uri=True, timeout=60)) as connection:
            return connection.execute(sql).fetchall()

    def wait_for_states(self, wanted: dict[str, int], seconds: float = 250) -> None:
        """Wait until so many tasks are in these states."""
        deadline = time.monotonic() + seconds
        while (states := dict(Counter(state for (state,) in self.query("SELECT state FROM task_instance")))) != wanted:
            assert time.monotonic() < deadline, f"{states}\n{self.tail()}"
            assert "failed" not in states, self.tail()
            time.sleep(0.5)

    def tail(self) -> str:
        """Return the end of every log."""
        return "\n".join(f"== {path}\n{path.read_text()[-1500:]}" for path in sorted(self.home.rglob("*.log")))

    def _wait_for_api(self) -> None:
        deadline = time.monotonic() + 180
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self._port)):
                    return
            except ConnectionRefusedError:
                assert time.monotonic() < deadline, self.tail()
                time.sleep(0.2)

    def _run(self, *arguments: str) -> subprocess.Popen[bytes]:
        with Path(self.home, f"{arguments[0]}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "airflow", *arguments],
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def deploy(tmp_path: Path) -> Iterator[Callable[[dict[str, str]], Deployment]]:
    deployments = []

    def deploy(settings: dict[str, str]) -> Deployment:
        deployments.append(Deployment(tmp_path, settings))
        return deployments[-1]

    yield deploy
    for deployment in deployments:
        deployment.stop()


def pending_names(conn_id: str) -> list[str]:
    """Return two pending payments, of orders that have no other; their orders where payments have no ids."""
    hook: PaymentsHook = BaseHook.get_hook(conn_id)
    payments = list(hook.list_payments())
    orders = Counter(payment.order_id for payment in payments)
    pending = [payment for payment in payments if payment.status.is_pending and orders[payment.order_id] == 1][:2]
    return [payment.order_id or "" if conn_id.startswith("hotpay") else payment.id for payment in pending]


def planted_secrets(sandbox: Sandbox) -> set[str]:
    """Return every secret of the connections, and the tokens that were made from them."""
    found = set()
    for connection in sandbox.connections().values():
        found |= {line for line in connection["password"].splitlines() if len(line) > 12 and "PRIVATE" not in line}
    sent = [value for call in sandbox.requests for name, value in call.headers if name.lower() == "authorization"]
    return found | {value.rpartition(" ")[2].rpartition("signature=")[2].strip('"') for value in sent}


@pytest.mark.timeout(900)
def test_sensors_outlive_a_triggerer(
    sandbox: Sandbox, tmp_path: Path, deploy: Callable[[dict[str, str]], Deployment]
) -> None:
    conn_ids = list(sandbox.connections())
    pending = {conn_id: pending_names(conn_id) for conn_id in conn_ids}
    assert all(len(names) == 2 for names in pending.values())
    output = tmp_path / "lake"
    airflow = deploy({"TEST_PENDING": json.dumps(pending), "TEST_OUTPUT": output.as_uri()})
    airflow.migrate()
    airflow.start_all()
    airflow.wait_for_states({"deferred": 5})
    polls = len(sandbox.requests)
    while len(sandbox.requests) < polls + 20:  # the triggerer polls
        time.sleep(0.2)
    stored = json.dumps(airflow.query("SELECT * FROM trigger") + airflow.query("SELECT next_kwargs FROM task_instance"))
    assert "payments_conn_id" in stored

    airflow.kill("triggerer")
    sandbox.settle()
    time.sleep(1)
    airflow.wait_for_states({"deferred": 5})
    airflow.start("triggerer")
    airflow.wait_for_states({"success": 5})

    for conn_id, names in pending.items():
        api = conn_id.removesuffix("_default")
        hook: PaymentsHook = BaseHook.get_hook(conn_id)
        payments = {payment.id: payment.to_dict() for payment in hook.list_payments()}
        ((pushed,),) = airflow.query(f"SELECT value FROM xcom WHERE task_id = '{api}' AND key = 'return_value'")
        value = json.loads(pushed)
        value = json.loads(value) if isinstance(value, str) else value
        if isinstance(value, dict):
            lines = (output / f"{api}.jsonl").read_text().splitlines()
            assert {record["id"]: record for record in map(json.loads, lines)} == payments
            assert (value["records"], value["pending"], value["complete"]) == (len(payments), 0, True)
        else:
            assert sorted(record["order_id" if api == "hotpay" else "id"] for record in value) == sorted(names)
            fields = ("status", "is_final", "amount", "currency", "created_at")  # a single payment's reply tells more
            for record in value:
                assert record["is_final"]
                assert [record[name] for name in fields] == [payments[record["id"]][name] for name in fields]

    secrets = planted_secrets(sandbox)
    assert len(secrets) > 20
    texts = [stored, airflow.tail(), *(path.read_text() for path in airflow.home.rglob("*.log"))]
    texts.append(json.dumps(airflow.query("SELECT * FROM rendered_task_instance_fields"), default=str))
    assert [secret for secret in secrets for text in texts if secret in text] == []
