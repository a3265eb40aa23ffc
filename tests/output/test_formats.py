"""Formats, read back by others: Python's csv and json, pyarrow, DuckDB."""

from __future__ import annotations

import csv
import gzip
import io
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.output.formats import FORMATS, choose_format
from airflow_provider_payments.payment import RECORD_FIELDS, RECORD_SCHEMA_VERSION, Payment, PaymentStatus

Make = Callable[..., Payment]
RAW = b'{"amount": 1.10,\n "name": "\xc3\xa9"}'
TEXT_FORMATS = [name for name in FORMATS if name != "parquet"]
AMOUNTS = ("amount", "fee", "net_amount", "refunded_amount", "crypto_amount")
TIMES = ("created_at", "updated_at", "completed_at", "expires_at", "listed_at")
TYPES = {
    **dict.fromkeys(RECORD_FIELDS, "VARCHAR"),
    **dict.fromkeys(AMOUNTS, "DECIMAL(38,18)"),
    **dict.fromkeys(TIMES, "TIMESTAMP WITH TIME ZONE"),
    "flags": "VARCHAR[]",
    "is_final": "BOOLEAN",
}
#: What warehouses, spreadsheets and programs trip over.
TEXTS = [
    "",
    " ",
    " both ends ",
    "\t",
    'quote " quote',
    '"',
    "comma, semicolon; tab\t",
    "line\nbreak",
    "line\r\nbreak",
    "carriage\rreturn",
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "null",
    "NULL",
    "\\N",
    "'",
    "é ü 漢字 🙂 \u200f\u202e",
    "\u2028\u0085\x1f",
    "true",
    "007",
]


def write(name: str, payments: list[Payment], include_raw: bool = True) -> bytes:
    content, _ = write_and_count(name, payments, include_raw)
    return content


def write_and_count(name: str, payments: list[Payment], include_raw: bool = True) -> tuple[bytes, int]:
    stream = io.BytesIO()
    writer = FORMATS[name].open_writer(stream, include_raw)  # type: ignore[arg-type]
    for payment in payments:
        writer.write([payment])
    writer.finish()
    assert not stream.closed
    return stream.getvalue(), writer.amounts_unfit


def unpack(name: str, content: bytes) -> bytes:
    return gzip.decompress(content) if name.endswith(".gz") else content


def read_csv(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline=""), strict=True))


def full_payment(make: Make, number: int = 1) -> Payment:
    """Return a payment with no field empty."""
    moment = datetime(2026, 1, 31, 23, 59, 59, 123456, tzinfo=timezone.utc)
    values: dict[str, Any] = {
        **{name: Decimal(f"{number}.000000000000000001") for name in AMOUNTS},
        **{name: moment + timedelta(days=day) for day, name in enumerate(TIMES)},
        "flags": ("underpaid", "expired"),
        "amount_minor": 10**77,
        "raw": RAW,
    }
    texts = [
        name for name in RECORD_FIELDS if name not in {*values, "kind", "status", "is_final", "amount_minor", "raw"}
    ]
    payment: Payment = make(number, **{name: f"{name} {number}" for name in texts if name != "id"}, **values)
    assert all(value is not None for value in payment.to_dict().values())
    return payment


@pytest.mark.parametrize("name", ["jsonl", "jsonl.gz"])
@pytest.mark.parametrize("include_raw", [True, False])
def test_json_has_a_line_for_each_payment(name: str, include_raw: bool, make_payment: Make) -> None:
    payments = [make_payment(number, amount="0.10", raw=RAW) for number in range(3)]
    lines = unpack(name, write(name, payments, include_raw)).split(b"\n")
    assert lines.pop() == b""
    assert [json.loads(line) for line in lines] == [payment.to_dict(include_raw=include_raw) for payment in payments]
    assert all((b'"raw":{"amount": 1.10,  "name": "\xc3\xa9"}' in line) is include_raw for line in lines)


