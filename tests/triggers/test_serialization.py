"""What goes through the metadata database: complete, small, and nothing secret."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_payments.exceptions import PaymentsAuthError
from airflow_provider_payments.payment import PaymentStatus
from airflow_provider_payments.sandbox import Sandbox
from airflow_provider_payments.sensors.payments import PaymentStatusSensor, PendingPaymentsSensor
from airflow_provider_payments.triggers.payments import PaymentStatusTrigger, PendingPaymentsTrigger
from tests.hooks.test_secrets import Ears, assert_silent, secrets_of
from tests.waits import OPEN, Journey, Shop, deferred, first_event, rebuild, stored

TIMES = {"poke_interval": 30.0, "deadline": 1_767_225_600.25, "next_poll": 1_767_222_000.5}
TRIGGERS = [
    PaymentStatusTrigger(payments_conn_id="a", payment_ids=["1", "ü"], **TIMES),
    PaymentStatusTrigger(
        payments_conn_id="a",
        order_ids=["x", "y"],
        target_statuses=["succeeded"],
        failure_statuses=["failed", "FAILED"],
        created_from="2026-01-01T00:00:00Z",
        long_poll_seconds=30.0,
        known_ids={"x": ["1", "2"]},
        is_list_proven=True,
        max_poll_failures=3,
        poll_failures=2,
        **TIMES,
    ),
    PaymentStatusTrigger(payments_conn_id="a", payment_ids=("1",), failure_statuses=("failed",), **TIMES),
    PendingPaymentsTrigger(payments_conn_id="a", **TIMES),
    PendingPaymentsTrigger(
        payments_conn_id="a",
        created_from="2026-01-01T00:00:00Z",
        created_to="2026-01-02T00:00:00Z",
        filters={"type": "deposit"},
        until="pending",
        pending_statuses=["processing", "authorized"],
        unsettled_id="7",
        **TIMES,
    ),
]


@pytest.mark.parametrize("trigger", TRIGGERS, ids=[str(number) for number in range(len(TRIGGERS))])
def test_a_round_trip(trigger: Any) -> None:
    classpath, arguments = trigger.serialize()
    assert classpath == f"airflow_provider_payments.triggers.payments.{type(trigger).__name__}"
    assert stored(classpath, arguments) == (classpath, arguments)
    assert json.loads(json.dumps(arguments)) == arguments
    again = rebuild(trigger)
    assert type(again) is type(trigger)
    assert again.serialize() == (classpath, arguments)
    assert vars(again).keys() == vars(trigger).keys()


def test_a_subclass_is_rebuilt_as_itself() -> None:
    class Own(PendingPaymentsTrigger):
        """Somebody's own."""

    assert Own(payments_conn_id="a", **TIMES).serialize()[0] == f"{__name__}.{Own.__qualname__}"


@pytest.mark.parametrize("conn_type", ["spacepay"])
def test_statuses_given_as_members_of_the_enumeration(shop: Shop) -> None:
    shop.sell("pending", "one-order")
    sensor = PaymentStatusSensor(
        task_id="wait",
        payments_conn_id=shop.conn_id,
        order_ids=["one-order"],
        target_statuses=[PaymentStatus.SUCCEEDED],  # type: ignore[list-item]
        deferrable=True,
    )
    again = rebuild(deferred(lambda: sensor.execute({})).trigger)
    assert again.arguments.target_statuses == ["succeeded"]


@pytest.mark.parametrize("conn_type", ["hotpay", "spacepay"])
def test_filters_of_any_type(shop: Shop) -> None:
    name = "memo" if shop.conn_type == "hotpay" else "search"
    shop.sell("pending", "123456789012")
    for value in (123_456_789_012, "123456789012"):
        sensor = PendingPaymentsSensor(
            task_id="wait", payments_conn_id=shop.conn_id, filters={name: value}, until="pending", deferrable=True
        )
        if shop.conn_type == "hotpay":
            assert len(sensor.execute({})) == 1
        else:
            assert rebuild(deferred(lambda sensor=sensor: sensor.execute({})).trigger).arguments.filters == {
                name: str(value)
            }


@pytest.fixture
def ears() -> Iterator[Ears]:
    with Ears() as ears:
        yield ears


