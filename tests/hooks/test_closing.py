"""Listings that are left: no thread, task, socket or scratch file stays, and none is called complete."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from airflow_provider_payments.exceptions import PaymentsConfigError, TooManyRecordsForXCom
from airflow_provider_payments.hooks.base import AsyncPaymentListing, PaymentListing, PaymentsHook
from airflow_provider_payments.listing.report import ListingReport
from airflow_provider_payments.operators.list_payments import ListPaymentsOperator
from airflow_provider_payments.sandbox import Call, Sandbox
from tests.http.server import WAIT

Connect = Callable[..., PaymentsHook]

SMALL = {"page_size": 2, "max_concurrency": 4}
Use = Callable[[PaymentListing | AsyncPaymentListing], object]


class Mishap(Exception):
    """Of the caller."""


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("payments_")]


def sockets(port: int) -> int:
    """How many connections of this process, which is the client as well as the server, lead to a port."""
    rows = Path("/proc/self/net/tcp").read_text().splitlines()[1:]
    established, port_text = "01", f"{port:04X}"
    return sum(row.split()[2].endswith(f":{port_text}") and row.split()[3] == established for row in rows)


def scratch_files() -> list[str]:
    found = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(link.readlink()))
        except OSError:
            continue  # the one of this directory
    return [path for path in found if "etilqs" in path]


@pytest.fixture(autouse=True)
def no_garbage_collection() -> Iterator[None]:
    """Nothing is to be left to it."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def expect_nothing_left(sandbox: Sandbox) -> None:
    assert threads() == []
    assert scratch_files() == []
    deadline = time.monotonic() + WAIT
    while sockets(sandbox.port):  # the server's kernel may hear of it a little later
        assert time.monotonic() < deadline
        time.sleep(0.01)


async def aleave(hook: PaymentsHook, number: int, mishap: BaseException | None) -> AsyncPaymentListing:
    listing = hook.alist_payments()
    async with listing:
        async for _ in listing:
            number -= 1
            if number == 0:
                if mishap:
                    raise mishap
                break
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert [payment async for payment in listing] == []
    return listing


def leave(hook: PaymentsHook, number: int, mishap: BaseException | None) -> PaymentListing:
    listing = hook.list_payments()
    with listing:
        for _ in listing:
            number -= 1
            if number == 0:
                if mishap:
                    raise mishap
                break
    assert list(listing) == []
    return listing


@pytest.mark.parametrize("number", [1, 2, 5])
@pytest.mark.parametrize("conn_type", ["spacepay", "satispay"])
def test_nothing_is_left_of_a_listing_that_was_left(
    connect: Connect, sandbox: Sandbox, conn_type: str, is_async: bool, number: int
) -> None:
    hook = connect(conn_type, SMALL)
    listing = asyncio.run(aleave(hook, number, None)) if is_async else leave(hook, number, None)
    expect_nothing_left(sandbox)
    assert not listing.report.is_complete
    assert listing.report.requests >= len(sandbox.requests) > 0  # one that was canceled may not have come there
    assert listing.report.doubts == []


def test_nothing_is_left_after_an_error_of_the_caller(connect: Connect, sandbox: Sandbox, is_async: bool) -> None:
    hook = connect("spacepay", SMALL)
    with pytest.raises(Mishap) as caught:
        asyncio.run(aleave(hook, 3, Mishap())) if is_async else leave(hook, 3, Mishap())
    expect_nothing_left(sandbox)
    assert caught.value is not None  # while the error holds the frame that holds the listing


def test_nothing_is_left_of_a_listing_that_failed_or_ended(
    connect: Connect, sandbox: Sandbox, is_async: bool, collect: Callable[..., list[object]]
) -> None:
    hook = connect("spacepay", SMALL)
    assert collect(hook)
    expect_nothing_left(sandbox)

    def break_down(call: Call) -> None:
        if len(sandbox.requests) > 30:
            sandbox.faults.reply_with["spacepay"].append((400, {}, b'{"code": "no", "message": "no"}'))

    sandbox.before_reply = break_down
    with pytest.raises(Exception, match="spacepay"):
        collect(hook)
    expect_nothing_left(sandbox)


def test_a_listing_that_is_closed_before_it_is_read_opens_nothing(
    connect: Connect, sandbox: Sandbox, is_async: bool
) -> None:
    hook = connect("satispay", SMALL)

    async def aclose() -> AsyncPaymentListing:
        async with hook.alist_payments() as listing:
            pass
        await listing.aclose()  # twice is once
        assert [page async for page in listing.pages] == []
        return listing

    def close() -> PaymentListing:
        with hook.list_payments() as listing:
            pass
        listing.close()
        assert list(listing.pages) == []
        return listing

    listing = asyncio.run(aclose()) if is_async else close()
    assert sandbox.requests == []
    expect_nothing_left(sandbox)
    assert listing.report == ListingReport(notes=listing.report.notes)


def test_scratch_files_are_gone(connect: Connect, sandbox: Sandbox, is_async: bool) -> None:
    """Satispay's pending payments are held back: enough of them go to disk."""
    for row in sandbox.satispay.rows:
        row.update(status="PENDING", description="x" * 1_000_000)
    hook = connect("satispay", {**SMALL, "page_size": 10})
    seen: list[bool] = []

    def note(call: Call) -> None:
        seen.append(bool(scratch_files()))

    sandbox.before_reply = note
    asyncio.run(aleave(hook, 3, None)) if is_async else leave(hook, 3, None)
    assert any(seen)
    expect_nothing_left(sandbox)


def test_the_task_closes_its_listing(connect: Connect, sandbox: Sandbox) -> None:
    connect("spacepay", SMALL)
    task = ListPaymentsOperator(task_id="list", payments_conn_id="spacepay_default", max_xcom_records=3)
    with pytest.raises(TooManyRecordsForXCom) as caught:
        task.execute({})
    expect_nothing_left(sandbox)
    assert caught.value is not None


@pytest.mark.parametrize("conn_type", ["hotpay", "satispay"])
def test_both_kinds_of_listing_report_the_same(connect: Connect, conn_type: str) -> None:
    async def gather(listing: AsyncPaymentListing) -> int:
        report = listing.report
        number = 0
        async for pages in listing.pages:
            number += len(pages)
            assert not report.is_complete or report.doubts == []
        assert listing.report is report
        return number

    question = {"statuses": ["authorized", "pending"]}  # the first of which Satispay lists nowhere
    listing = connect(conn_type, SMALL).list_payments(**question)
    number = sum(map(len, listing.pages))
    other = connect(conn_type, SMALL).alist_payments(**question)
    assert asyncio.run(gather(other)) == number
    assert other.report.listed_at is not None
    other.report.listed_at = listing.report.listed_at
    assert other.report == listing.report
    assert listing.report.is_read_to_end
    assert listing.report.is_complete == (not listing.report.doubts) == (conn_type == "hotpay")


def test_an_awaited_listing_is_an_async_iterator_that_checks_its_arguments_at_once(connect: Connect) -> None:
    hook = connect("spacepay")
    with pytest.raises(PaymentsConfigError):
        hook.alist_payments(statuses=["no such status"])
    with pytest.raises(PaymentsConfigError, match="XCom"):
        hook.alist_payments().serialize()
    assert isinstance(hook.alist_payments(), AsyncIterator)
