"""Waiting for a status: which payment of an order decides, what can be asked for, what is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from airflow_provider_payments.exceptions import (
    PaymentFailed,
    PaymentsConfigError,
    PaymentsProtocolError,
    PaymentsRequestError,
)
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.payment import Payment, PaymentKind, PaymentStatus
from airflow_provider_payments.sandbox import Call
from airflow_provider_payments.waiting.condition import WaitCondition
from airflow_provider_payments.waiting.orders import choose_decisive
from airflow_provider_payments.waiting.status import StatusCondition
from tests.waits import CONN_TYPES, WITH_IDS, Shop

MakePayment = Callable[..., Payment]
Poll = Callable[[PaymentsHook, WaitCondition], bool]
S = PaymentStatus


@pytest.mark.parametrize(
    ("statuses", "decisive"),
    [
        ([], None),
        ([S.PENDING], 0),
        ([S.FAILED], 0),
        ([S.FAILED, S.SUCCEEDED, S.FAILED], 1),
        ([S.SUCCEEDED, S.PENDING], 0),
        ([S.SUCCEEDED, S.FAILED, S.SUCCEEDED, S.EXPIRED], 2),
        ([S.FAILED, S.PENDING, S.EXPIRED], 1),
        ([S.AUTHORIZED, S.FAILED], 0),
        ([S.PROCESSING, S.PENDING, S.CANCELED], 1),
        ([S.UNKNOWN, S.FAILED], 0),
        ([S.PARTIAL, S.UNKNOWN, S.FAILED], 1),
        ([S.FAILED, S.EXPIRED, S.CANCELED], 2),
        ([S.FAILED, S.PARTIAL], 1),
        ([S.SUCCEEDED, S.REFUNDED], 0),
    ],
    ids=lambda value: "-".join(value) or "none" if isinstance(value, list) else "",
)
def test_which_payment_decides(make_payment: MakePayment, statuses: list[PaymentStatus], decisive: int | None) -> None:
    payments = [make_payment(number, day=number + 1, status=status) for number, status in enumerate(statuses)]
    for order in (payments, payments[::-1]):
        chosen = choose_decisive(order)
        assert (chosen and chosen.id) == (None if decisive is None else str(decisive))


def test_refunds_do_not_decide(make_payment: MakePayment) -> None:
    paid = make_payment("paid", day=1)
    pending = make_payment("pending", day=1, status=S.PENDING)
    back = make_payment("back", day=2, kind=PaymentKind.REFUND)
    going_back = make_payment("going back", day=3, kind=PaymentKind.REFUND, status=S.PENDING)
    assert choose_decisive([back, paid, going_back]) is paid
    assert choose_decisive([back, pending]) is pending
    assert choose_decisive([back]) is None


def test_a_payment_without_a_time_is_the_earliest(make_payment: MakePayment) -> None:
    undated, dated = make_payment("undated", day=None, status=S.FAILED), make_payment("dated", status=S.EXPIRED)
    assert choose_decisive([undated, dated]) is dated
    assert choose_decisive([undated]) is undated


BAD: list[tuple[dict[str, Any], str]] = [
    ({}, "payment_ids or order_ids"),
    ({"payment_ids": []}, "not an empty list"),
    ({"order_ids": []}, "not an empty list"),
    ({"payment_ids": ["1"], "order_ids": ["2"]}, "one of them"),
    ({"payment_ids": "abc"}, r"payment_ids must be a list of ids, and is a str.*payment_ids=\['an-id'\]"),
    ({"payment_ids": b"abc"}, "is a bytes"),
    ({"order_ids": "abc"}, "order_ids must be a list"),
    ({"order_ids": {"a": 1}}, "is a dict"),
    ({"order_ids": 7}, "is a int"),
    ({"payment_ids": None}, "is a NoneType"),
    ({"payment_ids": ["a", ""]}, "payment_ids contains an empty id"),
    ({"order_ids": ["  "]}, "order_ids contains an empty id"),
    ({"order_ids": [None]}, "order_ids contains None, which is no id"),
    ({"order_ids": [1.1]}, "contains 1.1"),
    ({"order_ids": [True]}, "contains True"),
]


@pytest.mark.parametrize(("arguments", "hint"), BAD, ids=[str(number) for number in range(len(BAD))])
def test_what_cannot_be_waited_for(arguments: dict[str, Any], hint: str) -> None:
    with pytest.raises(PaymentsConfigError, match=hint):
        StatusCondition(**arguments)


def test_ids_are_read_from_any_list() -> None:
    assert StatusCondition(payment_ids=("b", "a", "b", "a")).payment_ids == ["b", "a"]
    assert StatusCondition(order_ids=iter(["1", "2", "1"])).order_ids == ["1", "2"]  # type: ignore[arg-type]
    assert StatusCondition(order_ids=[7, 8]).order_ids == ["7", "8"]  # type: ignore[list-item]


@pytest.mark.parametrize("argument", ["target_statuses", "failure_statuses"])
@pytest.mark.parametrize(
    ("value", "hint"), [(["no_such_word"], "Unknown status 'no_such_word'"), ("succeeded", "must be a list of words")]
)
def test_unknown_statuses_are_refused_before_any_request(
    shop: Shop, poll: Poll, argument: str, value: Any, hint: str
) -> None:
    with pytest.raises(PaymentsConfigError, match=hint):
        poll(shop.hook, StatusCondition(order_ids=["x"], **{argument: value}))
    assert shop.sandbox.requests == []


def test_no_target_at_all_is_refused(shop: Shop) -> None:
    with pytest.raises(PaymentsConfigError, match="empty list"):
        shop.hook.look_up(StatusCondition(order_ids=["x"], target_statuses=[]).poll)
    assert shop.sandbox.requests == []


@pytest.mark.parametrize("conn_type", WITH_IDS)
def test_one_request_for_each_payment(shop: Shop, poll_either_way: Poll) -> None:
    rows = [shop.sell() for _ in range(3)]
    wait = StatusCondition(payment_ids=[shop.id_of(row) for row in rows])
    for left in (3, 2):
        shop.forget_calls()
        assert not poll_either_way(shop.hook, wait)
        assert len(shop.calls) == left
        assert f"{3 - left} of 3 payments have reached a final status; {left} {shop.pending}" in wait.describe()
        shop.move(rows[left - 1], "succeeded")
        shop.forget_calls()
        assert not poll_either_way(shop.hook, wait)
        assert len(shop.calls) == left
    shop.move(rows[0], "failed")
    shop.forget_calls()
    last_poll = datetime.now(timezone.utc)
    assert poll_either_way(shop.hook, wait)
    assert len(shop.calls) == 1 + 3, "what had got there earlier is looked at once more"
    assert wait.describe() == "3 of 3 payments have reached a final status."
    listing = wait.list_payments(shop.hook)
    found = list(listing)
    assert [each.id for each in found] == [shop.id_of(row) for row in rows]
    assert {each.listed_at for each in found} == {listing.report.listed_at}, "one time, of two requests and more"
    assert last_poll < found[0].listed_at < datetime.now(timezone.utc)
    assert listing.report.is_complete


@pytest.mark.parametrize("conn_type", WITH_IDS)
def test_one_that_moves_on_is_waited_for_again(shop: Shop, poll: Poll) -> None:
    early, late = shop.sell("succeeded"), shop.sell()
    wait = StatusCondition(payment_ids=[shop.id_of(early), shop.id_of(late)], target_statuses=["succeeded"])
    assert not poll(shop.hook, wait)
    shop.move(early, "failed")
    shop.move(late, "succeeded")
    assert not poll(shop.hook, wait)
    assert wait.describe() == (
        f"1 of 2 payments have reached succeeded; 1 {shop.failed}, which is final and no target ({shop.id_of(early)})."
    )
    shop.move(early, "succeeded")
    assert poll(shop.hook, wait)


@pytest.mark.parametrize("conn_type", WITH_IDS)
def test_one_that_does_not_exist_yet_is_waited_for(shop: Shop, poll: Poll) -> None:
    row = shop.sell("succeeded")
    shop.api.rows.remove(row)
    wait = StatusCondition(payment_ids=[shop.id_of(row)])
    assert not poll(shop.hook, wait)
    assert wait.describe() == f"0 of 1 payments have reached a final status; 1 not found yet ({shop.id_of(row)})."
    assert wait.state == ({} if shop.conn_type == "paypal" else {"is_list_proven": True})
    shop.api.rows.append(row)
    assert poll(shop.hook, wait)


#: Companies that say of a path that is not there, in their own words, what they say of an unknown payment.
WORDED_ALIKE = pytest.mark.parametrize("conn_type", ["stripe", "mollie", "razorpay"])


def misplace(shop: Shop) -> None:
    """Let the connection's host lead beside the API."""
    shop.connect(host=f"{shop.sandbox.connections()[shop.conn_id]['host']}/v9")


