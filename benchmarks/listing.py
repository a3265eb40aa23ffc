"""Listing payments: our operator side by side with what people use today, and with the limit.

    make bench

Starts a fast local server (``server.py``) in a process of its own, runs every contestant in a new process, one after
the other, five rounds of them, and prints the medians with ratios, as Markdown. Measured is what a task does: from the
first request to the file on the disk, after the imports.

First comes a list as real APIs have them: pages of 100, and 150 ms until a reply. Hardly anything but waiting is left
there, so it is compared with the ideal: as many pages as there are, eight at a time, each in 150 ms.

=================  ===================================================================================================
operator           ``ListPaymentsOperator``, ``max_concurrency=8``: list, check, normalise, keep raw, deduplicate, JSON
                   Lines, hash, manifest
plain loop         ``requests``, page by page; writes each payment's JSON as it is
operator, window   the same with ``created_from``: newest first, to an end that is not known before
HttpOperator       Airflow's, with a ``pagination_function``; the same output
aiohttp, raw       eight requests at once, the bytes to a file: the limit
aiohttp, orjson    the same, and each payment parsed and written with orjson
=================  ===================================================================================================
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
AT_ONCE = 8
ROUNDS = 5
#: Rows of the pages of Satispay, which has no longer ones.
SHORT = 100
#: Before the first payment.
BEFORE = "2025-12-31T00:00:00Z"
SPACEPAY = "/spacepay/v1/external/secretkey-auth/payments"
SATISPAY = "/satispay/g_business/v1/payments"


# The contestants. Each is run in a process of its own, and returns the number of payments.


def run_operator(origin: str, api: str, size: int, payments: int, out: Path, **settings: Any) -> int:
    import airflow_provider_payments.hooks.base
    import airflow_provider_payments.output.delivery  # noqa: F401 - not measured
    from airflow_provider_payments._compat import BaseHook
    from airflow_provider_payments.operators.list_payments import ListPaymentsOperator

    key = Path(os.environ["BENCHMARK_KEY"]).read_text() if api == "satispay" else "key"
    extra = {"max_concurrency": settings.pop("at_once", AT_ONCE), "page_size": size}
    connection = {"conn_type": api, "host": f"{origin}/{api}", "login": "key", "password": key, "extra": extra}
    os.environ["AIRFLOW_CONN_BENCHMARK"] = json.dumps(connection)
    BaseHook.get_hook("benchmark")
    task = ListPaymentsOperator(task_id="list", payments_conn_id="benchmark", output_path=out.as_uri(), **settings)
    with Clock():
        manifest: Any = task.execute({})
    if not manifest["complete"]:
        raise SystemExit(f"incomplete: {manifest}")
    return int(manifest["records"])


def run_plain_loop(origin: str, api: str, size: int, payments: int, out: Path) -> int:
    import requests

    rows = 0
    with Clock(), out.open("w") as file, requests.Session() as session:
        params: dict[str, Any] | None = {"limit": size, "offset": 0}
        if api == "satispay":
            session.auth, params = sign(), {"limit": size}
        while params:
            page = session.get(origin + (SATISPAY if api == "satispay" else SPACEPAY), params=params, timeout=30).json()
            for row in page["data"]:
                file.write(json.dumps(row) + "\n")
            rows += len(page["data"])
            params = following(page, params)
    return rows


def following(page: dict[str, Any], params: dict[str, Any]) -> dict[str, Any] | None:
    if "pagination" not in page:
        return {**params, "starting_after": page["data"][-1]["id"]} if page["has_more"] else None
    return {**params, "offset": params["offset"] + params["limit"]} if page["pagination"]["hasMore"] else None


def sign() -> Callable[[Any], Any]:
    """The signature as Satispay's own example has it."""
    import base64
    import hashlib
    from email.utils import formatdate
    from urllib.parse import urlsplit

    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key: Any = load_pem_private_key(Path(os.environ["BENCHMARK_KEY"]).read_bytes(), None)
    digest = "SHA-256=" + base64.b64encode(hashlib.sha256(b"").digest()).decode()

    def add_signature(request: Any) -> Any:
        date, host = formatdate(usegmt=True), urlsplit(request.url).netloc
        text = f"(request-target): get {request.path_url}\nhost: {host}\ndate: {date}\ndigest: {digest}"
        signature = base64.b64encode(key.sign(text.encode(), PKCS1v15(), SHA256())).decode()
        headers = 'headers="(request-target) host date digest"'
        request.headers["Authorization"] = (
            f'Signature keyId="key", algorithm="rsa-sha256", {headers}, signature="{signature}"'
        )
        request.headers.update({"Host": host, "Date": date, "Digest": digest})
        return request

    return add_signature


