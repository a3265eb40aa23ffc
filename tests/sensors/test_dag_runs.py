"""The sensors in real DAG runs."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_payments._compat import BaseHook
from airflow_provider_payments.sandbox import Call, Sandbox
from tests.listed import unlisted
from tests.waits import CONN_TYPES, Shop

DAGS = Path(__file__).parent.parent / "operators" / "dags" / "waiting.py"

pytestmark = pytest.mark.usefixtures("database")


def run_dag(name: str) -> Any:
    return runpy.run_path(str(DAGS))[name].test()


def pulled(dag_run: Any, task_id: str, map_index: int = -1) -> Any:
    return dag_run.get_task_instance(task_id, map_index=map_index).xcom_pull(task_ids=task_id, map_indexes=map_index)


def after_calls(number: int, act: Callable[[str], object]) -> Callable[[Call], None]:
    """Act on an API, by its name, before the reply to its so-manyth call."""
    counts: dict[str, int] = {}

    def notice(call: Call) -> None:
        counts[call.api] = counts.get(call.api, 0) + 1
        if counts[call.api] == number:
            act(call.api)

    return notice


def test_deferred_sensors_of_every_connection(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    shops = {conn_type: Shop(sandbox, conn_type, monkeypatch) for conn_type in CONN_TYPES}
    for shop in shops.values():
        shop.sell("pending")
    sandbox.before_reply = after_calls(8, lambda name: shops[name].finish())
    dag_run = run_dag("wait_deferred")
    assert dag_run.state == "success"
    for conn_type in CONN_TYPES:
        listing = BaseHook.get_hook(f"{conn_type}_default").list_payments(created_from="2024-01-01T00:00:00Z")
        assert unlisted(pulled(dag_run, conn_type)) == unlisted([payment.to_dict() for payment in listing])


def test_a_sensor_that_is_deferred_twice(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trigger believes it over, the task sees an unknown word; and dag.test() forgets a deferral's arguments."""
    shop = Shop(sandbox, "spacepay", monkeypatch)
    shop.finish()
    row = shop.sell("pending")
    seen: list[str] = []

    def settle(call: Call) -> None:
        row["status"] = {4: "completed", 7: "brand_new", 14: "completed"}.get(len(seen), row["status"])
        seen.append(row["status"])

    sandbox.before_reply = settle
    dag_run = run_dag("wait_looking_twice")
    assert dag_run.state == "success"
    assert "brand_new" in seen
    assert {record["status"] for record in pulled(dag_run, "wait")} <= {"succeeded", "failed", "expired", "canceled"}


def test_rescheduled_sensors(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """``timeout`` counts from the first start, not from the last."""
    shops = {name: Shop(sandbox, name, monkeypatch) for name in ("spacepay", "cryptofuse")}
    for shop in shops.values():
        shop.sell("pending")
    sandbox.before_reply = after_calls(3, lambda name: shops[name].finish() if name == "spacepay" else None)
    dag_run = run_dag("wait_rescheduled")
    instances = {name: dag_run.get_task_instance(name) for name in ("settled", "too_late")}
    assert {name: str(each.state) for name, each in instances.items()} == {"settled": "success", "too_late": "failed"}
    assert len(pulled(dag_run, "settled")) == len(shops["spacepay"].api.rows)
    polls = [call.received_at for call in shops["cryptofuse"].calls]
    assert len(polls) > 1
    assert 1 < polls[-1] - polls[0] < 30


def test_mapped_and_templated_sensors(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(sandbox, "spacepay", monkeypatch)
    rows = {name: shop.sell("succeeded", f"order-{name}") for name in "abc"}
    dag_run = run_dag("wait_mapped")
    assert dag_run.state == "success"
    found = [pulled(dag_run, "mapped", map_index=index) for index in (0, 1)]
    assert [[each["id"] for each in records] for records in found] == [
        [shop.id_of(rows["a"])],
        [shop.id_of(rows["b"]), shop.id_of(rows["c"])],
    ]
    assert [each["id"] for each in pulled(dag_run, "templated")] == [shop.id_of(rows["a"])]
