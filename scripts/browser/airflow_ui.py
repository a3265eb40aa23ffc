"""An Airflow of its own: its web server on this machine only, its command line, and what it has stored."""

from __future__ import annotations

import base64
import json
import os
import secrets
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class AirflowUi:
    """A web server with an empty database; use it with ``with``.

    :param python: the interpreter of an environment with Airflow.
    :param home: an empty folder for its files.
    """

    def __init__(self, python: Path, home: Path) -> None:
        self._python = python
        self.home = home
        self.url = f"http://127.0.0.1:{free_port()}"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
            "PATH": os.pathsep.join([str(python.parent), os.environ.get("PATH", "")]),
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore",
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        }
        # Nobody has to log in: for Airflow 2 this file says so.
        (home / "webserver_config.py").write_text('AUTH_ROLE_PUBLIC = "Admin"\n')
        version = self._output("-c", "import importlib.metadata as m; print(m.version('apache-airflow'))")
        self.version = version.strip()
        self.is_airflow_2 = self.version.startswith("2.")
        self._server: subprocess.Popen[bytes] | None = None
        self._console: subprocess.Popen[str] | None = None

    def __enter__(self) -> AirflowUi:
        self._output("-m", "airflow", "db", "migrate")
        port = self.url.rpartition(":")[2]
        serve = ["webserver", "--hostname"] if self.is_airflow_2 else ["api-server", "--host"]
        with (self.home / "server.log").open("wb") as log:
            self._server = subprocess.Popen(
                [self._python, "-m", "airflow", *serve, "127.0.0.1", "--port", port, "--workers", "1"],
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            self._wait_for_server()
            self._console = subprocess.Popen(
                [self._python, Path(__file__).with_name("console.py")],
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._console and self._console.stdin:
            self._console.stdin.close()
            self._console.wait(timeout=30)
        if self._server:
            self._server.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._server.wait(timeout=30)
            with suppress(ProcessLookupError):  # what it has left behind
                os.killpg(self._server.pid, signal.SIGKILL)
            self._server.wait()

    def last_words(self) -> str:
        """Return the end of the web server's log if it has ended, as Airflow 2's does on a machine that is too busy."""
        if self._server is None or self._server.poll() is None:
            return ""
        return f"The web server has ended:\n{self._log_end()}"

    def run(self, *arguments: str) -> str:
        """Run a command of Airflow's command line and return its output."""
        return str(self._ask({"run": arguments}))

    def stored(self, conn_id: str) -> dict[str, Any]:
        """Return a connection's fields, decrypted, and its extra as an object, as Airflow's own model reads them."""
        fields: dict[str, Any] = self._ask({"stored": conn_id})
        return fields

    def _ask(self, question: dict[str, object]) -> Any:
        if not (self._console and self._console.stdin and self._console.stdout):
            raise RuntimeError("Airflow has not been started.")
        print(json.dumps(question), file=self._console.stdin, flush=True)
        answer = json.loads(self._console.stdout.readline() or '{"error": "the console has ended"}')
        if "error" in answer:
            raise RuntimeError(f"{question}: {answer['error']}")
        return answer["result"]

    def _output(self, *arguments: str) -> str:
        return subprocess.run(
            [self._python, *arguments], env=self._environment, check=True, text=True, stdout=subprocess.PIPE
        ).stdout

    def _wait_for_server(self) -> None:
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline and self._server and self._server.poll() is None:
            try:
                urllib.request.urlopen(self.url, timeout=10).close()  # noqa: S310
            except (urllib.error.URLError, OSError):
                time.sleep(0.5)
            else:
                return
        raise RuntimeError(f"Airflow's web server did not start:\n{self._log_end()}")

    def _log_end(self) -> str:
        return (self.home / "server.log").read_text(errors="replace")[-3000:]