def run_http_operator(origin: str, api: str, size: int, payments: int, out: Path) -> int:
    from airflow.providers.http.operators.http import HttpOperator

    os.environ["AIRFLOW_CONN_BENCHMARK"] = json.dumps({"conn_type": "http", "host": origin})

    def paginate(response: Any) -> dict[str, Any] | None:
        about = response.json()["pagination"]
        following = {"limit": about["limit"], "offset": about["offset"] + about["limit"]}
        return {"data": following} if about["hasMore"] else None

    def write(responses: list[Any]) -> int:
        with out.open("w") as file:
            rows = [row for response in responses for row in response.json()["data"]]
            file.writelines(json.dumps(row) + "\n" for row in rows)
        return len(rows)

    list_pages = HttpOperator(
        task_id="list_pages",
        http_conn_id="benchmark",
        endpoint=SPACEPAY,
        method="GET",
        data={"limit": size, "offset": 0},
        pagination_function=paginate,
        response_filter=write,
        log_response=False,
    )
    with Clock():
        return int(list_pages.execute({}))


def run_aiohttp(origin: str, api: str, size: int, payments: int, out: Path, parse: bool = False) -> int:
    import aiohttp
    import orjson

    async def load() -> int:
        at_once, rows = asyncio.Semaphore(AT_ONCE), 0
        with out.open("wb") as file:
            async with aiohttp.ClientSession(origin) as session:

                async def read(offset: int) -> None:
                    nonlocal rows
                    async with at_once, session.get(SPACEPAY, params={"limit": size, "offset": offset}) as response:
                        body = await response.read()
                    if parse:
                        page = orjson.loads(body)["data"]
                        rows += len(page)
                        body = b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in page)
                    file.write(body)

                await asyncio.gather(*(read(offset) for offset in range(0, payments, size)))
        return rows or payments

    with Clock():
        return asyncio.run(load())


def run_aiohttp_orjson(origin: str, api: str, size: int, payments: int, out: Path) -> int:
    return run_aiohttp(origin, api, size, payments, out, parse=True)


def run_one_at_a_time(origin: str, api: str, size: int, payments: int, out: Path) -> int:
    return run_operator(origin, api, size, payments, out, at_once=1)


def run_window(origin: str, api: str, size: int, payments: int, out: Path) -> int:
    return run_operator(origin, api, size, payments, out, created_from=BEFORE)


def run_bare_requests(origin: str, api: str, size: int, payments: int, out: Path) -> int:
    """As many requests as there are payments, one after the other, and nothing done with the replies."""
    import requests

    with Clock(), out.open("wb"), requests.Session() as session:
        for offset in range(payments):
            session.get(origin + SPACEPAY, params={"limit": size, "offset": offset}, timeout=30)
    return payments


CONTESTANTS = {
    "operator": run_operator,
    "operator, one at a time": run_one_at_a_time,
    "operator, window": run_window,
    "plain loop": run_plain_loop,
    "HttpOperator": run_http_operator,
    "aiohttp, raw": run_aiohttp,
    "aiohttp, orjson": run_aiohttp_orjson,
    "bare requests.get": run_bare_requests,
}


