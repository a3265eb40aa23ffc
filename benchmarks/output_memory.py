"""Peak memory of writing 20,000 and 1,000,000 payments, in each format, to disk and to S3.

    .venv/airflow-3.3.2/bin/python benchmarks/output_memory.py

Each measurement is a process of its own, which makes payments as it goes, about 800 bytes of JSON each, and writes them
through ``open_output``, to the disk or over HTTP to moto's S3 server in another process. Its peak is what the system
counted (``ru_maxrss``), Python and libraries included.
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
from typing import Any

SIZES = (20_000, 1_000_000)
FORMATS = ("jsonl", "jsonl.gz", "csv", "csv.gz", "parquet")
START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def write(url: str, file_format: str, count: int, records_per_file: int | None) -> None:
    """Write payments, and print the peak in MiB and the seconds."""
    from airflow_provider_payments.output.atomic_output import open_output
    from airflow_provider_payments.output.formats import FORMATS
    from airflow_provider_payments.output.location import StorageLocation
    from airflow_provider_payments.payment import Payment, PaymentStatus

    began = time.monotonic()
    with open_output(
        StorageLocation.parse(url), FORMATS[file_format], include_raw=True, records_per_file=records_per_file
    ) as output:
        for number in range(count):
            raw = {"id": number, "amount": f"{number}.123456789012345678", "note": os.urandom(100).hex()}
            payment = Payment(
                provider="spacepay",
                connection_id="spacepay_default",
                id=f"pay_{number}",
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
                raw=json.dumps(raw).encode(),
            )
            output.write([payment])
        output.finish()
        output.publish({})
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{peak:.1f} {time.monotonic() - began:.1f}")


def measure(url: str, file_format: str, count: int, records_per_file: int | None) -> tuple[float, float]:
    arguments = [sys.executable, __file__, "--write", url, file_format, str(count), str(records_per_file or 0)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    peak, seconds = done.stdout.split()[-2:]
    return float(peak), float(seconds)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", nargs=4, metavar=("URL", "FORMAT", "COUNT", "LIMIT"), help=argparse.SUPPRESS)
    parser.add_argument("--formats", nargs="+", default=FORMATS)
    parser.add_argument("--stores", nargs="+", default=("disk", "s3"))
    asked = parser.parse_args()
    if asked.write:
        url, file_format, count, limit = asked.write
        write(url, file_format, int(count), int(limit) or None)
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("AIRFLOW_HOME", folder)
        for store in asked.stores:
            for limit in (None, 50_000):
                for file_format in asked.formats:
                    with Lake(store, Path(folder)) as url:
                        kind = "parts" if limit else "one"
                        path = f"{url}/{kind}.{file_format}"
                        small, large = (measure(path, file_format, count, limit) for count in SIZES)
                        print(
                            f"{store:5} {file_format:8} {kind:5} {small[0]:7.1f} MiB {large[0]:7.1f} MiB "
                            f"growth {large[0] - small[0]:6.1f} MiB   {large[1] / SIZES[1] * 1e6:5.1f} µs a payment",
                            flush=True,
                        )


class Lake:
    """A place to write to."""

    def __init__(self, store: str, folder: Path) -> None:
        self._store = store
        self._folder = folder
        self._server: Any = None

    def __enter__(self) -> str:
        if self._store == "disk":
            return (self._folder / "lake").as_uri()
        code = (
            "import time, boto3; from moto.server import ThreadedMotoServer as Server;"
            "import logging; logging.getLogger('werkzeug').disabled = True;"
            "s = Server('127.0.0.1', port=0, verbose=False); s.start(); url = 'http://%s:%s' % s.get_host_and_port();"
            "boto3.client('s3', endpoint_url=url, region_name='us-east-1', aws_access_key_id='moto',"
            "aws_secret_access_key='moto').create_bucket(Bucket='lake'); print(url, flush=True); time.sleep(9999)"
        )
        self._server = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        extra = {"endpoint_url": self._server.stdout.readline().strip(), "region_name": "us-east-1"}
        connection = {"conn_type": "aws", "login": "moto", "password": "moto", "extra": extra}
        os.environ["AIRFLOW_CONN_LAKE"] = json.dumps(connection)
        return "s3://lake@lake"

    def __exit__(self, *_: object) -> None:
        if self._server:
            self._server.kill()
            self._server.wait()


if __name__ == "__main__":
    main()
