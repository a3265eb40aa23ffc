"""Arguments in real DAG runs: Airflow's own times, native rendering, mapped tasks, values out of XCom and params."""

from __future__ import annotations

import runpy
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_payments._compat import Asset
from airflow_provider_payments.sandbox import Sandbox
from tests.companies import one_of_each
from tests.moments import sell_at
from tests.waits import Shop

DAGS = Path(__file__).parents[1] / "operators" / "dags" / "arguments.py"
CONN_TYPES = one_of_each("paging")
ON_AIRFLOW_3 = Asset.__name__ == "Asset"

pytestmark = pytest.mark.usefixtures("database")


def run(name: str, at: datetime | None = None) -> Any:
    when: dict[str, Any] = {} if at is None else {"logical_date" if ON_AIRFLOW_3 else "execution_date": at}
    return runpy.run_path(str(DAGS))[name].test(**when)


def states(dag_run: Any) -> dict[str, str]:
    """Return the state of every task, those of mapped ones with their number."""
    instances = sorted(dag_run.get_task_instances(), key=lambda each: (each.task_id, each.map_index))
    return {f"{each.task_id}{each.map_index if each.map_index >= 0 else ''}": str(each.state) for each in instances}


def pulled(dag_run: Any, task_id: str, map_index: int = -1) -> Any:
    instance = dag_run.get_task_instance(task_id, map_index=map_index)
    return instance.xcom_pull(task_ids=task_id, map_indexes=map_index)


def ids(records: Any) -> list[str]:
    return sorted(each["id"] for each in records)


def test_times_as_airflow_hands_them_out(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day in Rome, by a company of each kind: natively rendered to operator and sensor, and in a task to the hook."""
    end = datetime(2025, 10, 10, 22, tzinfo=timezone.utc)
    wanted = {}
    for conn_type in CONN_TYPES:
        shop = Shop(sandbox, conn_type, monkeypatch)
        shop.finish()
        start, instant = end.replace(day=9), timedelta(seconds=1)
        for at in (start - instant, start, end - instant, end):
            sell_at(shop, at)
        payments = [payment for payment in shop.hook.list_payments() if start <= payment.occurred_at < end]
        assert len(payments) >= 2
        wanted[conn_type] = sorted(payment.id for payment in payments)
    dag_run = run("native_times", end)
    assert (dag_run.data_interval_start, dag_run.data_interval_end) == (end.replace(day=9), end)
    assert set(states(dag_run).values()) == {"success"}
    for conn_type in CONN_TYPES:
        assert sorted(pulled(dag_run, f"{conn_type}_hook")) == wanted[conn_type]
        assert ids(pulled(dag_run, f"{conn_type}_list")) == wanted[conn_type]
        assert ids(pulled(dag_run, f"{conn_type}_settled")) == wanted[conn_type]


@pytest.fixture
def orders(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Shop:
    shop = Shop(sandbox, "spacepay", monkeypatch)
    shop.finish()
    for order in ("order-a", "order-b", "0x1F"):
        shop.sell("succeeded", order)
    return shop


def test_values_of_mapped_tasks_and_of_xcom(sandbox: Sandbox, orders: Shop) -> None:
    dag_run = run("mapped_arguments")
    found = states(dag_run)
    assert found.pop("list2") == "failed", "include_raw is neither true nor false"
    assert set(found.values()) == {"success"}
    assert len(found) == 2 + 1 + 2 + 1 + 1 + 1 + 2
    first, second = (pulled(dag_run, "list", number) for number in range(2))
    assert {each["kind"] for each in first} == {"deposit"}
    assert {each["status"] for each in second} == {"succeeded"}
    assert not any("raw" in each for each in first)
    assert all("raw" in each for each in second)
    assert ids(pulled(dag_run, "filtered")) == ids(first)
    assert sorted(each["order_id"] for each in pulled(dag_run, "lazy")) == ["order-a", "order-b"]


def test_native_rendering_does_not_change_an_id_in_silence(sandbox: Sandbox, orders: Shop) -> None:
    dag_run = run("native_ids")
    assert states(dag_run) == {
        "changed": "failed",
        "filter_changed": "failed",
        "kept": "success",
        "listed": "success",
    }
    for task_id in ("kept", "listed"):
        assert [each["order_id"] for each in pulled(dag_run, task_id)] == ["0x1F"]
    assert not [call for call in sandbox.requests if call.api == "hotpay"]


def test_everything_may_be_a_template(sandbox: Sandbox, orders: Shop) -> None:
    dag_run = run("templates_of_everything")
    assert states(dag_run) == {"list": "success", "missing": "failed", "settled": "success", "status": "success"}
    listed = pulled(dag_run, "list")
    assert 0 < len(listed) < len(sandbox.spacepay.rows)
    assert all(each["created_at"] >= "2025-10-10T20" and "raw" not in each for each in listed)
    assert len(pulled(dag_run, "status")) == 2
