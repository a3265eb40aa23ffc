"""An Airflow of its own, and what the tests of whole deployments ask of the sandbox."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psutil

from airflow_provider_payments._compat import Asset, BaseHook
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.sandbox import Sandbox

IS_AIRFLOW_2 = Asset.__name__ == "Dataset"


class Deployment:
    """An Airflow of its own: scheduler, triggerer and what else this line needs.

    :param home: where its database and logs are.
    :param settings: more environment variables.
    """

    def __init__(self, home: Path, dags: Path, settings: dict[str, str]) -> None:
        self.home = home
        self._port = port = free_port()
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__WORKERS": "1",  # several are watched over, and killed where the machine is slow
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
        assert self.run("db", "migrate").wait() == 0, self.tail()

    def start(self, component: str) -> subprocess.Popen[bytes]:
        # Its logs would be served on a fixed port, which another run on this machine may have.
        options = ["--skip-serve-logs"] if component in ("scheduler", "triggerer") else []
        self._processes[component] = self.run(component, *options)
        return self._processes[component]

    def start_all(self, *, but: str = "") -> None:
        """Start all components but one."""
        if not IS_AIRFLOW_2:
            self.start("api-server")
            self.start("dag-processor")
            self._wait_for_api()
        for component in ("scheduler", "triggerer"):
            if component != but:
                self.start(component)

    def dead(self) -> list[str]:
        """Return the components that have ended by themselves."""
        return [component for component, process in self._processes.items() if process.poll() is not None]

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

    def run(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start ``airflow`` with these arguments."""
        with Path(self.home, f"{arguments[0]}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "airflow", *arguments],
                cwd=self.home,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pending_names(conn_id: str) -> list[str]:
    """Return two pending payments, of orders that have no other; their orders where payments have no ids."""
    hook: PaymentsHook = BaseHook.get_hook(conn_id)
    payments = list(hook.list_payments())
    orders = Counter(payment.order_id for payment in payments)
    pending = [payment for payment in payments if payment.status.is_pending and orders[payment.order_id] == 1][:2]
    return [payment.order_id or "" if conn_id.startswith("hotpay") else payment.id for payment in pending]


def planted_secrets(sandbox: Sandbox, connections: dict[str, Any] | None = None) -> set[str]:
    """Return every secret of the connections, and the tokens and keys that were made from them.

    :param connections: None for the sandbox's own.
    """
    found = set()
    for connection in (connections or sandbox.connections()).values():
        found |= {line for line in connection["password"].splitlines() if len(line) > 12 and "PRIVATE" not in line}
    headers = [(name.lower(), value) for call in sandbox.requests for name, value in call.headers]
    found |= {value for name, value in headers if name == "auth-key"}
    sent = [value for name, value in headers if name == "authorization"]
    return found | {value.rpartition(" ")[2].rpartition("signature=")[2].strip('"') for value in sent}
