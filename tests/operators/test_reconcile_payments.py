"""The operator that compares a table with the payment company's list, in real DAG runs and by itself."""

from __future__ import annotations

import json
import runpy
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_payments._compat import AirflowFailException, BaseHook
from airflow_provider_payments.exceptions import (
    PaymentsAuthError,
    PaymentsConfigError,
    PaymentsDiffer,
    PaymentsProtocolError,
    PaymentsRequestError,
)
from airflow_provider_payments.get_provider_info import get_provider_info
from airflow_provider_payments.money import format_amount
from airflow_provider_payments.operators.reconcile_payments import ReconcilePaymentsOperator
from airflow_provider_payments.sandbox import Call, Sandbox
from tests.hooks.test_secrets import Ears
from tests.operators.test_list_payments import pulled, tries
from tests.operators.test_storage_runs import COLLECTED, run_python
from tests.secrets.searching import assert_absent, told
from tests.secrets.test_runs import files_of_airflow

DAGS = Path(__file__).parent / "dags" / "reconcile.py"
CONN_TYPES = [each["connection-type"] for each in get_provider_info()["connection-types"]]
SQL = "SELECT id, status, amount, currency FROM payments"
PAYER = "payer-of-somebody@example.com"
PASSWORD = "warehouse-password-8Zq1"
START = datetime(2025, 10, 1, tzinfo=timezone.utc)
RESULT = [
    *("matched", "missing", "extra", "different", "duplicates"),
    *("api_amounts", "table_amounts", "api_amounts_unknown", "table_amounts_unknown", "api_records", "table_records"),
    *("examples", "complete", "warnings", "provider", "connection_id", "created_from", "created_to"),
    *("requests", "seconds"),
]