class Clock:
    """Measures what is in its ``with`` block."""

    measured: dict[str, float] = {}  # noqa: RUF012 - there is one block in a process

    def __enter__(self) -> None:
        self._began, self._cpu = time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        self.measured["seconds"] = time.perf_counter() - self._began
        self.measured["cpu"] = time.process_time() - self._cpu
        self.measured["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# The measurement.


@contextmanager
def serve(folder: Path, api: str, payments: int, latency_ms: float, spread: float = 0) -> Iterator[str]:
    command = [sys.executable, HERE / "server.py", "--payments", payments]
    command += ["--latency-ms", latency_ms, "--spread", spread]
    command += ["--public-key", folder / "public.pem"] if api == "satispay" else []
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True) as server:
        try:
            yield f"http://127.0.0.1:{server.stdout.readline().strip()}"  # type: ignore[union-attr]
        finally:
            server.kill()


def measure(name: str, origin: str, api: str, size: int, payments: int, folder: Path) -> dict[str, float]:
    out = folder / "payments.jsonl"
    command = [sys.executable, __file__, "--run", name, origin, api, str(size), str(payments), str(out)]
    environment = {**os.environ, "AIRFLOW_HOME": str(folder), "BENCHMARK_KEY": str(folder / "private.pem")}
    environment["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"  # as where it is used
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    out.unlink()
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    if found["payments"] != payments:
        raise SystemExit(f"{name} found {found}")
    return found


def medians(names: list[str], origin: str, api: str, size: int, payments: int, folder: Path) -> dict[str, Any]:
    """Measure contestants in turn, and return the medians of each."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(ROUNDS):
        for name in names:
            found[name].append(measure(name, origin, api, size, payments, folder))
    return {
        name: {what: statistics.median(each[what] for each in rounds) for what in rounds[0]}
        for name, rounds in found.items()
    }


def compare_with_ideal(api: str, latency_ms: float, spread: float, folder: Path) -> None:
    """Print how much longer a list with short pages takes than the waiting for them has to."""
    payments = 20_000
    ideal = payments / SHORT / AT_ONCE * latency_ms / 1000
    names = ["operator", "operator, window", *(["aiohttp, raw"] if api == "spacepay" else [])]
    with serve(folder, api, payments, latency_ms, spread) as origin:
        found = medians(names, origin, api, SHORT, payments, folder)
    kind = "signed cursor pages" if api == "satispay" else "offset pages"
    wait = f"{latency_ms * (1 - spread):.0f} to {latency_ms * (1 + spread):.0f} ms" if spread else f"{latency_ms} ms"
    print(f"\n{payments:,} payments, {kind} of {SHORT}, {wait}: ideal is {ideal:.2f} s\n")
    print("| | seconds | times the ideal | CPU ms a page | peak MiB |\n|---|---:|---:|---:|---:|")
    for name, each in found.items():
        cpu = each["cpu"] / payments * SHORT * 1e3
        print(f"| {name} | {each['seconds']:.2f} | {each['seconds'] / ideal:.2f} | {cpu:.1f} | {each['peak']:.0f} |")
    sys.stdout.flush()


def compare(names: list[str], api: str, size: int, payments: int, latency_ms: float, folder: Path) -> None:
    """Print a table of contestants, the operator first."""
    with serve(folder, api, payments, latency_ms) as origin:
        found = medians(names, origin, api, size, payments, folder)
    kind = "signed cursor pages" if api == "satispay" else "offset pages"
    print(f"\n{payments:,} payments, {kind} of {size}, {latency_ms} ms\n")
    print("| | seconds | times the operator's | CPU µs a payment | peak MiB |\n|---|---:|---:|---:|---:|")
    for name, each in found.items():
        cpu, ratio = each["cpu"] / payments * 1e6, each["seconds"] / found[names[0]]["seconds"]
        print(f"| {name} | {each['seconds']:.2f} | {ratio:.2f} | {cpu:.1f} | {each['peak']:.0f} |", flush=True)


def measure_requests(folder: Path) -> None:
    """Print what a request costs besides its rows: pages that bring one new row each, less the same rows on few pages.

    A page of two rows shares one with the page before, so there are as many pages as payments.
    """
    payments, api = 2000, "spacepay"
    with serve(folder, api, payments, 0) as origin:
        short = medians(["operator", "bare requests.get"], origin, api, 2, payments, folder)
        long = medians(["operator"], origin, api, 1000, payments, folder)
    ours = (short["operator"]["cpu"] - long["operator"]["cpu"]) / payments * 1e3
    bare = short["bare requests.get"]["cpu"] / payments * 1e3
    print(f"\nProcessor time a request besides its rows: {ours:.2f} ms; a bare requests.get: {bare:.2f} ms", flush=True)


def measure_memory(folder: Path) -> None:
    """Print the operator's peak memory at three sizes."""
    print("\nPeak memory of the operator, offset pages of 1000\n")
    print("| payments | peak MiB | more than at the first | CPU µs a payment |\n|---:|---:|---:|---:|")
    first = None
    for payments in (20_000, 100_000, 1_000_000):
        with serve(folder, "spacepay", payments, 0) as origin:
            found = measure("operator", origin, "spacepay", 1000, payments, folder)
        first = found["peak"] if first is None else first
        cpu = found["cpu"] / payments * 1e6
        print(f"| {payments:,} | {found['peak']:.0f} | {found['peak'] - first:.1f} | {cpu:.1f} |", flush=True)


def measure_imports(folder: Path) -> None:
    """Print what importing our operators and sensors costs beyond Airflow's base classes."""
    base = "from airflow_provider_payments import _compat; _compat.BaseOperator; _compat.BaseSensorOperator"
    ours = "import airflow_provider_payments.operators.list_payments, airflow_provider_payments.sensors.payments"
    code = f"import time\n{base}\nt = time.perf_counter()\n{ours}\nprint((time.perf_counter() - t) * 1000)"
    environment = {**os.environ, "AIRFLOW_HOME": str(folder)}
    times = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment).stdout)
        for _ in range(5)
    ]
    print(f"\nImporting operators and sensors, over Airflow's base classes: {statistics.median(times):.0f} ms")


