"""The questions of docs/warehouse.md, asked of a table that has the payments of every sandbox."""

from __future__ import annotations

import re
from collections import defaultdict
from contextlib import closing
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_payments._compat import BaseHook
from airflow_provider_payments.output.formats import FORMATS
from airflow_provider_payments.output.stats import PaymentStats
from airflow_provider_payments.payment import Payment, stamp
from airflow_provider_payments.sandbox import Sandbox
from tests.warehouses import Warehouse, warehouse

__all__ = ["warehouse"]

PAGE = (Path(__file__).parents[2] / "docs" / "warehouse.md").read_text()
BLOCKS = re.findall(r"(?s)```sql\n(.*?)```", PAGE)
LISTED = datetime(2026, 1, 10, tzinfo=timezone.utc)


def block(mark: str) -> str:
    """The only one of the page's blocks with some words in it."""
    [found] = [each for each in BLOCKS if mark in each]
    return found


@pytest.fixture
def payments(warehouse: Warehouse, sandbox: Sandbox, tmp_path: Path) -> list[Payment]:
    """All payments of the sandbox, loaded into the table: twice, the second time as they are."""
    found = [
        payment
        for conn_id in sandbox.connections()
        for payment in BaseHook.get_hook(conn_id).list_payments()  # type: ignore[attr-defined]
    ]
    for listed_at in (LISTED, LISTED + timedelta(days=1)):
        stamp(found, listed_at)
        load(warehouse, found, tmp_path)
    return found


def load(warehouse: Warehouse, payments: list[Payment], folder: Path) -> None:
    path = folder / "payments.jsonl"
    with path.open("wb") as file:
        writer = FORMATS["jsonl"].open_writer(file, True)  # type: ignore[arg-type]
        writer.write(payments)
        writer.finish()
    warehouse.load({"path": path.as_uri(), "records": len(payments)})


def ask(warehouse: Warehouse, sql: str) -> list[dict[str, Any]]:
    with closing(warehouse.hook.get_conn()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(sql)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


# DuckDB, as others, has no decimals of so many digits as HOT Pay's amounts.
each_database = pytest.mark.parametrize("warehouse", ["sqlite", "postgres"], indirect=True)


def test_every_block_is_tried() -> None:
    assert len(BLOCKS) == 6
    tried = re.findall(r"block\(\"(.*?)\"\)", Path(__file__).read_text())
    assert {block(mark) for mark in tried} == set(BLOCKS)


@each_database
def test_what_is_open_is_found(warehouse: Warehouse, payments: list[Payment]) -> None:
    found = [row["id"] for row in ask(warehouse, block("AND NOT is_final"))]
    expected = [
        payment.id
        for payment in payments
        if payment.provider == "gocardless"
        and not payment.is_final
        and payment.created_at >= datetime(2026, 1, 1, tzinfo=timezone.utc)  # type: ignore[operator]
    ]
    assert sorted(found) == sorted(expected)
    assert len(expected) > 3


@each_database
def test_the_newest_rows_are_the_current_state(warehouse: Warehouse, payments: list[Payment]) -> None:
    found = ask(warehouse, block("WHERE place = 1"))
    assert {(row["provider"], row["id"], row["status"]) for row in found} == {
        (payment.provider, payment.id, payment.status.value) for payment in payments
    }


@each_database
def test_net_is_what_the_manifests_say(warehouse: Warehouse, payments: list[Payment]) -> None:
    rows = ask(warehouse, block("AS net"))
    sums: defaultdict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 3)
    unknown = 0
    for row in rows:
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", str(row["day"]))
        amounts = [Decimal(str(row[name] or 0)) for name in ("succeeded", "refunded", "net")]
        key = (row["provider"], row["currency"])
        sums[key] = [total + amount for total, amount in zip(sums[key], amounts, strict=True)]
        unknown += row["amounts_unknown"]
    assert unknown == sum(payment.amount is None and payment.status.value == "succeeded" for payment in payments) > 0
    expected: dict[tuple[str, str], list[Decimal]] = {}
    for provider in {payment.provider for payment in payments}:
        stats = PaymentStats()
        stats.add([payment for payment in payments if payment.provider == provider])
        summary = stats.summary(0)
        for currency, amount in summary["succeeded_amounts"].items():
            refunded = Decimal(summary["refunded_amounts"].get(currency, 0))
            expected[provider, currency] = [Decimal(amount), refunded, Decimal(amount) - refunded]
    is_exact = warehouse.hook.conn_type != "sqlite"
    for key, amounts in expected.items():
        assert sums[key] == (amounts if is_exact else pytest.approx(amounts, rel=Decimal("1e-9")))
    assert sum(refunded > 0 for _, refunded, _ in expected.values()) > 5


@each_database
def test_what_is_stuck_is_counted(warehouse: Warehouse, payments: list[Payment]) -> None:
    rows = ask(warehouse, block("min(created_at)"))
    counts: defaultdict[tuple[str, str, str], int] = defaultdict(int)
    for payment in payments:
        if not payment.is_final:
            counts[payment.provider, payment.status.value, payment.provider_status] += 1
    assert {(row["provider"], row["status"], row["provider_status"]): row["payments"] for row in rows} == counts
    oldest = [str(row["oldest"]) for row in rows if row["oldest"] is not None]
    assert oldest == sorted(oldest)


@each_database
def test_what_was_not_seen_lately_is_found(warehouse: Warehouse, payments: list[Payment], tmp_path: Path) -> None:
    unseen = [payment for payment in payments if payment.provider == "mollie"]
    seen = [payment for payment in payments if payment.provider != "mollie"]
    stamp(seen, datetime(2026, 1, 16, tzinfo=timezone.utc))
    load(warehouse, seen, tmp_path)
    found = [row["id"] for row in ask(warehouse, block("listed_at < '2026-01-15'"))]
    assert sorted(found) == sorted(payment.id for payment in unseen if not payment.is_final)
    assert found


@each_database
def test_provisional_rows_that_became_final_are_deleted(
    warehouse: Warehouse, sandbox: Sandbox, payments: list[Payment], tmp_path: Path
) -> None:
    provisional = [payment for payment in payments if "provisional_id" in payment.flags]
    assert len(provisional) > 2
    stay, *rest = provisional
    others = [payment for payment in payments if payment not in rest]
    stamp(others, LISTED + timedelta(days=2))
    load(warehouse, others, tmp_path)
    warehouse.execute(block("DELETE"))
    left = {row["id"] for row in warehouse.rows().values() if "provisional_id" in row["flags"]}
    assert left == {stay.id}
    assert len(warehouse.rows()) == len({payment.id for payment in others})