@pytest.mark.parametrize("name", ["csv", "csv.gz"])
def test_csv_has_a_header_and_a_row_for_each_payment(name: str, make_payment: Make) -> None:
    content = unpack(name, write(name, [full_payment(make_payment), make_payment(2, amount=None)]))
    header, full, empty, end = content.split(b"\r\n")
    assert header.decode() == ",".join(RECORD_FIELDS)
    assert end == b""
    row = read_csv(content)[0]
    record = full_payment(make_payment).to_dict()
    assert row == {
        **{key: str(value) for key, value in record.items()},
        "is_final": "true",
        "flags": "underpaid;expired",
        "raw": RAW.decode().replace("\n", " "),
    }
    assert b"2026-01-31T23:59:59.123456Z" in full
    assert empty.count(b",,") > 5


def test_csv_without_raw_has_no_such_column(make_payment: Make) -> None:
    rows = read_csv(write("csv", [make_payment()], include_raw=False))
    assert tuple(rows[0]) == RECORD_FIELDS[:-1]


@pytest.mark.parametrize("name", ["csv", "csv.gz", "parquet"])
def test_every_text_comes_back_as_it_was(name: str, make_payment: Make, tmp_path: Path) -> None:
    texts = [*TEXTS, None]
    payments = [make_payment(number, description=text) for number, text in enumerate(texts)]
    content = write(name, payments)
    if name == "parquet":
        assert pq.read_table(io.BytesIO(content))["description"].to_pylist() == texts
    else:
        assert [row["description"] for row in read_csv(unpack(name, content))] == [text or "" for text in texts]
        assert b",,,," in unpack(name, content), "null is nothing"
        assert b',"",' in unpack(name, content), "an empty text is a pair of quotes"
    path = tmp_path / f"p.{name}"
    path.write_bytes(content)
    assert [text for (text,) in query(path, "SELECT description FROM payments ORDER BY id::INT")] == texts


