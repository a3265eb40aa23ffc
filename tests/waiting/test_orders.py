"""Finding the payments of an order: by a filter, by a search, by the ids that a search has found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest

from airflow_provider_payments.exceptions import PaymentFailed
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.waiting.condition import WaitCondition
from airflow_provider_payments.waiting.orders import POLLS_PER_SEARCH
from airflow_provider_payments.waiting.status import StatusCondition
from tests.waits import SEARCHED, Shop

Poll = Callable[[PaymentsHook, WaitCondition], bool]
CUT = "Not every payment was searched: name payment_ids, or a later created_from."


def statuses_of(shop: Shop, wait: StatusCondition) -> list[str]:
    return sorted(payment.status.value for payment in wait.list_payments(shop.hook))


def test_an_order_that_is_paid_later(shop: Shop, poll_either_way: Poll) -> None:
    shop.sell("succeeded", "another-order")
    wait = StatusCondition(order_ids=["one-order"])
    assert not poll_either_way(shop.hook, wait)
    assert wait.describe().startswith("0 of 1 orders have reached a final status; 1 not found yet (one-order).")
    row = shop.sell("pending", "one-order")
    assert not poll_either_way(shop.hook, wait)
    assert wait.describe() == f"0 of 1 orders have reached a final status; 1 {shop.pending} (one-order)."
    shop.move(row, "succeeded")
    assert poll_either_way(shop.hook, wait)
    assert wait.describe() == "1 of 1 orders have reached a final status."
    (payment,) = wait.list_payments(shop.hook)
    assert payment.status.value == "succeeded"
    assert payment.order_id == "one-order"


def test_several_orders(shop: Shop, poll: Poll) -> None:
    first, second = (shop.sell("pending", name) for name in ("first", "second"))
    wait = StatusCondition(order_ids=["first", "second", "third"])
    assert not poll(shop.hook, wait)
    assert f"2 {shop.pending} (first, second); 1 not found yet (third)" in wait.describe()
    shop.move(first, "succeeded")
    shop.sell("succeeded", "third")
    assert not poll(shop.hook, wait)
    assert wait.describe() == f"2 of 3 orders have reached a final status; 1 {shop.pending} (second)."
    shop.move(second, "failed")
    assert poll(shop.hook, wait)
    assert [payment.order_id for payment in wait.list_payments(shop.hook)] == ["first", "second", "third"]


def test_an_order_is_not_found_by_a_part_of_its_name(shop: Shop, poll: Poll) -> None:
    shop.sell("succeeded", "one-order-more")
    shop.sell("succeeded", "ONE-ORDER")
    wait = StatusCondition(order_ids=["one-order"])
    assert not poll(shop.hook, wait)
    assert "not found yet" in wait.describe()


def test_one_of_several_payments_has_succeeded(shop: Shop, poll: Poll) -> None:
    shop.sell("failed", "one-order")
    shop.sell("succeeded", "one-order")
    shop.sell("failed", "one-order")
    wait = StatusCondition(order_ids=["one-order"], target_statuses=["succeeded"], failure_statuses=[shop.failed])
    assert poll(shop.hook, wait)
    assert statuses_of(shop, wait) == sorted(["succeeded", shop.failed, shop.failed]), "all of them are handed over"


def test_one_of_several_payments_is_pending(shop: Shop, poll: Poll) -> None:
    shop.sell("failed", "one-order")
    second = shop.sell("pending", "one-order")
    wait = StatusCondition(order_ids=["one-order"], failure_statuses=[shop.failed])
    assert not poll(shop.hook, wait)
    shop.move(second, "succeeded")
    assert poll(shop.hook, wait)


def test_another_payment_is_found_before_an_end_is_believed(shop: Shop, poll_either_way: Poll) -> None:
    first = shop.sell("pending", "one-order")
    wait = StatusCondition(order_ids=["one-order"])
    assert not poll_either_way(shop.hook, wait)
    shop.move(first, "failed")
    second = shop.sell("pending", "one-order")
    assert not poll_either_way(shop.hook, wait)
    assert f"1 {shop.pending}" in wait.describe()
    shop.move(second, "succeeded")
    assert poll_either_way(shop.hook, wait)
    assert statuses_of(shop, wait) == sorted([shop.failed, "succeeded"])


def test_a_customer_who_pays_at_the_second_try(shop: Shop, poll: Poll) -> None:
    """The first payment has failed, which is final and no target; the second one is a payment of its own."""
    first = shop.sell("pending", "one-order")
    wait = StatusCondition(order_ids=["one-order"], target_statuses=["succeeded"])
    assert not poll(shop.hook, wait)
    shop.move(first, "failed")
    assert not poll(shop.hook, wait)
    shop.sell("succeeded", "one-order")
    assert poll(shop.hook, wait)


def test_a_failure_is_not_believed_before_other_payments_were_looked_for(shop: Shop, poll: Poll) -> None:
    first = shop.sell("pending", "one-order")
    wait = StatusCondition(order_ids=["one-order"], target_statuses=["succeeded"], failure_statuses=[shop.failed])
    assert not poll(shop.hook, wait)
    shop.move(first, "failed")
    second = shop.sell("pending", "one-order")
    assert not poll(shop.hook, wait), "undecided as long as one is not final"
    shop.move(second, "failed")
    with pytest.raises(PaymentFailed):
        poll(shop.hook, wait)


def test_an_order_is_paid_although_an_older_payment_of_it_stays_open(shop: Shop, poll: Poll) -> None:
    shop.sell("pending", "one-order")
    wait = StatusCondition(order_ids=["one-order"], target_statuses=["succeeded"])
    assert not poll(shop.hook, wait)
    shop.sell("succeeded", "one-order")
    assert any(poll(shop.hook, wait) for _ in range(POLLS_PER_SEARCH))
    assert len(list(wait.list_payments(shop.hook))) == 2


@pytest.mark.parametrize("conn_type", ["satispay"])
def test_a_refund_alone_is_no_payment_of_an_order(shop: Shop, poll: Poll) -> None:
    shop.sell("succeeded", "one-order", type="REFUND_TO_BUSINESS")
    assert not poll(shop.hook, StatusCondition(order_ids=["one-order"]))


@pytest.mark.parametrize("conn_type", ["hotpay", "jframework"])
def test_what_the_api_can_filter_is_not_searched(shop: Shop, poll: Poll) -> None:
    rows = {name: shop.sell("pending", name) for name in ("first", "second")}
    wait = StatusCondition(order_ids=list(rows))
    name = shop.hook.api_class.orders.filter
    # HOT Pay counts no rows, so that only a second page proves the first one to be the last.
    each = 2 if shop.conn_type == "hotpay" else 1

    def asked() -> list[str]:
        shop.forget_calls()
        assert not poll(shop.hook, wait)
        return [call.query[name] for call in shop.calls]

    assert asked() == ["first"] * each + ["second"] * each
    assert wait.state == {}
    shop.move(rows["first"], "succeeded")
    assert asked() == ["first"] * each + ["second"] * each
    assert asked() == ["second"] * each


@pytest.mark.parametrize("conn_type", ["hotpay"])
def test_no_row_at_all_is_waited_for(shop: Shop, poll: Poll) -> None:
    shop.close()
    wait = StatusCondition(order_ids=["one-order"])
    assert not poll(shop.hook, wait)
    assert len(shop.calls) == 1
    assert "1 not found yet" in wait.describe()


@pytest.mark.parametrize("conn_type", SEARCHED)
def test_what_a_search_has_found_is_asked_for_by_its_id(shop: Shop, poll_either_way: Poll) -> None:
    row = shop.sell("pending", "one-order")
    wait = StatusCondition(order_ids=["one-order"])
    assert not poll_either_way(shop.hook, wait)
    assert shop.list_calls
    assert wait.state == {"known_ids": {"one-order": [shop.id_of(row)]}}
    for _ in range(2):
        shop.forget_calls()
        assert not poll_either_way(shop.hook, wait)
        assert (len(shop.list_calls), len(shop.detail_calls)) == (0, 1)
    shop.move(row, "succeeded")
    shop.forget_calls()
    assert poll_either_way(shop.hook, wait)
    assert shop.list_calls, "another payment of the order was looked for"


@pytest.mark.parametrize("conn_type", SEARCHED)
def test_another_process_goes_on_with_what_is_remembered(shop: Shop, poll: Poll) -> None:
    row = shop.sell("pending", "one-order")
    wait = StatusCondition(order_ids=["one-order"])
    assert not poll(shop.hook, wait)
    shop.forget_calls()
    other = StatusCondition(order_ids=["one-order"], **wait.state)
    assert not poll(shop.hook, other)
    assert (len(shop.list_calls), len(shop.detail_calls)) == (0, 1)
    assert other.state == wait.state
    shop.move(row, "failed")
    late = shop.sell("pending", "one-order")
    assert not poll(shop.hook, other)
    assert other.state == {"known_ids": {"one-order": sorted([shop.id_of(row), shop.id_of(late)])}}


@pytest.mark.parametrize("conn_type", SEARCHED)
def test_a_remembered_payment_that_is_gone_is_searched_for(shop: Shop, poll: Poll) -> None:
    shop.sell("succeeded", "one-order")
    unknown = "00000000-0000-4000-8000-999999999999"
    assert poll(shop.hook, StatusCondition(order_ids=["one-order"], known_ids={"one-order": [unknown]}))


@pytest.mark.parametrize("conn_type", ["spacepay", "satispay", "mollie"])  # those that list the latest payments first
def test_a_search_begins_at_a_time(shop: Shop, poll: Poll) -> None:
    newest = shop.api.newest_at.astimezone(timezone.utc)
    shop.sell("succeeded", "one-order", at=newest - timedelta(hours=3))
    assert not poll(shop.hook, StatusCondition(order_ids=["one-order"], created_from=newest - timedelta(hours=2)))
    assert poll(shop.hook, StatusCondition(order_ids=["one-order"], created_from=newest - timedelta(hours=4)))


@pytest.mark.parametrize(
    ("conn_type", "status"),
    [
        ("spacepay", "pending"),
        ("spacepay", "succeeded"),
        ("cryptofuse", "succeeded"),
        ("satispay", "succeeded"),
        ("mollie", "pending"),
        ("mollie", "succeeded"),
    ],
)
def test_a_search_looks_at_the_latest_payments(shop: Shop, poll: Poll, status: str) -> None:
    """Bounded: neither for ever, nor without saying so."""
    shop.close()
    newest = shop.api.newest_at.astimezone(timezone.utc)
    shop.sell(status, "last in reach", at=newest - timedelta(days=1))
    shop.sell(status, "out of reach", at=newest - timedelta(days=2))
    template = shop.sell("succeeded", "others", at=newest)
    copies = [{**template, shop.facts.id_field: f"a-{number}"} for number in range(1998)]
    shop.api.rows[1:1] = copies
    wait = StatusCondition(order_ids=["last in reach"])
    assert poll(shop.hook, wait) is (status == "succeeded")
    assert "not found" not in wait.describe()
    wait = StatusCondition(order_ids=["out of reach"])
    assert not poll(shop.hook, wait)
    size = shop.hook.api_class.default_page_size
    can_filter = bool(shop.hook.api_class.filterable_statuses)
    if status == "succeeded" or not can_filter:
        assert wait.describe().endswith(f"1 not found yet (out of reach). {CUT}")
    else:
        assert "1 pending (out of reach)" in wait.describe(), "pending payments have a search of their own"
    shop.forget_calls()
    poll(shop.hook, StatusCondition(order_ids=["nowhere"]))
    assert len(shop.list_calls) <= (2 * 2000 // size + 8 if can_filter else 2000 // size)


@pytest.mark.parametrize("conn_type", ["jframework"])
def test_an_invoice_number(shop: Shop, poll: Poll) -> None:
    """The API filters by code only; both are what a merchant may call an order."""
    row = shop.sell("pending", None, invoiceNo="invoice-1")
    wait = StatusCondition(order_ids=["invoice-1"])
    assert not poll(shop.hook, wait)
    assert "1 pending (invoice-1)" in wait.describe()
    assert wait.state == {"known_ids": {"invoice-1": [row["id"]]}}
    shop.forget_calls()
    assert not poll(shop.hook, wait)
    assert (len(shop.list_calls), len(shop.detail_calls)) == (0, 1)
    shop.move(row, "succeeded")
    assert poll(shop.hook, wait)


@pytest.mark.parametrize("conn_type", ["jframework"])
def test_a_code_beside_an_invoice_number(shop: Shop, poll: Poll) -> None:
    """The record's order id is the invoice number then; the code finds it as well."""
    row = shop.sell("succeeded", "code-1", invoiceNo="invoice-1")
    for name in ("code-1", "invoice-1"):
        wait = StatusCondition(order_ids=[name])
        assert poll(shop.hook, wait)
        assert [payment.id for payment in wait.list_payments(shop.hook)] == [row["id"]]


