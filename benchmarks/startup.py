"""What a task costs besides its payments: before the first request, until its file is there, and after that.

    make bench

Each run is a new process, as a task's is. It first loads what Airflow has loaded when a task begins, which does not
count: the task runner and its supervisor, the DAG processor's part, plugins and listeners. Then it does step by step
what a task does with ``ListPaymentsOperator``: 80 payments on eight pages, four at once as is the default, from a local
server to a file, over TLS with the usual certificate authorities. Printed are medians of five runs, processor time and
wall, as Markdown; once where nobody reads hook lineage, and once where OpenLineage does.
"""

from __future__ import annotations

import argparse
import json
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from server import Lists

RUNS = 5
PAYMENTS, PAGE_SIZE = 80, 10
PACKAGE = "airflow_provider_payments"
#: What Airflow's own modules are when a task begins.
TASK_PROCESS = (
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "airflow.dag_processing.dagbag",
    "airflow.sdk.io",
)
#: What the steps before ``execute`` import, in the order in which a task needs it.
IMPORTS = {
    "import the operator, as its DAG file does": [f"{PACKAGE}.operators.list_payments"],
    "import requests": ["requests"],
    "import aiohttp, which Airflow's HttpHook needs": ["aiohttp"],
    "import Airflow's HttpHook": ["airflow.providers.http.hooks.http"],
    "import the hook": [f"{PACKAGE}.hooks.spacepay"],
    "import the output": [f"{PACKAGE}.output.delivery"],
}
#: By their audit events (``sys.addaudithook``): what a step of ``execute`` ends with.
ENDS = {"socket.connect": "execute, to the first connection", "os.rename": "to the payments in their file"}
SCENARIOS = {
    "Nobody reads hook lineage": {},
    "OpenLineage reads hook lineage": {"AIRFLOW__OPENLINEAGE__TRANSPORT": '{"type": "console"}'},
}


class Steps:
    """Processor and wall time of steps, in milliseconds: each from the end of the one before."""

    def __init__(self) -> None:
        self.taken: dict[str, tuple[float, float]] = {}
        self._last = self._now()

    def end(self, name: str) -> None:
        """Note that a step has ended, if it is its first time."""
        if name not in self.taken:
            now = self._now()
            self.taken[name] = (now[0] - self._last[0], now[1] - self._last[1])
            self._last = self._now()

    @staticmethod
    def _now() -> tuple[float, float]:
        return time.process_time() * 1000, time.perf_counter() * 1000


def start_airflow() -> None:
    """Load what a task's process has loaded when the task begins."""
    for name in TASK_PROCESS:
        import_module(name)
    from airflow.sdk import plugins_manager
    from airflow.sdk.listener import get_listener_manager
    from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime

    get_listener_manager()
    plugins_manager.integrate_macros_plugins()
    ProvidersManagerTaskRuntime().initialize_providers_list()


def run_task(origin: str, out: Path) -> dict[str, tuple[float, float]]:
    """Run a task, and return how long each step took."""
    extra = {"page_size": PAGE_SIZE, "verify": str(out.with_name("authorities.pem"))}
    connection = {"conn_type": "spacepay", "host": f"{origin}/spacepay", "password": "key of no use", "extra": extra}
    os.environ["AIRFLOW_CONN_BENCHMARK"] = json.dumps(connection)
    start_airflow()
    steps = Steps()
    for name, modules in IMPORTS.items():
        for module in modules:
            import_module(module)
        steps.end(name)
    operators: Any = import_module(f"{PACKAGE}.operators.list_payments")
    task = operators.ListPaymentsOperator(task_id="list", payments_conn_id="benchmark", output_path=out.as_uri())
    _ = task.hook
    steps.end("look up the connection and its hook")
    sys.addaudithook(lambda event, _: steps.end(ENDS[event]) if event in ENDS else None)
    manifest = task.execute({})
    steps.end("to the end of execute: lineage, and the manifest")
    if manifest["records"] != PAYMENTS:
        raise SystemExit(f"not what was asked for: {manifest}")
    return steps.taken


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve the list over TLS, from this process. What is to verify it is in the folder."""
    import certifi

    lists = Lists(PAYMENTS, None)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = b"".join(lists.spacepay_page(parse_qs(urlsplit(self.path).query)))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    make_certificate(folder / "server.pem")
    own = (folder / "server.pem").read_text()
    (folder / "authorities.pem").write_text(Path(certifi.where()).read_text() + own[own.index("-----BEGIN CERT") :])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.pem")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def make_certificate(file: Path) -> None:
    """Write a key, and a certificate that it has signed itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(timezone.utc)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "benchmark")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    own_key = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(own_key + certificate.public_bytes(Encoding.PEM))


def measure(origin: str, folder: Path, settings: dict[str, str]) -> dict[str, tuple[float, float]]:
    """Run a task in a new process, and return how long each step took."""
    environment = {**os.environ, "AIRFLOW_HOME": str(folder), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", **settings}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # where Airflow runs, it was compiled once
    command = [sys.executable, __file__, "--run", origin, str(folder / "payments.jsonl")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, tuple[float, float]] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(settings: dict[str, str], runs: int) -> None:
    """Print a table of medians."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        with serve(folder) as origin:
            measure(origin, folder, settings)  # compiles what is not yet, and does not count
            found = [measure(origin, folder, settings) for _ in range(runs)]
    print("| | CPU ms | wall ms |\n|---|---:|---:|")
    for step in found[0]:
        cpu, wall = (statistics.median(each[step][which] for each in found) for which in (0, 1))
        print(f"| {step} | {cpu:.1f} | {wall:.1f} |")
    cpu, wall = (statistics.median(sum(step[which] for step in each.values()) for each in found) for which in (0, 1))
    print(f"| **all of it** | **{cpu:.0f}** | **{wall:.0f}** |", flush=True)


def main() -> None:
    """Measure and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--run", nargs=2, metavar=("ORIGIN", "FILE"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.run:
        taken = run_task(asked.run[0], Path(asked.run[1]))
        print(json.dumps(taken))
        return
    print("\nA task before and after its payments, over Airflow's own start")
    for title, settings in SCENARIOS.items():
        print(f"\n{title}:\n")
        compare(settings, asked.runs)


if __name__ == "__main__":
    main()
