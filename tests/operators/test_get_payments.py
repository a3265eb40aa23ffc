"""Payments by their ids and orders: at each company, in real DAG runs, and when something goes wrong."""

from __future__ import annotations

import json
import os
import random
import runpy
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_payments._compat import AirflowFailException, BaseHook
from airflow_provider_payments.exceptions import (
    PaymentNotFound,
    PaymentsAuthError,
    PaymentsConfigError,
    PaymentsError,
    PaymentsProtocolError,
    PaymentsRequestError,
    PaymentsUnavailable,
    TooManyRecordsForXCom,
)
from airflow_provider_payments.operators.get_payments import GetPaymentsOperator
from airflow_provider_payments.sandbox import Call, Sandbox
from tests.hooks.test_secrets import Ears
from tests.http.server import Answer, Server
from tests.http.server import Call as HttpCall
from tests.listed import unlisted
from tests.waits import WITH_IDS, Shop, pytest_generate_tests, shop

__all__ = ["pytest_generate_tests", "shop"]

DAGS = Path(__file__).parent / "dags" / "get_payments.py"
UNKNOWN = "00000000-0000-0000-0000-000000000000"
"""An id that no API of the sandbox knows a payment by."""


def get(conn_type: str = "spacepay", **settings: Any) -> Any:
    return GetPaymentsOperator(task_id="get", payments_conn_id=f"{conn_type}_default", **settings).execute({})


