"""What others write gets into the metadata database and into logs: it must not end a triggerer, nor forge a line."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_payments.exceptions import PaymentsError, PaymentsRequestError
from airflow_provider_payments.sandbox import Call
from airflow_provider_payments.sensors.payments import PaymentStatusSensor, PendingPaymentsSensor
from airflow_provider_payments.texts import unpack
from airflow_provider_payments.triggers import payments as triggers
from airflow_provider_payments.triggers.payments import PaymentStatusTrigger, PendingPaymentsTrigger
from tests.hooks.test_secrets import Ears
from tests.texts import NASTY, find_controls
from tests.triggers.test_new_payments import on_airflow_3
from tests.triggers.test_polling import timing
from tests.waits import OPEN, WITH_IDS, Journey, Shop, failure, first_event, rebuild, stored

#: Replies in every shape in which an API tells an error.
REFUSALS: list[tuple[int, Any]] = [
    (400, {"error": {"message": f"No payment {NASTY}", "code": NASTY, "request_id": NASTY}}),
    (400, {"error": NASTY, "detail": NASTY}),
    (409, {"code": NASTY, "message": NASTY, "wlt": NASTY}),
    (418, {"errors": [{"code": NASTY, "details": NASTY, "correlationId": NASTY}]}),
    (404, {"message": "\ud800"}),
    (301, {}),
    (200, {"statusCode": 400, "success": False, "message": NASTY}),
    (200, {NASTY: NASTY}),
    (200, [NASTY]),
]


@pytest.fixture
def ears() -> Iterator[Ears]:
    with Ears() as ears:
        yield ears


def assert_no_line_is_forged(ears: Ears) -> None:
    lines = ears.stream.getvalue().split("\n")
    assert not find_controls(lines)
    assert not [line for line in lines if line.startswith("ERROR forged")]


@pytest.mark.parametrize("conn_type", ["spacepay", "jframework"])
@pytest.mark.parametrize(("status", "body"), REFUSALS)
async def test_an_error_of_the_api(shop: Shop, ears: Ears, status: int, body: Any) -> None:
    headers = {"Location": "https://evil\x9b\x7f.example/", "Content-Type": "text/\x9bhtml"}
    shop.reply_always(status, json.dumps(body).encode(), headers)
    trigger = PaymentStatusTrigger(payments_conn_id=shop.conn_id, payment_ids=["p1"], max_poll_failures=0, **timing())
    if status == 404:  # no such payment yet
        shop.reply_always(410, json.dumps(body).encode(), headers)
    with pytest.raises(PaymentsError) as caught:
        await first_event(rebuild(trigger))
    told = failure(caught.value)
    # Airflow's traceback has line breaks of its own.
    assert not find_controls([line for part in told["traceback"] for line in part.split("\n")])
    assert "forged" not in [line.strip()[:6] for line in "".join(traceback.format_exception(caught.value)).split("\n")]
    assert not find_controls(str(caught.value))
    if isinstance(caught.value, PaymentsRequestError):
        assert not find_controls(caught.value.code)
    assert_no_line_is_forged(ears)


@pytest.mark.parametrize("conn_type", ["spacepay"])
def test_a_sensor_shows_it_and_ends(shop: Shop, ears: Ears) -> None:
    """On a way through worker, triggerer and worker."""
    row = shop.sell("pending")
    refusal = json.dumps({"error": {"message": "No payment \x00p1\nERROR forged", "code": "x\x00y"}}).encode()
    journey = Journey(
        lambda: PaymentStatusSensor(
            task_id="wait",
            payments_conn_id=shop.conn_id,
            payment_ids=[shop.id_of(row)],
            deferrable=True,
            poke_interval=0.1,
        ),
        lambda trigger: shop.reply_always(400, refusal),
    )
    with pytest.raises(PaymentsRequestError, match=r"code x\\x00y\): No payment \\x00p1\\nERROR forged") as caught:
        journey.run()
    assert not find_controls(str(caught.value))
    assert_no_line_is_forged(ears)


@pytest.mark.parametrize("conn_type", ["hotpay", "spacepay", "satispay"])
@pytest.mark.parametrize("status", ["pending", f"odd{NASTY}"])
async def test_what_a_trigger_remembers_and_says(shop: Shop, ears: Ears, status: str) -> None:
    """The payment that was not final, by its id and its word."""
    shop.close()
    row = shop.sell(status, f"order{NASTY}", **{shop.facts.id_field: f"id{NASTY}"})

    def settle(call: Call) -> None:
        if len(shop.calls) > 3:
            shop.move(row, "succeeded")

    shop.sandbox.before_reply = settle
    trigger = PendingPaymentsTrigger(payments_conn_id=shop.conn_id, **timing())
    event = await first_event(rebuild(trigger))
    assert event["outcome"] == "look"
    assert not find_controls(event)
    if status == "pending" and shop.conn_type != "hotpay":
        assert unpack(event["state"]) == {"unsettled_id": f"id{NASTY}"}
    assert_no_line_is_forged(ears)


@pytest.mark.parametrize("conn_type", [each for each in WITH_IDS if each in OPEN])
def test_ids_of_any_characters_are_waited_for(shop: Shop, ears: Ears) -> None:
    """They go through the database and are the same again."""
    shop.close()
    row = shop.sell("pending", f"order{NASTY}", **{shop.facts.id_field: f"id{NASTY}"})
    seen: list[Any] = []

    def look(trigger: Any) -> None:
        seen.append(trigger.serialize())
        shop.move(row, "succeeded")

    common: dict[str, Any] = {"payments_conn_id": shop.conn_id, "deferrable": True, "poke_interval": 0.1, "timeout": 60}
    for named in ({"payment_ids": [f"id{NASTY}"]}, {"order_ids": [f"order{NASTY}"]}):
        shop.move(row, "pending")
        (record,) = Journey(lambda named=named: PaymentStatusSensor(task_id="wait", **common, **named), look).run()
        assert record["id"] == f"id{NASTY}".replace("\x00", "\ufffd")  # XCom
    shop.move(row, "pending")
    Journey(lambda: PendingPaymentsSensor(task_id="wait", **common), look).run()
    assert len(seen) == 3
    assert not find_controls(seen)
    assert_no_line_is_forged(ears)


def test_arguments_of_any_characters_come_back_from_the_database() -> None:
    given = {"payment_ids": [NASTY, "b"], "order_ids": [], "known_ids": {NASTY: [NASTY]}, "created_from": None}
    trigger = PaymentStatusTrigger(payments_conn_id="a", **timing(), **given)  # type: ignore[arg-type]
    pending = PendingPaymentsTrigger(payments_conn_id="a", filters={"memo": NASTY}, unsettled_id=NASTY, **timing())
    for each in (trigger, pending):
        assert not find_controls(each.serialize())
        assert stored(*each.serialize()) == each.serialize()
    again = rebuild(trigger)
    assert {name: getattr(again.arguments, name) for name in given} == given
    assert rebuild(pending).arguments.filters == {"memo": NASTY}
    assert rebuild(pending).arguments.unsettled_id == NASTY
    assert again.arguments.build_condition().payment_ids == [NASTY, "b"]


@on_airflow_3
@pytest.mark.parametrize("conn_type", ["spacepay"])
async def test_ids_in_the_events_of_a_watch_are_escaped(shop: Shop, ears: Ears) -> None:
    shop.close()
    shop.sell("succeeded", **{shop.facts.id_field: "id\x00\n\u202e"})
    trigger = triggers.NewPaymentsTrigger(payments_conn_id=shop.conn_id, created_from="2020-01-01T00:00:00Z")
    event = await first_event(trigger)
    assert event["ids"] == [r"id\x00\n\u202e"]
    assert not find_controls(event)
    assert_no_line_is_forged(ears)
    watching = triggers.NewPaymentsTrigger(payments_conn_id="a", filters={"search": NASTY})
    assert not find_controls(watching.serialize())
    assert rebuild(watching).filters == {"search": NASTY}
