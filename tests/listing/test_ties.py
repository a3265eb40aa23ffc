"""Payments of one time that change places at every request: offsets lose some, so they are counted, and read by time.

And what the reader by time does by itself, for nothing else reads with it before offsets were in doubt.
"""

from __future__ import annotations

import pytest

from airflow_provider_payments.hooks.razorpay import RazorpayApi
from airflow_provider_payments.listing.readers import NoProgress
from airflow_provider_payments.query import PaymentQuery
from airflow_provider_payments.status import PaymentStatus
from tests.listing.companies import (
    TICKS,
    Change,
    Company,
    Row,
    add_anywhere,
    add_newest,
    build_rows,
    change_status,
    delete,
    moment_of,
)
from tests.listing.plain_loop import read_plainly
from tests.listing.reading import Reading, read

CONCURRENCY = pytest.mark.parametrize("concurrency", [1, 4])


def crowds(number: int, of: int) -> list[Row]:
    """Payments, newest first, of which so many have each time in common."""
    return [Row(f"p{n}", "captured", n // of * TICKS) for n in range(number)][::-1]


@pytest.fixture
def by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read by time at once."""
    monkeypatch.setattr(RazorpayApi, "list_reader", RazorpayApi.second_reader)


def read_all(company: Company, page_size: int, concurrency: int = 1) -> Reading:
    reading = read(company, PaymentQuery(), page_size, concurrency)
    assert len(reading.ids) == len(set(reading.ids))
    return reading


@CONCURRENCY
@pytest.mark.parametrize("of", [2, 3, 20])
def test_none_is_lost_where_a_page_holds_a_time(of: int, concurrency: int) -> None:
    lost_by_loop = 0
    for seed in range(10):
        company = Company("razorpay", crowds(600, of), seed=seed, shuffles_ties=True)
        lost_by_loop += 600 - len(read_plainly(company.copy(), [None], 50, {}))
        reading = read_all(company, 50, concurrency)
        assert len(reading.ids) == 600
        assert reading.is_complete, reading.doubts
        assert company.requests <= 2 * 13 + 25
    assert lost_by_loop or of == 2


@CONCURRENCY
@pytest.mark.parametrize(("of", "page_size"), [(100, 50), (250, 100), (600, 100), (20, 10)])
def test_none_is_lost_in_silence_where_it_does_not(of: int, page_size: int, concurrency: int) -> None:
    for seed in range(3):
        reading = read_all(Company("razorpay", crowds(600, of), seed=seed, shuffles_ties=True), page_size, concurrency)
        assert len(reading.ids) == 600 or "changing places" in reading.doubts[0]
        assert reading.error is None


@CONCURRENCY
@pytest.mark.parametrize("change", [add_newest, add_anywhere])
def test_nor_where_others_are_added_meanwhile(change: Change, concurrency: int) -> None:
    for seed in range(20):
        company = Company("razorpay", crowds(300, 3), change, 2, seed=seed, shuffles_ties=True)
        reading = read_all(company, 50, concurrency)
        assert company.throughout() <= set(reading.ids) or not reading.is_complete


@CONCURRENCY
@pytest.mark.parametrize("of", [3, 20])
@pytest.mark.parametrize("bound", ["created_from", "created_to"])
def test_none_is_lost_in_silence_on_the_way_to_a_windows_end(bound: str, of: int, concurrency: int) -> None:
    """The list is not read to its end then, so that the API's total says nothing."""
    losses = 0
    for seed in range(10):
        rows = crowds(600, of)
        company = Company(
            "spacepay", [Row(row.id, "completed", row.ticks) for row in rows], seed=seed, shuffles_ties=True
        )
        middle = rows[300].ticks
        query = PaymentQuery(**{bound: moment_of(middle)})
        within = {row.id for row in rows if ((row.ticks or 0) >= (middle or 0)) is (bound == "created_from")}
        reading = read(company, query, 50, concurrency)
        losses += not within <= set(reading.ids)
        assert within <= set(reading.ids) or not reading.is_complete
    assert losses or of == 3  # the second reading may find them


@CONCURRENCY
def test_nor_where_new_payments_make_up_for_them(concurrency: int) -> None:
    """As many different payments as the API counted at first, though others."""
    for seed in range(20):
        rows = [Row(row.id, "completed", row.ticks) for row in crowds(300, 3)]
        company = Company("spacepay", rows, add_newest, 2, seed=seed, shuffles_ties=True)
        reading = read_all(company, 50, concurrency)
        assert company.throughout() <= set(reading.ids) or not reading.is_complete


@CONCURRENCY
@pytest.mark.parametrize("every", [1, 3])
def test_payments_that_are_added_are_told_from_payments_that_change_places(every: int, concurrency: int) -> None:
    for seed in range(10):
        company = Company("spacepay", build_rows("spacepay", 600), add_newest, every, seed=seed)
        query = PaymentQuery(created_from=moment_of(company.rows[300].ticks))
        reading = read(company, query, 50, concurrency)
        assert reading.is_complete, reading.doubts
        assert company.requests <= 300 / 49 + company.added / 49 + 6


@CONCURRENCY
@pytest.mark.parametrize("page_size", [5, 12])
def test_many_that_are_added_are_told_from_them_too(page_size: int, concurrency: int) -> None:
    """While the head was read once more to count them, more would be added; the total tells of them anyway."""
    for seed in range(10):
        company = Company("spacepay", build_rows("spacepay", 300), add_newest, seed=seed)
        query = PaymentQuery(created_from=moment_of(company.rows[150].ticks))
        reading = read(company, query, page_size, concurrency)
        assert reading.is_complete, reading.doubts
        assert company.requests <= 1.3 * (150 + company.added) / (page_size - 1) + 6


@CONCURRENCY
@pytest.mark.parametrize("is_window", [True, False])
def test_so_are_payments_that_come_to_the_list_of_a_status(is_window: bool, concurrency: int) -> None:
    for seed in range(20):
        company = Company("spacepay", build_rows("spacepay", 300), change_status, seed=seed)
        start = moment_of(company.rows[150].ticks) if is_window else None
        statuses = frozenset({PaymentStatus.PENDING, PaymentStatus.SUCCEEDED})
        reading = read(company, PaymentQuery(created_from=start, statuses=statuses), 20, concurrency)
        assert reading.is_complete, reading.doubts


@CONCURRENCY
@pytest.mark.parametrize("is_inclusive", [True, False])
def test_a_time_of_many_pages_is_no_list_that_makes_no_progress(is_inclusive: bool, concurrency: int) -> None:
    """JFramework's pages of one time are read twice; these are not pages in vain."""
    rows = [Row(row.id, "Completed", row.ticks) for row in crowds(120, 40)]
    company = Company("jframework", rows, is_inclusive=is_inclusive)
    reading = read_all(company, 2, concurrency)
    assert len(reading.ids) == 120
    assert reading.is_complete, reading.doubts


@pytest.mark.usefixtures("by_time")
class TestByEndTime:
    @pytest.mark.parametrize("is_inclusive", [True, False])
    @pytest.mark.parametrize("page_size", [2, 7, 50])
    @pytest.mark.parametrize("number", [0, 1, 7, 49, 50, 51, 400])
    def test_a_list_that_keeps_still(self, number: int, page_size: int, is_inclusive: bool) -> None:
        rows = build_rows("razorpay", number, burst=130)
        company = Company("razorpay", rows, is_inclusive=is_inclusive)
        reading = read_all(company, page_size)
        assert sorted(reading.ids) == sorted(row.id for row in rows)
        assert reading.is_complete, reading.doubts

    @pytest.mark.parametrize("change", [add_newest, add_anywhere, delete])
    @pytest.mark.parametrize("page_size", [2, 50])
    def test_a_list_that_changes(self, page_size: int, change: Change) -> None:
        for seed in range(5):
            company = Company("razorpay", build_rows("razorpay", 200, seed, burst=30), change, 3, seed=seed)
            reading = read_all(company, page_size)
            assert reading.error is None
            assert company.throughout() <= set(reading.ids) or not reading.is_complete

    def test_new_payments_cost_nothing(self) -> None:
        still, busy = (Company("razorpay", build_rows("razorpay", 1000), each) for each in (None, add_newest))
        assert read_all(still, 50).is_complete
        assert read_all(busy, 50).is_complete
        assert busy.requests <= still.requests + 2

    def test_a_company_that_ignores_the_time(self) -> None:
        company = Company("razorpay", build_rows("razorpay", 300), ignores=frozenset({"to"}))
        reading = read_all(company, 50)
        assert "told to begin" in reading.doubts[0]

    def test_a_company_that_ignores_the_offset(self) -> None:
        """What it shows of each time is read, and no more is promised."""
        company = Company("razorpay", crowds(300, 100), ignores=frozenset({"skip"}))
        reading = read_all(company, 50)
        assert len(reading.ids) == 3 * 50
        assert "changing places" in reading.doubts[0]

    def test_a_company_that_ignores_both(self) -> None:
        company = Company("razorpay", crowds(300, 100), ignores=frozenset({"skip", "to"}))
        assert isinstance(read_all(company, 50).error, NoProgress)
        assert company.requests < 100
