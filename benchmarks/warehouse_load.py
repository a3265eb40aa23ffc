"""Seconds, CPU seconds and peak memory of loading payments into a database.

    .venv/airflow-3.3.2/bin/python benchmarks/warehouse_load.py postgres://user@localhost:5432/warehouse

Each measurement is a process of its own, which loads a file of ``--count`` payments, about 800 bytes of JSON each, by
``load_payments`` into the table ``benchmark_payments``, which is dropped first: into the new table; the same payments,
listed later; and again with one in a hundred listed later still. Airflow's provider package of the database has to be
installed. CPU and peak (``ru_maxrss``) are those of the process that loads, Python and libraries included; what the
database needs is its own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

TABLE = "benchmark_payments"
START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def write(folder: Path, file_format: str, count: int, turn: str) -> dict[str, object]:
    """Write payments, and return what of the manifest counts."""
    from airflow_provider_payments.output.formats import FORMATS
    from airflow_provider_payments.payment import Payment, PaymentStatus

    path = folder / f"{turn}.{file_format}"
    with path.open("wb") as file:
        writer = FORMATS[file_format].open_writer(file, True)  # type: ignore[arg-type]
        for number in range(count):
            raw = {"id": number, "amount": f"{number}.123456789012345678", "note": f"{number * 7_919_317:0200d}"}
            listed_at = {"new": 0, "updated": 1, "few": 2 if number % 100 == 0 else 0}[turn]
            payment = Payment(
                provider="spacepay",
                connection_id="spacepay_default",
                id=f"pay_{number * 1_000_003 % count}",  # in no order that the key has
                status=PaymentStatus.SUCCEEDED,
                provider_status="completed",
                amount=Decimal(f"{number}.123456789012345678"),
                currency="ETH",
                amount_minor=number,
                crypto_asset="ETH",
                crypto_amount=Decimal(f"{number}.123456789012345678"),
                crypto_address=f"0x{number * 104_729:040x}",
                transaction_hash=f"0x{number * 999_983:064x}",
                order_id=f"order {number}",
                created_at=START + timedelta(seconds=number),
                completed_at=START + timedelta(seconds=number + 60),
                listed_at=START + timedelta(days=1000 + listed_at),
                raw=json.dumps(raw).encode(),
            )
            writer.write([payment])
        writer.finish()
    return {"path": path.as_uri(), "format": file_format, "records": count}


def load(manifest: dict[str, object]) -> None:
    """Load a file, and print the seconds, those of the CPU, and the peak in MiB."""
    from airflow_provider_payments.output.warehouse import load_payments

    began = time.monotonic()
    load_payments(manifest, "benchmark", TABLE)
    seconds, peak = time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{seconds:.1f} {time.process_time():.1f} {peak:.0f}")


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database", help="the URI of an Airflow connection")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--formats", nargs="+", default=("jsonl.gz", "parquet"))
    parser.add_argument("--load", metavar="MANIFEST", help=argparse.SUPPRESS)
    given = parser.parse_args()
    os.environ["AIRFLOW_CONN_BENCHMARK"] = given.database
    if given.load:
        load(json.loads(given.load))
        return
    from airflow_provider_payments.output.databases import find_database

    print(f"{'':10} {'turn':8} {'seconds':>8} {'CPU':>6} {'MiB':>6}")
    for file_format in given.formats:
        hook = find_database("benchmark")
        hook.run(f"DROP TABLE IF EXISTS {TABLE}")
        with tempfile.TemporaryDirectory() as folder:
            for turn in ("new", "updated", "few"):
                manifest = write(Path(folder), file_format, given.count, turn)
                arguments = [sys.executable, __file__, given.database, "--load", json.dumps(manifest)]
                done = subprocess.run(arguments, capture_output=True, text=True, check=True)
                seconds, cpu, peak = done.stdout.split()[-3:]
                print(f"{file_format:10} {turn:8} {seconds:>8} {cpu:>6} {peak:>6}", flush=True)
        hook.run(f"DROP TABLE {TABLE}")


if __name__ == "__main__":
    main()