def get_file(path: Path, conn_type: str = "spacepay", **settings: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    manifest = get(conn_type, output_path=path.as_uri(), **settings)
    return manifest, [json.loads(line) for line in path.read_bytes().splitlines()]


def ids_of(records: Any) -> list[str]:
    return [record["id"] for record in records]


def of_spacepay(sandbox: Sandbox, number: int, **fields: Any) -> list[str]:
    """Take payments, and return their ids; no others are left."""
    sandbox.spacepay.rows.clear()
    return [sandbox.spacepay.add(**fields)["id"] for _ in range(number)]


@pytest.mark.parametrize("conn_type", WITH_IDS)
def test_open_payments_are_got_as_they_are_now(shop: Shop, tmp_path: Path) -> None:
    """In the order of their ids, as a listing has them; and who is not known is reported."""
    shop.close()
    day = datetime.now(timezone.utc) - timedelta(days=1)
    rows = [shop.sell("pending", f"order-{number}", day + timedelta(minutes=number)) for number in range(5)]
    for row in rows[:2]:
        shop.move(row, "succeeded")
    shop.move(rows[2], "ON_THE_MOON")
    ids = [shop.id_of(row) for row in (rows[3], rows[0], rows[2], rows[1])]
    since = (day - timedelta(hours=1)).isoformat()  # for PayPal, where payments have to be searched for
    manifest, records = get_file(
        tmp_path / "p.jsonl",
        shop.conn_type,
        # As from a column of CHAR(40), which has spaces at the end.
        payment_ids=[(ids[0].ljust(40),), (UNKNOWN,), *([each] for each in [*ids, *ids])],
        created_from=since,
        on_missing="report",
    )
    assert ids_of(records) == ids
    assert [record["status"] for record in records] == [shop.pending, "succeeded", "unknown", "succeeded"]
    assert (manifest["records"], manifest["missing"], manifest["missing_ids"]) == (4, 1, [UNKNOWN])
    assert manifest["unknown_statuses"] == {"ON_THE_MOON": 1}
    assert manifest["complete"] is True
    assert "1 of 5 payment ids: '00000000-" in " ".join(manifest["warnings"])
    listed = {each.id: each.to_dict() for each in shop.hook.list_payments(created_from=since)}
    for record in records:
        # PayPal's list has no pending ones, and CryptoFuse tells more there.
        other = listed.get(record["id"], record)
        assert all(record[name] == other[name] for name in ("amount", "currency", "created_at", "provider_status"))


def test_all_payments_of_orders_are_got(shop: Shop, tmp_path: Path) -> None:
    shop.close()
    day = datetime.now(timezone.utc) - timedelta(days=1)
    sold = [
        (order, shop.sell(status, order, day + timedelta(minutes=number)))
        for number, (order, status) in enumerate(
            [("order-1", "failed"), ("order-2", "pending"), ("else", "succeeded"), ("order-1", "succeeded")]
        )
    ]
    manifest, records = get_file(
        tmp_path / "p.jsonl",
        shop.conn_type,
        order_ids=["order-2", "order-3", "order-1"],
        created_from=day - timedelta(hours=1),
        on_missing="report",
    )
    assert [record["order_id"] for record in records] == ["order-2", "order-1", "order-1"]
    if shop.conn_type != "hotpay":
        assert sorted(ids_of(records)) == sorted(shop.id_of(row) for order, row in sold if order != "else")
    assert (manifest["missing"], manifest["missing_ids"]) == (1, ["order-3"])
    # No list of Satispay shows AUTHORIZED payments: it may have missed some.
    assert manifest["complete"] is (shop.conn_type != "satispay")


@pytest.mark.parametrize(
    ("conn_type", "requests"), [("spacepay", 2), ("stripe", 9), ("jframework", 6), ("hotpay", 602), ("razorpay", 301)]
)
def test_a_list_that_has_to_be_searched_is_read_once(shop: Shop, requests: int) -> None:
    """However many orders there are. Where it filters by one, two requests show that it has nothing else."""
    shop.close()
    for number in range(300):
        shop.sell("succeeded", f"order-{number}")
    orders = [f"order-{number}" for number in range(301)]
    found = list(shop.hook.get_payments(order_ids=orders[::-1], on_missing="report"))
    assert [payment.order_id for payment in found] == orders[-2::-1]
    assert len(shop.calls) <= requests


@pytest.mark.parametrize("conn_type", ["paypal"])
def test_payments_of_one_window_are_searched_for_together(shop: Shop) -> None:
    shop.close()
    now = datetime.now(timezone.utc).replace(microsecond=0)
    recent = [shop.id_of(shop.sell("pending", at=now - timedelta(days=1, minutes=n))) for n in range(40)]
    lately = shop.hook.get_payments(payment_ids=recent, created_from=now - timedelta(days=2))
    assert ids_of(map(vars_of, lately)) == recent
    together = len(shop.calls)
    assert together < 50, "each is asked for once more, for it may have a row that says that it is settled"
    assert ids_of(map(vars_of, shop.hook.get_payments(payment_ids=recent[:9]))) == recent[:9]
    assert len(shop.calls) < together + 25  # some are under way when all are found
    assert ids_of(map(vars_of, shop.hook.get_payments(payment_ids=recent[:1]))) == recent[:1]
    together = len(shop.calls)
    old = [shop.id_of(shop.sell("succeeded", at=now - timedelta(days=days))) for days in (400, 40)]
    assert ids_of(map(vars_of, shop.hook.get_payments(payment_ids=old))) == old
    assert len(shop.calls) < together + 45, "a window each, to where they are"
    gone = shop.hook.get_payments(payment_ids=[*recent, "9XX00000XX0000000"], on_missing="report")
    assert ids_of(map(vars_of, gone)) == recent
    assert "PayPal shows no payments from before" in gone.report.doubts[0]


def vars_of(payment: Any) -> dict[str, Any]:
    return payment.to_dict(include_raw=False)  # type: ignore[no-any-return]


def test_a_payment_of_two_orders_comes_once(sandbox: Sandbox) -> None:
    sandbox.jframework.add(status="Pending", code="c-1", invoiceNo="i-1", testMode=False)
    sandbox.jframework.add(status="Pending", code="c-2", invoiceNo="i-1", testMode=False)
    records = get("jframework", order_ids=["c-2", "i-1", "c-1"])
    assert [record["raw"]["code"] for record in records] == ["c-2", "c-1"]


def test_what_is_missing_fails_once_all_were_asked_for(sandbox: Sandbox, tmp_path: Path) -> None:
    ids = of_spacepay(sandbox, 8)
    missing = [f"00000000-0000-0000-0000-{number:012}" for number in range(12)]
    with pytest.raises(PaymentNotFound) as caught:
        get(payment_ids=[*missing[:6], *ids, *missing[6:]], output_path=(tmp_path / "p.jsonl").as_uri())
    assert "for 12 of 20 payment ids" in str(caught.value)
    assert [each in str(caught.value) for each in missing] == [True] * 10 + [False] * 2
    assert isinstance(caught.value, AirflowFailException), "a retry would ask for all of them again"
    assert len(sandbox.requests) == 20
    assert [*tmp_path.iterdir()] == []


def test_what_is_missing_is_told_beside_records(sandbox: Sandbox) -> None:
    ids = of_spacepay(sandbox, 2)
    with Ears() as ears:
        assert ids_of(get(payment_ids=[UNKNOWN, *ids], on_missing="report")) == ids
    assert f"No payment was found for 1 of 3 payment ids: '{UNKNOWN}'." in ears.stream.getvalue()
    with pytest.raises(TooManyRecordsForXCom, match="output_path"):
        get(payment_ids=[UNKNOWN, *ids], on_missing="report", max_xcom_records=1)


def test_a_search_that_may_have_missed_orders_says_so(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.jframework.extra_total = 5
    code = next(row["code"] for row in sandbox.jframework.rows if row["code"] and not row["testMode"])
    manifest, records = get_file(tmp_path / "p.jsonl", "jframework", order_ids=[code, "no-such"], on_missing="report")
    assert ([record["raw"]["code"] for record in records], manifest["missing"]) == ([code], 1)
    assert manifest["complete"] is False
    assert "Payments may be missing" in manifest["warnings"][0]
    with pytest.raises(PaymentNotFound, match=r"1 of 2 order ids: 'no-such'\. Payments may be missing"):
        get("jframework", order_ids=[code, "no-such"])


@pytest.mark.parametrize(
    "reply",
    [
        (404, {}, b"<html>Not Found</html>"),
        (404, {}, b""),
        (404, {}, b"404 page not found"),
        (200, {}, b"<html>Hi</html>"),
    ],
)
def test_a_page_of_somebody_else_is_no_missing_payment(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, reply: tuple[int, dict[str, str], bytes]
) -> None:
    connection = {**sandbox.connections()["spacepay_default"], "extra": {"max_attempts": 1}}
    monkeypatch.setenv("AIRFLOW_CONN_SPACEPAY_DEFAULT", json.dumps(connection))
    ids = of_spacepay(sandbox, 2)
    sandbox.faults.reply_with["spacepay"].append(reply)
    with pytest.raises((PaymentsUnavailable, PaymentsProtocolError)):
        get(payment_ids=ids, on_missing="report")


@pytest.mark.parametrize("company", ["stripe", "mollie", "razorpay"])
def test_where_the_api_is_not_no_payment_is_missing(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, company: str
) -> None:
    """In the API's own words, a wrong path is as unknown as a payment is."""
    connection = sandbox.connections()[f"{company}_default"]
    wrong = {**connection, "host": f"{connection['host']}/v9"}
    monkeypatch.setenv(f"AIRFLOW_CONN_{company.upper()}_DEFAULT", json.dumps(wrong))
    with pytest.raises(PaymentsRequestError):
        get(company, payment_ids=["pi_1", "pi_2"], on_missing="report")


def test_another_payment_is_not_taken_for_the_one_that_was_asked_for(sandbox: Sandbox) -> None:
    """As a cache in between may reply. It would be dropped as a duplicate, and the right one be missing unseen."""
    ids = of_spacepay(sandbox, 2)
    other = json.dumps({"id": ids[1], "status": "completed"}).encode()

    def answer_with_the_other(call: Call) -> None:
        if ids[0] in call.path:
            sandbox.faults.reply_with["spacepay"].append((200, {}, other))

    sandbox.before_reply = answer_with_the_other
    with pytest.raises(PaymentsProtocolError, match="another payment than"):
        get(payment_ids=ids)


def test_faults_on_the_way_change_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    ids = of_spacepay(sandbox, 60)
    manifest, expected = get_file(tmp_path / "a.jsonl", payment_ids=ids)
    assert manifest["requests"] == 60
    sandbox.faults.reply_with["spacepay"] += [(429, {"Retry-After": "0"}, b"{}"), (503, {}, b"<html>")]
    manifest, found = get_file(tmp_path / "b.jsonl", payment_ids=ids)
    assert unlisted(found) == unlisted(expected)
    assert manifest["requests"] == 62


def test_refused_credentials_end_it_and_nothing_secret_is_said(sandbox: Sandbox, tmp_path: Path) -> None:
    ids = of_spacepay(sandbox, 50, orderId="order-of-a-payer")
    secret = sandbox.connections()["spacepay_default"]["password"]

    def refuse(call: Call) -> None:
        if len(sandbox.requests) > 20:
            body = {"error": {"type": "permission_error", "code": secret, "message": secret}}
            sandbox.faults.reply_with["spacepay"].append((403, {}, json.dumps(body).encode()))

    sandbox.before_reply = refuse
    with Ears() as ears, pytest.raises(PaymentsAuthError) as caught:
        get(payment_ids=ids, output_path=(tmp_path / "p.csv").as_uri())
    assert len(sandbox.requests) < 50
    said = ears.stream.getvalue() + str(caught.value)
    assert secret not in said
    assert "order-of-a-payer" not in said
    assert [*tmp_path.iterdir()] == []


def test_no_payment_is_nothing_to_do(sandbox: Sandbox, tmp_path: Path) -> None:
    for name in ("payment_ids", "order_ids"):
        manifest, records = get_file(tmp_path / "p.jsonl", **{name: []})
        assert records == []
        assert (manifest["records"], manifest["complete"], manifest["missing"]) == (0, True, 0)
        assert manifest["listed_at"] is not None
        assert get(**{name: "[]"}) == []
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({}, "both None.*has returned None"),
        ({"payment_ids": None}, "both None"),
        ({"payment_ids": [], "order_ids": ["a"]}, "not both"),
        ({"payment_ids": [("a", "b")]}, "payment_ids contains a tuple with 2 values.*one column"),
        ({"payment_ids": [(None,)]}, "payment_ids contains None, which is no id"),
    ],
)
def test_what_names_no_payments(sandbox: Sandbox, names: dict[str, Any], message: str) -> None:
    with pytest.raises(PaymentsConfigError, match=message):
        get(**names)
    assert sandbox.requests == []


