"""The page about outputs in object storage is that about the same outputs on a disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.report import payments_report
from tests.report.test_report import write
from tests.stores import StoreUnderTest

Make = Callable[..., Payment]


@pytest.fixture(params=["s3", "azure", "google"])
def store(request: pytest.FixtureRequest) -> StoreUnderTest:
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return]


def test_reads_folders_and_files_of_a_store(make_payment: Make, tmp_path: Path, store: StoreUnderTest) -> None:
    lake = tmp_path / "lake"
    write(lake / "day=1" / "history", [make_payment(number) for number in range(5)], "parquet", records_per_file=2)
    write(lake / "day=2" / "payments.csv.gz", [make_payment(9, "0.5", currency="EUR")], "csv.gz")
    write(lake / "_left" / "out.jsonl", [make_payment("left out")])
    for path in lake.rglob("*"):
        if path.is_file():
            store.put(path.relative_to(tmp_path).as_posix(), path.read_bytes())

    def page(root: str, *paths: str) -> str:
        # Where the outputs are stands on the page, and not by which connection they are read.
        shown = root if root.startswith("/") else root.replace("lake@", "").replace("azure_", "").replace("google_", "")
        text = payments_report([f"{root}/{path}" for path in paths])
        assert shown in text
        return text.replace(shown, "ROOT")

    whole = page(store.root, "lake")
    assert whole == page(str(tmp_path), "lake") == page(store.root, "lake/day=2/", "lake/day=1/history")
    assert "6 payments · 1 connection · 2 outputs" in whole
    with pytest.raises(PaymentsConfigError, match="There is no output"):
        payments_report(f"{store.root}/other")
