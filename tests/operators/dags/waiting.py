"""DAGs that the sensors' tests run."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow_provider_payments.get_provider_info import get_provider_info
from airflow_provider_payments.sensors.payments import PaymentStatusSensor, PendingPaymentsSensor

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task

CONN_TYPES = [each["connection-type"] for each in get_provider_info()["connection-types"]]
START = datetime(2026, 1, 1, tzinfo=timezone.utc)
OFTEN = {"poke_interval": 0.1, "timeout": 120}

with DAG("wait_deferred", schedule=None, start_date=START) as wait_deferred:
    for conn_type in CONN_TYPES:
        PendingPaymentsSensor(
            task_id=conn_type,
            payments_conn_id=f"{conn_type}_default",
            created_from="2024-01-01T00:00:00Z",
            deferrable=True,
            **OFTEN,
        )

with DAG("wait_looking_twice", schedule=None, start_date=START) as wait_looking_twice:
    PendingPaymentsSensor(task_id="wait", payments_conn_id="spacepay_default", deferrable=True, **OFTEN)

with DAG("wait_rescheduled", schedule=None, start_date=START) as wait_rescheduled:
    PendingPaymentsSensor(
        task_id="settled", payments_conn_id="spacepay_default", mode="reschedule", poke_interval=0.2, timeout=120
    )
    PendingPaymentsSensor(
        task_id="too_late", payments_conn_id="cryptofuse_default", mode="reschedule", poke_interval=0.2, timeout=5
    )

with DAG("wait_mapped", params={"orders": []}, schedule=None, start_date=START, render_template_as_native_obj=True) as (
    wait_mapped
):

    @task
    def list_orders() -> list[list[str]]:
        return [["order-a"], ["order-b", "order-c"]]

    PaymentStatusSensor.partial(
        task_id="mapped", payments_conn_id="spacepay_default", target_statuses=["succeeded"], **OFTEN
    ).expand(order_ids=list_orders())
    PaymentStatusSensor(
        task_id="templated",
        payments_conn_id="spacepay_default",
        order_ids="{{ ['order-' + 'a'] }}",
        target_statuses=["{{ 'succ' + 'eeded' }}"],
        created_from="{{ macros.datetime(2024, 1, 1).isoformat() }}Z",
        **OFTEN,
    )
