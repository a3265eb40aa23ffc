"""Waiting until nothing is pending, or something is: cheap while it lasts, certain in the end."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta, timezone
from typing import Any

import pytest

from airflow_provider_payments.exceptions import PaymentsConfigError, PaymentsUnavailable
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.sandbox import Row
from airflow_provider_payments.waiting.condition import StillWaiting, WaitCondition
from airflow_provider_payments.waiting.pending import PendingCondition
from tests.waits import CONN_TYPES, WITH_IDS, Shop, at_call

Poll = Callable[[PaymentsHook, WaitCondition], bool]
NOTHING = "Nothing pending was found."
WITH_UNKNOWN = [each for each in CONN_TYPES if each != "satispay"]
"""Satispay's lists are asked for by status, so they show no word that is not known."""
FILTERED_BY_DATE = ("jframework", "stripe", "gocardless", "razorpay")
"""Those whose lists filter by date themselves."""
NEVER_MOVED = ("stripe", "mollie")
"""Their list is in the order of creation, which never changes; a payment that jumped to its head would not be seen."""
EARLIER_AND_LATER = {
    "cryptofuse": ("waiting", "sending"),
    "spacepay": ("pending", "processing"),
    "jframework": ("Created", "Reserved"),
    "gocardless": ("pending_submission", "submitted"),
}
"""Words of a pending payment that the API can filter by, in the order in which they are asked for."""


def ids(wait: PendingCondition, hook: PaymentsHook) -> list[str]:
    return [payment.id for payment in wait.list_payments(hook)]


def test_until_when() -> None:
    with pytest.raises(PaymentsConfigError, match="until must be one of settled, pending, and is 'final'"):
        PendingCondition(until="final")


BAD: list[tuple[dict[str, Any], str]] = [
    ({"created_from": "2026-01-01"}, "time zone"),
    ({"created_from": "yesterday"}, "ISO 8601"),
    ({"created_from": "2026-01-02T00:00:00Z", "created_to": "2026-01-01T00:00:00Z"}, "reversed"),
    ({"created_from": "2026-01-01T00:00:00Z", "created_to": "2026-01-01T00:00:00Z"}, "empty"),
    ({"filters": {"status": "x"}}, "status"),
    ({"filters": {"nothing": "x"}}, "nothing"),
]


@pytest.mark.parametrize("conn_type", ["spacepay"])
@pytest.mark.parametrize(("arguments", "hint"), BAD, ids=[str(number) for number in range(len(BAD))])
def test_a_bad_question_is_refused_before_any_request(
    shop: Shop, poll: Poll, arguments: dict[str, Any], hint: str
) -> None:
    with pytest.raises(PaymentsConfigError, match=hint):
        poll(shop.hook, PendingCondition(**arguments))
    assert shop.sandbox.requests == []


def test_settled(shop: Shop, poll_either_way: Poll) -> None:
    shop.finish()
    row = shop.sell("pending", "one-order")
    wait = PendingCondition()
    assert not poll_either_way(shop.hook, wait)
    assert f"is pending ('{shop.words['pending']}')" in wait.describe()
    shop.move(row, "succeeded")
    assert poll_either_way(shop.hook, wait)
    assert wait.describe() == NOTHING
    listing = wait.list_payments(shop.hook)
    assert [*listing] == [*shop.hook.list_payments()]
    assert listing.report.is_complete


def test_pending(shop: Shop, poll_either_way: Poll) -> None:
    shop.finish()
    wait = PendingCondition(until="pending")
    assert not poll_either_way(shop.hook, wait)
    assert wait.describe() == NOTHING
    row = shop.sell("pending", "one-order")
    assert poll_either_way(shop.hook, wait)
    assert "is pending" in wait.describe()
    (payment,) = wait.list_payments(shop.hook)
    assert payment.status.value == "pending"
    assert wait.state == {}
    shop.move(row, "failed")
    with pytest.raises(StillWaiting, match="has settled meanwhile"):
        ids(wait, shop.hook)


def test_a_poll_is_cheap(shop: Shop, poll: Poll) -> None:
    shop.finish()
    poll(shop.hook, PendingCondition())
    if shop.facts.pending_questions is None:
        assert len(shop.calls) <= 3, "the list has to be walked through"
    else:
        assert len(shop.calls) == shop.facts.pending_questions
        assert all("1" in (call.query.get("limit"), call.query.get("PageSize")) for call in shop.calls)


