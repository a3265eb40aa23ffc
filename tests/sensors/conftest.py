from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from airflow_provider_payments._compat import BaseSensorOperator
from tests.waits import Journey, pytest_generate_tests, shop

try:
    from airflow.sdk.exceptions import AirflowRescheduleException
except ImportError:  # Airflow 2.11
    from airflow.exceptions import AirflowRescheduleException

__all__ = ["pytest_generate_tests", "shop"]

Run = Callable[..., Any]


class TaskInstanceOfATest:
    """What a sensor that reschedules itself asks of its task instance. Airflow 2.11 asks the database."""

    dag_id = task_id = run_id = "of-a-test"
    map_index = -1
    max_tries = 0

    def __init__(self, task: BaseSensorOperator | None) -> None:
        self.task = task
        self.first: datetime | None = None
        if "sdk" in BaseSensorOperator.__module__:
            self.get_first_reschedule_date = lambda context: self.first


@pytest.fixture(params=["poke", "reschedule", "deferrable"])
def mode(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def run(mode: str, database: None, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a sensor to its end in one of the modes: ``run(PaymentStatusSensor, payment_ids=[…])``.

    As in a deployment, a new operator takes each step, in reschedule mode and after a deferral.
    """

    def run(sensor_class: type[BaseSensorOperator], context: dict[str, Any] | None = None, **settings: Any) -> Any:
        def make() -> BaseSensorOperator:
            how = {"deferrable": mode == "deferrable", "mode": "reschedule" if mode == "reschedule" else "poke"}
            return sensor_class(task_id="wait", **{"poke_interval": 0.05, "timeout": 60, **how, **settings})

        context = {} if context is None else context
        if mode != "reschedule":
            return Journey(make).run(context)
        instance = context["ti"] = TaskInstanceOfATest(make())
        if "sdk" not in BaseSensorOperator.__module__:
            monkeypatch.setattr("airflow.sensors.base._orig_start_date", lambda **_: instance.first)
        while True:
            started = datetime.now(timezone.utc)
            try:
                return make().execute(context)
            except AirflowRescheduleException as again:
                instance.first = instance.first or started
                time.sleep(max((again.reschedule_date - datetime.now(timezone.utc)).total_seconds(), 0))

    return run
