"""SpacePay: cents, two receipts, several offers, and lists that payments enter in the middle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_payments.exceptions import PaymentsAuthError, PaymentsProtocolError
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.sandbox import Call, Sandbox

Connect = Callable[..., PaymentsHook]
Collect = Callable[..., list[Payment]]
OFFER = {"token": {"symbol": "ETH", "decimals": 18}, "chainId": 1, "expectedAmountAsset": "668082370801162"}


@pytest.mark.parametrize(
    ("window", "order"),
    [
        ({}, "ASC"),
        ({"created_to": "2025-10-10T20:00:00Z"}, "ASC"),
        ({"created_from": "2025-10-10T00:00:00Z"}, "DESC"),
    ],
)
def test_the_order_that_reads_least(
    connect: Connect, collect: Collect, sandbox: Sandbox, window: dict[str, str], order: str
) -> None:
    assert collect(connect("spacepay"), **window)
    assert {(call.query["sortBy"], call.query["sortOrder"]) for call in sandbox.requests} == {("createdAt", order)}


@pytest.mark.parametrize("cents", [1998.9999, "12.5", "x", "NaN"])
def test_cents_that_are_no_whole_number_are_an_error(
    connect: Connect, collect: Collect, sandbox: Sandbox, cents: Any
) -> None:
    sandbox.spacepay.rows[3]["amountInCents"] = cents
    with pytest.raises(PaymentsProtocolError, match="spacepay"):
        collect(connect("spacepay"))


@pytest.mark.parametrize(
    ("receipt", "asset", "amount"),
    [
        ({"settledAmountAsset": "2500000", "settledToken": {"symbol": "USDC", "decimals": 6}}, "USDC", "2.500000"),
        ({"settledAmountAsset": 2500000, "settledToken": {"symbol": "USDC", "decimals": 6}}, "USDC", "2.500000"),
        ({"settledAmountAsset": "2500000", "settledToken": {"symbol": "USDC"}}, "USDC", None),
        # Paid in another token than the one that was offered, and nothing tells its decimals.
        ({"settledAmountAsset": "2500000", "settledToken": "USDC"}, "USDC", None),
        ({"settledAmountAsset": None, "settledToken": None}, "ETH", "0.000668082370801162"),
        (None, "ETH", "0.000668082370801162"),
    ],
)
def test_what_was_settled_counts_before_what_was_offered(
    connect: Connect, collect: Collect, sandbox: Sandbox, receipt: Any, asset: str, amount: str | None
) -> None:
    sandbox.spacepay.rows[:] = [sandbox.spacepay.add(quotes=[OFFER], receipt=receipt)]
    record = collect(connect("spacepay"))[0].to_dict()
    assert (record["crypto_asset"], record["crypto_amount"]) == (asset, amount)


@pytest.mark.parametrize("quotes", [None, [], [OFFER, OFFER], [{}], [{"token": None}]])
def test_offers_that_tell_nothing(connect: Connect, collect: Collect, sandbox: Sandbox, quotes: Any) -> None:
    sandbox.spacepay.rows[:] = [sandbox.spacepay.add(quotes=quotes, receipt=None)]
    record = collect(connect("spacepay"))[0].to_dict()
    assert (record["crypto_asset"], record["crypto_amount"], record["crypto_network"]) == (None, None, None)


@pytest.mark.parametrize("shape", ["object", "string"])
def test_every_shape_of_an_error_is_read(connect: Connect, collect: Collect, sandbox: Sandbox, shape: str) -> None:
    sandbox.spacepay.error_shape = shape
    with pytest.raises(PaymentsAuthError, match=r"invalid_api_key.*Invalid or missing"):
        collect(connect("spacepay", password="sk_live_wrong"))


def test_the_detail_has_no_envelope_and_more_fields(connect: Connect, ask: Any, sandbox: Sandbox) -> None:
    row = sandbox.spacepay.rows[0]
    found = ask(connect("spacepay").get_payment, row["id"])
    assert found.to_dict()["updated_at"] == "2025-10-10T21:45:00Z"


def test_filters_are_sent(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    wanted = {row["id"] for row in sandbox.spacepay.rows if row["type"] == "deposit"}
    assert {each.id for each in collect(connect("spacepay"), filters={"type": "deposit"})} == wanted
    assert {each.kind.value for each in collect(connect("spacepay"), filters={"type": "deposit"})} == {"deposit"}


def test_payments_that_enter_a_filtered_list_in_the_middle_displace_none(
    connect: Connect, collect: Collect, sandbox: Sandbox
) -> None:
    """Of pages that are read side by side, an earlier one is read later, and meanwhile an older payment is completed.

    A page of it is asked for again after a second, as if it had been slow. Another payment was completed before, far
    ahead: so the number of different payments found is the number that was counted, and only the gap tells.
    """
    rows = sandbox.spacepay.rows
    for number, row in enumerate(rows):
        row["status"] = "pending" if number in (3, 39) else "completed"
    wanted = {row["id"] for row in rows if row["status"] == "completed"}
    seen: dict[str, int] = {}

    def prepare(call: Call) -> None:
        offset = call.query["offset"]
        seen[offset] = seen.get(offset, 0) + 1
        if offset == "2":
            rows[3]["status"] = "completed"  # ahead of the place: oldest first, it comes late
        if offset == "6" and seen[offset] == 1:
            sandbox.faults.reply_with["spacepay"].append((429, {"Retry-After": "1"}, b"{}"))
        elif offset == "6" and seen[offset] == 2:
            rows[39]["status"] = "completed"  # before the place: everything moves by one

    sandbox.before_reply = prepare
    found = [each.id for each in collect(connect("spacepay", {"page_size": 2}), statuses=["succeeded"])]
    assert len(found) == len(set(found))
    assert wanted <= set(found)


def test_a_server_that_lowers_the_limit(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    """The limit that its reply names is the one that counts."""
    asked = sandbox.spacepay.answer

    def lower(call: Call) -> Any:
        call.query["limit"] = str(min(int(call.query["limit"]), 7))
        return asked(call)

    sandbox.spacepay.answer = lower  # type: ignore[method-assign]
    found = [each.id for each in collect(connect("spacepay", {"page_size": 20}))]
    assert sorted(found) == sorted(row["id"] for row in sandbox.spacepay.rows)


def test_a_list_that_says_more_follows_but_brings_nothing(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    page = b'{"data": [], "pagination": {"total": 5, "limit": 1000, "offset": 0, "hasMore": true}}'
    sandbox.before_reply = lambda call: sandbox.faults.reply_with["spacepay"].append((200, {}, page))
    with pytest.raises(PaymentsProtocolError, match="progress"):
        collect(connect("spacepay"))
    assert len(sandbox.requests) < 20
