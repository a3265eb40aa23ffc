"""A lake as the documentation lays it out, read as one table by each reader, with the documentation's own lines."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

from airflow_provider_payments.output.formats import FORMATS
from airflow_provider_payments.payment import RECORD_FIELDS, Payment

Make = Callable[..., Payment]
ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "loading.md").read_text()
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "example_dags").glob("*.py"))]
AMOUNTS = ("amount", "fee", "net_amount", "refunded_amount", "crypto_amount")
LISTED = datetime(2026, 2, 1, 0, 0, 0, 123456, tzinfo=timezone.utc)
#: Texts that guessing readers take for something else.
ORDERS = {"1": "0012", "2": None, "3": "2026-01-01", "4": "", "5": "1e5"}


def blocks(heading: str) -> list[str]:
    """The lines of code below a heading of the page."""
    _, found, below = PAGE.partition(f"\n## {heading}\n")
    assert found
    return [code for _, code in re.findall(r"(?s)```(python|sql)\n(.*?)```", below.partition("\n## ")[0])]


def format_of(code: str) -> str:
    named = re.search(r"\b(jsonl\.gz|csv\.gz|[Cc]sv)\b|CsvFileFormat", code)
    return "parquet" if named is None else named[0] if named[0] in FORMATS else "csv"


SNIPPETS = [(heading, code) for heading in ("DuckDB", "pandas", "PyArrow", "DataFusion") for code in blocks(heading)]


@pytest.fixture
def lay_out(make_payment: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """Makes a lake: of two companies, days with payments and without, and columns with nothing in them."""

    def make(payment_id: str, company: str, **more: Any) -> Payment:
        listed_at = LISTED + timedelta(days=int(payment_id))
        fields = {"provider": company, "connection_id": f"{company}_default", "order_id": ORDERS[payment_id]}
        return make_payment(
            payment_id, **{**fields, "listed_at": listed_at, "raw": b'{"%s": [1.10]}' % company.encode()} | more
        )

    days = {
        ("spacepay", "2026-01-30"): [
            make("1", "spacepay", amount="0.000000000000000001", flags=("underpaid", "expired"), amount_minor=10**30)
        ],
        ("spacepay", "2026-01-31"): [],
        ("hotpay", "2026-01-30"): [make("2", "hotpay", amount=None, currency=None, day=None)],
        ("hotpay", "2026-01-31"): [
            make("3", "hotpay", amount="12345678901234567890.123456789012345678", description='a "b",\nc\r\n'),
            make("4", "hotpay", completed_at=LISTED, fee=Decimal("0.10")),
            make("5", "hotpay", expires_at=LISTED, payer_id="007"),
        ],
    }

    def lay_out(name: str) -> Path:
        for (company, date), payments in days.items():
            folder = tmp_path / "payments" / f"company={company}" / f"date={date}"
            folder.mkdir(parents=True)
            stream = io.BytesIO()
            writer = FORMATS[name].open_writer(stream, True)  # type: ignore[arg-type]
            writer.write(payments)
            writer.finish()
            (folder / f"payments.{name}").write_bytes(stream.getvalue())
        return tmp_path

    monkeypatch.chdir(tmp_path)
    return lay_out


def read(heading: str, code: str) -> pa.Table | pd.DataFrame:
    if heading == "DuckDB":
        connection = duckdb.connect()
        connection.execute("SET TimeZone = 'UTC'")
        return connection.sql(code).to_arrow_table()
    if heading == "DataFusion":
        pytest.importorskip("datafusion")
    names: dict[str, Any] = {}
    exec(code, names)
    return names["table"]


def rows_of(table: pa.Table | pd.DataFrame) -> list[dict[str, Any]]:
    if isinstance(table, pa.Table):
        return table.to_pylist()
    return table.astype(object).where(table.notna(), None).to_dict("records")


each_snippet = pytest.mark.parametrize(
    ("heading", "code"), SNIPPETS, ids=[f"{heading}-{format_of(code)}" for heading, code in SNIPPETS]
)


@each_snippet
def test_a_lake_is_one_table(heading: str, code: str, lay_out: Callable[[str], Path]) -> None:
    name = format_of(code)
    lay_out(name)
    rows = {str(row["id"]): row for row in rows_of(read(heading, code))}
    assert sorted(rows) == list(ORDERS)
    is_text = name.startswith("csv")
    for key, order in ORDERS.items():
        row = rows[key]
        # pandas reads an empty text in CSV as it reads nothing.
        assert row["order_id"] == (None if is_text and heading == "pandas" and not order else order)
        if "company" in row:
            assert (row["company"], str(row["date"])[:8]) == (row["provider"], "2026-01-")
    assert [rows[key]["amount"] and Decimal(rows[key]["amount"]) for key in "123"] == [
        Decimal("1E-18"),
        None,
        Decimal("12345678901234567890.123456789012345678"),
    ]
    assert rows["1"]["amount_minor"] == str(10**30)
    assert (";".join if not is_text else str)(rows["1"]["flags"]) == "underpaid;expired"
    assert rows["3"]["description"] == 'a "b",\nc\r\n'
    assert rows["5"]["payer_id"] == "007"
    for key, row in rows.items():
        assert set(row) >= set(RECORD_FIELDS) - {"raw"}
        assert str(row["is_final"]).lower() == "true"
        assert pd.Timestamp(row["listed_at"]) == LISTED + timedelta(days=int(key))
        assert row["crypto_amount"] is None


@each_snippet
def test_a_lake_without_payments_has_columns(heading: str, code: str, lay_out: Callable[[str], Path]) -> None:
    name = format_of(code)
    for file in lay_out(name).rglob(f"payments.{name}"):
        if file.parent.parts[-2:] != ("company=spacepay", "date=2026-01-31"):
            file.unlink()
    table = read(heading, code)
    assert len(table) == 0
    columns = table.column_names if isinstance(table, pa.Table) else list(table.columns)
    assert set(columns) >= set(RECORD_FIELDS) - {"raw"}


def test_the_row_that_was_listed_later_counts(make_payment: Make) -> None:
    """Whichever day it is of."""
    (sql,) = re.findall(r"(?s)```sql\n(SELECT \* FROM payments\nQUALIFY.*?)```", PAGE)
    days = (0, 2, 1)
    rows = [make_payment(1, listed_at=LISTED + timedelta(days=each), order_id=str(each)).to_dict() for each in days]
    payments = pa.Table.from_pylist(rows)  # DuckDB finds it by its name
    assert len(payments) == 3
    assert [row["order_id"] for row in duckdb.sql(sql).to_arrow_table().to_pylist()] == ["2"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_key_in_a_path_is_a_field(page: Path) -> None:
    assert not set(re.findall(r"/(\w+)=", page.read_text())) & set(RECORD_FIELDS)


def test_the_documented_keys_are_found() -> None:
    assert set(re.findall(r"/(\w+)=", PAGE)) >= {"company", "date"}
