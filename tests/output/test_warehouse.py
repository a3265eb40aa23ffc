"""Loading payments into a table, in each of the databases of ``tests/warehouses.py``."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_payments._compat import AirflowFailException
from airflow_provider_payments.exceptions import PaymentsConfigError, PaymentsError
from airflow_provider_payments.operators.list_payments import ListPaymentsOperator
from airflow_provider_payments.output.formats import FORMATS
from airflow_provider_payments.output.warehouse import load_payments
from airflow_provider_payments.payment import RECORD_FIELDS, Payment, PaymentStatus
from airflow_provider_payments.sandbox import Sandbox
from tests.warehouses import Warehouse, connect_sqlite, warehouse

__all__ = ["warehouse"]

LISTED = datetime(2026, 2, 1, tzinfo=timezone.utc)
AMOUNTS = ("amount", "fee", "net_amount", "refunded_amount", "crypto_amount")

Make = Callable[..., Payment]
Write = Callable[..., dict[str, Any]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write an object as an operator does, and return what of its manifest counts."""

    def write(name: str, payments: list[Payment], *, include_raw: bool = True) -> dict[str, Any]:
        file_format = name.partition(".")[2]
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as file:
            writer = FORMATS[file_format].open_writer(file, include_raw)  # type: ignore[arg-type]
            writer.write(payments)
            writer.finish()
        return {"path": path.as_uri(), "format": file_format, "records": len(payments)}

    return write


@pytest.mark.parametrize("suffix", ["jsonl", "jsonl.gz", "parquet"])
def test_what_was_listed_later_stays(warehouse: Warehouse, make_payment: Make, write: Write, suffix: str) -> None:
    """In whichever order objects are loaded, however often, and when only a fraction of a second is between them."""

    def listed(name: str, seconds: float, status: PaymentStatus, ids: str) -> dict[str, Any]:
        about = {"status": status, "listed_at": LISTED + timedelta(seconds=seconds)}
        return write(f"{name}.{suffix}", [make_payment(each, **about) for each in ids])

    def load(manifest: dict[str, Any]) -> str:
        assert warehouse.load(manifest) == manifest["records"]
        return warehouse.statuses()

    first = listed("first", 0, PaymentStatus.PENDING, "12")
    second = listed("second", 0.000005, PaymentStatus.SUCCEEDED, "23")
    assert load(first) == "1p 2p"
    assert load(second) == "1p 2s 3s"
    assert load(first) == "1p 2s 3s"
    assert load(listed("again", 1, PaymentStatus.REFUNDED, "12")) == "1r 2r 3s"
    assert load(second) == "1r 2r 3s"
    assert load(listed("none", 2, PaymentStatus.REFUNDED, "")) == "1r 2r 3s"


@pytest.mark.parametrize("suffix", ["jsonl.gz", "parquet"])
def test_values_are_exact(warehouse: Warehouse, make_payment: Make, write: Write, suffix: str) -> None:
    awkward = 'a "b",;\r\n\\.\n\\N\t\u2028 \u0000 Ω\U0001f600 \\x41 '
    time = datetime(2026, 1, 31, 23, 59, 59, 999999, tzinfo=timezone.utc)
    payments = [
        make_payment(
            "1", amount="12345678901234567890.123456789012345678", order_id=awkward, raw=b'{"a": [1.10, "\\n"]}'
        ),
        make_payment("2", amount="0.000000000000000001", order_id="", description="NULL", flags=("test", "disputed")),
        make_payment("3", amount=None, day=None, provider_status="", amount_minor=10**30, fee=Decimal("-0.10")),
        make_payment("4", created_at=time, crypto_amount=Decimal("5"), order_id="0012", payer_id="1e5"),
        make_payment("5", order_id=awkward),
        make_payment("6", order_id="a\rb", description="\r", payer_id="\n"),
    ]
    warehouse.load(write(f"payments.{suffix}", [replace(each, listed_at=time) for each in payments]))
    rows = warehouse.rows()
    assert len(rows) == len(payments)
    for payment in payments:
        row = rows[payment.id]
        assert {key: value for key, value in row.items() if key not in (*AMOUNTS, "created_at", "listed_at")} == {
            **{name: None for name in RECORD_FIELDS if name not in (*AMOUNTS, "created_at", "listed_at")},
            "provider": "spacepay",
            "connection_id": "pay",
            "id": payment.id,
            "kind": "payment",
            "status": "succeeded",
            "provider_status": payment.provider_status,
            "is_final": True,
            "flags": ";".join(payment.flags),
            "currency": "USD",
            "amount_minor": None if payment.amount_minor is None else str(payment.amount_minor),
            "order_id": payment.order_id and payment.order_id.replace("\0", "\ufffd"),
            "description": payment.description,
            "payer_id": payment.payer_id,
            "raw": payment.raw.decode(),
        }
        for name in AMOUNTS:
            assert (row[name] is None) == (getattr(payment, name) is None)
            assert row[name] is None or Decimal(row[name]) == getattr(payment, name)
        for name, expected in (("created_at", payment.created_at), ("listed_at", time)):
            found = datetime.fromisoformat(row[name]) if isinstance(row[name], str) else row[name]
            assert found == expected


