"""The sensors in every mode: from waiting to the records, at the price that was promised."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_payments._compat import get_first_reschedule
from airflow_provider_payments.exceptions import PaymentsRequestError, TooManyRecordsForXCom
from airflow_provider_payments.operators.list_payments import ListPaymentsOperator
from airflow_provider_payments.sandbox import Call, Row
from airflow_provider_payments.sensors.payments import PaymentStatusSensor, PendingPaymentsSensor
from tests.listed import content, unlisted
from tests.waits import SEARCHED, Journey, Shop, at_call, deferred, is_for_credentials

Run = Callable[..., Any]


def list_payments(shop: Shop, **settings: Any) -> Any:
    return ListPaymentsOperator(task_id="list", payments_conn_id=shop.conn_id, **settings).execute({})


def window_of(shop: Shop) -> dict[str, str]:
    newest = shop.api.newest_at.astimezone(timezone.utc)
    return {
        "created_from": (newest - timedelta(hours=12)).isoformat(),
        "created_to": (newest + timedelta(hours=1)).isoformat(),
    }


def records_of(shop: Shop, *ids: str) -> list[dict[str, Any]]:
    return [{**shop.hook.get_payment(payment_id).to_dict(), "listed_at": None} for payment_id in ids]


def test_until_settled(shop: Shop, run: Run) -> None:
    shop.finish()
    row = shop.sell("pending", at=shop.api.newest_at.astimezone(timezone.utc) - timedelta(hours=2))
    at_call(shop.sandbox, 4, lambda: shop.move(row, "succeeded"))
    window = window_of(shop)
    records = run(PendingPaymentsSensor, payments_conn_id=shop.conn_id, **window)
    shop.sandbox.before_reply = None
    assert unlisted(records) == unlisted(list_payments(shop, **window))
    assert len(records) > 5
    assert json.loads(json.dumps(records)) == records


@pytest.mark.parametrize("conn_type", ["spacepay", "jframework"])
@pytest.mark.parametrize("statuses", [["processing", "authorized"], "['processing', 'authorized']"], ids=["", "text"])
def test_until_settled_but_for_pending_statuses_that_are_left_out(shop: Shop, run: Run, statuses: Any) -> None:
    shop.finish()
    moment = shop.api.newest_at.astimezone(timezone.utc) - timedelta(hours=2)
    abandoned = shop.sell("pending", at=moment)
    row = shop.sell({"spacepay": "processing", "jframework": "Reserved"}[shop.conn_type], at=moment)
    at_call(shop.sandbox, 4, lambda: shop.move(row, "succeeded"))
    window = window_of(shop)
    records = run(PendingPaymentsSensor, payments_conn_id=shop.conn_id, pending_statuses=statuses, **window)
    shop.sandbox.before_reply = None
    assert [each["id"] for each in records if not each["is_final"]] == [shop.id_of(abandoned)]
    assert unlisted(records) == unlisted(list_payments(shop, **window))


@pytest.mark.parametrize("conn_type", ["jframework"])
def test_until_one_is_in_a_pending_status_that_is_named(shop: Shop, run: Run) -> None:
    shop.finish()
    shop.sell("pending")
    at_call(shop.sandbox, 4, lambda: shop.sell("Reserved", "one-order"))
    settings = {"payments_conn_id": shop.conn_id, "until": "pending", "pending_statuses": ["authorized"]}
    records = run(PendingPaymentsSensor, **settings)
    assert [(each["order_id"], each["status"]) for each in records] == [("one-order", "authorized")]


@pytest.mark.parametrize("conn_type", ["hotpay", "spacepay"])
def test_until_pending(shop: Shop, run: Run) -> None:
    shop.finish()
    rows: list[Row] = []
    at_call(shop.sandbox, 6, lambda: rows.append(shop.sell("pending", "one-order")))
    records = run(PendingPaymentsSensor, payments_conn_id=shop.conn_id, until="pending", include_raw=False)
    shop.sandbox.before_reply = None
    assert rows
    assert [(each["order_id"], each["status"]) for each in records] == [("one-order", "pending")]
    wanted = list_payments(shop, statuses=["pending", "processing", "authorized"], include_raw=False)
    assert unlisted(records) == unlisted(wanted)


@pytest.mark.parametrize("conn_type", ["hotpay", "satispay", "jframework"])
def test_an_order(shop: Shop, run: Run) -> None:
    rows = [shop.sell("failed", "one-order"), shop.sell("pending", "one-order")]
    at_call(shop.sandbox, 7, lambda: shop.move(rows[1], "succeeded"))
    records = run(PaymentStatusSensor, payments_conn_id=shop.conn_id, order_ids=["one-order"])
    assert sorted(each["status"] for each in records) == sorted([shop.failed, "succeeded"])
    assert {each["order_id"] for each in records} == {"one-order"}
    assert {each["connection_id"] for each in records} == {shop.conn_id}


@pytest.mark.parametrize("conn_type", ["cryptofuse", "spacepay"])
def test_payments(shop: Shop, run: Run) -> None:
    rows = [shop.sell("pending"), shop.sell("succeeded"), shop.sell("pending")]
    ids = [shop.id_of(row) for row in rows]
    at_call(shop.sandbox, 5, lambda: shop.move(rows[0], "succeeded"))
    moved = shop.sandbox.before_reply

    def settle(call: Call) -> None:
        assert moved is not None
        moved(call)
        if len(shop.calls) == 8:
            shop.move(rows[2], "failed")

    shop.sandbox.before_reply = settle
    records = run(PaymentStatusSensor, payments_conn_id=shop.conn_id, payment_ids=ids)
    shop.sandbox.before_reply = None
    assert unlisted(records) == records_of(shop, *ids)


@pytest.mark.parametrize("conn_type", ["stripe"])
def test_whether_the_api_is_there_at_all_is_asked_once(shop: Shop, run: Run) -> None:
    """When nothing is found: of a wrong host or path, too, the API may say that it knows no such payment."""
    row = shop.sell("succeeded")
    shop.api.rows.remove(row)
    at_call(shop.sandbox, 6, lambda: shop.api.rows.append(row))
    records = run(PaymentStatusSensor, payments_conn_id=shop.conn_id, payment_ids=[shop.id_of(row)])
    assert [each["id"] for each in records] == [shop.id_of(row)]
    assert len(shop.list_calls) == 1
    assert shop.calls.index(shop.list_calls[0]) == 1


@pytest.mark.parametrize("conn_type", ["stripe"])
def test_where_the_api_is_not_the_wait_ends_at_once(shop: Shop, run: Run) -> None:
    shop.connect(host=f"{shop.sandbox.connections()[shop.conn_id]['host']}/v9")
    with pytest.raises(PaymentsRequestError, match=r"GET /stripe/v9/v1/payment_intents with HTTP 404"):
        run(PaymentStatusSensor, payments_conn_id=shop.conn_id, payment_ids=["pi_1"])
    assert len(shop.calls) == 2


@pytest.mark.parametrize("conn_type", ["cryptofuse", "satispay"])
def test_to_a_file(shop: Shop, run: Run, tmp_path: Path) -> None:
    shop.finish()
    row = shop.sell("pending", at=shop.api.newest_at.astimezone(timezone.utc) - timedelta(hours=2))
    path = tmp_path / "out" / "payments.csv.gz"
    seen: list[bool] = []
    is_settled: list[int] = []

    def look(call: Call) -> None:
        seen.append(path.exists())
        if not is_for_credentials(call) and len(shop.calls) == 4:
            shop.move(row, "succeeded")
            is_settled.append(len(seen))

    shop.sandbox.before_reply = look
    window = window_of(shop)
    manifest = run(PendingPaymentsSensor, payments_conn_id=shop.conn_id, output_path=path.as_uri(), **window)
    assert is_settled
    assert not any(seen), "visible before it was over"
    shop.sandbox.before_reply = None
    other = tmp_path / "other.csv.gz"
    wanted = list_payments(shop, output_path=other.as_uri(), **window)
    assert content(manifest) == content(wanted)
    differ = {"path", "seconds", "requests", "listed_at", "bytes", "sha256"}  # gzip packs another time otherwise
    assert {**manifest, **dict.fromkeys(differ)} == {**wanted, **dict.fromkeys(differ)}
    assert manifest["path"] == path.as_uri()
    assert manifest["pending"] == 0
    assert manifest["created_from"] is not None
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("conn_type", ["hotpay"])
def test_an_order_to_a_file(shop: Shop, run: Run, tmp_path: Path) -> None:
    shop.sell("succeeded", "one-order")
    path = tmp_path / "payments.jsonl"
    manifest = run(
        PaymentStatusSensor, payments_conn_id=shop.conn_id, order_ids=["one-order"], output_path=path.as_uri()
    )
    (record,) = map(json.loads, path.read_text().splitlines())
    assert record["status"] == "succeeded"
    assert (manifest["records"], manifest["complete"], manifest["created_from"]) == (1, True, None)


@pytest.mark.parametrize("conn_type", ["spacepay"])
def test_what_unsettles_while_it_is_written_leaves_nothing(shop: Shop, run: Run, tmp_path: Path) -> None:
    """The list shows a pending payment that the cheap questions missed: no file, and the wait goes on."""
    shop.finish()
    row = shop.sell("pending")
    path = tmp_path / "payments.jsonl"
    lists: list[str] = []
    shop.move(row, "succeeded")

    def unsettle(call: Call) -> None:
        if call.query.get("limit", "1") != "1":
            lists.append(row["status"])
            shop.move(row, "pending" if len(lists) == 1 else row["status"])
        elif lists and len(shop.calls) > 12:
            assert not path.exists()
            shop.move(row, "succeeded")

    shop.sandbox.before_reply = unsettle
    manifest = run(PendingPaymentsSensor, payments_conn_id=shop.conn_id, output_path=path.as_uri())
    assert len(lists) == 2
    assert manifest["statuses"].get("pending") is None
    assert manifest["records"] == len(shop.api.rows)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("conn_type", ["spacepay"])
@pytest.mark.parametrize("is_soft", [False, True], ids=["", "soft"])
def test_too_many_records_for_xcom(shop: Shop, run: Run, is_soft: bool) -> None:
    shop.finish()
    settings = {"payments_conn_id": shop.conn_id, "soft_fail": is_soft}
    assert len(run(PendingPaymentsSensor, max_xcom_records=40, **settings)) == 40
    with pytest.raises(TooManyRecordsForXCom, match="output_path"):
        run(PendingPaymentsSensor, max_xcom_records=39, **settings)


@pytest.mark.parametrize("conn_type", ["spacepay"])
def test_what_is_over_needs_no_trigger(shop: Shop) -> None:
    row = shop.sell("succeeded")
    settings = {"payments_conn_id": shop.conn_id, "payment_ids": [shop.id_of(row)], "deferrable": True}
    sensor = PaymentStatusSensor(task_id="wait", **settings)
    assert [each["id"] for each in sensor.execute({})] == [shop.id_of(row)]
    assert len(shop.calls) == 1


@pytest.mark.parametrize("sensor_class", [PaymentStatusSensor, PendingPaymentsSensor])
@pytest.mark.parametrize("default", [None, "True", "False"])
def test_the_default_mode(sensor_class: Any, default: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if default:
        monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", default)

    def is_deferrable(**settings: Any) -> bool:
        return sensor_class(task_id="wait", payments_conn_id="x", **settings).deferrable

    assert is_deferrable() is (default == "True")
    assert is_deferrable(deferrable=None) is (default == "True")
    assert is_deferrable(deferrable=True) is True
    assert is_deferrable(deferrable=False) is False


@pytest.mark.parametrize("conn_type", ["spacepay"])
def test_the_default_mode_is_what_happens(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "True")
    shop.sell("pending")
    deferred(lambda: PendingPaymentsSensor(task_id="wait", payments_conn_id=shop.conn_id).execute({}))


@pytest.mark.parametrize("sensor_class", [PaymentStatusSensor, PendingPaymentsSensor])
def test_templated_fields_are_attributes_taken_as_they_are(sensor_class: Any) -> None:
    settings = {name: f"{{{{ {name} }}}}" for name in sensor_class.template_fields}
    sensor = sensor_class(task_id="wait", **settings)
    assert {name: getattr(sensor, name) for name in settings} == settings
    assert {"payments_conn_id", "created_from", "output_path"} <= set(settings)


@pytest.mark.parametrize("conn_type", ["satispay"])
def test_a_long_poll_tells_at_once(shop: Shop, run: Run) -> None:
    """The API holds its reply until the status changes."""
    row = shop.sell("pending")
    held: list[str] = []

    def settle(call: Call) -> None:
        held.append(call.header("x-satispay-response-wait-time"))
        if held[-1]:
            shop.move(row, "succeeded")

    shop.sandbox.before_reply = settle
    settings = {"payment_ids": [row["id"]], "long_poll_seconds": 20, "poke_interval": 1}
    records = run(PaymentStatusSensor, payments_conn_id=shop.conn_id, **settings)
    assert [each["status"] for each in records] == ["succeeded"]
    assert "20" in held
    waited = shop.calls[-1].answered_at - shop.calls[0].received_at
    assert waited < 15


@pytest.mark.parametrize("conn_type", ["satispay"])
def test_a_deferrable_sensor_lets_the_triggerer_hold_the_line(shop: Shop) -> None:
    """The worker's own poll is not held, for it would keep its slot."""
    row = shop.sell("pending")
    settings = {"payment_ids": [row["id"]], "long_poll_seconds": 20, "deferrable": True}
    deferred(lambda: PaymentStatusSensor(task_id="wait", payments_conn_id=shop.conn_id, **settings).execute({}))
    assert [call.header("x-satispay-response-wait-time") for call in shop.calls] == [""]


