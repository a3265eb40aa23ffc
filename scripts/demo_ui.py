"""A real Airflow UI on this machine only, with the example DAGs and connections to the sandbox; ends with Ctrl-C.

Every start begins with an empty database. The sandbox's newest payments are of now, and every minute there is a new
one, which starts the DAG of ``example_on_new_payments.py``.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, suppress
from pathlib import Path

from local_sandbox import ROOT, running_sandbox

#: The DAG that new payments start. It is the only one that is not paused.
WATCHING_DAG = "example_on_new_payments"
#: Airflow's parts, without servers for logs, which listen on every interface: the UI reads the files.
PARTS = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
#: Ctrl-C, the usual word to end, and a terminal that was closed.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SECONDS_TO_START = 180
_SECONDS_TO_END = 30


class Ended(Exception):
    """Somebody wants the demo to end."""


def run(port: int, sandbox_options: list[str]) -> int:
    """Serve until Ctrl-C, and return the exit code.

    :param port: of the UI.
    :param sandbox_options: for the sandbox, besides those that make its time that of now.
    """
    for number in _SIGNALS:
        signal.signal(number, _end)
    home = Path(os.environ["AIRFLOW_HOME"])
    url = f"http://127.0.0.1:{port}"
    try:
        with ExitStack() as stack:
            _refuse_taken_port(port)
            options = [*sandbox_options, "--newest", "now", "--new-every", "60"]
            connections = stack.enter_context(running_sandbox(sys.executable, *options))
            environment = _environment(home, port)
            print("Preparing Airflow's database", flush=True)
            _prepare(home, environment, connections)
            parts = _Parts(home / "demo-logs", environment)
            stack.callback(parts.stop)
            parts.start()
            _wait_for(url, parts)
            print(
                f"\n  Airflow is ready on {url} (this machine only; nobody has to log in)\n"
                f"  Connections: {url}/connections\n"
                f"  {WATCHING_DAG} is started by new payments, one every minute; trigger the others by hand\n"
                "  example_report writes a page for the browser: /tmp/payments_report/report.html\n"
                f"  Airflow's own output: {parts.folder}\n"
                "  Ctrl-C ends everything.\n",
                flush=True,
            )
            while True:
                parts.check()
                time.sleep(1)
    except Ended:
        print("The demo has ended.", flush=True)
        return 0


def _end(*_: object) -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # once is enough
    print("\nEnding Airflow and the sandbox …", flush=True)
    raise Ended


def _refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            sys.exit(f"Port {port} for the UI: {error.strerror}. Take another: make demo-ui DEMO_ARGS='--ui-port 8081'")


def _environment(home: Path, port: int) -> dict[str, str]:
    settings = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "example_dags"),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        # The parts start each other as "airflow …".
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return {**inherited, **settings}


def _prepare(home: Path, environment: dict[str, str], connections: dict[str, str]) -> None:
    """Make the database anew, with the connections in it: those of the environment are not in the list of the UI."""
    home.mkdir(parents=True, exist_ok=True)
    stored = {name.removeprefix("AIRFLOW_CONN_").lower(): json.loads(value) for name, value in connections.items()}
    # For example_payments_to_warehouse.
    stored["warehouse_default"] = {"conn_type": "sqlite", "host": str(ROOT / "output" / "warehouse.db")}
    (ROOT / "output").mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(stored, file)
        file.flush()
        for command in (
            ["db", "reset", "--yes"],
            ["connections", "import", "--overwrite", file.name],
            ["dags", "reserialize"],
            ["dags", "unpause", "--yes", WATCHING_DAG],
        ):
            # In a session of its own: Ctrl-C is for us.
            done = subprocess.Popen(
                [sys.executable, "-m", "airflow", *command],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                output, _ = done.communicate()
            except Ended:
                done.terminate()
                done.wait()
                raise
            if done.returncode:
                sys.exit(f"airflow {' '.join(command)}:\n{output.decode(errors='replace')}")


class _Parts:
    """Airflow's parts, each in a session of its own, so that all that it starts can be ended with it."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self._environment = environment
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start every part."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, command in PARTS.items():
            with (self.folder / f"{name}.log").open("wb") as log:
                self._running[name] = subprocess.Popen(
                    [sys.executable, "-m", "airflow", *command],
                    env=self._environment,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )

    def stop(self) -> None:
        """End every part, and whatever it has left behind."""
        for part in self._running.values():
            part.terminate()
        deadline = time.monotonic() + _SECONDS_TO_END
        for part in self._running.values():
            with suppress(subprocess.TimeoutExpired):
                part.wait(timeout=max(0.1, deadline - time.monotonic()))
        for part in self._running.values():
            with suppress(ProcessLookupError):
                os.killpg(part.pid, signal.SIGKILL)
            part.wait()

    def check(self) -> None:
        """Give up when a part has ended by itself."""
        for name, part in self._running.items():
            if part.poll() is not None:
                end = (self.folder / f"{name}.log").read_text(errors="replace")[-3000:]
                sys.exit(f"{end}\n\nAirflow's {name} has ended with code {part.returncode}; its output is above.")


def _wait_for(url: str, parts: _Parts) -> None:
    deadline = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < deadline:
        parts.check()
        with suppress(urllib.error.URLError, OSError, ValueError):
            with urllib.request.urlopen(f"{url}/api/v2/monitor/health", timeout=10) as reply:  # noqa: S310
                health = json.load(reply)
            if all(health[part]["status"] == "healthy" for part in ("scheduler", "triggerer", "dag_processor")):
                return
        time.sleep(1)
    sys.exit(f"Airflow was not ready within {_SECONDS_TO_START} seconds; its output: {parts.folder}")
