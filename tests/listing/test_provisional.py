"""Payments whose id is provisional: listed once, in their later state."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest

from airflow_provider_payments._compat import BaseHook
from airflow_provider_payments.hooks.hotpay import HotPayApi
from airflow_provider_payments.listing.provisional import PROVISIONAL, ProvisionalPayments
from airflow_provider_payments.operators.list_payments import ListPaymentsOperator
from airflow_provider_payments.payment import Payment, PaymentStatus
from tests.http.server import Answer, Call, Server
from tests.listing.reading import build_api

LISTED_AT = datetime(2026, 1, 1, tzinfo=timezone.utc)


def make(name: str, minute: int | None = 0, *, is_final: bool = False) -> Payment:
    """Return a payment; ``name`` is its former id.

    :param minute: when it was finished, or last changed, before the listing began if it is negative.
    """
    return Payment(
        provider="simulated",
        connection_id="c",
        id=f"final-{name}" if is_final else name,
        status=PaymentStatus.SUCCEEDED if is_final else PaymentStatus.PROCESSING,
        provider_status="",
        flags=() if is_final else (PROVISIONAL,),
        completed_at=None if minute is None else LISTED_AT + timedelta(minutes=minute),
    )


def final(name: str, minute: int | None = 1) -> Payment:
    return make(name, minute, is_final=True)


def read(*pages: Sequence[Payment], in_flight: int = 4) -> list[str]:
    """Return the ids that are handed out of these pages, those of the end included."""
    held = ProvisionalPayments(lambda payment: payment.id.removeprefix("final-"), in_flight, LISTED_AT)
    found = [payment.id for page in pages for payment in held.sift(page)]
    found += [payment.id for page in held.pages() for payment in page]
    held.close()
    return found


def test_the_later_state_takes_the_place_of_the_earlier_one() -> None:
    assert read([make("a"), make("b")], [final("a")]) == ["final-a", "b"]


def test_the_later_state_may_come_on_an_earlier_page_of_those_side_by_side() -> None:
    assert read([final("a")], [make("a"), make("b")]) == ["final-a", "b"]
    # But not on any page before.
    assert read([final("a")], [final("b")], [make("a")], in_flight=1) == ["final-a", "final-b", "a"]


def test_two_on_one_page_are_two() -> None:
    assert read([make("a"), final("a")]) == ["final-a", "a"]
    assert read([final("a"), make("a")]) == ["final-a", "a"]


def test_one_that_was_finished_before_is_another_payment() -> None:
    """A payer pays the same again."""
    assert read([make("a", 5)], [final("a", 4)]) == ["final-a", "a"]
    assert read([final("a", 4)], [make("a", 5)]) == ["final-a", "a"]


def test_one_without_a_time_is_finished_after_the_listing_began_or_not_at_all() -> None:
    assert read([make("a", None)], [final("a", -60)]) == ["final-a", "a"]
    assert read([make("a", None)], [final("a", 1)]) == ["final-a"]
    assert read([make("a", None)], [final("a", -5)]) == ["final-a"]  # clocks differ


def test_one_final_payment_stands_for_one_provisional_payment() -> None:
    first, second = make("a", 1), msgspec.structs.replace(make("a", 2), id="a-2")
    held = ProvisionalPayments(lambda payment: "a", 4, LISTED_AT)
    assert held.sift([first, second]) == []
    assert [payment.id for payment in held.sift([final("a", 3)])] == ["final-a"]
    assert [payment.id for page in held.pages() for payment in page] == ["a-2"]
    held.close()
    # The same where it came first.
    held = ProvisionalPayments(lambda payment: "a", 4, LISTED_AT)
    for payment in (final("a", 3), first, second):
        held.sift([payment])
    assert [payment.id for page in held.pages() for payment in page] == ["a-2"]
    held.close()


def test_where_ids_never_change_nothing_waits() -> None:
    held = ProvisionalPayments(lambda payment: None, 4, LISTED_AT)
    page = [final("a"), final("b")]
    assert held.sift(page) is page
    assert list(held.pages()) == []
    held.close()


def test_many_are_held_in_little_memory() -> None:
    held = ProvisionalPayments(lambda payment: payment.id, 4, LISTED_AT)
    tracemalloc.start()
    for number in range(20):
        assert held.sift([make(f"{number}-{row}") for row in range(1000)]) == []
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(map(len, held.pages())) == 20_000
    assert grown < 2_000_000  # they are on disk
    held.close()


# HOT Pay.


def hot_row(name: str, near_trx: str | None, timestamp: int = 1_767_225_600, **about: Any) -> dict[str, Any]:
    word = "SUCCESS" if near_trx else "PROCESSING"
    return {"memo": name, "amount": "5", "status": word, "near_trx": near_trx, "timestamp": timestamp, **about}


def test_what_a_payment_of_hot_pay_was_called_before_its_transaction_was_known() -> None:
    api = build_api("hotpay", 10, 1)
    before, after, other, named = api.parse_payments(
        [
            json.dumps(row).encode()
            for row in (
                hot_row("a", None),
                hot_row("a", "trx", 1_767_225_700, amount=5),
                hot_row("b", "trx"),
                hot_row("a", "trx", payment_id="p-1"),
            )
        ]
    )
    assert before.flags == (PROVISIONAL,)
    assert before.id != after.id
    assert api.former_id(before) == before.id == api.former_id(after)
    assert api.former_id(other) != before.id
    assert api.former_id(named) is None


@pytest.fixture
def settling(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A server of HOT Pay at which every payment settles between two requests."""
    listed = [hot_row(f"memo-{number}", None) for number in range(12)]

    def answer(call: Call) -> Answer:
        params = dict(part.split("=") for part in call.target.partition("?")[2].split("&"))
        start, limit = int(params["offset"]), int(params["limit"])
        page = listed[start : start + limit]
        body = {"payments": page, "pagination": {"limit": limit, "offset": start, "count": len(page)}}
        reply = Answer(body=json.dumps(body).encode(), headers={"Content-Type": "application/json"})
        listed[:] = [{**row, "near_trx": f"trx-{row['memo']}", "status": "SUCCESS"} for row in listed]
        return reply

    with Server() as server:
        server.answer = answer
        connection = {
            "conn_type": "hotpay",
            "host": server.origin,
            "password": "secret",
            "extra": {"page_size": 5, "decimals": ""},
        }
        monkeypatch.setenv("AIRFLOW_CONN_PAY", json.dumps(connection))
        yield server