def test_a_deferral(shop: Shop) -> None:
    """What goes through the database: ids, windows and times."""
    shop.sell("pending", "one-order")
    sensor = PaymentStatusSensor(
        task_id="wait",
        payments_conn_id=shop.conn_id,
        order_ids=["one-order"],
        target_statuses=["succeeded"],
        failure_statuses=[shop.failed],
        created_from="2024-01-01T01:00:00+01:00",
        deferrable=True,
        poke_interval=timedelta(seconds=7),
        timeout=timedelta(minutes=2),
        max_poll_failures=3,
    )
    deferral = deferred(lambda: sensor.execute({}))
    classpath, arguments = deferral.trigger.serialize()
    assert classpath == "airflow_provider_payments.triggers.payments.PaymentStatusTrigger"
    known = arguments.pop("known_ids")
    assert known == ({"one-order": known["one-order"]} if shop.conn_type in SEARCHED else {})
    moments = {name: arguments.pop(name) for name in ("deadline", "next_poll")}
    assert 100 < moments["deadline"] - moments["next_poll"] <= 113.1
    assert arguments == {
        "payments_conn_id": shop.conn_id,
        "poke_interval": 7.0,
        "max_poll_failures": 3,
        "poll_failures": 0,
        "look_failures": 0,
        "payment_ids": [],
        "order_ids": ["one-order"],
        "target_statuses": ["succeeded"],
        "failure_statuses": [shop.failed],
        "created_from": "2024-01-01T00:00:00Z",
        "long_poll_seconds": 0.0,
    }
    assert deferral.method_name == "execute_complete"
    assert not deferral.kwargs, "dag.test() would lose them"
    assert 100 < deferral.timeout.total_seconds() <= 120