def query(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Ask DuckDB as the documentation says."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    if path.suffix == ".parquet":
        table = f"SELECT * FROM read_parquet('{path}')"
    else:
        types = {**TYPES, "flags": "VARCHAR", "amount_minor": "VARCHAR"}
        table = (
            f"SELECT * FROM read_csv('{path}', header = true, quote = '\"', escape = '\"', delim = ',', "
            f"allow_quoted_nulls = false, columns = {types})"
        )
    connection.execute(f"CREATE VIEW payments AS {table}")
    return connection.execute(sql).fetchall()


@pytest.mark.parametrize("name", ["csv", "csv.gz", "parquet"])
def test_duckdb_reads_the_documented_types(name: str, make_payment: Make, tmp_path: Path) -> None:
    payments = [full_payment(make_payment, number) for number in range(5)]
    path = tmp_path / f"p.{name}"
    path.write_bytes(write(name, payments))
    found = {column: kind for column, kind, *_ in query(path, "DESCRIBE payments")}
    assert found == (TYPES if name == "parquet" else {**TYPES, "flags": "VARCHAR"})
    assert list(found) == list(RECORD_FIELDS)
    assert query(path, "SELECT sum(amount), max(expires_at), bool_and(is_final) FROM payments") == [
        (Decimal("10.000000000000000005"), payments[0].expires_at, True)
    ]
    assert query(path, "SELECT raw->>'name' FROM payments LIMIT 1") == [("é",)]


def test_parquet_has_the_documented_schema(make_payment: Make) -> None:
    file = pq.ParquetFile(io.BytesIO(write("parquet", [full_payment(make_payment), make_payment(amount=None)])))
    schema = file.schema_arrow
    assert tuple(schema.names) == RECORD_FIELDS
    types = {name: pa.string() for name in RECORD_FIELDS}
    types |= dict.fromkeys(AMOUNTS, pa.decimal128(38, 18)) | dict.fromkeys(TIMES, pa.timestamp("us", tz="UTC"))
    types |= {"is_final": pa.bool_(), "flags": pa.list_(pa.string())}
    for name in RECORD_FIELDS:
        assert schema.field(name).type.equals(types[name]), name
        assert schema.field(name).nullable
    assert schema.metadata[b"airflow_provider_payments.record_schema_version"] == str(RECORD_SCHEMA_VERSION).encode()
    assert {file.metadata.row_group(0).column(0).compression} == {"ZSTD"}
    full, sparse = file.read().to_pylist()
    wanted = full_payment(make_payment)
    assert full["raw"] == RAW.decode()
    assert full["amount_minor"] == str(10**77)
    assert full["flags"] == ["underpaid", "expired"]
    for name in (*AMOUNTS, *TIMES):
        assert full[name] == getattr(wanted, name)
    assert (sparse["amount"], sparse["flags"], sparse["amount_minor"]) == (None, [], None)
    assert sparse["is_final"] is True


def test_parquet_without_raw_has_no_such_column(make_payment: Make) -> None:
    schema = pq.ParquetFile(io.BytesIO(write("parquet", [make_payment()], include_raw=False))).schema_arrow
    assert tuple(schema.names) == RECORD_FIELDS[:-1]
    assert schema.metadata[b"airflow_provider_payments.record_schema_version"]


FITS = [
    "0",
    "-0.5",
    "1E+3",
    "99999999999999999999.999999999999999999",
    "-99999999999999999999",
    "1.1000000000000000000000",
    "99999999999999999999.0000000000000000000000",
    "0E+500",
]
DOES_NOT_FIT = [
    "100000000000000000000",
    "0.0000000000000000001",
    "1E+20",
    "-1E+40",
    "12345678901234567890.1234567890123456789",
    # Of what pyarrow, asked to read them, takes for something else.
    "1E+30",
    "99999999999999999999999999999999999999999",
    "-1E+500",
    "1E-57",
]


@pytest.mark.parametrize("amount", FITS)
def test_amounts_that_fit_parquet(amount: str, make_payment: Make) -> None:
    content, unfit = write_and_count("parquet", [make_payment(amount=amount)])
    assert pq.read_table(io.BytesIO(content))["amount"].to_pylist() == [Decimal(amount)]
    assert unfit == 0


@pytest.mark.parametrize("amount", DOES_NOT_FIT)
@pytest.mark.parametrize("column", AMOUNTS)
def test_amounts_that_do_not_are_null_and_counted(amount: str, column: str, make_payment: Make) -> None:
    values = {**dict.fromkeys(AMOUNTS, Decimal(1)), column: Decimal(amount)}
    payment = make_payment(1, **{**values, "amount": str(values["amount"])}, amount_minor=10**77, raw=RAW)
    content, unfit = write_and_count("parquet", [make_payment(0), payment, make_payment(2, amount=None)])
    row = pq.read_table(io.BytesIO(content)).to_pylist()[1]
    assert {name: row[name] for name in AMOUNTS} == {**dict.fromkeys(AMOUNTS, Decimal(1)), column: None}
    assert (row["amount_minor"], row["raw"]) == (str(10**77), RAW.decode())
    assert unfit == 1
    for name in TEXT_FORMATS:
        assert write_and_count(name, [payment])[1] == 0


def test_one_payment_counts_once_however_many_amounts_do_not_fit(make_payment: Make) -> None:
    payment = make_payment(amount="1E+30", crypto_amount=Decimal("1E+30"))
    assert write_and_count("parquet", [payment, make_payment()])[1] == 1


def test_parquet_loads_no_pandas() -> None:
    code = """
import io, sys
from airflow_provider_payments.output.formats import FORMATS
from airflow_provider_payments.payment import Payment, PaymentStatus
writer = FORMATS["parquet"].open_writer(io.BytesIO(), True)
writer.write([Payment("spacepay", "c", "1", PaymentStatus.SUCCEEDED, "paid")])
writer.finish()
assert "pyarrow" in sys.modules
assert "pandas" not in sys.modules
"""
    assert find_spec("pandas")
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


def test_times_in_parquet_are_exact_wherever_they_are_from(make_payment: Make) -> None:
    zone = timezone(timedelta(hours=5, minutes=30))
    moments = [
        datetime(1, 1, 1, microsecond=1, tzinfo=timezone.utc),
        datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=timezone.utc),
        None,
        datetime(2026, 1, 1, 5, 29, 59, 999999, tzinfo=zone),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=timezone.utc),
    ]
    content = write("parquet", [make_payment(number, created_at=moment) for number, moment in enumerate(moments)])
    assert pq.read_table(io.BytesIO(content))["created_at"].to_pylist() == moments