class Warehouse:
    """A table of payments in SQLite, to which Airflow has the connection ``warehouse``."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.do("CREATE TABLE payments (provider, connection_id, id, status, amount TEXT, currency, payer)")

    def do(self, sql: str, *parameters: Any) -> list[Any]:
        with closing(sqlite3.connect(self.file)) as connection, connection:
            return connection.execute(sql, parameters).fetchall()

    def load(self, conn_id: str, **question: Any) -> list[str]:
        """Load what a connection lists, and return the ids."""
        rows = [
            (each.provider, conn_id, each.id, each.status.value, format_amount(each.amount), each.currency)
            for each in BaseHook.get_hook(conn_id).list_payments(**question)
        ]
        with closing(sqlite3.connect(self.file)) as connection, connection:
            connection.executemany(f"INSERT INTO payments VALUES (?, ?, ?, ?, ?, ?, '{PAYER}')", rows)
        return [row[2] for row in rows]


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    connection = {"conn_type": "sqlite", "host": str(tmp_path / "warehouse.db"), "extra": {"password": PASSWORD}}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(connection))
    return Warehouse(tmp_path / "warehouse.db")


def operator(conn_type: str = "spacepay", **settings: Any) -> ReconcilePaymentsOperator:
    given = {"payments_conn_id": f"{conn_type}_default", "sql_conn_id": "warehouse", "sql": SQL, **settings}
    return ReconcilePaymentsOperator(task_id="compare", **given)


def run(conn_type: str = "spacepay", **settings: Any) -> dict[str, Any]:
    return operator(conn_type, **settings).execute({})


@pytest.mark.parametrize("conn_type", CONN_TYPES)
def test_an_equal_table(sandbox: Sandbox, warehouse: Warehouse, conn_type: str) -> None:
    recent = datetime.now(timezone.utc) - timedelta(days=300)  # PayPal lists three years
    window = {"created_from": recent} if conn_type == "paypal" else {}
    ids = warehouse.load(f"{conn_type}_default", **window)
    sandbox.requests.clear()
    found = run(conn_type, **window)
    assert list(found) == RESULT
    assert found["matched"] == found["api_records"] == found["table_records"] == len(ids) > 10
    assert (found["missing"], found["extra"], found["different"], found["duplicates"]) == (0, 0, 0, 0)
    assert found["api_amounts"] == found["table_amounts"] != {}
    assert found["api_amounts_unknown"] == found["table_amounts_unknown"]
    assert found["complete"] is True
    assert (found["provider"], found["connection_id"]) == (conn_type, f"{conn_type}_default")
    assert found["requests"] == len([call for call in sandbox.requests if call.api == conn_type])
    assert json.loads(json.dumps(found)) == found


def test_every_difference_is_found(sandbox: Sandbox, warehouse: Warehouse) -> None:
    exact = sandbox.spacepay.add(status="completed", amountInCents=123456789012345678901234)["id"]
    ids = [key for key in warehouse.load("spacepay_default") if key != exact]
    gone, twice, status, currency = ids[:4]
    warehouse.do("DELETE FROM payments WHERE id = ?", gone)
    warehouse.do("INSERT INTO payments SELECT * FROM payments WHERE id = ?", twice)
    warehouse.do("INSERT INTO payments (id, status, amount, currency) VALUES ('made up', 'failed', '7.5', 'EUR')")
    warehouse.do("UPDATE payments SET status = 'refunded' WHERE id = ?", status)
    warehouse.do("UPDATE payments SET currency = 'EUR' WHERE id = ?", currency)
    warehouse.do("UPDATE payments SET amount = '1234567890123456789012.35' WHERE id = ?", exact)
    with pytest.raises(PaymentsDiffer, match="1 payments are missing in the table") as caught:
        run()
    text = str(caught.value)
    assert f"({gone}): list the window again" in text
    assert "2 rows are extra, 1 of them with an id that another row has" in text
    assert "3 payments are different" in text
    found = run(on_difference="report")
    assert (found["missing"], found["extra"], found["different"], found["duplicates"]) == (1, 2, 3, 1)
    assert found["matched"] == len(ids) + 1 - 1 - 3
    assert found["examples"]["missing"] == [gone]
    assert found["examples"]["extra"] == sorted([twice, "made up"])
    assert found["examples"]["duplicates"] == [twice]
    different = {each["id"]: (each["field"], each["api"], each["table"]) for each in found["examples"]["different"]}
    assert different.keys() == {status, currency, exact}
    assert different[exact] == ("amount", "1234567890123456789012.34", "1234567890123456789012.35")
    assert different[status][0::2] == ("status", "refunded")
    assert different[currency] == ("currency", "USD", "EUR")
    assert Decimal(found["table_amounts"]["EUR"]) > Decimal("7.5")
    assert found["examples"] == run(on_difference="report", max_examples=3)["examples"]
    assert [*run(on_difference="report", max_examples=1)["examples"].values()] == [
        each[:1] for each in found["examples"].values()
    ]


def test_the_window_and_the_statuses_are_those_of_a_listing(sandbox: Sandbox, warehouse: Warehouse) -> None:
    question = {
        "created_from": "2025-10-10T00:00:00Z",
        "created_to": "2025-10-11T02:00:00+02:00",
        "statuses": ["succeeded"],
    }
    ids = warehouse.load("spacepay_default", **question)
    found = run(**question)
    assert found["matched"] == len(ids) > 0
    assert (found["created_from"], found["created_to"]) == ("2025-10-10T00:00:00Z", "2025-10-11T00:00:00Z")
    assert run(on_difference="report")["missing"] == len(sandbox.spacepay.rows) - len(ids)


def test_undated_payments_are_told_of(sandbox: Sandbox, warehouse: Warehouse) -> None:
    sandbox.hotpay.add(None).update(near_trx=None, timestamp=0)
    window = {"created_from": "2031-01-01T00:00:00Z"}
    ids = warehouse.load("hotpay_default", **window)
    found = run("hotpay", **window)
    assert found["matched"] == len(ids) > 0
    assert f"{len(ids)} payments have no time" in found["warnings"][-1]


def test_the_list_is_read_before_the_table(sandbox: Sandbox, warehouse: Warehouse) -> None:
    """So a payment that changes once it was listed is no difference."""
    ids = warehouse.load("spacepay_default")
    sandbox.before_reply = lambda call: warehouse.do("DELETE FROM payments WHERE id = ?", ids[0])
    assert run(on_difference="report")["examples"]["missing"] == [ids[0]]


@pytest.mark.parametrize("on_difference", ["fail", "report"])
def test_a_listing_that_is_not_complete_proves_nothing(
    sandbox: Sandbox, warehouse: Warehouse, on_difference: str
) -> None:
    warehouse.load("jframework_default")
    sandbox.jframework.extra_total = 5
    with pytest.raises(
        PaymentsProtocolError, match=r"prove nothing of the table\. Payments may be missing: the API"
    ) as caught:
        run("jframework", on_difference=on_difference)
    assert not isinstance(caught.value, AirflowFailException)  # the next try may see a list that holds still


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ((400, {}, b"{}"), PaymentsRequestError),
        ((200, {}, b"<html>"), PaymentsProtocolError),
        ((403, {}, b"{}"), PaymentsAuthError),
    ],
)
def test_a_listing_that_fails(sandbox: Sandbox, warehouse: Warehouse, reply: Any, error: type[Exception]) -> None:
    warehouse.load("spacepay_default")
    for _ in range(3000):
        sandbox.spacepay.add()

    def fail(call: Call) -> None:
        if int(call.query["offset"]) >= 1000:
            sandbox.faults.reply_with["spacepay"].append(reply)

    sandbox.before_reply = fail
    with pytest.raises(error):
        run(on_difference="report")


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("SELECT id, state AS status, amount, currency FROM payments", "refused by 'warehouse': no such column: state"),
        ("SELECT id, status, amount, currency FROM nowhere", "refused by 'warehouse': no such table: nowhere"),
        ("SELECT id, status, amount, currency FRM payments", r"refused by 'warehouse': near .* syntax error"),
        (f"{SQL} WHERE id = ?", "refused by 'warehouse': Incorrect number of bindings"),
        ("SELECT id, amount FROM payments;\n", r"It returns 'id', 'amount'; status, currency must"),
        ("CREATE TABLE others (a)", "returns no rows"),
    ],
)
def test_a_query_that_is_wrong_is_refused_before_any_request(
    sandbox: Sandbox, warehouse: Warehouse, sql: str, hint: str
) -> None:
    with pytest.raises(PaymentsConfigError, match=hint) as caught:
        run(on_difference="report", sql=sql)
    assert sandbox.requests == []
    assert PASSWORD not in told(caught.value)


def test_a_database_that_fails_comes_as_it_is(sandbox: Sandbox, warehouse: Warehouse) -> None:
    """What may pass is tried again."""
    with closing(sqlite3.connect(warehouse.file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            run()
    assert sandbox.requests == []


@pytest.mark.parametrize("sql", [f"{SQL} -- all", f"WITH p AS ({SQL}) SELECT * FROM p ORDER BY id;"])
def test_a_query_of_any_form_is_tried_first(sandbox: Sandbox, warehouse: Warehouse, sql: str) -> None:
    ids = warehouse.load("spacepay_default")
    assert run(sql=sql)["matched"] == len(ids)


def test_nothing_was_compared(sandbox: Sandbox, warehouse: Warehouse) -> None:
    found = run(created_from="2031-01-01T00:00:00Z")
    assert found["warnings"] == ["Nothing was compared: neither the list nor the query has a payment in this window."]
    assert run(created_from="2025-10-01T00:00:00Z", on_difference="report")["warnings"] == []


BAD: list[tuple[dict[str, Any], str]] = [
    ({"created_from": START, "created_to": START}, "CronDataIntervalTimetable"),
    ({"created_from": START, "created_to": START - timedelta(days=1)}, "reversed"),
    ({"created_from": "2026-01-01"}, "time zone"),
    ({"statuses": ["paid"]}, "Normalised statuses"),
    ({"filters": {"limit": 1}}, "paging"),
    ({"on_difference": "ignore"}, "on_difference must be one of fail, report"),
    ({"max_examples": 10_001}, "max_examples must be at most 10000"),
    ({"max_examples": -1}, "max_examples"),
    ({"sql": ""}, "sql must be a text"),
    ({"sql": ["SELECT 1", "SELECT 2"]}, "sql must be a text"),
    ({"parameters": "2026-01-01"}, "parameters must be a list"),
    (
        {"sql_conn_id": "nobody"},
        r"sql_conn_id names the connection 'nobody', .* or as AIRFLOW_CONN_NOBODY\.$",
    ),
    ({"sql_conn_id": f"sqlite://:{PASSWORD}@a.example"}, "id of a connection"),
    ({"sql_conn_id": "spacepay_default"}, r"of no SQL database's type; its hook is SpacePayHook"),
    ({"sql_conn_id": "strange"}, "of type 'nonsense', and Airflow has no hook for it"),
    ({"payments_conn_id": "warehouse"}, "not of a payment company's type"),
]


@pytest.mark.parametrize(("settings", "hint"), BAD, ids=[str(number) for number in range(len(BAD))])
def test_a_bad_argument_is_refused_before_any_request(
    sandbox: Sandbox, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], hint: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_STRANGE", json.dumps({"conn_type": "nonsense", "password": PASSWORD}))
    with pytest.raises(PaymentsConfigError, match=hint) as caught:
        run(on_difference=settings.pop("on_difference", "report"), **settings)
    assert sandbox.requests == []
    assert PASSWORD not in str(caught.value)


def test_a_database_that_cannot_be_reached_is_found_before_any_request(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    connection = {"conn_type": "sqlite", "host": str(tmp_path / "no" / "folder.db")}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(connection))
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        run()
    assert sandbox.requests == []


def test_without_airflows_provider_for_sql(
    sandbox: Sandbox, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "airflow.providers.common.sql.hooks.sql", None)
    with pytest.raises(PaymentsConfigError, match="pip install apache-airflow-providers-common-sql"):
        run()
    assert sandbox.requests == []


@pytest.mark.usefixtures("database")
def test_a_dag_run_with_templates(
    sandbox: Sandbox, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A difference fails the task at once, and its result is there all the same. Nothing tells who has paid."""
    dags = runpy.run_path(str(DAGS))
    ids = warehouse.load("spacepay_default", statuses=["succeeded", "pending"])
    warehouse.do("UPDATE payments SET amount = NULL, payer = ? WHERE id IN (?, ?, ?, ?)", PAYER, *ids[:4])
    with Ears() as ears:
        reported = dags["reconcile"].test()
        failed = dags["reconcile"].test(run_conf={"wanted": "fail"})
    assert tries(reported, "spacepay")[0] == "success"
    assert tries(failed, "spacepay") == ("failed", 1)
    for dag_run in (reported, failed):
        found = pulled(dag_run, "spacepay")
        assert list(found) == RESULT
        assert (found["different"], found["matched"]) == (4, len(ids) - 4)
        assert len(found["examples"]["different"]) == 3
        assert (found["created_from"], found["created_to"]) == ("2025-01-01T00:00:00Z", "2027-01-01T00:00:00Z")
        assert pulled(dag_run, "pull") == found
    output = capfd.readouterr()
    text = ears.stream.getvalue() + output.out + output.err + files_of_airflow()
    assert "4 payments are different" in text
    assert '"different": 4, "duplicates": 0' in text
    assert_absent(text, [PAYER, PASSWORD])


