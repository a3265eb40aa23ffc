from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal

from airflow_provider_payments.output.stats import PaymentStats
from airflow_provider_payments.payment import Payment, PaymentKind, PaymentStatus

Make = Callable[..., Payment]

EMPTY = {
    "first_created_at": None,
    "last_created_at": None,
    "statuses": {},
    "pending": 0,
    "unknown_statuses": {},
    "succeeded_amounts": {},
    "refunded_amounts": {},
    "amounts_unknown": 0,
    "amounts_unfit": 0,
}


def stats(*payments: Payment) -> PaymentStats:
    stats = PaymentStats()
    stats.add(payments)
    return stats


def test_of_nothing() -> None:
    assert (stats().summary(), stats().warnings(), stats().records) == (EMPTY, [], 0)


def test_counts_statuses_and_pending(make_payment: Make) -> None:
    counted = stats(*(make_payment(status=status) for status in (*PaymentStatus, PaymentStatus.PENDING)))
    summary = counted.summary()
    assert summary["statuses"] == {status.value: 1 + (status.value == "pending") for status in PaymentStatus}
    assert list(summary["statuses"]) == sorted(summary["statuses"])
    assert (summary["pending"], counted.records) == (4, 11)


def test_totals_are_exact_by_currency_and_of_succeeded_payments_only(make_payment: Make) -> None:
    deposit, refund = {"kind": PaymentKind.DEPOSIT}, {"kind": PaymentKind.REFUND}
    counted = stats(
        make_payment(amount="0.10"),
        make_payment(amount="0.20", **deposit),
        make_payment(amount="99999999999999999999999999999999999999.01"),
        make_payment(amount="0.000000000000000001", currency="nep141:wrap.near"),
        make_payment(amount="5.00", **refund),
        make_payment(amount="2.50", currency="EUR", **refund),
        make_payment(amount="1.00", currency=None),
        *(make_payment(amount="7", status=status) for status in PaymentStatus if status.value != "succeeded"),
    )
    summary = counted.summary()
    assert summary["succeeded_amounts"] == {
        "": "1.00",
        "USD": "99999999999999999999999999999999999999.31",
        "nep141:wrap.near": "0.000000000000000001",
    }
    assert summary["refunded_amounts"] == {"EUR": "2.50", "USD": "5.00"}
    assert json.loads(json.dumps(summary)) == summary


def test_what_succeeded_less_what_was_refunded_is_net(make_payment: Make) -> None:
    refunded = {"refunded_amount": Decimal("0.30")}
    summary = stats(
        make_payment(amount="1.00", **refunded),
        make_payment(amount="1.00", refunded_amount=Decimal(0)),
        make_payment(amount="0.30", status=PaymentStatus.REFUNDED, **refunded),  # in neither
        make_payment(amount="1.00", status=PaymentStatus.FAILED, **refunded),
        make_payment(amount=None, **refunded),
        make_payment(amount="0.20", kind=PaymentKind.REFUND),
        make_payment(amount="9.00", currency="EUR"),
    ).summary()
    assert summary["succeeded_amounts"] == {"EUR": "9.00", "USD": "2.00"}
    assert summary["refunded_amounts"] == {"USD": "0.50"}


def test_amounts_that_nobody_told_are_counted_and_not_summed(make_payment: Make) -> None:
    counted = stats(make_payment(amount=None), make_payment(amount=None, status=PaymentStatus.PENDING), make_payment())
    assert counted.summary()["amounts_unknown"] == 2
    assert counted.summary()["succeeded_amounts"] == {"USD": "1.00"}


def test_first_and_last_by_time_and_not_by_order(make_payment: Make) -> None:
    undated = make_payment(day=None)
    late = make_payment(day=None, completed_at=make_payment(day=9).created_at)
    summary = stats(make_payment(day=5), late, make_payment(day=2), undated, make_payment(day=3)).summary()
    assert (summary["first_created_at"], summary["last_created_at"]) == ("2026-01-02T00:00:00Z", "2026-01-09T00:00:00Z")


def test_warns_of_unknown_words_and_undated_payments(make_payment: Make) -> None:
    unknown = [
        make_payment(status=PaymentStatus.UNKNOWN, provider_status=word) for word in ("Reversed", "Reversed", "")
    ]
    counted = stats(*unknown, make_payment(day=None, flags=("underpaid", "undated")))
    assert counted.summary()["unknown_statuses"] == {"": 1, "Reversed": 2}
    first, second = counted.warnings()
    assert "'Reversed' (2)" in first
    assert second == "1 payments of spacepay have no time, so they are in every window (flag 'undated')."


def test_counts_page_by_page(make_payment: Make) -> None:
    stats = PaymentStats()
    for records, page in ((2, [make_payment(), make_payment()]), (2, []), (3, [make_payment()])):
        stats.add(page)
        assert stats.records == records