@WORDED_ALIKE
def test_where_the_api_is_not_nothing_is_waited_for(shop: Shop, poll_either_way: Poll) -> None:
    misplace(shop)
    with pytest.raises(PaymentsRequestError) as caught:
        poll_either_way(shop.hook, StatusCondition(payment_ids=["pi_1", "pi_2"]))
    assert caught.value.status in (400, 404)
    assert shop.hook.api_class.list_path in str(caught.value)


@pytest.mark.parametrize("conn_type", ["razorpay"])
def test_nor_are_its_orders(shop: Shop, poll_either_way: Poll) -> None:
    misplace(shop)
    with pytest.raises(PaymentsRequestError):
        poll_either_way(shop.hook, StatusCondition(order_ids=["order_1"]))


@pytest.mark.parametrize("conn_type", [each for each in WITH_IDS if each != "paypal"])
def test_whether_the_api_is_there_is_asked_once_and_only_where_nothing_is_found(
    shop: Shop, poll_either_way: Poll
) -> None:
    row = shop.sell()
    missing = shop.id_of(shop.sell())
    shop.api.rows.pop(0 if shop.api.rows[0][shop.facts.id_field] == missing else -1)
    wait = StatusCondition(payment_ids=[missing])
    for requests in (2, 1, 1):
        shop.forget_calls()
        assert not poll_either_way(shop.hook, wait)
        assert len(shop.calls) == requests
    shop.forget_calls()
    assert not poll_either_way(shop.hook, wait.build_condition(wait.state))  # in another process
    assert len(shop.calls) == 1
    found = StatusCondition(payment_ids=[missing, shop.id_of(row)])
    shop.forget_calls()
    assert not poll_either_way(shop.hook, found)
    assert len(shop.calls) == 2
    assert found.state == {}


