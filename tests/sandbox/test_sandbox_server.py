"""What is the server's own: recording, faults, time, determinism, the command."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import requests

import airflow_provider_payments
from airflow_provider_payments.sandbox import Call, Sandbox
from tests.sandboxes import copy_sandbox

NAMES = [
    "hotpay",
    "cryptofuse",
    "spacepay",
    "satispay",
    "jframework",
    "stripe",
    "gocardless",
    "mollie",
    "razorpay",
    "square",
    "paypal",
]
ROOT = Path(airflow_provider_payments.__file__).parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
PENDING = {
    "hotpay": {"PENDING", "PENDING_DEPOSIT", "KNOWN_DEPOSIT_TX", "PROCESSING", "INCOMPLETE_DEPOSIT"},
    "cryptofuse": {"waiting", "pending", "partially_paid", "confirming", "confirmed", "sending"},
    "spacepay": {"pending", "processing"},
    "satispay": {"PENDING", "AUTHORIZED"},
    "jframework": {"Created", "Pending", "Reserved"},
    "stripe": {"requires_confirmation", "requires_action", "processing", "requires_capture"},  # others are abandoned
    "gocardless": {"pending_customer_approval", "pending_submission", "submitted"},
    "mollie": {"open", "pending", "authorized"},
    "razorpay": {"created", "pending", "authorized"},
    "square": {"APPROVED", "PENDING"},
    "paypal": {"P"},
}
DIGESTS = {
    "hotpay": "5782c5f0ac3e",
    "cryptofuse": "913a1c73dbb9",
    "spacepay": "7454d7f7d761",
    "satispay": "d9911d73c88d",
    "jframework": "bed249031177",
    "stripe": "b6c611b24d68",
    "gocardless": "cbc52d5b73c7",
    "mollie": "917fc385a26c",
    "razorpay": "b05c01ecd59b",
    "square": "9f8e4436933f",
    "paypal": "8b2b770710ca",
}
"""Of each API's payments, as JSON."""


def spacepay(sandbox: Sandbox, **params: Any) -> requests.Response:
    url = f"{sandbox.url}/spacepay/v1/external/secretkey-auth/payments"
    return requests.get(url, params=params, headers={"X-SpacePay-Secret-Key": "sk_test_sandbox"}, timeout=30)


def digest(sandbox: Sandbox) -> str:
    rows = {name: api.rows for name, api in sandbox.apis.items()}
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def pending(sandbox: Sandbox) -> dict[str, int]:
    return {name: sum(row["status"] in PENDING[name] for row in api.rows) for name, api in sandbox.apis.items()}


def test_serves_every_api_and_says_so(sandbox: Sandbox) -> None:
    reply = requests.get(sandbox.url, timeout=30)
    assert reply.json() == {"apis": [f"{sandbox.url}/{name}" for name in NAMES]}
    assert requests.get(f"{sandbox.url}/another/payments", timeout=30).status_code == 404


def test_connections_are_what_airflow_reads(sandbox: Sandbox) -> None:
    connections = sandbox.connections()
    assert list(connections) == [f"{name}_default" for name in NAMES]
    for name in NAMES:
        connection = connections[f"{name}_default"]
        assert (connection["conn_type"], connection["host"]) == (name, f"{sandbox.url}/{name}")
        assert json.loads(json.dumps(connection)) == connection
        assert set(connection) <= {"conn_type", "host", "login", "password", "extra"}


def test_remembers_every_request_as_it_was_on_the_wire(sandbox: Sandbox) -> None:
    spacepay(sandbox, search="a b+ü")
    requests.post(f"{sandbox.url}/cryptofuse/o/token/", data={"a": "b"}, headers={"X-Odd": "1"}, timeout=30)
    first, second = sandbox.requests
    assert (first.api, first.method, first.status) == ("spacepay", "GET", 200)
    assert first.path == "/spacepay/v1/external/secretkey-auth/payments?search=a+b%2B%C3%BC"
    assert first.query == {"search": "a b+ü"}
    assert first.received_at <= first.answered_at <= second.received_at
    assert (second.api, second.method, second.body, second.status) == ("cryptofuse", "POST", b"a=b", 401)
    assert ("X-Odd", "1") in second.headers
    assert second.header("x-odd") == "1"
    sandbox.requests.clear()
    spacepay(sandbox)
    assert len(sandbox.requests) == 1


