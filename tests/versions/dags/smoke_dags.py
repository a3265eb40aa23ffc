"""The DAGs of the smoke test: each way to wait, by ``dags test``; many triggers at once; what new payments start."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta, timezone
from typing import Any

from leaking import LeakingTrigger

from airflow_provider_payments._compat import BaseOperator
from airflow_provider_payments.operators.get_payments import GetPaymentsOperator
from airflow_provider_payments.operators.list_payments import ListPaymentsOperator
from airflow_provider_payments.sensors.payments import PaymentStatusSensor, PendingPaymentsSensor

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2.11
    from airflow.models.dag import DAG

PENDING = json.loads(os.environ.get("SMOKE_PENDING", "{}"))  # ids of pending payments, by connection
COPIES = int(os.environ.get("SMOKE_COPIES", "1"))
WATCHED = json.loads(os.environ.get("SMOKE_WATCHED", "[]"))
OUTPUT = os.environ.get("SMOKE_OUTPUT", "file:///nowhere")
START = {"start_date": datetime(2026, 1, 1, tzinfo=timezone.utc), "catchup": False}
WAIT: dict[str, Any] = {"poke_interval": 1, "timeout": 900}


class Leak(BaseOperator):
    """Defers to the trigger that leaks."""

    def execute(self, context: Any) -> None:
        self.defer(trigger=LeakingTrigger(self.task_id.removeprefix("leak_")), method_name="finish")

    def finish(self, context: Any, event: Any = None) -> None:
        """Nothing is left to do."""


for mode in ("poke", "reschedule", "deferrable"):
    with DAG(dag_id=f"try_{mode}", schedule=None, **START):
        how = {"deferrable": True} if mode == "deferrable" else {"mode": mode, "deferrable": False}
        conn_id = "spacepay_default"
        listed = ListPaymentsOperator(
            task_id="list", payments_conn_id=conn_id, output_path=f"{OUTPUT}/{mode}/listed.jsonl"
        )
        ids = PENDING.get(conn_id, ["none"])
        reached = PaymentStatusSensor(task_id="reach", payments_conn_id=conn_id, payment_ids=ids, **WAIT, **how)
        settled = PendingPaymentsSensor(
            task_id="settle", payments_conn_id=conn_id, output_path=f"{OUTPUT}/{mode}/settled.jsonl", **WAIT, **how
        )
        got = GetPaymentsOperator(
            task_id="get", payments_conn_id=conn_id, payment_ids=ids, output_path=f"{OUTPUT}/{mode}/got.jsonl"
        )
        _ = listed >> reached >> settled >> got

if os.environ.get("SMOKE_AT_ONCE"):
    with DAG(dag_id="wait_at_once", schedule="@once", is_paused_upon_creation=False, max_active_tasks=200, **START):
        for conn_id, ids in PENDING.items():
            Leak(task_id=f"leak_{conn_id}")
            for copy in range(COPIES):
                wait = {"payments_conn_id": conn_id, "deferrable": True, **WAIT}
                PaymentStatusSensor(task_id=f"reach_{conn_id}_{copy}", payment_ids=ids, **wait)

for conn_id in WATCHED:
    from airflow.sdk import Asset, AssetWatcher

    from airflow_provider_payments.triggers.payments import NewPaymentsTrigger

    trigger = NewPaymentsTrigger(payments_conn_id=conn_id, lookback=timedelta(days=3650), poke_interval=1)
    asset = Asset(f"x-payments://{conn_id}/new", watchers=[AssetWatcher(name=f"new of {conn_id}", trigger=trigger)])
    with DAG(dag_id=f"on_new_payments_of_{conn_id}", schedule=[asset], is_paused_upon_creation=False, **START):
        ListPaymentsOperator(task_id="list", payments_conn_id=conn_id, output_path=f"{OUTPUT}/{conn_id}.jsonl")