def test_hot_pay_knows_orders_only(sandbox: Sandbox) -> None:
    for ids in (["a"], []):
        with pytest.raises(PaymentsConfigError, match=r"hotpay cannot be asked for a payment by id.*order_ids"):
            get("hotpay", payment_ids=ids)
    assert sandbox.requests == []


@contextmanager
def odd_server(monkeypatch: pytest.MonkeyPatch, **extra: Any) -> Iterator[Server]:
    """An API whose replies come in any order."""

    def answer(call: HttpCall) -> Answer:
        time.sleep(random.random() / 50)
        row = {"id": call.target.rsplit("/", 1)[1], "status": "completed", "amountInCents": 100, "currency": "EUR"}
        return Answer(body=json.dumps(row).encode())

    with Server() as server:
        server.answer = answer
        connection = {"conn_type": "spacepay", "host": server.origin, "password": "a-key", "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_SPACEPAY_DEFAULT", json.dumps(connection))
        yield server


def test_they_are_asked_for_side_by_side_and_come_in_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ids = [f"id-{number}" for number in range(300)]
    random.Random(1).shuffle(ids)
    with odd_server(monkeypatch, max_concurrency=6) as server:
        one, records = get_file(tmp_path / "a.jsonl", payment_ids=ids)
        two, again = get_file(tmp_path / "b.jsonl", payment_ids=ids)
    assert ids_of(records) == ids
    assert unlisted(records) == unlisted(again)
    assert 1 < server.most_at_once <= 6
    assert server.connections <= 12, "the requests of a task share their connections"
    assert (one["requests"], two["requests"], len(server.calls)) == (300, 300, 600)