@pytest.mark.parametrize("conn_type", WITH_IDS)
def test_the_payment_that_was_not_final_is_asked_for_alone(shop: Shop, poll: Poll) -> None:
    shop.finish()
    row, other = shop.sell(), shop.sell()
    wait = PendingCondition(until="settled")
    assert not poll(shop.hook, wait)
    first, second = (row, other) if wait.unsettled_id == shop.id_of(row) else (other, row)
    assert wait.state == {"unsettled_id": shop.id_of(first)}
    for again in (wait, PendingCondition(**wait.state)):
        shop.forget_calls()
        assert not poll(shop.hook, again)
        assert (len(shop.list_calls), len(shop.detail_calls)) == (0, 1)
    shop.move(first, "succeeded")
    assert not poll(shop.hook, wait)
    assert wait.state == {"unsettled_id": shop.id_of(second)}
    shop.move(second, "failed")
    assert poll(shop.hook, wait)
    ids(wait, shop.hook)


@pytest.mark.parametrize("conn_type", WITH_IDS)
def test_a_remembered_payment_that_is_gone_keeps_nobody_waiting(shop: Shop, poll: Poll) -> None:
    shop.finish()
    wait = PendingCondition(unsettled_id="00000000-0000-4000-8000-999999999999")
    assert poll(shop.hook, wait)
    shop.sell()
    assert not poll(shop.hook, wait)


@pytest.mark.parametrize("conn_type", WITH_UNKNOWN)
def test_an_unknown_word_is_not_settled(shop: Shop, poll_either_way: Poll, caplog: pytest.LogCaptureFixture) -> None:
    shop.finish()
    row = shop.sell("brand_new")
    wait = PendingCondition()
    with caplog.at_level(logging.WARNING, "airflow_provider_payments.waiting.pending"):
        if poll_either_way(shop.hook, wait):  # the cheap questions ask for known words only
            with pytest.raises(StillWaiting, match="is unknown"):
                ids(wait, shop.hook)
    assert "'brand_new'" in caplog.text
    assert "is not taken for settled" in caplog.text
    shop.forget_calls()
    assert not poll_either_way(shop.hook, wait)
    assert "is unknown ('brand_new')" in wait.describe()
    if shop.conn_type != "hotpay":
        assert wait.state == {"unsettled_id": shop.id_of(row)}
        assert len(shop.calls) == 1
    shop.move(row, "succeeded")
    assert poll_either_way(shop.hook, wait)
    ids(wait, shop.hook)


@pytest.mark.parametrize("conn_type", WITH_UNKNOWN)
def test_an_unknown_word_is_not_pending(shop: Shop, poll: Poll) -> None:
    shop.finish()
    shop.sell("brand_new")
    assert not poll(shop.hook, PendingCondition(until="pending"))


@pytest.mark.parametrize("conn_type", ["cryptofuse"])
@pytest.mark.parametrize("word", ["pending", "partially_paid"])
def test_a_word_that_cannot_be_filtered_by_is_not_settled(shop: Shop, poll: Poll, word: str) -> None:
    shop.finish()
    row = shop.sell()
    row["status"] = word
    wait = PendingCondition()
    assert poll(shop.hook, wait)
    with pytest.raises(StillWaiting, match=word):
        ids(wait, shop.hook)
    assert not poll(shop.hook, wait)


@pytest.mark.parametrize("conn_type", list(EARLIER_AND_LATER))
@pytest.mark.parametrize("is_forward", [True, False], ids=["forward", "back"])
def test_a_payment_that_moves_between_two_questions(shop: Shop, poll_either_way: Poll, is_forward: bool) -> None:
    """Back is how it would be missed by the small questions; the list shows it all the same."""
    shop.finish()
    before, after = EARLIER_AND_LATER[shop.conn_type][:: 1 if is_forward else -1]
    missed = 0
    for moment in range(1, (shop.facts.pending_questions or 0) + 1):
        row = shop.sell(before)
        at_call(shop.sandbox, moment, lambda row=row: row.update(status=after))  # type: ignore[misc]
        wait = PendingCondition()
        if poll_either_way(shop.hook, wait):
            missed += 1
            with pytest.raises(StillWaiting):
                ids(wait, shop.hook)
        shop.sandbox.before_reply = None
        shop.api.rows.remove(row)
    assert missed == 0 if is_forward else missed > 0


