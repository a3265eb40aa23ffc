"""Real DAG runs and what Airflow keeps of them, objects in use, the sandbox's output: no secret in any of it."""

from __future__ import annotations

import copy
import json
import os
import pickle
import re
import runpy
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from airflow_provider_payments._compat import Asset, BaseHook
from airflow_provider_payments.operators.list_payments import ListPaymentsOperator
from airflow_provider_payments.sandbox import Call, Sandbox
from airflow_provider_payments.sensors.payments import PaymentStatusSensor
from airflow_provider_payments.triggers.payments import PaymentStatusTrigger
from tests.hooks.test_secrets import Ears, secrets_of
from tests.secrets.planting import Plant
from tests.secrets.searching import assert_absent, shown
from tests.secrets.test_faults import NAMES
from tests.waits import Shop

DAGS = Path(__file__).parents[1] / "operators" / "dags" / "secrets.py"


def files_of_airflow() -> str:
    """Everything that Airflow has written: its database, with XCom, triggers and rendered templates, and its logs."""
    home = Path(os.environ["AIRFLOW_HOME"])
    connection = sqlite3.connect(home / "airflow.db")
    dump = "\n".join(connection.iterdump())
    connection.close()
    return dump + "\n".join(path.read_text(errors="replace") for path in (home / "logs").rglob("*") if path.is_file())


@pytest.mark.usefixtures("database")
def test_runs(
    sandbox: Sandbox, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shops = {name: Shop(sandbox, name, monkeypatch) for name in ("cryptofuse", "satispay")}
    for shop in shops.values():
        shop.sell("pending")
    polls = dict.fromkeys(shops, 0)

    def settle(call: Call) -> None:
        polls[call.api] += 1
        if polls[call.api] == 12:
            shops[call.api].finish()

    sandbox.before_reply = settle
    with Ears() as ears:
        run = runpy.run_path(str(DAGS))["all_at_once"].test(run_conf={"folder": tmp_path.as_uri()})
    assert run.state == "success"
    output = capfd.readouterr()
    found = "\n".join(
        [
            files_of_airflow(),
            ears.stream.getvalue(),
            output.out,
            output.err,
            *(path.read_text() for path in tmp_path.iterdir()),
        ]
    )
    assert "satispay_default" in found
    if Asset.__name__ == "Asset":  # 2.11's dag.test() keeps no events
        assert re.search(r"INSERT INTO \W?asset_event\W? VALUES.*sha256", found)
    for conn_id, connection in sandbox.connections().items():
        if connection["conn_type"] in shops:
            assert_absent(found, secrets_of(connection, sandbox), conn_id)


@pytest.mark.parametrize("name", NAMES)
def test_objects(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is shown and pickled of everything that knows a connection, while it is in use."""
    monkeypatch.setenv(f"AIRFLOW_CONN_{plant.conn_id.upper()}", plant.connection("http://127.0.0.1:9"))
    hook = BaseHook.get_hook(plant.conn_id)
    api, config = hook.resolve()
    flow = api.auth.auth_flow(api.list_request({"limit": "1"}))
    with hook.sync_client(config) as client:
        objects = [
            hook,
            api,
            config,
            client,
            api.auth,
            api.error_mapper,
            api.credentials,
            config.options,
            next(flow),
            flow,
            getattr(api.auth, "ask", None),
            hook.get_conn(),
            hook.get_conn().auth,
        ]
        for each in objects:
            assert_absent(shown(each), plant.secrets, type(each).__name__)
    assert copy.copy(hook).resolve()[0].credentials == api.credentials


@pytest.mark.parametrize("name", ["cryptofuse-basic", "satispay-file"])
def test_what_cannot_be_pickled_says_so(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{plant.conn_id.upper()}", plant.connection("http://127.0.0.1:9"))
    api, _ = BaseHook.get_hook(plant.conn_id).resolve()
    for each in (api.credentials, api.credentials.options, api.auth, api.list_request({})):
        with pytest.raises(TypeError, match=f"A {type(each).__name__} holds secrets"):
            pickle.dumps(each)


@pytest.mark.parametrize("name", ["spacepay", "satispay"])
def test_tasks_and_triggers(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{plant.conn_id.upper()}", plant.connection("http://127.0.0.1:9"))
    names = {"task_id": "t", "payments_conn_id": plant.conn_id}
    tasks = [ListPaymentsOperator(**names), PaymentStatusSensor(payment_ids=["1"], max_poll_failures=0, **names)]
    for task in tasks:
        with pytest.raises(Exception, match="no reply"):
            task.execute({})
        text = shown(task) + repr({field: getattr(task, field) for field in task.template_fields})
        assert_absent(text + shown(getattr(task, "hook", None)), plant.secrets, task.task_type)
    trigger = PaymentStatusTrigger(
        payments_conn_id=plant.conn_id, payment_ids=["1"], poke_interval=1, deadline=time.time() + 1, next_poll=0.0
    )
    assert_absent(shown(trigger) + json.dumps(trigger.serialize()), plant.secrets)


def test_the_sandbox_does_not_repeat_what_it_gets() -> None:
    sent = "sent-to-the-sandbox-Qk39xLm2"
    command = [sys.executable, "-u", "-m", "airflow_provider_payments.sandbox", "--port", "0", "--payments", "5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        said = ""
        while "AIRFLOW_CONN_JFRAMEWORK" not in said:
            said += process.stdout.readline()
        origin = re.findall(r"http://127\.0\.0\.1:\d+", said)[0]
        url = f"{origin}/hotpay/partners/processed_payments?memo={sent}"
        request = urllib.request.Request(url, data=sent.encode(), headers={"Authorization": sent})
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=30)
        said += caught.value.read().decode()
        process.terminate()
        said += process.stdout.read()
    assert_absent(said, [sent])