def replace(payment: Payment, **changes: Any) -> Payment:
    return Payment(**{**{name: getattr(payment, name) for name in payment.__struct_fields__}, **changes})


def test_the_last_of_24_digits_is_held_or_refused(warehouse: Warehouse, make_payment: Make, write: Write) -> None:
    amount = "1.000000000000000000000001"
    manifest = write("payments.jsonl", [make_payment("1", amount=amount, listed_at=LISTED)])
    if warehouse.hook.conn_type == "duckdb":  # as most, it has no decimals of so many digits
        with pytest.raises(PaymentsConfigError, match="amount of payment '1' has more than the 18 digits after"):
            warehouse.load(manifest)
        assert warehouse.rows() == {}
    else:
        warehouse.load(manifest)
        assert Decimal(warehouse.rows()["1"]["amount"]) == Decimal(amount)


def test_a_column_of_fewer_digits_does_not_round(warehouse: Warehouse, make_payment: Make, write: Write) -> None:
    if warehouse.hook.conn_type == "sqlite":
        pytest.skip("SQLite's columns have no number of digits")
    warehouse.execute(
        "CREATE TABLE payments (provider TEXT, connection_id TEXT, id TEXT, amount NUMERIC(12, 2), "
        "listed_at TIMESTAMP WITH TIME ZONE, PRIMARY KEY (provider, connection_id, id))"
    )
    fits = [make_payment("1", amount="1.50", listed_at=LISTED), make_payment("2", amount="1.5000", listed_at=LISTED)]
    assert warehouse.load(write("fits.jsonl", fits)) == 2
    if warehouse.hook.conn_type == "postgres":
        with pytest.raises(PaymentsConfigError, match="amount of payment '4' has more than the 2 digits after"):
            warehouse.load(write("more.jsonl", [make_payment(n, amount=f"1.{'0' * n}1") for n in (1, 4)]))
    assert [row["amount"] for row in warehouse.rows().values()] == [Decimal("1.50")] * 2


def test_a_column_that_rounds_is_refused(warehouse: Warehouse, make_payment: Make, write: Write) -> None:
    if warehouse.hook.conn_type != "postgres":
        pytest.skip("only Postgres tells it")
    warehouse.execute(
        "CREATE TABLE payments (provider TEXT, connection_id TEXT, id TEXT, amount DOUBLE PRECISION, "
        "listed_at TIMESTAMP WITH TIME ZONE, PRIMARY KEY (provider, connection_id, id))"
    )
    with pytest.raises(PaymentsConfigError, match=r"payments\.amount is DOUBLE PRECISION, which rounds"):
        warehouse.load(write("p.jsonl", [make_payment("1", listed_at=LISTED)]))
    assert warehouse.rows() == {}