@pytest.mark.parametrize("conn_type", [each for each in CONN_TYPES if each not in NEVER_MOVED])
def test_a_payment_that_moves_between_two_pages(shop: Shop) -> None:
    """It jumps from the list's end to its head, or back, while the whole window is listed."""
    shop.connect({"page_size": 4, "max_concurrency": 2})
    shop.finish()
    number = len(shop.api.rows)
    for source, target in ((number - 1, 0), (0, number - 1), (number // 2, 0)):
        for moment in (2, 4, 9):
            row = shop.api.rows[source]
            known = dict(row)
            row["status"] = shop.words["pending"]
            at_call(shop.sandbox, moment, lambda row=row, target=target: jump(shop.api.rows, row, target))  # type: ignore[misc]
            with pytest.raises(StillWaiting):
                ids(PendingCondition(), shop.hook)
            shop.sandbox.before_reply = None
            jump(shop.api.rows, row, source)
            row.update(known)


def jump(rows: list[Row], row: Row, target: int) -> None:
    rows.remove(row)
    rows.insert(target, row)


@pytest.mark.parametrize("conn_type", ["jframework"])
def test_a_list_that_cannot_vouch_for_all_is_not_settled(shop: Shop, poll: Poll) -> None:
    shop.finish()
    shop.api.extra_total = 3  # type: ignore[attr-defined]
    wait = PendingCondition()
    assert poll(shop.hook, wait)
    with pytest.raises(StillWaiting, match=r"cannot be called settled: Payments may be missing: the API counts"):
        ids(wait, shop.hook)
    shop.api.extra_total = 0  # type: ignore[attr-defined]
    assert ids(wait, shop.hook)


def test_only_the_window_counts(shop: Shop, poll: Poll) -> None:
    shop.finish()
    newest = shop.api.newest.astimezone(timezone.utc).replace(microsecond=0)
    word = {"hotpay": "PROCESSING"}.get(shop.conn_type, "pending")  # HOT Pay's other pending payments have no time
    row = shop.sell(word, at=newest - timedelta(hours=5))
    if shop.conn_type == "hotpay":
        row["timestamp"] = int((newest - timedelta(hours=5)).timestamp())
    hour = timedelta(hours=1)

    def window(start: float, end: float) -> dict[str, Any]:
        return {"created_from": (newest - start * hour).isoformat(), "created_to": newest - end * hour}

    for outside in (
        window(9, 5),
        window(4.9, 1),
        {"created_from": newest - 4 * hour},
        {"created_to": newest - 6 * hour},
    ):
        wait = PendingCondition(**outside)
        assert poll(shop.hook, wait), outside
        assert ids(wait, shop.hook) == [each.id for each in shop.hook.list_payments(**outside)]
        assert not poll(shop.hook, PendingCondition(**outside, until="pending"))
    for inside in (
        window(5, 4),
        window(9, 4.9),
        {"created_from": newest - 5 * hour},
        {"created_to": newest - 4 * hour},
    ):
        assert not poll(shop.hook, PendingCondition(**inside)), inside
        with pytest.raises(StillWaiting):
            ids(PendingCondition(**inside), shop.hook)
        wait = PendingCondition(**inside, until="pending")
        assert poll(shop.hook, wait)
        assert len(ids(wait, shop.hook)) == 1


@pytest.mark.parametrize(
    ("conn_type", "filters", "inside", "outside"),
    [
        ("hotpay", {"memo": "one"}, {"memo": "one"}, {"memo": "two"}),
        ("hotpay", {"item_id": "item-x"}, {"item_id": "item-x"}, {"item_id": "item-y"}),
        ("cryptofuse", {"token": "USDT"}, {"token": "USDT"}, {"token": "ETH"}),
        ("cryptofuse", {"blockchain": "TRON"}, {"blockchain": "TRX"}, {"blockchain": "ETH"}),
        ("spacepay", {"type": "deposit"}, {"type": "deposit"}, {"type": "payment"}),
        ("jframework", {"Code": "one"}, {"code": "one"}, {"code": "two"}),
        ("jframework", {"TestMode": "true"}, {"testMode": True}, {"testMode": False}),
        ("gocardless", {"customer": "CU1"}, {"customer": "CU1"}, {"customer": "CU2"}),
    ],
)
def test_only_what_passes_the_filters_counts(
    shop: Shop, poll: Poll, filters: dict[str, str], inside: Row, outside: Row
) -> None:
    shop.finish()
    row = shop.sell()
    row.update(outside)
    wait = PendingCondition(filters=filters)
    assert poll(shop.hook, wait)
    assert ids(wait, shop.hook) == [each.id for each in shop.hook.list_payments(filters=filters)]
    row.update(inside)
    assert not poll(shop.hook, PendingCondition(filters=filters))
    with pytest.raises(StillWaiting):
        ids(PendingCondition(filters=filters), shop.hook)


@pytest.mark.parametrize("conn_type", [each for each in CONN_TYPES if each not in FILTERED_BY_DATE])
@pytest.mark.parametrize("until", ["settled", "pending"])
def test_a_payment_without_any_time_is_in_every_window(shop: Shop, poll: Poll, until: str) -> None:
    shop.finish()
    shop.sell().update(shop.facts.undated)
    window = {"created_from": "2031-01-01T00:00:00Z", "created_to": "2031-01-02T00:00:00Z"}
    assert poll(shop.hook, PendingCondition(**window, until=until)) is (until == "pending")


def test_an_error_is_no_answer(shop: Shop, poll: Poll) -> None:
    shop.finish()
    shop.connect({"max_attempts": 1})
    shop.reply_always(500)
    for until in ("settled", "pending"):
        with pytest.raises(PaymentsUnavailable):
            poll(shop.hook, PendingCondition(until=until))


def test_an_empty_shop_is_settled(shop: Shop, poll: Poll) -> None:
    shop.close()
    wait = PendingCondition()
    assert poll(shop.hook, wait)
    assert ids(wait, shop.hook) == []
    assert not poll(shop.hook, PendingCondition(until="pending"))


PENDING_WORDS = {
    "hotpay": [("PENDING_DEPOSIT", "pending"), ("PROCESSING", "processing"), ("INCOMPLETE_DEPOSIT", "processing")],
    "cryptofuse": [("waiting", "pending"), ("pending", "pending"), ("partially_paid", "processing")],
    "spacepay": [("pending", "pending"), ("processing", "processing")],
    "satispay": [("PENDING", "pending")],
    "stripe": [("requires_payment_method", "pending"), ("processing", "processing")],
    "jframework": [("Created", "pending"), ("Pending", "pending"), ("Reserved", "authorized")],
    "gocardless": [("pending_customer_approval", "pending"), ("submitted", "processing")],
    "razorpay": [("created", "pending"), ("pending", "pending"), ("authorized", "authorized")],
}
"""Words of pending payments that lists show, and what they mean."""
WORDS = [(conn_type, *each) for conn_type, words in PENDING_WORDS.items() for each in words]


@pytest.mark.parametrize(("conn_type", "word", "status"), WORDS)
def test_the_pending_statuses_that_are_named_keep_it_waiting(
    shop: Shop, poll_either_way: Poll, word: str, status: str
) -> None:
    shop.finish()
    row = shop.sell(word, "one-order")
    wait = PendingCondition(pending_statuses=[status])
    if poll_either_way(shop.hook, wait):  # cheap questions are not asked for all words
        with pytest.raises(StillWaiting, match=word):
            ids(wait, shop.hook)
    shop.move(row, "succeeded")
    assert poll_either_way(shop.hook, wait)
    assert ids(wait, shop.hook)


@pytest.mark.parametrize(("conn_type", "word", "status"), WORDS)
def test_the_others_are_delivered_as_they_are(shop: Shop, poll_either_way: Poll, word: str, status: str) -> None:
    """As payments that their payers have abandoned: they stay as they are for ever."""
    shop.finish()
    row = shop.sell(word, "one-order")
    others = [each for each in ("pending", "processing", "authorized") if each != status]
    wait = PendingCondition(pending_statuses=others)
    assert poll_either_way(shop.hook, wait)
    payments = {payment.id: payment for payment in wait.list_payments(shop.hook)}
    assert payments.keys() == {payment.id for payment in shop.hook.list_payments()}
    if shop.conn_type != "hotpay":
        assert payments[shop.id_of(row)].status.value == status
    assert [payment.status.value for payment in payments.values() if not payment.is_final] == [status]
    if shop.conn_type != "satispay":
        shop.sell("brand_new")
        poll_either_way(shop.hook, wait)
        with pytest.raises(StillWaiting, match="is unknown"):
            ids(wait, shop.hook)


@pytest.mark.parametrize(("conn_type", "word", "status"), WORDS)
def test_until_a_payment_is_in_a_status_that_is_named(
    shop: Shop, poll_either_way: Poll, word: str, status: str
) -> None:
    shop.finish()
    shop.sell(word, "one-order")
    wait = PendingCondition(until="pending", pending_statuses=[status])
    assert poll_either_way(shop.hook, wait)
    assert [payment.status.value for payment in wait.list_payments(shop.hook)] == [status]
    shop.finish()
    other = next((each for each, meaning in PENDING_WORDS[shop.conn_type] if meaning != status), None)
    if other:
        shop.sell(other, "another-order")
    assert not poll_either_way(shop.hook, wait)
    assert wait.describe() == f"Nothing {status} was found."
    with pytest.raises(StillWaiting):
        ids(wait, shop.hook)


ASKED = [
    ("cryptofuse", ["pending"], ["waiting"]),
    ("cryptofuse", ["processing"], ["confirming", "confirmed", "sending"]),
    ("cryptofuse", ["authorized"], []),
    ("spacepay", ["processing", "authorized"], ["processing"]),
    ("satispay", ["pending"], ["PENDING"]),
    ("satispay", ["processing", "authorized"], []),
    ("jframework", ["processing", "authorized"], ["Reserved"]),
    ("jframework", ["processing"], []),
    ("gocardless", ["pending"], ["pending_customer_approval", "pending_submission"]),
]


@pytest.mark.parametrize("window", [{}, {"created_from": "2020-01-01T00:00:00Z"}], ids=["whole", "window"])
@pytest.mark.parametrize(("conn_type", "statuses", "words"), ASKED)
def test_only_the_words_of_those_statuses_are_asked_for(
    shop: Shop, poll: Poll, statuses: list[str], words: list[str], window: dict[str, str]
) -> None:
    shop.finish()
    assert poll(shop.hook, PendingCondition(pending_statuses=statuses, **window))  # type: ignore[arg-type]
    asked = [call.query.get(shop.hook.api_class.status_param) for call in shop.list_calls]
    assert sorted(set(map(str, asked))) == sorted(words)


@pytest.mark.parametrize(
    ("conn_type", "statuses"),
    [("satispay", ["authorized"]), ("cryptofuse", ["authorized"]), ("spacepay", ["authorized"])],
)
def test_what_no_list_shows(shop: Shop, poll: Poll, statuses: list[str], caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(PaymentsConfigError, match=f"No list of {shop.conn_type} shows payments that are authorized"):
        poll(shop.hook, PendingCondition(until="pending", pending_statuses=statuses))
    assert shop.sandbox.requests == []
    with caplog.at_level(logging.WARNING, "airflow_provider_payments.waiting.pending"):
        poll(shop.hook, PendingCondition(pending_statuses=statuses))
    assert "So no payment keeps this sensor waiting" in caplog.text


@pytest.mark.parametrize("conn_type", ["jframework"])
def test_a_payment_that_becomes_one_of_the_others_settles_the_window(shop: Shop, poll_either_way: Poll) -> None:
    shop.finish()
    row = shop.sell("Reserved")
    wait = PendingCondition(pending_statuses=["processing", "authorized"])
    assert not poll_either_way(shop.hook, wait)
    assert wait.state == {"unsettled_id": shop.id_of(row)}
    shop.move(row, "Created")
    assert poll_either_way(shop.hook, wait)
    assert shop.id_of(row) in ids(wait, shop.hook)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ([], r"is an empty list\. Leave it out for all of pending_statuses=\['pending', 'processing', 'authorized'\]"),
        (["succeeded"], r"contains 'succeeded', and takes pending, processing, authorized only"),
        (["unknown"], "contains 'unknown'"),
        (["waiting"], r"contains 'waiting'.*Write some of pending_statuses=\['pending'"),
        (["pending", 7], "contains 7, which is no word"),
        ("pending", r"Write pending_statuses=\['pending'\]"),
        ("succeeded", r"must be a list of words.*Write pending_statuses=\['pending', 'processing', 'authorized'\]"),
    ],
)
def test_other_pending_statuses_are_refused(value: Any, hint: str) -> None:
    with pytest.raises(PaymentsConfigError, match=hint):
        PendingCondition(pending_statuses=value)