def test_rows_are_live(sandbox: Sandbox) -> None:
    rows = sandbox.apis["spacepay"].rows
    del rows[10:]
    rows[3]["status"] = "brand_new_word"
    assert [row["status"] for row in spacepay(sandbox).json()["data"]] == [row["status"] for row in rows]


@pytest.mark.parametrize("name", NAMES)
def test_added_payments_take_their_place(sandbox: Sandbox, name: str) -> None:
    api = sandbox.apis[name]
    newest = api.add(status="odd")
    assert api.rows[0] is newest
    assert newest["status"] == "odd"
    assert api.add() is api.rows[0]
    field = api.time_field
    at = datetime.now(timezone.utc) - timedelta(days=20_000)
    assert api.add(at=at) is api.rows[-1]
    if name != "hotpay":
        times = [row[field] for row in api.rows if row[field] != "2026-01-15T10:00:00Z"]
        assert times == sorted(times, reverse=True)
    assert len(api.rows) == 63


def test_before_reply_sees_the_call_before_it_is_answered(sandbox: Sandbox) -> None:
    seen: list[Call] = []

    def look(call: Call) -> None:
        assert call.status == 0
        seen.append(call)
        sandbox.spacepay.rows.clear()

    sandbox.before_reply = look
    assert spacepay(sandbox, limit=5).json()["data"] == []
    assert [call.query for call in seen] == [{"limit": "5"}]


def test_the_same_seed_gives_the_same_bytes_in_every_process() -> None:
    script = (
        "import hashlib, json, sys; from airflow_provider_payments.sandbox import Sandbox; "
        "rows = {name: api.rows for name, api in Sandbox(payments=60).apis.items()}; "
        "assert not any(name.split('.')[0] == 'airflow' for name in sys.modules), 'imports Airflow'; "
        "digests = {name: hashlib.sha256(json.dumps(each).encode()).hexdigest() for name, each in rows.items()}; "
        "print(json.dumps({name: digest[:12] for name, digest in digests.items()}))"
    )
    for hash_seed in "01":
        environment = {**ENVIRONMENT, "PYTHONHASHSEED": hash_seed}
        printed = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        )
        assert json.loads(printed.stdout) == DIGESTS, "differs from what another Python or an earlier version made"


def test_another_seed_gives_other_payments_and_a_larger_number_older_ones() -> None:
    small, large, other = Sandbox(payments=30), Sandbox(payments=90), Sandbox(payments=30, seed=2)
    for name in NAMES:
        assert large.apis[name].rows[:30] == small.apis[name].rows
        assert other.apis[name].rows[3:] != small.apis[name].rows[3:]


def test_the_copies_that_the_tests_get_are_what_is_made() -> None:
    copied, again, made = copy_sandbox(40), copy_sandbox(40), Sandbox(payments=40)
    for name in NAMES:
        assert copied.apis[name].rows == made.apis[name].rows
        assert copied.apis[name].add() == made.apis[name].add()
        assert vars(copied.apis[name]).keys() == vars(made.apis[name]).keys()
        assert copied.apis[name].clock is copied.clock
    copied.settle()
    made.settle()
    for name in NAMES:
        assert copied.apis[name].rows == made.apis[name].rows
        assert copied.apis[name].rows != again.apis[name].rows


@pytest.mark.parametrize("number", [0, 1, 2])
def test_few_payments(number: int) -> None:
    assert {len(api.rows) for api in Sandbox(payments=number).apis.values()} == {number}


def test_payments_of_one_api_only() -> None:
    sandbox = Sandbox(payments={"satispay": 5})
    assert {name: len(api.rows) for name, api in sandbox.apis.items() if api.rows} == {"satispay": 5}


def test_two_sandboxes_share_nothing() -> None:
    first, second = Sandbox(payments=5), Sandbox(payments=5)
    for name in NAMES:
        first.apis[name].rows[0]["status"] = "changed"
        assert second.apis[name].rows[0]["status"] != "changed"


def test_pending_payments_settle_with_time(sandbox: Sandbox) -> None:
    before = pending(sandbox)
    assert all(before.values())
    sandbox.advance(101)
    spacepay(sandbox)
    assert 0 < pending(sandbox)["spacepay"] < before["spacepay"], "some settle, some stay longer"
    sandbox.advance(200)
    for name in NAMES:
        requests.get(f"{sandbox.url}/{name}/", timeout=30)
    assert not any(pending(sandbox).values())


