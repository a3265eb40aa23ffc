"""
### A DAG that new payments start

Needs Airflow 3. Airflow 2.11 cannot watch assets, and finds no DAG in this file; schedule
`example_list_payments` there.

Copy this file and change the three lines marked CHANGE.

The triggerer looks every `INTERVAL` for payments that have newly succeeded, and starts the DAG when there are some. A
payment counts as new when it reaches the status, as long as it was created no longer than `LOOKBACK` ago. What had
succeeded before the watch first began is not announced.

The event carries ids and counts, nothing about payers. So the run asks the payment company for these payments once
more, in full, and acts on each of them.

A payment may be announced twice, when the triggerer dies at the wrong moment, and a run that fails is tried again. So
acting twice on the same id must do no harm.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

try:
    from airflow.sdk import DAG, Asset, AssetWatcher, task
except ImportError:  # Airflow 2.11
    CAN_WATCH = False
else:
    CAN_WATCH = True

if TYPE_CHECKING:
    from airflow_provider_payments.payment import Payment

CONNECTION = "spacepay_default"  # CHANGE: the id of your connection, of whichever payment company
STATUSES = ("succeeded",)  # CHANGE: the statuses to be told of
INTERVAL = timedelta(seconds=60)
LOOKBACK = timedelta(days=1)

log = logging.getLogger(__name__)


def act(payment: Payment) -> None:
    """Do what a payment calls for. Its status is that of now, and no longer need be the one that was announced."""
    log.info("New: %s, %s %s", payment.id, payment.amount, payment.currency)  # CHANGE: whatever you do with it


def find_new_payments(announced: dict[str, Any]) -> list[Payment]:
    """Return the payments that an event announces, by one listing of the time in which they were created."""
    try:
        from airflow.sdk import BaseHook
    except ImportError:  # Airflow 3.0
        from airflow.hooks.base import BaseHook

    last = announced["last_created_at"]
    payments = BaseHook.get_hook(announced["payments_conn_id"]).list_payments(
        created_from=announced["first_created_at"],
        # Windows end before this instant.
        created_to=last and datetime.fromisoformat(last.replace("Z", "+00:00")) + timedelta(seconds=1),
    )
    wanted = set(announced["ids"])
    found = [payment for payment in payments if payment.id in wanted]
    if missing := wanted.difference(payment.id for payment in found):
        raise ValueError(f"These were announced, and are not listed: {sorted(missing)}")
    return found


if CAN_WATCH:  # your copy on Airflow 3 does not need this
    from airflow_provider_payments.triggers.payments import NewPaymentsTrigger

    new_payments = Asset(
        f"x-payments://{CONNECTION}/new",
        watchers=[
            AssetWatcher(
                name=f"new payments of {CONNECTION}",
                trigger=NewPaymentsTrigger(
                    payments_conn_id=CONNECTION,
                    statuses=STATUSES,
                    lookback=LOOKBACK,
                    poke_interval=INTERVAL.total_seconds(),
                ),
            )
        ],
    )

    with DAG(
        dag_id="example_on_new_payments",
        schedule=[new_payments],
        start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
        catchup=False,
        max_active_runs=1,
        default_args={"retries": 3, "retry_delay": timedelta(minutes=1), "retry_exponential_backoff": True},
        tags=["payments", "example"],
        doc_md=__doc__,
    ) as dag:

        @task(execution_timeout=timedelta(hours=1))
        def act_on_new_payments(triggering_asset_events: Any = None) -> int:
            """Act on each payment that the events name; one run may have got several events."""
            payments = {
                payment.id: payment
                for events in triggering_asset_events.values()
                for event in events
                if "payload" in event.extra  # an event that was made by hand has none
                for payment in find_new_payments(event.extra["payload"])
            }
            for payment in payments.values():
                act(payment)
            return len(payments)

        act_on_new_payments()