@pytest.mark.usefixtures("database")
def test_mapped_tasks(sandbox: Sandbox, warehouse: Warehouse) -> None:
    expected = {name: len(warehouse.load(name)) for name in ("spacepay_default", "stripe_default")}
    dag_run = runpy.run_path(str(DAGS))["reconcile_mapped"].test()
    assert dag_run.state == "success"
    assert pulled(dag_run, "collect") == expected


def test_lineage_names_the_api_that_was_listed(
    sandbox: Sandbox, warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With Airflow's own OpenLineage provider; also where a difference fails the task."""
    transport = {"type": "file", "log_file_path": str(tmp_path / "events.json"), "append": True}
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", json.dumps(transport))
    code = f"""
from airflow_provider_payments.exceptions import PaymentsDiffer
from airflow_provider_payments.operators.reconcile_payments import ReconcilePaymentsOperator
operator = ReconcilePaymentsOperator(
    task_id="compare", payments_conn_id="spacepay_default", sql_conn_id="warehouse", sql={SQL!r}
)
try:
    operator.execute({{}})
except PaymentsDiffer:
    facets = operator.get_openlineage_facets_on_complete(None)
    print("OPENLINEAGE", [(each.namespace, each.name) for each in facets.inputs], facets.outputs)
{COLLECTED}"""
    said = run_python(code).splitlines()
    address = BaseHook.get_hook("spacepay_default").base_address
    assert f"URIS {json.dumps([[f'{address}/payments'], []])}" in said
    assert f"OPENLINEAGE [({sandbox.url!r}, 'spacepay/payments')] []" in said


def test_secrets_of_the_database_do_not_show(
    sandbox: Sandbox, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    keys = warehouse.load("spacepay_default")
    warehouse.do("DELETE FROM payments WHERE id = ?", keys[0])
    tasks = [operator(), operator(sql="SELECT nothing"), operator(sql="SELECT id FROM payments")]
    with Ears() as ears:
        for task in tasks:
            with pytest.raises(Exception, match=r"missing|nothing|status") as caught:
                task.execute({})
            assert_absent(told(caught.value) + repr(vars(task)), [PASSWORD, PAYER])
    output = capfd.readouterr()
    assert_absent(ears.stream.getvalue() + output.out + output.err, [PASSWORD, PAYER])


@contextmanager
def stopped_by(task: ReconcilePaymentsOperator) -> Iterator[None]:
    """Let SIGTERM do what Airflow does: tell the task."""
    before = signal.signal(signal.SIGTERM, lambda *_: task.on_kill())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_task_that_is_told_to_stop_stops(sandbox: Sandbox, warehouse: Warehouse) -> None:
    task = operator()
    sandbox.before_reply = lambda call: signal.raise_signal(signal.SIGTERM)
    with stopped_by(task), pytest.raises(SystemExit, match="told to stop"):
        task.execute({})
    task.on_kill()  # afterwards it does nothing