def test_nothing_settles_unless_asked() -> None:
    with Sandbox(payments=30) as sandbox:
        before = pending(sandbox)
        sandbox.advance(1e9)
        spacepay(sandbox)
        assert pending(sandbox) == before
        sandbox.settle()
        assert not any(pending(sandbox).values())


def test_settling_leaves_alone_what_a_test_has_changed(sandbox: Sandbox) -> None:
    row = next(row for row in sandbox.spacepay.rows if row["status"] == "processing")
    row["status"] = "cancelled"
    sandbox.settle()
    assert row["status"] == "cancelled"


def test_waits_overlap(sandbox: Sandbox) -> None:
    sandbox.faults.latency_ms = 1500
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: spacepay(sandbox), range(4)))
    assert max(call.received_at for call in sandbox.requests) < min(call.answered_at for call in sandbox.requests)
    assert all(call.answered_at - call.received_at >= 1.49 for call in sandbox.requests)


def test_every_nth_request_of_an_api_fails(sandbox: Sandbox) -> None:
    sandbox.faults.fail_every = 2
    requests.get(f"{sandbox.url}/hotpay/", timeout=30)
    replies = [spacepay(sandbox) for _ in range(6)]
    assert [reply.status_code for reply in replies] == [200, 503, 200, 500, 200, 503]
    assert replies[1].json()["error"]["type"] == "api_error"


@pytest.mark.parametrize("name", NAMES)
def test_throttles_in_each_api_s_own_way(sandbox: Sandbox, name: str) -> None:
    sandbox.faults.throttle_every = 1
    sandbox.faults.retry_after = "Wed, 21 Oct 2026 07:28:00 GMT"
    reply = requests.get(f"{sandbox.url}/{name}/", timeout=30)
    if name == "satispay":
        assert (reply.status_code, reply.json()["code"]) == (403, 70)
        assert "Retry-After" not in reply.headers
    elif name == "stripe":
        assert (reply.status_code, reply.headers["Stripe-Rate-Limited-Reason"]) == (429, "endpoint-rate")
        assert "Retry-After" not in reply.headers
    elif name == "gocardless":
        assert (reply.status_code, reply.headers["RateLimit-Reset"]) == (429, "Wed, 21 Oct 2026 07:28:00 GMT")
        assert "Retry-After" not in reply.headers
    else:
        assert reply.status_code == 429
        assert reply.headers["Retry-After"] == "Wed, 21 Oct 2026 07:28:00 GMT"
    sandbox.faults.retry_after = None
    assert "Retry-After" not in requests.get(f"{sandbox.url}/{name}/", timeout=30).headers


def test_canned_replies_come_first(sandbox: Sandbox) -> None:
    sandbox.faults.reply_with["spacepay"].extend(
        [(302, {"Location": "https://elsewhere.example.com/"}, b""), (200, {"Content-Type": "text/html"}, b"<html>")]
    )
    url = f"{sandbox.url}/spacepay/"
    assert requests.get(url, allow_redirects=False, timeout=30).headers["Location"] == "https://elsewhere.example.com/"
    reply = spacepay(sandbox)
    assert (reply.text, reply.headers["Content-Type"]) == ("<html>", "text/html")
    assert spacepay(sandbox).json()["pagination"]["total"] == 60
    assert [call.status for call in sandbox.requests] == [302, 200, 200]


def test_drops_connections(sandbox: Sandbox) -> None:
    sandbox.faults.drop_connection_every = 2
    assert spacepay(sandbox).status_code == 200
    with pytest.raises(requests.ConnectionError):
        spacepay(sandbox)
    assert [call.status for call in sandbox.requests] == [200, 0]
    assert spacepay(sandbox).status_code == 200


def test_truncates_replies(sandbox: Sandbox) -> None:
    sandbox.faults.truncate_every = 1
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        spacepay(sandbox)


def test_stops_and_starts_again() -> None:
    sandbox = Sandbox(payments=5)
    with sandbox:
        assert spacepay(sandbox).status_code == 200
    with pytest.raises(requests.ConnectionError):
        spacepay(sandbox)
    with sandbox:
        assert spacepay(sandbox).status_code == 200