@pytest.mark.on_both_lines
def test_a_hook_lists_a_payment_that_settles_meanwhile_once(
    settling: Server, collect: Callable[..., list[Payment]]
) -> None:
    payments = collect(BaseHook.get_hook("pay"))
    assert sorted(str(payment.order_id) for payment in payments) == sorted(f"memo-{number}" for number in range(12))
    assert {payment.transaction_hash for payment in payments if payment.order_id == "memo-11"} == {"trx-memo-11"}
    assert all(payment.flags == () for payment in payments), "the head is read again in the end"


@pytest.mark.on_both_lines
def test_the_operator_writes_a_payment_that_settles_meanwhile_once(settling: Server, tmp_path: Path) -> None:
    path = tmp_path / "payments.jsonl"
    ListPaymentsOperator(task_id="list", payments_conn_id="pay", output_path=path.as_uri()).execute({})
    lines = path.read_text().splitlines()
    assert sorted(json.loads(line)["order_id"] for line in lines) == sorted(f"memo-{number}" for number in range(12))


@pytest.mark.parametrize("question", ["has_pending", "get_payment"])
def test_a_search_ends_with_what_it_finds(
    settling: Server, collect: Callable[..., list[Payment]], ask: Callable[..., Any], question: str
) -> None:
    """Waiting for its final id would mean to read the whole list."""
    hook = BaseHook.get_hook("pay")
    settling.calls.clear()
    if question == "has_pending":
        assert ask(hook.has_pending) is True
    else:
        first = HotPayApi.parse_payment(build_api("hotpay", 5, 1), json.dumps(hot_row("memo-0", None)).encode())
        assert ask(hook.get_payment, first.id).order_id == "memo-0"
    assert len(settling.calls) == 1