@pytest.mark.parametrize("key", ["", ", PRIMARY KEY (id)"])
def test_a_table_without_the_key_is_refused_before_anything_is_read(
    warehouse: Warehouse, make_payment: Make, write: Write, key: str
) -> None:
    if warehouse.hook.conn_type == "duckdb":
        pytest.skip("MERGE needs no key")
    warehouse.execute(
        "CREATE TABLE payments (provider TEXT, connection_id TEXT, id TEXT, status TEXT, "
        f"listed_at TIMESTAMP WITH TIME ZONE{key})"
    )
    manifest = write("p.jsonl", [make_payment("1", listed_at=LISTED)])
    Path(manifest["path"].removeprefix("file://")).write_text("not read")
    with pytest.raises(
        PaymentsConfigError, match=r"payments has no primary key \(provider, connection_id, id\)\. Add it"
    ):
        warehouse.load(manifest)
    assert warehouse.rows() == {}
    warehouse.execute("CREATE UNIQUE INDEX by_key ON payments (id, connection_id, provider)")
    assert warehouse.load(write("p.jsonl", [make_payment("1", listed_at=LISTED)])) == 1


def test_the_log_tells_what_was_written(
    make_payment: Make, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    connect_sqlite(tmp_path, monkeypatch)
    first, older = (
        write(f"{name}.jsonl", [make_payment(number, listed_at=time) for number in range(3)])
        for name, time in (("first", LISTED), ("older", LISTED - timedelta(days=1)))
    )
    with caplog.at_level("INFO", "airflow_provider_payments.output.warehouse"):
        load_payments(first, "warehouse")
        load_payments(older, "warehouse")
    assert [each.getMessage() for each in caplog.records if each.name.endswith("output.warehouse")] == [
        "3 payments read; 3 rows written to table payments",
        "3 payments read; 0 rows written to table payments",
    ]


def test_a_table_may_have_other_columns(warehouse: Warehouse, make_payment: Make, write: Write) -> None:
    warehouse.execute(
        "CREATE TABLE payments (note TEXT DEFAULT 'new', listed_at TIMESTAMP WITH TIME ZONE, id TEXT, "
        "connection_id TEXT, provider TEXT, status TEXT, PRIMARY KEY (provider, connection_id, id))"
    )
    warehouse.execute(
        "INSERT INTO payments (provider, connection_id, id, note) VALUES ('spacepay', 'pay', '1', 'mine')"
    )
    warehouse.load(write("payments.jsonl", [make_payment(each, listed_at=LISTED) for each in "12"]))
    found = warehouse.rows()
    assert {key: (row["status"], row["note"]) for key, row in found.items()} == {
        "1": ("succeeded", "mine"),  # the row had no listed_at: whatever is listed is newer
        "2": ("succeeded", "new"),
    }


def test_raw_that_is_listed_no_more_does_not_stay(warehouse: Warehouse, make_payment: Make, write: Write) -> None:
    """Personal data goes, and no row is half of one listing and half of another."""
    for number, include_raw in enumerate((True, False)):
        payments = [make_payment("1", raw=b'{"name": "Ada"}', listed_at=LISTED + timedelta(days=number))]
        warehouse.load(write("payments.parquet", payments, include_raw=include_raw))
    assert warehouse.rows()["1"]["raw"] is None


def test_rows_that_share_an_id_are_one(warehouse: Warehouse, make_payment: Make, write: Write) -> None:
    """HOT Pay's provisional ids may be those of two rows."""
    payments = [make_payment("1", amount=amount, listed_at=LISTED) for amount in ("1.00", "2.00")]
    assert warehouse.load(write("payments.jsonl", payments)) == 2
    assert list(warehouse.rows()) == ["1"]


def test_what_the_operator_returns_is_loaded(warehouse: Warehouse, sandbox: Sandbox, tmp_path: Path) -> None:
    for file, limit in (("one.jsonl.gz", None), ("parts.parquet", 70), ("small parts.jsonl", 9)):
        operator = ListPaymentsOperator(
            task_id="list_payments",
            payments_conn_id="spacepay_default",
            output_path=(tmp_path / file).as_uri(),
            max_records_per_file=limit,
        )
        manifest: Any = operator.execute({})
        assert warehouse.load(json.loads(json.dumps(manifest))) == manifest["records"] == len(sandbox.spacepay.rows)
        assert len(warehouse.rows()) == len(sandbox.spacepay.rows)


def test_an_error_leaves_the_table_as_it_was(
    warehouse: Warehouse, make_payment: Make, write: Write, tmp_path: Path
) -> None:
    warehouse.load(write("first.jsonl", [make_payment("1", listed_at=LISTED)]))
    before = warehouse.rows()
    later = [make_payment(n, status=PaymentStatus.REFUNDED, listed_at=LISTED + timedelta(1)) for n in range(1200)]
    manifest = write("later.jsonl.gz", later)
    with pytest.raises(PaymentsError, match="has 1200 payments, not 1201"):
        warehouse.load({**manifest, "records": 1201})
    assert warehouse.rows() == before
    path = tmp_path / "later.jsonl.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(EOFError):
        warehouse.load(manifest)
    lines = gzip.decompress(whole).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join(lines[:-1]) + lines[-1].replace(b"T", b"t", 1)[:-20]))
    with pytest.raises(Exception, match="truncated"):
        warehouse.load(manifest)
    assert warehouse.rows() == before
    path.write_bytes(whole)
    warehouse.load(manifest)
    assert len(warehouse.rows()) == 1200