def test_a_task_that_is_told_to_stop_leaves_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    """As Airflow does it: its signal comes to the main thread while payments are written."""
    ids = of_spacepay(sandbox, 400)
    operator = GetPaymentsOperator(
        task_id="get",
        payments_conn_id="spacepay_default",
        payment_ids=ids,
        output_path=(tmp_path / "p.jsonl").as_uri(),
    )
    sandbox.before_reply = lambda call: os.kill(os.getpid(), signal.SIGTERM) if len(sandbox.requests) == 250 else None
    before = signal.signal(signal.SIGTERM, lambda *_: operator.on_kill())
    try:
        with pytest.raises(SystemExit, match="told to stop"):
            operator.execute({})
    finally:
        signal.signal(signal.SIGTERM, before)
    assert len(sandbox.requests) < 300
    assert [*tmp_path.iterdir()] == []


def pulled(dag_run: Any, task_id: str) -> Any:
    return dag_run.get_task_instance(task_id).xcom_pull(task_ids=task_id)


@pytest.mark.usefixtures("database")
def test_other_tasks_say_which(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A query's rows, of which there may be none, a template, and batches of a mapped task."""
    ids = sorted(of_spacepay(sandbox, 5, status="pending"))
    sandbox.spacepay.rows[0]["orderId"] = "order-7"
    with sqlite3.connect(tmp_path / "warehouse.db") as connection:
        connection.execute("CREATE TABLE payments (id TEXT, is_final BOOLEAN)")
        connection.executemany("INSERT INTO payments VALUES (?, ?)", [*((each, False) for each in ids), ("done", True)])
    connection.close()
    warehouse = {"conn_type": "sqlite", "host": str(tmp_path / "warehouse.db")}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(warehouse))
    dag_run = runpy.run_path(str(DAGS))["get_payments"].test(run_conf={"folder": tmp_path.as_uri(), "order": "order-7"})
    assert dag_run.state == "success"
    manifest = pulled(dag_run, "of_sql")
    assert (manifest["records"], manifest["missing"], manifest["complete"]) == (5, 0, True)
    assert ids_of(pulled(dag_run, "of_text")) == ids
    assert pulled(dag_run, "of_nothing") == []
    assert ids_of(pulled(dag_run, "of_order")) == [sandbox.spacepay.rows[0]["id"]]

    def read(name: str) -> list[str]:
        return [json.loads(line)["id"] for line in (tmp_path / name).read_text().splitlines()]

    assert read("of_sql.jsonl") == ids
    assert [read(f"mapped-{number}.jsonl") for number in range(3)] == [ids[:2], ids[2:4], ids[4:]]


@pytest.mark.usefixtures("database")
def test_a_missing_payment_is_not_tried_again(sandbox: Sandbox) -> None:
    instance = runpy.run_path(str(DAGS))["missing_payments"].test().get_task_instance("get")
    assert (str(instance.state), instance.try_number) == ("failed", 1)
    assert len(sandbox.requests) == 2, "and whether the API is there at all"


def test_a_hook_tells_what_is_missing_after_the_others(sandbox: Sandbox) -> None:
    ids = of_spacepay(sandbox, 3)
    hook = BaseHook.get_hook("spacepay_default")
    with hook.get_payments(payment_ids=[UNKNOWN, *ids]) as payments:
        found = [next(payments).id for _ in ids]
        with pytest.raises(PaymentsError, match="1 of 4"):
            next(payments)
    assert found == ids
    assert (payments.report.missing, payments.report.is_complete) == (1, False)
    assert list(hook.get_payments(payment_ids=ids)) == [hook.get_payment(each) for each in ids]