def test_a_taken_port_is_an_error(sandbox: Sandbox) -> None:
    with pytest.raises(OSError, match="address already in use"):
        Sandbox(port=sandbox.port, payments=1).start()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_prints_connections_and_stops_when_told(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "airflow_provider_payments.sandbox", "--port", "0", "--payments", "5"]
    process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = [process.stdout.readline().strip() for _ in range(len(NAMES) + 1)]
    try:
        ready, url = lines.pop().rsplit(" ", 1)
        assert ready == "Sandbox ready on"
        exported = dict(word.split("=", 1) for line in lines for word in shlex.split(line.removeprefix("export ")))
        assert list(exported) == [f"AIRFLOW_CONN_{name.upper()}_DEFAULT" for name in NAMES]
        connection = json.loads(exported["AIRFLOW_CONN_SPACEPAY_DEFAULT"])
        assert connection["host"] == f"{url}/spacepay"
        assert json.loads(exported["AIRFLOW_CONN_SATISPAY_DEFAULT"])["password"].startswith("-----BEGIN PRIVATE KEY")
        reply = requests.get(
            f"{connection['host']}/v1/external/secretkey-auth/payments",
            headers={"X-SpacePay-Secret-Key": connection["password"]},
            timeout=30,
        )
        assert reply.json()["pagination"]["total"] == 5
    finally:
        process.send_signal(number)
        _, errors = process.communicate(timeout=300)
    assert (process.returncode, errors) == (0, "")


def test_the_command_says_when_its_port_is_taken(sandbox: Sandbox) -> None:
    command = [sys.executable, "-m", "airflow_provider_payments.sandbox", "--port", str(sandbox.port)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{sandbox.port}" in done.stderr


def test_a_large_sandbox_answers_quickly() -> None:
    with Sandbox(payments={"spacepay": 20_000}) as sandbox:
        started = time.monotonic()
        rows = [
            row
            for offset in range(0, 20_000, 1000)
            for row in spacepay(sandbox, limit=1000, offset=offset).json()["data"]
        ]
        assert len({row["id"] for row in rows}) == 20_000
        assert time.monotonic() - started < 20


NEWEST = datetime(2031, 3, 3, 3, 3, 3, tzinfo=timezone.utc)


def moment(value: Any) -> float:
    """A row's time in Unix seconds."""
    if isinstance(value, int):
        return value
    return datetime.fromisoformat(value[:19] + (value[-6:] if value[-6] == "+" else "+00:00")).timestamp()


@pytest.mark.parametrize("name", NAMES)
def test_payments_can_be_of_another_time(name: str) -> None:
    api, documented = (Sandbox(payments=50, newest=newest).apis[name] for newest in (NEWEST, None))
    pairs = zip(api.rows, documented.rows, strict=True)
    times = [(row.get(api.time_field), was.get(api.time_field)) for row, was in pairs]
    by = {moment(now) - moment(was) for now, was in times if was}
    assert by == {round((NEWEST - documented.newest).total_seconds())}
    assert all(bool(now) == bool(was) for now, was in times)
    assert NEWEST.timestamp() - max(moment(now) for now, _ in times if now) <= 1
    # What is to come is moved, too, and nothing else is changed.
    for each in (api, documented):
        each.settle(float("inf"))
    seconds = "timestamp|created|created_at|canceled_at|available_on"
    known = re.compile(rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d|\"(?:{seconds})\": \d+")
    assert known.sub("", json.dumps(api.rows)) == known.sub("", json.dumps(documented.rows))
    assert not re.search(r"202[567]-\d\d-\d\dT", json.dumps(api.rows))


def test_new_payments_come_as_time_goes_by() -> None:
    with Sandbox(payments=20, newest=NEWEST, new_every=60) as running:
        before = {name: len(api.rows) for name, api in running.apis.items()}
        running.advance(150)
        found = spacepay(running).json()["data"]
        assert [payment["createdAt"] for payment in found[:3]] == [
            "2031-03-03T03:05:02.733Z",
            "2031-03-03T03:04:02.733Z",
            "2031-03-03T03:03:02.733Z",
        ]
        assert {payment["status"] for payment in found[:3]} == {"completed"}
        assert found[0]["id"] != found[1]["id"]
        # They are made when somebody looks, and once only.
        assert len(running.spacepay.rows) == before["spacepay"] + 2
        assert len(spacepay(running).json()["data"]) == 22
        assert len(running.hotpay.rows) == before["hotpay"]
        # None of their times lies ahead by more than a few seconds.
        text = json.dumps(found[:2])
        assert max(re.findall(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", text.replace("expiresAt", ""))) < "2031-03-03T03:30"


def test_the_command_takes_times() -> None:
    command = [sys.executable, "-m", "airflow_provider_payments.sandbox", "--port", "0"]
    done = subprocess.run(
        [*command, "--newest", "2031-03-03T03:03:03"], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "--newest" in done.stderr