@pytest.mark.parametrize("conn_type", ["spacepay"])
def test_the_deadline_is_that_of_the_first_start(shop: Shop) -> None:
    """Two deferrals later it is the same: a trigger that believed it over does not start the clock anew."""
    shop.finish()
    row = shop.sell("pending")
    statuses = iter(["pending", "completed", "completed", "completed", "pending"])

    def flicker(call: Call) -> None:
        row["status"] = next(statuses, row["status"])

    shop.sandbox.before_reply = flicker
    settings = {"payments_conn_id": shop.conn_id, "deferrable": True, "poke_interval": 0.3, "timeout": 60}
    journey = Journey(lambda: PendingPaymentsSensor(task_id="wait", **settings))

    def settle_late(trigger: Any) -> None:
        if len(journey.deferrals) == 2:
            row["status"] = "completed"

    journey.between = settle_late
    assert len(journey.run()) == len(shop.api.rows)
    first, second = (deferral.trigger.serialize()[1] for deferral in journey.deferrals)
    assert second["deadline"] == pytest.approx(first["deadline"], abs=0.01)
    assert journey.deferrals[1].timeout < journey.deferrals[0].timeout
    assert second["next_poll"] > first["next_poll"]


def test_the_first_start_may_be_a_text() -> None:
    """As `dag.test()` of Airflow 3.0 has it."""
    first = datetime(2026, 1, 2, 3, 4, 5, 600000, tzinfo=timezone.utc)
    for told in (first, "2026-01-02T03:04:05.600000Z", "2026-01-02T03:04:05.600000+00:00"):
        instance = SimpleNamespace(get_first_reschedule_date=lambda context, told=told: told)
        assert get_first_reschedule({"ti": instance}) == first  # type: ignore[typeddict-item]
        assert instance.get_first_reschedule_date(None) == first, "Airflow asks as well"
    instance = SimpleNamespace(get_first_reschedule_date=lambda context: None)
    assert get_first_reschedule({"ti": instance}) is None  # type: ignore[typeddict-item]