@pytest.mark.parametrize("conn_type", ["jframework"])
def test_an_order_known_by_code_and_by_invoice_number(shop: Shop, poll: Poll) -> None:
    first = shop.sell("pending", None, invoiceNo="one-order")
    wait = StatusCondition(order_ids=["one-order"])
    assert not poll(shop.hook, wait)
    shop.move(first, "failed")
    second = shop.sell("pending", "one-order")
    assert not poll(shop.hook, wait)
    shop.move(second, "succeeded")
    assert poll(shop.hook, wait)
    assert {payment.id for payment in wait.list_payments(shop.hook)} == {first["id"], second["id"]}


@pytest.mark.parametrize("conn_type", ["satispay"])
class TestListsWithoutOrderIds:
    """Satispay's page of the list does not name ``external_code``, the page of a single payment does."""

    @pytest.fixture(autouse=True)
    def _hide(self, shop: Shop) -> None:
        shop.api.hidden = shop.api.hidden | {"external_code"}  # type: ignore[misc]
        shop.close()

    def test_single_payments_are_asked(self, shop: Shop, poll_either_way: Poll) -> None:
        others = [shop.sell("succeeded", f"order-{number}") for number in range(3)]
        row = shop.sell("pending", "one-order")
        wait = StatusCondition(order_ids=["one-order"])
        assert not poll_either_way(shop.hook, wait)
        assert "1 pending (one-order)" in wait.describe()
        assert len(shop.detail_calls) == 1 + len(others)
        shop.forget_calls()
        assert not poll_either_way(shop.hook, wait)
        assert (len(shop.list_calls), len(shop.detail_calls)) == (0, 1)
        shop.move(row, "succeeded")
        shop.forget_calls()
        assert poll_either_way(shop.hook, wait)
        paths = {call.route.rpartition("/")[2] for call in shop.detail_calls}
        assert paths == {row["id"]}, "of the others it is known that they are of other orders"

    def test_few_at_a_time(self, shop: Shop, poll: Poll) -> None:
        """25 payments hide their orders: 20 are asked at one poll, the others at the next."""
        newest = shop.api.newest_at
        shop.sell("succeeded", "one-order", at=newest - timedelta(days=1))
        for number in range(24):
            shop.sell("succeeded", f"order-{number}")
        wait = StatusCondition(order_ids=["one-order"])
        assert not poll(shop.hook, wait)
        assert len(shop.detail_calls) == 20
        assert wait.describe().endswith(CUT)
        shop.forget_calls()
        assert poll(shop.hook, wait)
        assert len(shop.detail_calls) <= 2 * 5
        assert CUT not in wait.describe()

    def test_a_payment_seen_while_searching_for_another_order(self, shop: Shop, poll: Poll) -> None:
        first = shop.sell("pending", "first")
        wait = StatusCondition(order_ids=["first", "second"])
        assert not poll(shop.hook, wait)
        shop.move(first, "failed")
        assert not poll(shop.hook, wait)
        shop.sell("succeeded", "first")
        assert not poll(shop.hook, wait), "the second order is searched for, and this payment is met"
        shop.sell("succeeded", "second")
        assert poll(shop.hook, wait)
        assert len(list(wait.list_payments(shop.hook))) == 3

    def test_authorized_payments_are_in_no_list(self, shop: Shop, poll: Poll) -> None:
        row = shop.sell("AUTHORIZED", "one-order")
        wait = StatusCondition(order_ids=["one-order"])
        assert not poll(shop.hook, wait)
        assert "1 not found yet" in wait.describe()
        assert not poll(shop.hook, StatusCondition(payment_ids=[row["id"]]))
        shop.move(row, "succeeded")
        assert poll(shop.hook, wait)


