"""Times in every form list exactly the payments of the window, wherever they are given."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pendulum
import pytest
from lazy_object_proxy import Proxy

from airflow_provider_payments._compat import Asset
from airflow_provider_payments.operators.list_payments import ListPaymentsOperator
from airflow_provider_payments.query import build_query, parse_bound
from airflow_provider_payments.sensors.payments import PaymentStatusSensor, PendingPaymentsSensor
from airflow_provider_payments.times import format_time, to_utc
from airflow_provider_payments.triggers import payments as triggers
from airflow_provider_payments.windows import slice_window
from tests.moments import FORMS, HALF_AN_HOUR, TWICE, in_every_form, sell_at
from tests.waits import Shop, deferred, pytest_generate_tests, shop

__all__ = ["pytest_generate_tests", "shop"]

INSTANT = timedelta(microseconds=1)
START, END = TWICE


@in_every_form
@pytest.mark.parametrize("moment", [*TWICE, datetime(2026, 7, 1, 12, 0, 0, 123456, tzinfo=timezone.utc)])
def test_a_bound_is_a_plain_time_in_utc(write: Any, moment: datetime) -> None:
    bound = parse_bound("created_from", write(moment))
    assert type(bound) is datetime
    assert bound == moment
    assert bound.tzinfo is timezone.utc
    # Arithmetic is Python's own.
    assert (bound - INSTANT).isoformat() == (moment - INSTANT).isoformat()


@in_every_form
def test_what_is_written_is_utc(write: Any) -> None:
    given = write(START)
    if isinstance(given, datetime):
        assert format_time(given) == "2025-10-26T00:30:00Z"
        assert type(to_utc(given)) is datetime
    query = build_query(created_from=given, created_to=write(END))
    assert (query.created_from, query.created_to) == (START, END)


@pytest.fixture
def wanted(shop: Shop) -> list[str]:
    """Take payments around the hour that comes twice, and return the ids of those in its half that is asked for."""
    shop.close()
    for minutes in (-1, 0, 30, 59, 60, 90):
        sell_at(shop, START + timedelta(minutes=minutes))
    listed = [payment for payment in shop.hook.list_payments() if START <= payment.occurred_at < END]
    assert len(listed) == 3
    return sorted(payment.id for payment in listed)


def test_a_window_lists_the_same_payments_in_every_form(shop: Shop, wanted: list[str], collect: Any, ask: Any) -> None:
    """Not only the same payments: the same requests."""
    questions = []
    for write in FORMS.values():
        window = {"created_from": write(START), "created_to": write(END)}
        shop.forget_calls()
        assert sorted(payment.id for payment in collect(shop.hook, **window)) == wanted
        questions.append(sorted(str(sorted(call.query.items())) for call in shop.list_calls))
        assert ask(shop.hook.has_pending, **window) is False
    assert all(question == questions[0] for question in questions)
    late = {"created_to": FORMS["pendulum_rome"](START)}
    assert len(collect(shop.hook, **late)) == 1, "one end alone"


@pytest.mark.parametrize("conn_type", ["jframework", "satispay"])
def test_operator_and_sensors_take_every_form(shop: Shop, wanted: list[str]) -> None:
    for write in FORMS.values():
        window = {"created_from": write(START), "created_to": write(END)}
        given = {"task_id": "t", "payments_conn_id": shop.conn_id}
        assert sorted(each["id"] for each in ListPaymentsOperator(**given, **window).execute({})) == wanted
        assert sorted(each["id"] for each in PendingPaymentsSensor(**given, **window).execute({})) == wanted
        early = ListPaymentsOperator(
            **given, created_from=write(START + HALF_AN_HOUR), created_to=write(END), lookback=HALF_AN_HOUR
        )
        assert sorted(each["id"] for each in early.execute({})) == wanted


@pytest.mark.parametrize("conn_type", ["spacepay"])
def test_what_is_deferred_carries_plain_text(shop: Shop, wanted: list[str]) -> None:
    shop.sell("pending", "waits", at=START)
    for write in FORMS.values():
        given = {"task_id": "t", "payments_conn_id": shop.conn_id, "deferrable": True, "created_from": write(START)}
        pending = PendingPaymentsSensor(**given, created_to=write(END))
        arguments = deferred(lambda sensor=pending: sensor.execute({})).trigger.serialize()[1]
        assert (arguments["created_from"], arguments["created_to"]) == ("2025-10-26T00:30:00Z", "2025-10-26T01:30:00Z")
        status = PaymentStatusSensor(**given, order_ids=["waits"])
        arguments = deferred(lambda sensor=status: sensor.execute({})).trigger.serialize()[1]
        assert arguments["created_from"] == "2025-10-26T00:30:00Z"


def test_triggers_and_slices_take_every_form() -> None:
    times: dict[str, Any] = {"poke_interval": 1, "deadline": 2, "next_poll": 1, "payments_conn_id": "c"}
    plain = slice_window(START, END, every=HALF_AN_HOUR, output_path="file:///{slice}.csv")
    assert [each["created_from"] for each in plain] == ["2025-10-26T00:30:00Z", "2025-10-26T01:00:00Z"]
    for write in FORMS.values():
        status = triggers.PaymentStatusTrigger(order_ids=["a"], created_from=write(START), **times)
        pending = triggers.PendingPaymentsTrigger(created_from=write(START), created_to=write(END), **times)
        stored = [trigger.serialize()[1] for trigger in (status, pending)]
        assert {arguments["created_from"] for arguments in stored} == {"2025-10-26T00:30:00Z"}
        assert type(stored[1]["created_to"]) is str
        assert status.arguments.build_condition().created_from == START
        every = pendulum.duration(minutes=30)
        assert plain == slice_window(write(START), write(END), every=every, output_path="file:///{slice}.csv")
        if Asset.__name__ == "Asset":  # Airflow 2 cannot watch assets
            watch = triggers.NewPaymentsTrigger(payments_conn_id="c", created_from=write(START))
            assert watch.created_from == "2025-10-26T00:30:00Z"


@pytest.mark.parametrize("conn_type", ["spacepay"])
@pytest.mark.parametrize(
    "lookback",
    [
        HALF_AN_HOUR,
        pendulum.duration(minutes=30),
        Proxy(lambda: pendulum.duration(minutes=30)),
        "PT30M",
        "0:30:00",
        str(HALF_AN_HOUR),
    ],
    ids=str,
)
def test_lookback_in_every_form(shop: Shop, wanted: list[str], lookback: Any) -> None:
    operator = ListPaymentsOperator(
        task_id="t",
        payments_conn_id=shop.conn_id,
        created_from=FORMS["pendulum_rome"](START + HALF_AN_HOUR),
        created_to=END,
        lookback=lookback,
    )
    assert sorted(each["id"] for each in operator.execute({})) == wanted


def test_a_lookback_beyond_the_calendar_begins_with_it(sandbox: Any) -> None:
    given = {"task_id": "t", "payments_conn_id": "jframework_default", "created_from": START}
    everything = ListPaymentsOperator(**given, lookback=timedelta.max).execute({})
    assert len(everything) == len(ListPaymentsOperator(**{**given, "created_from": "2000-01-01T00:00:00Z"}).execute({}))