def test_parquet_cuts_row_groups(make_payment: Make) -> None:
    many = pq.ParquetFile(io.BytesIO(write("parquet", [make_payment(number) for number in range(20_000)])))
    assert [many.metadata.row_group(n).num_rows for n in range(3)] == [8_192, 8_192, 20_000 - 2 * 8_192]
    assert many.read()["id"].to_pylist() == [str(number) for number in range(20_000)]
    large = [make_payment(number, raw=b'"%s"' % (b"x" * 3_000_000)) for number in range(7)]
    heavy = pq.ParquetFile(io.BytesIO(write("parquet", large)))
    assert [heavy.metadata.row_group(n).num_rows for n in range(4)] == [2, 2, 2, 1]


@pytest.mark.parametrize("name", FORMATS)
def test_no_payments_are_a_readable_file(name: str, tmp_path: Path) -> None:
    content = write(name, [])
    if name.startswith("jsonl"):
        assert unpack(name, content) == b""
    else:
        (tmp_path / f"p.{name}").write_bytes(content)
        assert query(tmp_path / f"p.{name}", "SELECT count(*), sum(amount) FROM payments") == [(0, None)]


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_payments_give_the_same_bytes(name: str, make_payment: Make) -> None:
    payments = [make_payment(number) for number in range(100)]
    assert write(name, payments) == write(name, payments)


@pytest.mark.parametrize("name", ["jsonl.gz", "csv.gz"])
def test_gzip_tells_neither_name_nor_time(name: str, make_payment: Make) -> None:
    content = write(name, [make_payment()])
    assert (content[3], content[4:8]) == (0, bytes(4))


@pytest.mark.parametrize("status", PaymentStatus)
def test_every_status_is_its_word(status: PaymentStatus, make_payment: Make) -> None:
    table = pq.read_table(io.BytesIO(write("parquet", [make_payment(status=status)])))
    assert table["status"].to_pylist() == [status.value]
    assert table["is_final"].to_pylist() == [status.is_final]


@pytest.mark.parametrize(
    ("path", "named", "chosen"),
    [
        ("file:///a/p.jsonl", None, "jsonl"),
        ("s3://conn@bucket/p.jsonl.gz", None, "jsonl.gz"),
        ("s3://conn@bucket/p.csv", None, "csv"),
        ("s3://conn@bucket/p.csv.gz", None, "csv.gz"),
        ("s3://conn@bucket/p.parquet", None, "parquet"),
        ("file:///a/p", "jsonl.gz", "jsonl.gz"),
        ("file:///a/p.jsonl.gz", "parquet", "parquet"),
        ("file:///a.jsonl/p", "jsonl", "jsonl"),
        ("file:///a/", "csv", "csv"),
    ],
)
def test_chooses_by_suffix_or_by_name(path: str, named: str | None, chosen: str) -> None:
    assert choose_format(path, named).name == chosen


@pytest.mark.parametrize(
    ("path", "named", "hint"),
    [
        ("file:///a/p.json", None, "no known suffix"),
        ("file:///a/p.gz", None, ".jsonl.gz"),
        ("file:///a/jsonl", None, "no known suffix"),
        ("file:///a.jsonl/p", None, "no known suffix"),
        ("file:///a/p.jsonl", "xml", "jsonl, jsonl.gz, csv, csv.gz, parquet"),
        ("file:///a/p.jsonl", "", "file_format"),
        ("file:///a/", None, "no known suffix"),
        ("", None, "no known suffix"),
    ],
)
def test_refuses_other_formats(path: str, named: str | None, hint: str) -> None:
    with pytest.raises(PaymentsConfigError, match=hint):
        choose_format(path, named)
