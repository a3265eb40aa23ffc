"""What each format costs: processor time a payment, of writing alone and of a whole run of the operator.

    make bench

Writing: 20,000 payments that were listed before, through the format's writer to nowhere, all formats in turn in one
process, seven times. Whole runs: ``ListPaymentsOperator`` lists 100,000 payments from the local server into a file, as
in ``listing.py``, each in a new process, all formats in turn, three times. Medians, as Markdown; ratios are of whole
runs.
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
from io import RawIOBase
from pathlib import Path
from typing import Any

from listing import HERE, serve

FORMATS = ("jsonl", "jsonl.gz", "csv", "csv.gz", "parquet")
#: Payments to write, and how many at a time, as in a run; payments to list.
WRITTEN, BATCH, LISTED = 20_000, 128, 100_000


class Nowhere(RawIOBase):
    """A stream that drops what is written."""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return memoryview(data).nbytes


def list_payments(origin: str) -> list[Any]:
    """Return payments as a hook lists them."""
    from airflow_provider_payments._compat import BaseHook

    connection = {"conn_type": "spacepay", "host": f"{origin}/spacepay", "login": "key", "password": "key"}
    os.environ["AIRFLOW_CONN_BENCHMARK"] = json.dumps(connection)
    hook: Any = BaseHook.get_hook("benchmark")
    return list(hook.list_payments())


def measure_writing(payments: list[Any], file_format: str) -> float:
    """Return the processor time of writing a payment, in microseconds."""
    from airflow_provider_payments.output.formats import FORMATS as WRITERS

    began = time.process_time()
    writer = WRITERS[file_format].open_writer(Nowhere(), True)
    for start in range(0, len(payments), BATCH):
        writer.write(payments[start : start + BATCH])
    writer.finish()
    return (time.process_time() - began) / len(payments) * 1e6


def measure_run(origin: str, folder: Path, file_format: str) -> float:
    """Return the processor time of a payment in a whole run, in microseconds."""
    out = folder / f"payments.{file_format}"
    command = [sys.executable, HERE / "listing.py", "--run", "operator", origin, "spacepay", str(LISTED), str(out)]
    environment = {**os.environ, "AIRFLOW_HOME": str(folder), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # where Airflow runs, it was compiled once
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    out.unlink()
    found = json.loads(done.stdout.splitlines()[-1])
    if found["payments"] != LISTED:
        raise SystemExit(f"{file_format}: {found}")
    return float(found["cpu"]) / LISTED * 1e6


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3, help="whole runs of each format")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        os.environ["AIRFLOW_HOME"] = name
        with serve(folder, WRITTEN, 0, is_signed=False) as origin:
            payments = list_payments(origin)
        rounds = [{each: measure_writing(payments, each) for each in FORMATS} for _ in range(7)]
        writing = {each: statistics.median(found[each] for found in rounds) for each in FORMATS}
        with serve(folder, LISTED, 0, is_signed=False) as origin:
            rounds = [{each: measure_run(origin, folder, each) for each in FORMATS} for _ in range(asked.runs)]
        whole = {each: statistics.median(found[each] for found in rounds) for each in FORMATS}
    print("\nCPU µs a payment by format\n")
    print("| | writing alone | the whole run | times JSON Lines' |\n|---|---:|---:|---:|")
    for each in FORMATS:
        print(f"| {each} | {writing[each]:.1f} | {whole[each]:.1f} | {whole[each] / whole['jsonl']:.2f} |", flush=True)


if __name__ == "__main__":
    main()
