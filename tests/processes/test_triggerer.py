"""Sensors that wait in a real triggerer, under a real scheduler: until the payments settle, whatever becomes of it."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airflow_provider_payments._compat import BaseHook
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.sandbox import Sandbox
from tests.listed import unlisted
from tests.versions.deployment import Deployment, pending_names, planted_secrets

DAGS = Path(__file__).parent / "dags"
#: One for each way to wait. Each takes two processes of Airflow, and the deferred sensors of all are in tests/sensors.
CONN_IDS = ["hotpay_default", "satispay_default", "jframework_default"]


@pytest.fixture
def deploy(tmp_path: Path) -> Iterator[Callable[[dict[str, str]], Deployment]]:
    deployments = []

    def deploy(settings: dict[str, str]) -> Deployment:
        deployments.append(Deployment(tmp_path, DAGS, settings))
        return deployments[-1]

    yield deploy
    for deployment in deployments:
        deployment.stop()


@pytest.mark.timeout(900)
def test_sensors_outlive_a_triggerer(
    sandbox: Sandbox, tmp_path: Path, empty_database: Path, deploy: Callable[[dict[str, str]], Deployment]
) -> None:
    pending = {conn_id: pending_names(conn_id) for conn_id in CONN_IDS}
    assert all(len(names) == 2 for names in pending.values())
    abandoned = sandbox.spacepay.add(status="pending")
    processing = sandbox.spacepay.add(status="processing")
    output = tmp_path / "lake"
    airflow = deploy({"TEST_PENDING": json.dumps(pending), "TEST_OUTPUT": output.as_uri()})
    shutil.copy(empty_database, airflow.home / "airflow.db")
    airflow.start_all()
    airflow.wait_for_states({"deferred": 4})
    polls = len(sandbox.requests)
    while len(sandbox.requests) < polls + 20:  # the triggerer polls
        time.sleep(0.2)
    stored = json.dumps(airflow.query("SELECT * FROM trigger") + airflow.query("SELECT next_kwargs FROM task_instance"))
    assert "payments_conn_id" in stored
    assert "pending_statuses" in stored

    airflow.kill("triggerer")
    sandbox.settle()
    processing["status"] = "completed"
    time.sleep(1)
    airflow.wait_for_states({"deferred": 4})
    airflow.start("triggerer")
    airflow.wait_for_states({"success": 4})

    for conn_id, names in pending.items():
        api = conn_id.removesuffix("_default")
        hook: PaymentsHook = BaseHook.get_hook(conn_id)
        payments = {payment.id: payment.to_dict() for payment in hook.list_payments()}
        ((pushed,),) = airflow.query(f"SELECT value FROM xcom WHERE task_id = '{api}' AND key = 'return_value'")
        value = json.loads(pushed)
        value = json.loads(value) if isinstance(value, str) else value
        if isinstance(value, dict):
            lines = (output / f"{api}.jsonl").read_text().splitlines()
            records = {record["id"]: record for record in unlisted([json.loads(line) for line in lines])}
            assert records == {record["id"]: record for record in unlisted([*payments.values()])}
            assert (value["records"], value["pending"], value["complete"]) == (len(payments), 0, True)
        else:
            assert sorted(record["order_id" if api == "hotpay" else "id"] for record in value) == sorted(names)
            fields = ("status", "is_final", "amount", "currency", "created_at")  # a single payment's reply tells more
            for record in value:
                assert record["is_final"]
                assert [record[name] for name in fields] == [payments[record["id"]][name] for name in fields]

    records = [json.loads(line) for line in (output / "abandoned.jsonl").read_text().splitlines()]
    assert len(records) == len(sandbox.spacepay.rows)
    assert [record["id"] for record in records if not record["is_final"]] == [abandoned["id"]]

    secrets = planted_secrets(sandbox)
    assert len(secrets) > 20
    texts = [stored, airflow.tail(), *(path.read_text() for path in airflow.home.rglob("*.log"))]
    texts.append(json.dumps(airflow.query("SELECT * FROM rendered_task_instance_fields"), default=str))
    assert [secret for secret in secrets for text in texts if secret in text] == []
