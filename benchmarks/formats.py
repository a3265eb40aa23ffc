"""What each format costs: processor time a payment, of writing alone and of a whole run of the operator.

    make bench

Writing: 20,000 payments that were listed before, through the format's writer to nowhere, all formats in turn in one
process, seven times. Whole runs: ``ListPaymentsOperator`` lists 100,000 payments from the local server into a file,
eight pages at once, each in a new process, all formats in turn, three times. Medians, as Markdown; ratios are of the
whole runs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import RawIOBase
from pathlib import Path
from typing import Any

FORMATS = ("jsonl", "jsonl.gz", "csv", "csv.gz", "parquet")
#: Payments to write, and how many at a time, as in a run; payments to list.
WRITTEN, BATCH, LISTED = 20_000, 128, 100_000


class Nowhere(RawIOBase):
    """A stream that drops what is written."""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return memoryview(data).nbytes


@contextmanager
def serve(payments: int) -> Iterator[str]:
    """Run the server in a process of its own."""
    command = [sys.executable, str(Path(__file__).with_name("server.py")), "--payments", str(payments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield f"http://127.0.0.1:{server.stdout.readline().strip()}"  # type: ignore[union-attr]
        finally:
            server.kill()


def find_hook(origin: str) -> Any:
    """Return a hook for the server's list."""
    from airflow_provider_payments._compat import BaseHook

    extra = {"max_concurrency": 8}
    connection = {"conn_type": "spacepay", "host": f"{origin}/spacepay", "password": "key of no use", "extra": extra}
    os.environ["AIRFLOW_CONN_BENCHMARK"] = json.dumps(connection)
    return BaseHook.get_hook("benchmark")


def measure_writing(payments: list[Any], file_format: str) -> float:
    """Return the processor time of writing a payment, in microseconds."""
    from airflow_provider_payments.output.formats import FORMATS as WRITERS

    began = time.process_time()
    writer = WRITERS[file_format].open_writer(Nowhere(), True)
    for start in range(0, len(payments), BATCH):
        writer.write(payments[start : start + BATCH])
    writer.finish()
    return (time.process_time() - began) / len(payments) * 1e6


def run_operator(origin: str, out: Path) -> float:
    """Return the processor time of listing all payments into a file, after the imports that all formats need."""
    import airflow_provider_payments.output.delivery  # noqa: F401
    from airflow_provider_payments.operators.list_payments import ListPaymentsOperator

    find_hook(origin)
    task = ListPaymentsOperator(task_id="list", payments_conn_id="benchmark", output_path=out.as_uri())
    began = time.process_time()
    manifest: Any = task.execute({})
    taken = time.process_time() - began
    if manifest["records"] != LISTED or not manifest["complete"]:
        raise SystemExit(f"not what was asked for: {manifest}")
    return taken


def measure_run(origin: str, folder: Path, file_format: str) -> float:
    """Return the processor time of a payment in a whole run, in microseconds."""
    out = folder / f"payments.{file_format}"
    command = [sys.executable, __file__, "--run", origin, str(out)]
    environment = {**os.environ, "AIRFLOW_HOME": str(folder), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # where Airflow runs, it was compiled once
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    out.unlink()
    return float(done.stdout.splitlines()[-1]) / LISTED * 1e6


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3, help="whole runs of each format")
    parser.add_argument("--run", nargs=2, metavar=("ORIGIN", "FILE"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.run:
        print(run_operator(asked.run[0], Path(asked.run[1])))
        return
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        os.environ["AIRFLOW_HOME"] = name
        with serve(WRITTEN) as origin:
            payments = list(find_hook(origin).list_payments())
        rounds = [{each: measure_writing(payments, each) for each in FORMATS} for _ in range(7)]
        writing = {each: statistics.median(found[each] for found in rounds) for each in FORMATS}
        with serve(LISTED) as origin:
            rounds = [{each: measure_run(origin, folder, each) for each in FORMATS} for _ in range(asked.runs)]
        whole = {each: statistics.median(found[each] for found in rounds) for each in FORMATS}
    print("\nCPU µs a payment by format\n")
    print("| | writing alone | the whole run | times JSON Lines' |\n|---|---:|---:|---:|")
    for each in FORMATS:
        print(f"| {each} | {writing[each]:.1f} | {whole[each]:.1f} | {whole[each] / whole['jsonl']:.2f} |", flush=True)


if __name__ == "__main__":
    main()
