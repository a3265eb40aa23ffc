"""The project's sandbox as a user starts it: a process of its own, and the connections that it prints."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def running_sandbox(python: str | Path, *options: str) -> Iterator[dict[str, str]]:
    """Start the sandbox, and yield its connections: JSON by the name of the variable that Airflow reads.

    :param python: the interpreter of an environment with this package.
    :param options: of ``python -m airflow_provider_payments.sandbox``.
    """
    process = subprocess.Popen(
        [python, "-m", "airflow_provider_payments.sandbox", *options],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for us, who end it when all others have ended
    )
    connections = {}
    try:
        for line in process.stdout or ():
            if line.startswith("export AIRFLOW_CONN_"):
                (setting,) = shlex.split(line)[1:]
                name, _, value = setting.partition("=")
                connections[name] = value
            elif line.startswith("Sandbox ready"):
                print(line.strip(), flush=True)
                break
        else:
            raise SystemExit("The sandbox did not start; see its message above.")
        yield connections
    finally:
        process.terminate()
        process.wait(timeout=10)