@pytest.mark.parametrize("conn_type", OPEN)
@pytest.mark.parametrize("weather", ["calm", "refused"])
def test_nothing_secret_shows(sandbox: Sandbox, shop: Shop, ears: Ears, weather: str, tmp_path: Path) -> None:
    """Not in what is stored, not in a repr, not in the logs at DEBUG level, not in events and errors."""
    shop.finish()
    row = shop.sell("pending", "one-order")
    if weather == "refused":
        secret = sandbox.connections()[shop.conn_id]["password"]
        # The fields of all companies' errors; a title is only Mollie's.
        said = {
            "error": {"type": "refused", "code": "refused", "description": f"not {secret}"},
            "errors": [{"category": "AUTHENTICATION_ERROR", "code": "REFUSED"}],
            "code": 34,
            "success": False,
            "message": f"not {secret}",
        }
        if shop.conn_id == "mollie_default":
            said |= {"title": f"not {secret}", "_links": {}}
        shop.reply_always(403, json.dumps(said).encode())
    told: list[str] = []

    def look(trigger: Any) -> None:
        told.extend([repr(trigger), str(trigger.serialize())])
        shop.move(row, "succeeded")

    settings: dict[str, Any] = {"payments_conn_id": shop.conn_id, "deferrable": True, "poke_interval": 0.1}
    journeys = [
        Journey(lambda: PaymentStatusSensor(task_id="wait", order_ids=["one-order"], **settings), look),
        Journey(lambda: PendingPaymentsSensor(task_id="wait", **settings), look),
    ]
    for journey in journeys:
        shop.move(row, "pending")
        try:
            told.append(str(journey.run()))
        except PaymentsAuthError as error:
            told.extend([repr(error), str(error)])
    assert len(told) > 2
    secrets = secrets_of(sandbox.connections()[shop.conn_id], sandbox)
    assert secrets
    assert "HTTP" in ears.stream.getvalue() or "payments" in ears.stream.getvalue()
    for text in (*told, ears.stream.getvalue()):
        assert_silent(text, secrets)


@pytest.mark.parametrize("conn_type", ["cryptofuse"])
async def test_an_event_holds_no_records(shop: Shop) -> None:
    row = shop.sell("succeeded", "one-order", address="an-address-to-look-for")
    now = time.time()
    trigger = PaymentStatusTrigger(
        payments_conn_id=shop.conn_id, order_ids=["one-order"], poke_interval=1, deadline=now + 20, next_poll=now
    )
    event = await first_event(trigger)
    assert event.keys() == {"outcome", "deadline", "last", "state", "look_failures"}
    for value in (row["address"], row["amount_usd"], row["created_at"]):
        assert str(value) not in str({**event, "deadline": 0})


def test_what_a_trigger_of_0_1_0_stored_still_works() -> None:
    """Sensors may wait while the package is upgraded: its first triggers spelled every argument out, also None."""
    polling = {**TIMES, "payments_conn_id": "a", "max_poll_failures": 10, "poll_failures": 0, "look_failures": 0}
    status = {
        "payment_ids": [],
        "order_ids": ["x\x00"],
        "target_statuses": None,
        "failure_statuses": ["failed"],
        "created_from": "2026-01-01T00:00:00Z",
        "long_poll_seconds": 0.0,
        "known_ids": {"as_json_text": json.dumps({"x\x00": ["1"]})},
    }
    pending = {"created_from": None, "created_to": None, "filters": None, "until": "settled", "unsettled_id": None}
    trigger = PaymentStatusTrigger(**{**polling, **status, "order_ids": {"as_json_text": json.dumps(["x\x00"])}})
    condition: Any = trigger.arguments.build_condition()
    assert (condition.order_ids, condition.known_ids) == (["x\x00"], {"x\x00": ["1"]})
    assert condition.target_statuses is None
    stored_now = trigger.serialize()[1]
    assert stored_now.keys() == (polling.keys() | status.keys()) - {"target_statuses"}, "an older one takes these, too"
    settled = PendingPaymentsTrigger(**{**polling, **pending})
    assert settled.arguments.build_condition().describe() == "Nothing was asked yet."
    assert settled.serialize()[1].keys() <= polling.keys() | pending.keys(), "an older one takes these, too"


def test_an_argument_that_no_trigger_has_is_named() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'nonsense'"):
        PendingPaymentsTrigger(payments_conn_id="a", nonsense=1, **TIMES)