def make_key(folder: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key = generate_private_key(65537, 2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "private.pem").write_bytes(private)
    (folder / "public.pem").write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = ["waiting", "speed", "requests", "memory", "imports"]
    parser.add_argument("--run", nargs=6, help=argparse.SUPPRESS)
    parser.add_argument("--only", nargs="+", default=parts, choices=parts)
    asked = parser.parse_args()
    if asked.run:
        name, origin, api, size, payments, out = asked.run
        found = CONTESTANTS[name](origin, api, int(size), int(payments), Path(out))
        print(json.dumps({"payments": found, **Clock.measured}))
        return
    today = datetime.now(tz=timezone.utc)
    print(f"{today:%Y-%m-%d}, Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}")
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        make_key(folder)
        if "waiting" in asked.only:
            for spread in (0, 0.6):
                compare_with_ideal("spacepay", 150, spread, folder)
            compare_with_ideal("satispay", 150, 0, folder)
        if "speed" in asked.only:
            names = ["operator", "plain loop", "HttpOperator", "aiohttp, raw", "aiohttp, orjson"]
            for latency_ms in (30, 0):
                compare(names, "spacepay", 1000, 100_000, latency_ms, folder)
            compare(["operator", "operator, one at a time", "plain loop"], "satispay", SHORT, 20_000, 30, folder)
        if "requests" in asked.only:
            measure_requests(folder)
        if "memory" in asked.only:
            measure_memory(folder)
        if "imports" in asked.only:
            measure_imports(folder)


if __name__ == "__main__":
    main()