def test_loads_at_the_same_time_neither_block_nor_lose(warehouse: Warehouse, make_payment: Make, write: Write) -> None:
    """Each of the same payments, in an order of its own, into a table that none of them has seen yet."""
    if warehouse.hook.conn_type == "duckdb":
        pytest.skip("DuckDB is for one process, and refuses a second writer of the same row")
    numbers = range(2000)
    manifests = [
        write(
            f"{turn}.jsonl",
            [
                make_payment(number, amount=f"{turn}.00", listed_at=LISTED + timedelta(seconds=turn))
                for number in sorted(numbers, key=lambda number: hash((turn, number)))
            ],
        )
        for turn in range(6)
    ]
    with ThreadPoolExecutor(len(manifests)) as pool:
        assert list(pool.map(warehouse.load, manifests)) == [len(numbers)] * len(manifests)
    rows = warehouse.rows()
    assert len(rows) == len(numbers)
    assert {Decimal(row["amount"]) for row in rows.values()} == {Decimal(5)}


@pytest.mark.parametrize(
    ("connection", "message"),
    [
        (None, "database names the connection 'warehouse', which does not exist"),
        ({"conn_type": "mysql", "host": "localhost"}, "is of type 'mysql', and Airflow has no hook for it"),
        ({"conn_type": "spacepay", "password": "secret-key"}, "is of no SQL database's type; its hook is SpacePayHook"),
    ],
    ids=["no connection", "no provider", "no database"],
)
def test_what_a_retry_cannot_mend_fails_at_once(
    connection: dict[str, Any] | None, message: str, make_payment: Make, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    if connection:
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(connection))
    with pytest.raises(PaymentsConfigError, match=message) as caught:
        load_payments(write("payments.jsonl", [make_payment("1")]), "warehouse")
    assert isinstance(caught.value, AirflowFailException)
    assert "secret-key" not in str(caught.value)


def test_what_cannot_be_loaded_is_refused_before_the_table_is_made(
    make_payment: Make, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect_sqlite(tmp_path, monkeypatch)
    with pytest.raises(PaymentsConfigError, match=r"cannot be read back: only jsonl, jsonl\.gz, parquet can"):
        load_payments(write("payments.csv", [make_payment("1")]), "warehouse")
    with pytest.raises(PaymentsConfigError, match="A manifest is read, not a list: give the task"):
        load_payments([make_payment("1").to_dict()], "warehouse")  # type: ignore[arg-type]
    assert not (tmp_path / "warehouse.db").exists()
    with sqlite3.connect(tmp_path / "warehouse.db") as connection:
        connection.execute("CREATE TABLE payments (id TEXT, listed_at TEXT)")
    with pytest.raises(PaymentsConfigError, match="The table payments has no column connection_id, provider"):
        load_payments(write("payments.jsonl", [make_payment("1")]), "warehouse")
