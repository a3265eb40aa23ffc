"""
### Wait until one order is paid, then act

Copy this file and change the three lines marked CHANGE.

Start the DAG once for each order, with your order id and the price: in the UI, by the API, by `TriggerDagRunOperator`,
or with

    airflow dags trigger example_wait_for_order --conf '{"order_id": "order-1001", "amount": "25.00"}'

The sensor waits in the triggerer until a payment of the order has succeeded. An order is no proof of its price: in some
APIs a payer can write the reference, and may pay another amount, or in another currency. So the next task adds up what
was really paid, exactly, and fails when it is too little. Only then the last one acts.

An order that is not paid within `PATIENCE` fails the run.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from airflow_provider_payments.sensors.payments import PaymentStatusSensor

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task

CONNECTION = "spacepay_default"  # CHANGE: the id of your connection, of whichever payment company
CURRENCY = "USD"  # CHANGE: the currency of your prices (for HOT Pay a token id)
INTERVAL = timedelta(seconds=60)
PATIENCE = timedelta(days=1)

log = logging.getLogger(__name__)

with DAG(
    dag_id="example_wait_for_order",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    params={"order_id": "", "amount": ""},  # each run brings its own; the sensor refuses an empty order id
    default_args={"retries": 3, "retry_delay": timedelta(minutes=1), "retry_exponential_backoff": True},
    tags=["payments", "example"],
    doc_md=__doc__,
) as dag:

    @task(retries=0)
    def require_price(params: Any = None) -> None:
        """Fail at once, not when the order is paid, if nobody has said what it costs."""
        if not (params["order_id"] and params["amount"]):
            raise ValueError('Start this DAG with its params, like {"order_id": "order-1001", "amount": "25.00"}.')
        if not Decimal(params["amount"]) > 0:
            raise ValueError(f"Order {params['order_id']!r} has no price: {params['amount']!r}.")

    paid = PaymentStatusSensor(
        task_id="wait_for_payment",
        payments_conn_id=CONNECTION,
        order_ids=["{{ params.order_id }}"],
        target_statuses=["succeeded"],
        include_raw=False,  # names and e-mail addresses of payers do not belong into XCom
        deferrable=True,
        poke_interval=INTERVAL,
        timeout=PATIENCE,
        soft_fail=False,  # True skips what follows when the time is over
    )

    @task(retries=0)
    def require_amount(records: list[dict[str, Any]], params: Any = None) -> dict[str, Any]:
        """Fail when less was paid than the order costs, so that somebody looks."""
        counting = [
            each
            for each in records
            if each["status"] == "succeeded" and each["kind"] != "refund" and each["currency"] == CURRENCY
        ]
        # An amount that is not known counts for nothing.
        received = sum((Decimal(each["amount"]) for each in counting if each["amount"] is not None), Decimal(0))
        if received < Decimal(params["amount"]):
            raise ValueError(f"Order {params['order_id']}: {received} of {params['amount']} {CURRENCY} were paid.")
        return {"order_id": params["order_id"], "received": str(received)}

    @task
    def act(order: dict[str, Any]) -> None:
        """Do what the payment was for. A retry does it again: once for each order id must be enough."""
        log.info("Order %s is paid: %s %s", order["order_id"], order["received"], CURRENCY)  # CHANGE: ship it

    require_price() >> paid
    act(require_amount(paid.output))