@WORDED_ALIKE
def test_a_key_that_may_not_list_may_wait(shop: Shop, poll_either_way: Poll) -> None:
    body = {
        "stripe": {"error": {"type": "invalid_request_error", "message": "No."}},
        "mollie": {"status": 403, "title": "Forbidden", "detail": "No.", "_links": {}},
        "razorpay": {"error": {"code": "BAD_REQUEST_ERROR", "description": "No."}},
    }[shop.conn_type]
    path = shop.hook.api_class.list_path

    def refuse(call: Call) -> None:
        if call.route == path:
            shop.reply(403, json.dumps(body).encode())

    shop.sandbox.before_reply = refuse
    wait = StatusCondition(payment_ids=["pi_1"])
    assert not poll_either_way(shop.hook, wait)
    assert [call.status for call in shop.calls] == [shop.calls[0].status, 403]
    assert not poll_either_way(shop.hook, wait)
    assert len(shop.calls) == 3


@pytest.mark.parametrize("status", [400, 403, 503])
@pytest.mark.parametrize("conn_type", ["stripe"])
def test_a_list_that_cannot_be_asked_for_keeps_nobody_from_waiting(
    shop: Shop, poll_either_way: Poll, status: int
) -> None:
    body = {400: {"error": {"type": "invalid_request_error", "message": "No."}}}.get(status, {"message": "Forbidden"})

    def refuse(call: Call) -> None:
        if call.route == shop.hook.api_class.list_path:
            shop.reply(status, json.dumps(body).encode())

    shop.sandbox.before_reply = refuse
    wait = StatusCondition(payment_ids=["pi_1"])
    assert not poll_either_way(shop.hook, wait)
    asked = len(shop.calls)
    assert not poll_either_way(shop.hook, wait)
    assert len(shop.calls) == asked + 1


@pytest.mark.parametrize("conn_type", WITH_IDS)
def test_only_a_404_means_not_yet(shop: Shop, poll_either_way: Poll) -> None:
    wait = StatusCondition(payment_ids=[shop.id_of(shop.sell())])
    shop.reply_always(400, b"{}")
    with pytest.raises(PaymentsRequestError):
        poll_either_way(shop.hook, wait)
    shop.reply_always(200, b"<html>", {"Content-Type": "text/html"})
    with pytest.raises(PaymentsProtocolError):
        poll_either_way(shop.hook, wait)


@pytest.mark.parametrize("conn_type", ["hotpay"])
def test_payments_without_ids_are_waited_for_by_order(shop: Shop, poll: Poll) -> None:
    with pytest.raises(PaymentsConfigError, match="order_ids"):
        poll(shop.hook, StatusCondition(payment_ids=["x"]))
    assert shop.sandbox.requests == []


@pytest.mark.parametrize("word", ["normalised", "own"])
def test_targets_in_both_vocabularies(shop: Shop, poll: Poll, word: str) -> None:
    row = shop.sell("failed", "one-order")
    target = "succeeded" if word == "normalised" else shop.words["succeeded"]
    wait = StatusCondition(order_ids=["one-order"], target_statuses=[target])
    assert not poll(shop.hook, wait)
    assert wait.describe() == (
        f"0 of 1 orders have reached {target}; 1 {shop.failed}, which is final and no target (one-order)."
    )
    shop.move(row, "succeeded")
    assert poll(shop.hook, wait)