@pytest.mark.parametrize("conn_type", ["satispay"])
def test_a_refund_does_not_pay_an_order(shop: Shop, poll: Poll) -> None:
    row = shop.sell("pending", "one-order")
    shop.sell("succeeded", "one-order", type="REFUND_TO_BUSINESS")
    wait = StatusCondition(order_ids=["one-order"])
    assert not poll(shop.hook, wait)
    shop.move(row, "succeeded")
    assert poll(shop.hook, wait)
    assert len(list(wait.list_payments(shop.hook))) == 2


def test_an_order_with_an_odd_name(shop: Shop, poll: Poll) -> None:
    name = "Größe L & 100% /?#=+ 年 'x'"
    row = shop.sell("pending", name)
    wait = StatusCondition(order_ids=[name])
    assert not poll(shop.hook, wait)
    shop.move(row, "succeeded")
    assert poll(shop.hook, wait)


def test_a_search_in_many_pages(shop: Shop, poll: Poll) -> None:
    shop.connect({"page_size": 3})
    newest = shop.api.newest_at.astimezone(timezone.utc)
    row = shop.sell("pending", "one-order", at=newest - timedelta(days=20))
    wait = StatusCondition(order_ids=["one-order"])
    assert not poll(shop.hook, wait)
    assert f"1 {shop.pending}" in wait.describe()
    shop.move(row, "succeeded")
    assert poll(shop.hook, wait)


def test_the_list_of_payments_is_what_the_last_poll_found(shop: Shop, poll: Poll) -> None:
    shop.sell("succeeded", "one-order", at=datetime.now(timezone.utc) - timedelta(days=20))
    wait = StatusCondition(order_ids=["one-order"])
    assert poll(shop.hook, wait)
    shop.forget_calls()
    assert len(list(wait.list_payments(shop.hook))) == 1
    assert shop.calls == [], "nothing is asked twice"
