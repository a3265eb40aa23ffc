"""HOT Pay: no id, no total, no order, no filter, and tokens of unknown size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_payments.exceptions import PaymentsAuthError, PaymentsConfigError, PaymentsProtocolError
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.sandbox import Sandbox

Connect = Callable[..., PaymentsHook]
Collect = Callable[..., list[Payment]]
PLAIN = {
    "memo": "order-1",
    "item_id": "item-1",
    "sender_id": "alice.near",
    "token_id": "nep141:wrap.near",
    "amount": "5",
    "status": "SUCCESS",
    "timestamp": 1769947200,
    "near_trx": "trx-1",
}


@pytest.mark.parametrize(
    ("scheme", "header", "value"),
    [
        (None, "Authorization", "sandbox.hotpay.token"),
        ("raw", "Authorization", "sandbox.hotpay.token"),
        ("bearer", "Authorization", "Bearer sandbox.hotpay.token"),
        ("api-key", "Api-Key", "sandbox.hotpay.token"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "Bearer ", "bearer  "])
def test_the_token_goes_where_the_scheme_says(
    connect: Connect, collect: Collect, sandbox: Sandbox, scheme: str | None, header: str, value: str, prefix: str
) -> None:
    sandbox.hotpay.auth_schemes = {scheme or "raw"}
    assert collect(connect("hotpay", {"auth_scheme": scheme}, password=f"{prefix}sandbox.hotpay.token"))
    assert sandbox.requests[0].header(header) == value
    assert ("api-key" in {name.lower() for name, _ in sandbox.requests[0].headers}) == (header == "Api-Key")


def test_other_schemes_are_not_tried(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    sandbox.hotpay.auth_schemes = {"bearer"}
    with pytest.raises(PaymentsAuthError):
        collect(connect("hotpay"))
    assert len(sandbox.requests) == 1


@pytest.mark.parametrize("value", ["digest", "Bearer", ["raw"], "not json {"])
def test_a_scheme_or_decimals_that_make_no_sense(connect: Connect, value: Any) -> None:
    with pytest.raises(PaymentsConfigError, match=r"raw, bearer, api-key"):
        connect("hotpay", {"auth_scheme": value}).resolve()
    with pytest.raises(PaymentsConfigError, match="token_decimals"):
        connect("hotpay", {"token_decimals": value}).resolve()


@pytest.mark.parametrize(
    "value",
    [
        *[{"t": "6"}, {"t": -1}, {"t": 1.5}, {"t": True}, {"t": None}, {"t": 1000}, [6]],
        *["[6]", "{'t': '6'}", "{'t': t()}", "[object Object]", "[" * 100_000, "-" * 100_000 + "1"],
    ],
)
def test_decimals_are_whole_numbers(connect: Connect, value: Any) -> None:
    with pytest.raises(PaymentsConfigError, match="token_decimals"):
        connect("hotpay", {"token_decimals": value}).resolve()


# None takes away what the sandbox's own connection has.
@pytest.mark.parametrize(
    "value",
    [
        *['{"t": 6}', "{'t': 6}", "t", "t=", "=6", "t=six", "t=6.0", "t=-1", "t=78", "t=100", "t=6; u=6", "t 6"],
        *["t=6, t=6", "t=6, u", "t=6=7", "[object Object]", {"t": 6}, ["t=6"], 6, True],
    ],
)
def test_decimals_in_the_form_are_pairs(connect: Connect, value: Any) -> None:
    with pytest.raises(PaymentsConfigError, match=r"'decimals' in extra must be a text of token ids"):
        connect("hotpay", {"decimals": value, "token_decimals": None}).resolve()


@pytest.mark.parametrize("value", ["", None, " ", ","])
def test_no_decimals(connect: Connect, collect: Collect, value: Any) -> None:
    extra = {"decimals": value, "token_decimals": None}
    assert all(payment.amount is None for payment in collect(connect("hotpay", extra)))


def test_decimals_in_two_spellings_may_not_differ(connect: Connect) -> None:
    connect("hotpay", {"decimals": "t=6, u=9", "token_decimals": {"t": 6, "v": 24}}).resolve()
    with pytest.raises(PaymentsConfigError, match=r"'decimals' and 'token_decimals' in extra differ. Keep one"):
        connect("hotpay", {"decimals": "t=6", "token_decimals": {"t": 7}}).resolve()


@pytest.mark.parametrize(
    "extra",
    [
        {"token_decimals": {"nep141:wrap.near": 24}},
        {"token_decimals": '{"nep141:wrap.near": 24}'},
        # As earlier versions' form in Airflow 2.11 has left it.
        {"token_decimals": "{'nep141:wrap.near': 24, 'nep141:usdt': 6}"},
        {"decimals": "nep141:wrap.near=24"},
        {"decimals": " nep141:usdt = 6 ,nep141:wrap.near=24,", "token_decimals": None},
    ],
)
def test_amounts_are_scaled_only_where_decimals_are_known(
    connect: Connect, collect: Collect, sandbox: Sandbox, extra: dict[str, Any]
) -> None:
    extra = {"token_decimals": None, **extra}
    sandbox.hotpay.rows[:] = [{**PLAIN, "amount": "1" + "0" * 23}, {**PLAIN, "token_id": "nep141:wrap.NEAR"}]
    known, unknown = (each.to_dict() for each in collect(connect("hotpay", extra)))
    assert (known["amount"], known["amount_minor"]) == ("0.1" + "0" * 23, "1" + "0" * 23)
    assert (unknown["amount"], unknown["crypto_amount"], unknown["amount_minor"]) == (None, None, "5")


@pytest.mark.parametrize("amount", ["1.5", "twelve", "NaN", "Infinity", "1e999999999"])
def test_an_amount_that_is_no_whole_number_is_an_error(
    connect: Connect, collect: Collect, sandbox: Sandbox, amount: str
) -> None:
    sandbox.hotpay.rows[:] = [{**PLAIN, "amount": amount}]
    with pytest.raises(PaymentsProtocolError, match="hotpay"):
        collect(connect("hotpay"))


@pytest.mark.parametrize("field", ["near_trx", "item_id", "memo", "sender_id", "token_id", "amount"])
def test_rows_that_differ_are_different_payments(
    connect: Connect, collect: Collect, sandbox: Sandbox, field: str
) -> None:
    sandbox.hotpay.rows[:] = [PLAIN, {**PLAIN, field: "7"}]
    one, other = collect(connect("hotpay"))
    assert one.id != other.id
    assert one.flags == other.flags == ()


def test_the_id_stays_while_a_payment_advances(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    sandbox.hotpay.rows[:] = [{**PLAIN, "status": "PROCESSING", "timestamp": None}]
    hook = connect("hotpay")
    (before,) = collect(hook)
    sandbox.hotpay.rows[:] = [PLAIN]
    (after,) = collect(hook)
    assert (before.id, before.status.value) == (after.id, "processing")


def test_the_same_row_twice_is_one_payment(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    sandbox.hotpay.rows[:] = [PLAIN, {**PLAIN, "status": "REFUNDED"}]
    assert len(collect(connect("hotpay"))) == 1


def test_provisional_rows_that_differ_in_time_stay_two(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    row = {**PLAIN, "near_trx": None, "status": "PENDING"}
    sandbox.hotpay.rows[:] = [row, {**row, "timestamp": 1769947201}, {**row, "timestamp": 1769947202}, row]
    for page_size in (1, 2, 100):
        found = collect(connect("hotpay", {"page_size": page_size}))
        assert len({each.id for each in found}) == len(found) == 3
        assert all("provisional_id" in each.flags for each in found)


@pytest.mark.parametrize("number", [0, 1, 2, 9, 10, 11, 12, 21])
@pytest.mark.parametrize(("tells_limit", "max_limit"), [(True, 1000), (True, 5), (False, 5), (False, 1000)])
def test_the_end_without_a_total(
    connect: Connect, collect: Collect, sandbox: Sandbox, number: int, tells_limit: bool, max_limit: int
) -> None:
    """The list may lower the limit, and need not say so."""
    sandbox.hotpay.tells_limit, sandbox.hotpay.max_limit = tells_limit, max_limit
    sandbox.hotpay.rows[:] = [{**PLAIN, "near_trx": f"trx-{index}"} for index in range(number)]
    found = collect(connect("hotpay", {"page_size": 10}))
    assert [each.transaction_hash for each in found] == [f"trx-{index}" for index in range(number)]


def test_rows_that_leave_are_noticed(connect: Connect, sandbox: Sandbox) -> None:
    sandbox.hotpay.rows[:] = [{**PLAIN, "near_trx": f"trx-{index}"} for index in range(40)]

    def leave(call: Any) -> None:
        if len(sandbox.requests) == 3:
            del sandbox.hotpay.rows[:12]

    sandbox.before_reply = leave
    listing = connect("hotpay", {"page_size": 5}).list_payments()
    found = {each.transaction_hash for each in listing}
    staying = {row["near_trx"] for row in sandbox.hotpay.rows}
    assert staying <= found or not listing.report.is_complete


def test_a_server_that_ignores_the_offset_ends_in_an_error(
    connect: Connect, collect: Collect, sandbox: Sandbox
) -> None:
    page = b'{"payments": [%s], "pagination": {"limit": 2, "count": 2}}'
    rows = b'{"status": "SUCCESS", "near_trx": "a"}, {"status": "SUCCESS", "near_trx": "b"}'
    sandbox.before_reply = lambda call: sandbox.faults.reply_with["hotpay"].append((200, {}, page % rows))
    with pytest.raises(PaymentsProtocolError, match="progress"):
        collect(connect("hotpay", {"page_size": 2}))
    assert len(sandbox.requests) < 100


def test_a_list_whose_second_page_is_empty_is_in_doubt(connect: Connect, sandbox: Sandbox) -> None:
    """The second page begins with the last row of the first, so it cannot be empty."""

    def leave_nothing(call: Any) -> None:
        if call.query.get("offset", "0") != "0":
            sandbox.faults.reply_with["hotpay"].append((200, {}, b'{"payments": [], "pagination": {"count": 0}}'))

    sandbox.before_reply = leave_nothing
    listing = connect("hotpay", {"page_size": 20}).list_payments()
    assert len(list(listing)) == 20
    assert "Payments may be missing" in listing.report.doubts[0]
    assert len(sandbox.requests) < 30


def test_the_id_is_the_same_however_the_amount_is_written(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    ids = set()
    for amount in (1000000, "1000000", 1000000.0, "1000000.0"):
        sandbox.hotpay.rows[:] = [{**PLAIN, "amount": amount}]
        ids |= {each.id for each in collect(connect("hotpay"))}
    assert len(ids) == 1


def test_filters_are_sent(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    memo = "a b&c=ü☕"
    sandbox.hotpay.rows.append({**PLAIN, "memo": memo})
    (found,) = collect(connect("hotpay"), filters={"memo": memo})
    assert found.order_id == memo


def test_a_time_that_is_in_milliseconds_is_not_taken_for_seconds(
    connect: Connect, collect: Collect, sandbox: Sandbox
) -> None:
    sandbox.hotpay.rows[:] = [{**PLAIN, "timestamp": 1769947200000}]
    with pytest.raises(PaymentsProtocolError, match="hotpay"):
        collect(connect("hotpay"))