def test_a_target_need_not_be_final(shop: Shop, poll: Poll) -> None:
    shop.sell("pending", "one-order")
    assert poll(shop.hook, StatusCondition(order_ids=["one-order"], target_statuses=[shop.pending, "succeeded"]))


@pytest.mark.parametrize("word", ["normalised", "own"])
@pytest.mark.parametrize("is_target", [False, True])
def test_a_failure_ends_the_wait(shop: Shop, poll: Poll, word: str, is_target: bool) -> None:
    """Also where it is one of those that are waited for."""
    shop.sell("succeeded", "good")
    row = shop.sell("pending", "bad")
    failure = shop.failed if word == "normalised" else shop.words["failed"]
    targets = ["succeeded", failure] if is_target else None
    wait = StatusCondition(order_ids=["good", "bad"], target_statuses=targets, failure_statuses=[failure])
    assert not poll(shop.hook, wait)
    shop.move(row, "failed")
    with pytest.raises(PaymentFailed, match=rf"^Order 'bad' is {shop.failed} \('{shop.words['failed']}'\)"):
        poll(shop.hook, wait)


@pytest.mark.parametrize("conn_type", WITH_IDS)
def test_a_failure_among_payments(shop: Shop, poll: Poll) -> None:
    rows = [shop.sell("pending"), shop.sell("failed")]
    wait = StatusCondition(payment_ids=[shop.id_of(row) for row in rows], failure_statuses=[shop.failed])
    with pytest.raises(PaymentFailed, match=rf"^Payment '{shop.id_of(rows[1])}'"):
        poll(shop.hook, wait)


@pytest.mark.parametrize("conn_type", [each for each in CONN_TYPES if each != "satispay"])
def test_an_unknown_word_is_not_final(shop: Shop, poll: Poll) -> None:
    row = shop.sell("brand_new", "one-order")
    wait = StatusCondition(order_ids=["one-order"])
    assert not poll(shop.hook, wait)
    assert "1 in a status that is not known here, 'brand_new' (one-order)" in wait.describe()
    shop.move(row, "succeeded")
    assert poll(shop.hook, wait)


def test_before_the_first_poll() -> None:
    wait = StatusCondition(order_ids=["a", "b"], target_statuses=["succeeded", "partial"])
    assert wait.describe() == "Nothing was asked yet about a, b."


def test_few_are_named(shop: Shop) -> None:
    names = [f"order {number}" for number in range(7)]
    wait = StatusCondition(order_ids=names)
    for name in names[:6]:
        shop.sell("pending", name)
    shop.hook.look_up(wait.poll)
    assert wait.describe().startswith(
        "0 of 7 orders have reached a final status; "
        f"6 {shop.pending} (order 0, order 1, order 2, order 3, order 4, …); 1 not found yet (order 6)."
    )


@pytest.mark.parametrize("conn_type", WITH_IDS)
def test_a_held_request(shop: Shop, poll: Poll) -> None:
    """Only where the API can hold its reply, and only for one payment."""
    rows = [shop.sell("succeeded"), shop.sell("succeeded")]

    def asked(**arguments: Any) -> list[str]:
        shop.forget_calls()
        words = [shop.words["failed"], shop.words["succeeded"]]
        shop.sandbox.before_reply = lambda call: rows[0].update(status=words[rows[0]["status"] == words[0]])
        poll(shop.hook, StatusCondition(**arguments))
        return [call.header("x-satispay-response-wait-time") for call in shop.calls]

    one, both = [shop.id_of(rows[0])], [shop.id_of(row) for row in rows]
    assert asked(payment_ids=one) == [""]
    assert asked(payment_ids=both, long_poll_seconds=1) == ["", ""]
    assert asked(payment_ids=one, long_poll_seconds=0.5) == [""]
    assert asked(payment_ids=one, long_poll_seconds=1.9) == ["1" if shop.conn_type == "satispay" else ""]


@pytest.mark.parametrize("conn_type", ["satispay"])
def test_a_held_reply_tells_of_the_change_at_once(shop: Shop, poll_either_way: Poll) -> None:
    row = shop.sell()
    wait = StatusCondition(payment_ids=[shop.id_of(row)], long_poll_seconds=500)
    shop.sandbox.before_reply = lambda call: shop.move(row, "succeeded")
    assert poll_either_way(shop.hook, wait)
    assert [call.header("x-satispay-response-wait-time") for call in shop.calls] == ["60"]
    assert shop.calls[0].answered_at - shop.calls[0].received_at < 10
