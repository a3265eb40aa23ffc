"""DAGs that the tests of arguments run: times and values as Airflow hands them out."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_payments._compat import BaseHook
from airflow_provider_payments.operators.list_payments import ListPaymentsOperator
from airflow_provider_payments.sensors.payments import PaymentStatusSensor, PendingPaymentsSensor
from tests.companies import one_of_each

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task

CONN_TYPES = one_of_each("paging")
START = datetime(2025, 1, 1, tzinfo=timezone.utc)
WINDOW = {"created_from": "{{ data_interval_start }}", "created_to": "{{ data_interval_end }}"}

# Templates bring times of pendulum's class here, not text.
with DAG(
    "native_times",
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="Europe/Rome"),
    start_date=START,
    render_template_as_native_obj=True,
) as native_times:

    @task
    def list_ids(conn_id: str, data_interval_start: Any = None, data_interval_end: Any = None) -> list[str]:
        assert type(data_interval_start) is not datetime, "Airflow's own class"
        hook = BaseHook.get_hook(conn_id)
        payments = hook.list_payments(created_from=data_interval_start, created_to=data_interval_end)
        return [payment.id for payment in payments]

    for conn_type in CONN_TYPES:
        given = {"payments_conn_id": f"{conn_type}_default", **WINDOW}
        list_ids.override(task_id=f"{conn_type}_hook")(f"{conn_type}_default")
        ListPaymentsOperator(task_id=f"{conn_type}_list", lookback="{{ macros.timedelta(0) }}", **given)
        PendingPaymentsSensor(task_id=f"{conn_type}_settled", poke_interval=0.1, timeout=60, **given)

# Values out of other tasks, as text and as lazy sequences.
with DAG("mapped_arguments", schedule=None, start_date=START) as mapped_arguments:

    @task
    def list_arguments() -> list[dict[str, Any]]:
        return [
            {"filters": '{"type": "deposit"}', "include_raw": "False", "max_xcom_records": "50", "lookback": "P2D"},
            {"filters": {"type": "payment"}, "statuses": "['succeeded']", "include_raw": "1", "lookback": "0"},
            {"filters": {"type": "payment"}, "include_raw": "perhaps"},
        ]

    @task
    def find_order(order_id: str) -> str:
        return order_id

    @task
    def make_filters() -> dict[str, str]:
        return {"type": "deposit"}

    ListPaymentsOperator.partial(
        task_id="list", payments_conn_id="spacepay_default", created_from="2024-01-01T00:00:00Z"
    ).expand_kwargs(list_arguments())
    ListPaymentsOperator(task_id="filtered", payments_conn_id="spacepay_default", filters=make_filters())
    PaymentStatusSensor(
        task_id="lazy",
        payments_conn_id="spacepay_default",
        order_ids=find_order.expand(order_id=["order-a", "order-b"]),
        timeout=60,
    )
    PendingPaymentsSensor.partial(task_id="settled", payments_conn_id="spacepay_default", timeout=60).expand(
        deferrable=["False", "0"]
    )

with DAG(
    "native_ids",
    params={"order": "0x1F", "orders": ["0x1F"]},
    schedule=None,
    start_date=START,
    render_template_as_native_obj=True,
) as native_ids:
    waiting = {"payments_conn_id": "spacepay_default", "timeout": 60, "poke_interval": 0.1}
    PaymentStatusSensor(task_id="changed", order_ids=["{{ params.order }}"], **waiting)
    ListPaymentsOperator(
        task_id="filter_changed", payments_conn_id="hotpay_default", filters={"memo": "{{ params.order }}"}
    )
    PaymentStatusSensor(task_id="kept", order_ids=["{{ params.order | string | tojson }}"], **waiting)
    PaymentStatusSensor(task_id="listed", order_ids="{{ params.orders }}", **waiting)

with DAG(
    "templates_of_everything",
    params={
        "raw": False,
        "most": 50,
        "missing": None,
        "days": 2,
        "orders": ["order-a", "order-b"],
        "until": "settled",
        "pending": ["processing"],
    },
    schedule=None,
    start_date=START,
) as templates_of_everything:
    ListPaymentsOperator(
        task_id="list",
        payments_conn_id="spacepay_default",
        created_from="2025-10-12T20:00:00Z",
        lookback="P{{ params.days }}D",
        include_raw="{{ params.raw }}",
        max_xcom_records="{{ params.most }}",
    )
    ListPaymentsOperator(
        task_id="missing", payments_conn_id="spacepay_default", created_from="{{ params.missing }}", max_xcom_records=99
    )
    PaymentStatusSensor(
        task_id="status",
        payments_conn_id="spacepay_default",
        order_ids="{{ params.orders }}",
        long_poll_seconds="{{ params.most }}",
        max_poll_failures="{{ params.days }}",
        timeout=60,
    )
    PendingPaymentsSensor(
        task_id="settled",
        payments_conn_id="spacepay_default",
        until="{{ params.until }}",
        pending_statuses="{{ params.pending }}",
        timeout=60,
    )
