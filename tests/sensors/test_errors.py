"""The sensors in bad weather: what fails at once, what is survived and how often, what is skipped."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from airflow_provider_payments._compat import AirflowFailException, AirflowSensorTimeout, AirflowSkipException
from airflow_provider_payments.exceptions import (
    PaymentFailed,
    PaymentsAuthError,
    PaymentsConfigError,
    PaymentsError,
    PaymentsProtocolError,
    PaymentsRequestError,
    PaymentsThrottled,
    PaymentsUnavailable,
)
from airflow_provider_payments.sandbox import Call, Sandbox
from airflow_provider_payments.sensors.payments import PaymentStatusSensor, PendingPaymentsSensor
from tests.sensors.conftest import TaskInstanceOfATest
from tests.waits import CONN_TYPES, WITH_IDS, Journey, Shop, are_apart, deferred, failure

Run = Callable[..., Any]
FAILING = {
    "500": ((500, {}, b"{}"), PaymentsUnavailable),
    "429": ((429, {}, b"{}"), PaymentsThrottled),
    "html": ((200, {"Content-Type": "text/html"}, b"<html>Please wait</html>"), PaymentsProtocolError),
    "half": ((200, {"Content-Type": "application/json"}, b'{"id": '), PaymentsProtocolError),
    "redirect": ((302, {"Location": "http://127.0.0.1:1/"}, b""), PaymentsProtocolError),
}


def wait_for_order(shop: Shop, **settings: Any) -> dict[str, Any]:
    return {"payments_conn_id": shop.conn_id, "order_ids": ["one-order"], **settings}


BAD: list[tuple[Any, dict[str, Any], str]] = [
    (PaymentStatusSensor, {}, "payment_ids or order_ids"),
    (PaymentStatusSensor, {"payment_ids": []}, "payment_ids or order_ids"),
    (PaymentStatusSensor, {"payment_ids": ["1"], "order_ids": ["1"]}, "one of them"),
    (PaymentStatusSensor, {"payment_ids": "one-id"}, "must be a list"),
    (PaymentStatusSensor, {"order_ids": [""]}, "empty id"),
    (PaymentStatusSensor, {"order_ids": ["1"], "target_statuses": ["paid"]}, "Normalised statuses: pending"),
    (PaymentStatusSensor, {"order_ids": ["1"], "target_statuses": "succeeded"}, "must be a list"),
    (PaymentStatusSensor, {"order_ids": ["1"], "failure_statuses": ["lost"]}, "lost"),
    (PaymentStatusSensor, {"order_ids": ["1"], "target_statuses": ["failed"], "failure_statuses": ["failed"]}, "both"),
    (PaymentStatusSensor, {"order_ids": ["1"], "created_from": "2026-01-01"}, "time zone"),
    (
        PaymentStatusSensor,
        {"order_ids": ["1"], "payments_conn_id": "nowhere"},
        "names the connection 'nowhere'",
    ),
    (PaymentStatusSensor, {"order_ids": ["1"], "payments_conn_id": "of_http"}, "not of a payment company's type"),
    (PaymentStatusSensor, {"payment_ids": ["1"], "payments_conn_id": "hotpay_default"}, "order_ids"),
    (PendingPaymentsSensor, {"until": "final"}, "settled, pending"),
    (PendingPaymentsSensor, {"created_from": "yesterday"}, "ISO 8601"),
    (PendingPaymentsSensor, {"created_from": "2026-01-02T00:00:00Z", "created_to": "2026-01-01T00:00:00Z"}, "reversed"),
    (
        PendingPaymentsSensor,
        {"created_from": "2026-01-01T00:00:00Z", "created_to": "2026-01-01T00:00:00Z"},
        "CronDataIntervalTimetable",
    ),
    (PendingPaymentsSensor, {"filters": {"status": "pending"}}, "status"),
    (PendingPaymentsSensor, {"filters": {"orderId": "x"}}, "type, search"),
    (PendingPaymentsSensor, {"output_path": "file:///tmp/payments.xlsx"}, r"\.jsonl"),
    (PendingPaymentsSensor, {"output_path": "/tmp/payments.jsonl"}, "file:///"),
    (PendingPaymentsSensor, {"output_path": "file:///tmp/a.jsonl", "file_format": "xml"}, "jsonl, jsonl.gz"),
    (PendingPaymentsSensor, {"max_records_per_file": 5}, "needs an output_path"),
    (PaymentStatusSensor, {"order_ids": ["1"], "output_path": ""}, "must name a file"),
]


@pytest.mark.parametrize(("sensor_class", "settings", "hint"), BAD, ids=[f"{number}" for number in range(len(BAD))])
@pytest.mark.parametrize("is_deferrable", [False, True], ids=["poke", "deferrable"])
def test_a_bad_question_is_refused_before_any_request(
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    sensor_class: Any,
    settings: dict[str, Any],
    hint: str,
    is_deferrable: bool,
) -> None:
    """Not after hours of waiting; and whatever ``soft_fail`` says, for nothing was waited for."""
    monkeypatch.setenv("AIRFLOW_CONN_OF_HTTP", json.dumps({"conn_type": "http", "host": "http://127.0.0.1:1"}))
    Shop(sandbox, "spacepay", monkeypatch).sell("pending", "1")
    given = {"payments_conn_id": "spacepay_default", "deferrable": is_deferrable, "timeout": 0, "soft_fail": True}
    with pytest.raises(PaymentsConfigError, match=hint):
        sensor_class(task_id="wait", **{**given, **settings}).execute({})
    assert sandbox.requests == []


@pytest.mark.parametrize("is_soft", [False, True], ids=["", "soft"])
def test_a_wrong_key_fails_at_once(shop: Shop, run: Run, is_soft: bool) -> None:
    shop.connect(**shop.facts.wrong)
    with pytest.raises(PaymentsAuthError) as caught:
        run(PendingPaymentsSensor, payments_conn_id=shop.conn_id, soft_fail=is_soft)
    assert isinstance(caught.value, AirflowFailException), "a retry would find the same"
    assert len(shop.sandbox.requests) == 1


@pytest.mark.parametrize("conn_type", ["spacepay"])
@pytest.mark.parametrize("is_soft", [False, True], ids=["", "soft"])
def test_a_key_that_is_revoked_fails_the_next_polls(shop: Shop, run: Run, mode: str, is_soft: bool) -> None:
    """It was good a moment ago, and may be again; but not to another process, which has not seen that."""
    shop.sell("pending", "one-order")
    ids = [shop.id_of(shop.api.rows[0])]

    def revoke(call: Call) -> None:
        if len(shop.calls) > 2:
            shop.reply(401)

    shop.sandbox.before_reply = revoke
    settings = {"payment_ids": ids, "soft_fail": is_soft, "max_poll_failures": 2}
    with pytest.raises(PaymentsAuthError if mode == "reschedule" else PaymentsUnavailable, match="HTTP 401"):
        run(PaymentStatusSensor, payments_conn_id=shop.conn_id, **settings)
    assert len(shop.calls) == (3 if mode == "reschedule" else 5)


@pytest.mark.parametrize("conn_type", ["hotpay", "cryptofuse"])
def test_a_failure_status(shop: Shop, run: Run) -> None:
    row = shop.sell("pending", "one-order")

    def lose(call: Call) -> None:
        if len(shop.calls) > 4:
            shop.move(row, "failed")

    shop.sandbox.before_reply = lose
    with pytest.raises(PaymentFailed, match="one-order") as caught:
        run(PaymentStatusSensor, **wait_for_order(shop, failure_statuses=[shop.failed]))
    assert isinstance(caught.value, AirflowFailException)
    for how in ("soft_fail", "never_fail"):
        with pytest.raises(AirflowSkipException):
            run(PaymentStatusSensor, **wait_for_order(shop, failure_statuses=[shop.failed], **{how: True}))


@pytest.mark.parametrize("conn_type", ["spacepay"])
@pytest.mark.parametrize("sensor", ["status", "pending"])
def test_a_timeout(shop: Shop, run: Run, sensor: str, mode: str) -> None:
    if mode == "reschedule" and not hasattr(TaskInstanceOfATest(None), "get_first_reschedule_date"):
        pytest.skip("Airflow 2.11 reads the first start from its database: test_rescheduled_sensors does this")
    shop.sell("pending", "one-order")
    settings: dict[str, Any] = {"payments_conn_id": shop.conn_id, "timeout": 1, "poke_interval": 0.1}
    sensor_class = PendingPaymentsSensor
    if sensor == "status":
        settings["order_ids"], sensor_class = ["one-order"], PaymentStatusSensor
    for how, error in (({}, AirflowSensorTimeout), ({"soft_fail": True}, AirflowSkipException)):
        began = time.monotonic()
        with pytest.raises(error):
            run(sensor_class, **settings, **how)
        assert 0.9 < time.monotonic() - began < 10
    assert len(shop.calls) > 4


@pytest.mark.parametrize("conn_type", ["spacepay"])
def test_a_timeout_says_what_was_waited_for(shop: Shop) -> None:
    shop.sell("pending", "one-order")
    settings = wait_for_order(shop, timeout=1.5, poke_interval=0.1, deferrable=True)
    with pytest.raises(
        AirflowSensorTimeout,
        match=r"^PaymentStatusSensor timed out after 1\.5 s\. 0 of 1 orders .*; 1 pending \(one-order\)",
    ):
        Journey(lambda: PaymentStatusSensor(task_id="wait", **settings)).run()


@pytest.mark.parametrize("conn_type", ["spacepay"])
def test_what_can_be_read_only_once_is_waited_for_in_the_triggerer_too(shop: Shop) -> None:
    shop.sell("pending", "one-order")
    settings = wait_for_order(shop, poke_interval=0.1, deferrable=True)
    settings |= {"order_ids": iter(settings["order_ids"]), "failure_statuses": iter(["failed"])}
    trigger = deferred(lambda: PaymentStatusSensor(task_id="wait", **settings).execute({})).trigger
    _, arguments = trigger.serialize()
    assert (arguments["order_ids"], arguments["failure_statuses"]) == (["one-order"], ["failed"])


@pytest.mark.parametrize("conn_type", ["spacepay"])
def test_never_fail_skips_on_every_error(shop: Shop, run: Run) -> None:
    shop.sell("pending", "one-order")
    never = {"never_fail": True, "poke_interval": 0.05}
    with pytest.raises(AirflowSkipException):
        run(PaymentStatusSensor, **wait_for_order(shop, timeout=0.2, **never))
    shop.reply_always(500)
    with pytest.raises(AirflowSkipException):
        run(PaymentStatusSensor, **wait_for_order(shop, max_poll_failures=0, **never))
    shop.reply_always(401)
    with pytest.raises(AirflowSkipException):
        run(PaymentStatusSensor, **wait_for_order(shop, **never))


@pytest.mark.parametrize(("kind", "is_soft"), [*((kind, False) for kind in FAILING), ("500", True)])
@pytest.mark.parametrize("conn_type", ["spacepay"])
def test_failed_polls_are_counted(shop: Shop, run: Run, kind: str, is_soft: bool) -> None:
    """Two are survived, the third ends it; and a poll sends its request once, whatever ``max_attempts`` says."""
    reply, error = FAILING[kind]
    ids = [shop.id_of(shop.sell("pending"))]
    shop.connect({"max_attempts": 5})
    shop.reply_always(reply[0], reply[2], reply[1])
    with pytest.raises(error):
        run(
            PaymentStatusSensor,
            payments_conn_id=shop.conn_id,
            payment_ids=ids,
            max_poll_failures=2,
            soft_fail=is_soft,
        )
    assert len(shop.calls) == 3


@pytest.mark.parametrize("conn_type", ["satispay"])
def test_satispays_own_way_to_say_wait(shop: Shop, run: Run) -> None:
    ids = [shop.id_of(shop.sell("pending"))]
    shop.reply_always(403, b'{"code": 70, "message": "Anti hammering"}')
    with pytest.raises(PaymentsThrottled):
        run(PaymentStatusSensor, payments_conn_id=shop.conn_id, payment_ids=ids, max_poll_failures=2)
    assert len(shop.calls) == 3
    shop.reply_always(403, b'{"code": 45, "message": "Forbidden"}')
    with pytest.raises(PaymentsAuthError):
        run(PaymentStatusSensor, payments_conn_id=shop.conn_id, payment_ids=ids, max_poll_failures=2)
    assert len(shop.calls) == 4


@pytest.mark.parametrize("conn_type", ["spacepay"])
def test_a_refusal_is_no_bad_weather(shop: Shop, run: Run) -> None:
    ids = [shop.id_of(shop.sell("pending"))]
    shop.reply_always(400, b'{"error": {"code": "odd", "message": "Odd"}}')
    with pytest.raises(PaymentsRequestError, match="odd"):
        run(PaymentStatusSensor, payments_conn_id=shop.conn_id, payment_ids=ids)
    assert len(shop.calls) == 1


@pytest.mark.parametrize("conn_type", ["spacepay"])
def test_nothing_answers(shop: Shop, run: Run) -> None:
    shop.connect(host="http://127.0.0.1:1/spacepay")
    began = time.monotonic()
    with pytest.raises(PaymentsUnavailable, match=r"127\.0\.0\.1:1"):
        run(PendingPaymentsSensor, payments_conn_id=shop.conn_id, max_poll_failures=3, poke_interval=0.2)
    assert time.monotonic() - began > 0.55, "it waits between failed polls"


@pytest.mark.parametrize("conn_type", ["spacepay"])
def test_a_good_poll_begins_the_count_anew(shop: Shop, run: Run) -> None:
    row = shop.sell("pending")

    def fail_often(call: Call) -> None:
        if len(shop.calls) in (1, 3, 4, 6, 7):
            shop.reply(500)
        elif len(shop.calls) > 7:
            shop.move(row, "succeeded")

    shop.sandbox.before_reply = fail_often
    ids = [shop.id_of(row)]
    records = run(PaymentStatusSensor, payments_conn_id=shop.conn_id, payment_ids=ids, max_poll_failures=2)
    assert [each["status"] for each in records] == ["succeeded"]
    assert len(shop.calls) >= 8


@pytest.mark.parametrize("conn_type", ["cryptofuse"])
@pytest.mark.parametrize("fault", ["drop_connection_every", "throttle_every", "truncate_every"])
def test_bad_weather_does_not_show_in_the_result(shop: Shop, run: Run, fault: str) -> None:
    shop.finish()
    row = shop.sell("pending", "one-order")
    calm = sorted(payment.id for payment in shop.hook.list_payments())
    shop.forget_calls()
    shop.sandbox.faults.retry_after = "0.01"

    def rage(call: Call) -> None:
        setattr(shop.sandbox.faults, fault, 4 if len(shop.sandbox.requests) < 13 else 0)
        if len(shop.calls) > 9:
            shop.move(row, "succeeded")

    shop.sandbox.before_reply = rage
    records = run(PendingPaymentsSensor, payments_conn_id=shop.conn_id)
    assert len(shop.sandbox.requests) > 12
    assert sorted(each["id"] for each in records) == calm


@pytest.mark.parametrize("conn_type", ["spacepay"])
def test_retry_after_is_obeyed(shop: Shop, run: Run) -> None:
    """By the next poll, whoever makes it: the worker's own after the first, the triggerer's after the third."""
    row = shop.sell("pending")
    throttled = (1, 3)

    def throttle(call: Call) -> None:
        if len(shop.calls) in throttled:
            shop.reply(429, headers={"Retry-After": "1"})
        elif len(shop.calls) > 3:
            shop.move(row, "succeeded")

    shop.sandbox.before_reply = throttle
    records = run(PaymentStatusSensor, payments_conn_id=shop.conn_id, payment_ids=[shop.id_of(row)])
    assert [each["status"] for each in records] == ["succeeded"]
    times = [call.received_at for call in shop.calls]
    for number in throttled:
        assert times[number] - times[number - 1] > 0.95


@pytest.mark.parametrize("conn_type", ["spacepay"])
def test_polls_keep_their_distance(shop: Shop, run: Run) -> None:
    ids = [shop.id_of(shop.sell("pending"))]
    shop.reply_always(500)
    began = time.monotonic()
    with pytest.raises(PaymentsUnavailable):
        run(PaymentStatusSensor, payments_conn_id=shop.conn_id, payment_ids=ids, poke_interval=0.3, max_poll_failures=4)
    times = [call.received_at for call in shop.calls]
    assert len(times) == 5
    assert are_apart(times, began, 0.3)


@pytest.mark.parametrize("conn_type", ["spacepay"])
def test_a_wait_longer_than_the_timeout_ends_with_it(shop: Shop, run: Run) -> None:
    ids = [shop.id_of(shop.sell("pending"))]
    shop.reply_always(429, headers={"Retry-After": "3600"})
    began = time.monotonic()
    with pytest.raises(AirflowSensorTimeout):
        run(PaymentStatusSensor, payments_conn_id=shop.conn_id, payment_ids=ids, timeout=0.5)
    assert time.monotonic() - began < 10
    assert len(shop.calls) <= 2


def a_sensor(**settings: Any) -> PaymentStatusSensor:
    given = {"payments_conn_id": "spacepay_default", "order_ids": ["one-order"], "deferrable": True}
    return PaymentStatusSensor(task_id="wait", **{**given, **settings})


@pytest.mark.parametrize(
    "event",
    [
        None,
        "look",
        7,
        [],
        {},
        True,
        {"status": "success"},
        {"outcome": "success", "deadline": 1.0},
        {"outcome": None, "deadline": 1.0},
        {"outcome": "look"},
        {"outcome": "look", "deadline": "soon"},
        {"deadline": 1.0},
    ],
)
@pytest.mark.parametrize("is_soft", [False, True], ids=["", "soft"])
def test_an_event_of_something_else_proves_nothing(sandbox: Sandbox, event: Any, is_soft: bool) -> None:
    with pytest.raises(PaymentsError, match="proves nothing"):
        a_sensor(soft_fail=is_soft).resume_execution("execute_complete", {"event": event}, {})
    assert sandbox.requests == []


def test_no_event_at_all(sandbox: Sandbox) -> None:
    for arguments in (None, {}):
        with pytest.raises(PaymentsError, match="proves nothing"):
            a_sensor().resume_execution("execute_complete", arguments, {})
    assert sandbox.requests == []


@pytest.mark.parametrize(
    "told",
    [
        {"state": {}},
        {"state": {"known_ids": {}}},
        {"state": {"known_ids": None}},
        {"state": {"order_ids": ["another"]}},
        {"remembered": {"known_ids": {}}},
    ],
    ids=["nothing", "empty", "none", "no-state", "earlier-version"],
)
def test_a_trigger_that_looked_proves_nothing_either(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, told: dict[str, Any]
) -> None:
    """The task looks for itself, and goes on waiting when it is not over."""
    shop = Shop(sandbox, "spacepay", monkeypatch)
    shop.sell("pending", "one-order")
    deadline = time.time() + 30
    event = {"outcome": "look", "deadline": deadline, "last": "", **told}
    deferral = deferred(lambda: a_sensor().resume_execution("execute_complete", {"event": event}, {}))
    stored = deferral.trigger.serialize()[1]
    assert stored["deadline"] == pytest.approx(deadline, abs=0.01)
    assert stored["order_ids"] == ["one-order"]
    assert shop.calls


def test_a_look_after_the_deadline(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """When it was over in time and the task came late, that is still over; else it is too late."""
    shop = Shop(sandbox, "spacepay", monkeypatch)
    row = shop.sell("succeeded", "one-order")
    arguments = {"event": {"outcome": "look", "deadline": time.time() - 5, "last": "", "state": {}}}
    assert len(a_sensor().resume_execution("execute_complete", arguments, {})) == 1
    shop.move(row, "pending")
    with pytest.raises(AirflowSensorTimeout):
        a_sensor().resume_execution("execute_complete", arguments, {})
    with pytest.raises(AirflowSkipException):
        a_sensor(soft_fail=True).resume_execution("execute_complete", arguments, {})


ERRORS = {
    "auth": PaymentsAuthError("spacepay answered GET /x with HTTP 401: no. Check login."),
    "config": PaymentsConfigError("bad: window"),
    "unavailable": PaymentsUnavailable("spacepay: no reply from http://x to GET /x: TimeoutError."),
    "throttled": PaymentsThrottled("spacepay answered GET /x with HTTP 429.", 7),
    "protocol": PaymentsProtocolError("spacepay: the reply is odd"),
    "request": PaymentsRequestError("spacepay answered GET /x with HTTP 400.", 400, "x"),
    "lines": PaymentsUnavailable("one line\nand another: one"),
    "empty": PaymentsUnavailable(""),
}


@pytest.mark.parametrize("kind", list(ERRORS))
@pytest.mark.parametrize("is_soft", [False, True], ids=["", "soft"])
def test_a_trigger_that_failed_fails_the_task_with_the_same_error(kind: str, is_soft: bool) -> None:
    error = ERRORS[kind]
    with pytest.raises(type(error)) as caught:
        a_sensor(soft_fail=is_soft).resume_execution("__fail__", failure(error), {})
    assert type(caught.value) is type(error)
    assert str(caught.value) == str(error)


def test_a_trigger_that_failed_because_of_another(sandbox: Sandbox) -> None:
    def fail() -> None:
        try:
            raise TimeoutError("inner")
        except TimeoutError as inner:
            raise PaymentsUnavailable("outer: reason") from inner

    with pytest.raises(PaymentsUnavailable) as caught:
        fail()
    with pytest.raises(PaymentsUnavailable, match=r"^outer: reason$"):
        a_sensor().resume_execution("__fail__", failure(caught.value), {})


@pytest.mark.parametrize("error", [ValueError("odd"), KeyError("x"), RuntimeError(), MemoryError()])
def test_a_trigger_that_failed_otherwise(error: Exception) -> None:
    with pytest.raises(PaymentsError, match=rf"The trigger failed: {type(error).__name__}") as caught:
        a_sensor(soft_fail=True).resume_execution("__fail__", failure(error), {})
    assert type(caught.value) is PaymentsError


@pytest.mark.parametrize(
    "arguments", [None, {}, {"error": "Trigger failure"}, {"error": "Trigger failure", "traceback": []}]
)
def test_a_trigger_that_failed_without_a_word(arguments: Any) -> None:
    with pytest.raises(PaymentsError, match="The trigger failed"):
        a_sensor(soft_fail=True).resume_execution("__fail__", arguments, {})


def test_a_class_of_that_name_elsewhere_is_not_ours() -> None:
    class PaymentsAuthError(Exception):
        """Not ours."""

    with pytest.raises(PaymentsError) as caught:
        a_sensor().resume_execution("__fail__", failure(PaymentsAuthError("x")), {})
    assert type(caught.value) is PaymentsError


@pytest.mark.usefixtures("sandbox")
def test_airflows_own_timeout_of_a_trigger() -> None:
    """The scheduler may notice the deadline before the triggerer does."""
    try:
        from airflow.sdk.bases.operator import TriggerFailureReason

        reasons = [TriggerFailureReason.TRIGGER_TIMEOUT, str(TriggerFailureReason.TRIGGER_TIMEOUT.value)]
    except ImportError:  # Airflow 2.11
        reasons = ["Trigger/execution timeout"]
    for reason in reasons:
        with pytest.raises(AirflowSensorTimeout):
            a_sensor().resume_execution("__fail__", {"error": reason}, {})
        for how in ("soft_fail", "never_fail"):
            with pytest.raises(AirflowSkipException):
                a_sensor(**{how: True}).resume_execution("__fail__", {"error": reason}, {})


def test_never_fail_skips_when_the_trigger_failed() -> None:
    with pytest.raises(AirflowSkipException):
        a_sensor(never_fail=True).resume_execution("__fail__", failure(ERRORS["auth"]), {})


@pytest.mark.parametrize("conn_type", WITH_IDS)
def test_the_worker_counts_on_where_the_trigger_begins(shop: Shop) -> None:
    """A failed poll of the worker is the first of those in a row."""
    ids = [shop.id_of(shop.sell("pending"))]
    shop.reply(500)
    sensor = PaymentStatusSensor(task_id="wait", payments_conn_id=shop.conn_id, payment_ids=ids, deferrable=True)
    if shop.conn_type == "cryptofuse":  # whose first request is for a token
        shop.sandbox.faults.reply_with.clear()
        shop.reply_always(500)
    assert deferred(lambda: sensor.execute({})).trigger.serialize()[1]["poll_failures"] == 1


@pytest.mark.parametrize("conn_type", ["spacepay"])
def test_told_to_stop_while_it_writes(shop: Shop, tmp_path: Path) -> None:
    shop.finish()
    path = tmp_path / "payments.jsonl"
    settings = {"payments_conn_id": shop.conn_id, "output_path": path.as_uri()}
    sensor = PendingPaymentsSensor(task_id="wait", **settings)
    sensor.on_kill()
    told: list[str] = []

    def tell(call: Call) -> None:
        told.append(call.query["limit"])

    shop.sandbox.before_reply = tell
    wait = sensor.build_condition({})
    listing = wait.list_payments

    def stop_midway(hook: Any) -> Any:
        payments = listing(hook)
        next(payments)
        sensor.on_kill()
        return payments

    wait.list_payments = stop_midway  # type: ignore[method-assign]
    sensor._condition = wait
    with pytest.raises(SystemExit, match="told to stop"):
        sensor.execute({})
    assert told
    assert list(tmp_path.iterdir()) == []
    sensor.on_kill()


def test_every_connection_type_is_tried() -> None:
    assert len(CONN_TYPES) == 11


@pytest.mark.parametrize("conn_type", ["spacepay"])
class TestTheFinalCheck:
    """The time is over, and nobody has looked for a while."""

    EVENT: ClassVar = {
        "outcome": "last look",
        "deadline": 0.0,
        "last": "1 pending.",
        "state": {},
        "look_failures": 0,
    }

    def test_finds_what_happened_meanwhile(self, shop: Shop) -> None:
        shop.sell("succeeded", "one-order")
        assert len(a_sensor().execute_complete({}, self.EVENT)) == 1
        assert len(a_sensor().resume_execution("__fail__", {"error": "Trigger timeout"}, {})) == 1

    def test_ends_the_wait(self, shop: Shop) -> None:
        shop.sell("pending", "one-order")
        with pytest.raises(AirflowSensorTimeout, match="1 pending"):
            a_sensor().execute_complete({}, self.EVENT)

    def test_may_fail(self, shop: Shop) -> None:
        shop.reply_always(500)
        with pytest.raises(AirflowSensorTimeout):
            a_sensor().execute_complete({}, self.EVENT)


@pytest.mark.parametrize("conn_type", ["spacepay"])
def test_a_worker_that_always_fails_to_list_gives_up(shop: Shop) -> None:
    """Although the triggerer's small questions are answered all the time."""
    shop.close()
    shop.sell("succeeded", amountInCents="no number")
    journey = Journey(
        lambda: PendingPaymentsSensor(
            task_id="wait",
            payments_conn_id=shop.conn_id,
            deferrable=True,
            poke_interval=0.1,
            timeout=60,
            max_poll_failures=2,
        )
    )
    with pytest.raises(PaymentsProtocolError):
        journey.run()
    assert len(journey.deferrals) == 2
