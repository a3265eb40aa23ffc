"""PayPal: a ledger in windows, which rows of it are payments, and until when it has any."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pyarrow.parquet as pq
import pytest

from airflow_provider_payments.exceptions import (
    PaymentNotFound,
    PaymentsNotAvailableYet,
    PaymentsProtocolError,
    PaymentsRequestError,
)
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.hooks.lookups import find_payments
from airflow_provider_payments.operators.list_payments import ListPaymentsOperator
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.sandbox import Call, Row, Sandbox
from airflow_provider_payments.sandbox.paypal_data import money
from airflow_provider_payments.waiting.pending import PendingCondition
from airflow_provider_payments.waiting.status import StatusCondition
from tests.hooks.facts import is_received_or_given_back

Connect = Callable[..., PaymentsHook]
Collect = Callable[..., list[Payment]]
Ledger = Callable[..., Row]
LATEST = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(days=1)
SECOND = timedelta(seconds=1)
REFUNDS = ("T1106", "T1107", "T1113", "T1114", "T1115", "T1116", "T1118")
CHARGEBACKS = ("T1201", "T1202", "T1205", "T1207", "T1208")


def iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


@pytest.fixture
def ledger(sandbox: Sandbox) -> Callable[..., Row]:
    """Empties the ledger. Adds a row to it: ``ledger("A", at, "T0006", "12.50")``."""
    sandbox.paypal.rows.clear()

    def add(payment_id: str, at: datetime, code: str = "T0006", value: str = "1.00", **more: Any) -> Row:
        currency = more.pop("currency", "USD")
        fields = {"transaction_id": payment_id, "transaction_event_code": code, "fee_amount": None, **more}
        row = sandbox.paypal.add(at, transaction_amount=money(value, currency), **fields)
        row["transaction_initiation_date"] = iso(at)
        return row

    return add


def asked(sandbox: Sandbox) -> list[Call]:
    return [call for call in sandbox.requests if call.route == "/v1/reporting/transactions"]


def windows(sandbox: Sandbox) -> list[tuple[datetime, datetime]]:
    """The windows that were asked for, each once, with those that were refused."""
    texts = dict.fromkeys((call.query["start_date"], call.query["end_date"]) for call in asked(sandbox))
    return [
        (datetime.fromisoformat(start.replace("Z", "+00:00")), datetime.fromisoformat(end.replace("Z", "+00:00")))
        for start, end in texts
    ]


# Credentials.


def test_the_token_request_asks_for_no_scope(connect: Connect, sandbox: Sandbox) -> None:
    connect("paypal").has_pending()
    call = sandbox.requests[0]
    assert (call.route, call.method) == ("/v1/oauth2/token", "POST")
    assert parse_qs(call.body.decode()) == {"grant_type": ["client_credentials"]}
    assert call.header("Authorization").startswith("Basic ")


def test_one_token_for_many_windows_and_one_renewal_in_the_middle(
    connect: Connect, collect: Collect, sandbox: Sandbox
) -> None:
    hook = connect("paypal")
    before = collect(hook)

    def revoke(call: Call) -> None:
        if len(sandbox.requests) == 150:
            sandbox.paypal.tokens.clear()

    sandbox.before_reply = revoke
    assert collect(hook) == before
    assert sum(call.route == "/v1/oauth2/token" for call in sandbox.requests) == 2


def test_the_permission_that_is_missing_is_named(connect: Connect, sandbox: Sandbox) -> None:
    sandbox.paypal.scopes = ["https://uri.paypal.com/services/invoicing"]
    is_fine, said = connect("paypal").test_connection()
    assert not is_fine
    for part in ("403", "NOT_AUTHORIZED", "'Transaction Search'", "nine hours", "'Client id'"):
        assert part in said


def test_half_a_request_per_second_unless_the_connection_says_otherwise(connect: Connect) -> None:
    def pace(extra: dict[str, Any]) -> float:
        return connect("paypal", extra).resolve()[1].rate_limiter._interval

    assert pace({"requests_per_second": None}) == pace({"requests_per_second": ""}) == pytest.approx(2, rel=0.05)
    assert pace({"requests_per_second": 4}) == pytest.approx(0.25, rel=0.05)
    assert pace({"requests_per_second": 0}) == 0.0


def test_half_a_minute_is_waited_where_a_reply_only_says_wait(connect: Connect) -> None:
    assert connect("paypal").resolve()[1].retry.throttle_wait == 30.0


# Windows.


def test_a_long_time_is_cut_into_windows_that_touch(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    start, end = LATEST - timedelta(days=100, seconds=1), LATEST
    payments = collect(connect("paypal"), created_from=start, created_to=end)
    assert payments == []  # they are all later
    cut = sorted(windows(sandbox), reverse=True)
    assert [each[1] for each in cut] == [LATEST - timedelta(days=31 * number) for number in range(4)]
    assert [each[0] for each in cut] == [*(each[1] for each in cut[1:]), start]
    assert len(asked(sandbox)) == 3 * 4  # of what is pending, of what moved the balance, of what was denied


@pytest.mark.parametrize("end_is_inclusive", [True, False])
def test_windows_are_exact_to_the_instant(
    connect: Connect, collect: Collect, ledger: Ledger, sandbox: Sandbox, end_is_inclusive: bool
) -> None:
    """Whether PayPal counts a window's end in is not documented; times of the ledger are whole seconds, so far."""
    sandbox.paypal.end_is_inclusive = end_is_inclusive
    start, end = LATEST - timedelta(days=40), LATEST
    inner = end - timedelta(days=31)  # where two windows touch
    moment = timedelta(microseconds=1)
    inside = [start, start + moment, inner - moment, inner, inner + moment, end - SECOND, end - moment]
    outside = [start - moment, end, end + moment]
    for number, at in enumerate([*inside, *outside]):
        ledger(f"{'in' if at in inside else 'out'}-{number}", at)
    listing = connect("paypal", {"page_size": 2}).list_payments(created_from=start, created_to=end)
    assert Counter(each.id for each in listing) == Counter(f"in-{number}" for number in range(len(inside)))
    assert listing.report.is_complete
    assert listing.report.duplicates_dropped == 0
    found = collect(connect("paypal"), created_from=inner - moment, created_to=inner + moment)
    assert {each.id for each in found} == {"in-2", "in-3"}


@pytest.mark.parametrize("statuses", [None, ["pending"], ["pending", "failed"]])
def test_what_is_pending_where_windows_touch_is_no_doubt(
    connect: Connect, ledger: Ledger, sandbox: Sandbox, statuses: list[str] | None
) -> None:
    """Windows of 31 days, and halves of one with too many rows."""
    sandbox.paypal.most_rows = 3
    start, end = LATEST - timedelta(days=62), LATEST
    touching = [end - timedelta(days=31), start + timedelta(days=31) / 2]
    for number, at in enumerate([*touching, *(start + timedelta(days=each) for each in (1, 9, 20))]):
        ledger(f"P{number}", at, status="P")
    listing = connect("paypal").list_payments(created_from=start, created_to=end, statuses=statuses)
    assert sorted(each.id for each in listing) == [f"P{number}" for number in range(5)]
    assert listing.report.warnings() == []
    assert listing.report.is_complete
    assert {call.status for call in asked(sandbox)} == {200, 400}
    of_pending = [call.query for call in asked(sandbox) if call.query.get("transaction_status") == "P"]
    edges = {query["end_date"] for query in of_pending} & {query["start_date"] for query in of_pending}
    assert edges.issuperset(map(iso, touching))


def test_every_payment_once_of_more_than_there_may_be(connect: Connect, ledger: Ledger, sandbox: Sandbox) -> None:
    """25,000 rows and a ceiling of 10,000; many at once, and one second with nearly as many as there may be."""
    template = ledger("template", LATEST)
    sandbox.paypal.rows.clear()
    crowd = LATEST - timedelta(days=3)
    for number in range(25_000):
        at = crowd if 9_000 <= number < 18_500 else LATEST - timedelta(seconds=100 * number)
        at = at + SECOND if 18_000 <= number < 18_500 else at
        row = {**template, "transaction_id": f"{number:017d}", "transaction_initiation_date": iso(at)}
        sandbox.paypal.rows.append(row)
    listing = connect("paypal", {"max_concurrency": 2}).list_payments(
        created_from=LATEST - timedelta(days=31), created_to=LATEST + SECOND
    )
    found = Counter(each.id for each in listing)
    assert len(found) == 25_000
    assert set(found.values()) == {1}
    assert listing.report.is_complete
    assert listing.report.duplicates_dropped == 0
    refused = [call for call in asked(sandbox) if call.status == 400]
    assert 0 < len(refused) < 60
    assert len(asked(sandbox)) < 50 + 2 * len(refused) + 60


def test_a_second_with_too_many_rows_is_an_error(
    connect: Connect, collect: Collect, ledger: Ledger, sandbox: Sandbox
) -> None:
    sandbox.paypal.most_rows = 3
    for number in range(4):
        ledger(f"A{number}", LATEST)
    with pytest.raises(PaymentsRequestError, match="RESULTSET_TOO_LARGE") as caught:
        collect(connect("paypal"), created_from=LATEST - timedelta(hours=1), created_to=LATEST + timedelta(hours=1))
    assert f"within the second from {LATEST.isoformat()} on" in str(caught.value)
    assert "'transaction_currency' or 'transaction_type'" in str(caught.value)


@pytest.mark.parametrize("created_from", [None, "2005-01-01T00:00:00Z"])
def test_three_years_and_no_more_and_it_says_so(
    connect: Connect, ledger: Ledger, sandbox: Sandbox, created_from: str | None
) -> None:
    ledger("OLD", LATEST - timedelta(days=1000))
    ledger("NEW", LATEST)
    listing = connect("paypal").list_payments(created_from=created_from, created_to=LATEST + SECOND)
    assert {each.id for each in listing} == {"OLD", "NEW"}
    assert not listing.report.is_complete
    (said,) = listing.report.warnings()
    earliest = min(windows(sandbox))[0]
    assert said == f"Payments may be missing: PayPal shows no payments from before {earliest.isoformat()}."
    assert {call.status for call in asked(sandbox)} == {200}


def test_a_window_of_more_than_three_years_ago_is_not_taken_for_empty(connect: Connect, sandbox: Sandbox) -> None:
    listing = connect("paypal").list_payments(created_from="2005-01-01T00:00:00Z", created_to="2006-01-01T00:00:00Z")
    assert list(listing) == []
    assert "PayPal shows no payments from before" in listing.report.warnings()[0]
    assert sandbox.requests == []


# Data that is late.


def test_a_reply_that_is_cut_short_is_not_complete(connect: Connect, ledger: Ledger, sandbox: Sandbox) -> None:
    ledger("EARLY", LATEST)
    ledger("LATE", LATEST + timedelta(hours=4))
    sandbox.paypal.now = LATEST + timedelta(hours=5)
    sandbox.paypal.delay = timedelta(hours=3)
    day = {"created_from": LATEST - timedelta(days=1), "created_to": LATEST + timedelta(hours=5)}
    listing = connect("paypal").list_payments(**day)
    assert [each.id for each in listing] == ["EARLY"]
    assert not listing.report.is_complete
    until = (LATEST + timedelta(hours=2)).isoformat()
    assert listing.report.warnings() == [f"Payments may be missing: PayPal has data until {until}."]
    assert len(asked(sandbox)) == 3  # a second reading would show no more
    sandbox.paypal.now += timedelta(hours=3)
    listing = connect("paypal").list_payments(**day)
    assert [each.id for each in listing] == ["EARLY", "LATE"]
    assert listing.report.is_complete


def test_a_reply_that_does_not_tell_it_vouches_for_no_more_than_what_is_three_hours_old(
    connect: Connect, ledger: Ledger, sandbox: Sandbox
) -> None:
    ledger("A", LATEST)
    sandbox.paypal.tells_freshness = False
    now = datetime.now(timezone.utc)
    for hours, is_complete in ((4, True), (2, False), (-1, False)):
        listing = connect("paypal").list_payments(created_from=LATEST, created_to=now - timedelta(hours=hours))
        assert [each.id for each in listing] == ["A"]
        assert listing.report.is_complete is is_complete
        assert all("PayPal did not tell until when it has data" in said for said in listing.report.warnings())


@pytest.mark.parametrize("field", ["end_date", "last_refreshed_datetime"])
@pytest.mark.parametrize("text", ["{}", "{}+0000"])
def test_either_field_tells_it_in_either_way(connect: Connect, sandbox: Sandbox, field: str, text: str) -> None:
    end = LATEST.replace(tzinfo=None)
    for seconds, is_complete in ((0, True), (-1, False)):
        moment = (end + timedelta(seconds=seconds)).isoformat()
        told = {"end_date": f"{end.isoformat()}Z", field: text.format(moment) if "+" in text else f"{moment}Z"}
        body = {"transaction_details": [], "total_items": 0, "total_pages": 0, **told}
        sandbox.faults.reply_with["paypal"].extend(
            [(200, {}, b'{"access_token": "a"}'), (200, {}, json.dumps(body).encode())]
        )
        listing = connect("paypal").list_payments(created_from=LATEST - timedelta(days=1), created_to=LATEST)
        assert list(listing) == []
        assert listing.report.is_complete is is_complete


@pytest.mark.parametrize("details", ["left out", [], None])
def test_a_window_without_rows_need_not_have_a_list(
    connect: Connect, ledger: Ledger, sandbox: Sandbox, reply_to_list: Callable[..., None], details: Any
) -> None:
    told = {} if details == "left out" else {"transaction_details": details}
    until = {"end_date": iso(LATEST), "last_refreshed_datetime": iso(LATEST)}
    window = {"created_from": LATEST - timedelta(days=90), "created_to": LATEST}
    for count in ({"total_items": 0, "total_pages": 0}, {"total_items": 0, "total_pages": 1}, {"page": 1}):
        if details != [] or "total_items" in count:  # a list without a total is no list of theirs
            reply_to_list("paypal", 200, json.dumps({"account_number": "A", **until, **count, **told}).encode())
            listing = connect("paypal").list_payments(**window)
            assert list(listing) == []
            assert listing.report.is_complete
    sandbox.before_reply = None
    ledger("A", LATEST - timedelta(days=40))  # one window of three has a row
    listing = connect("paypal").list_payments(**window)
    assert [each.id for each in listing] == ["A"]
    assert listing.report.is_complete


@pytest.mark.parametrize("body", [{}, {"account_number": "A"}, {"transactions": []}, {"transaction_details": []}])
def test_the_object_of_somebody_else_is_no_window_without_rows(
    connect: Connect, collect: Collect, reply_to_list: Callable[..., None], body: Row
) -> None:
    reply_to_list("paypal", 200, json.dumps(body).encode())
    with pytest.raises(PaymentsProtocolError, match=r"neither transactions|tells no total"):
        collect(connect("paypal"), created_from=LATEST - timedelta(days=1), created_to=LATEST)


def test_rows_that_are_counted_and_not_shown_are_missing(connect: Connect, reply_to_list: Callable[..., None]) -> None:
    reply_to_list("paypal", 200, json.dumps({"total_items": 2, "last_refreshed_datetime": iso(LATEST)}).encode())
    listing = connect("paypal").list_payments(created_from=LATEST - timedelta(days=1), created_to=LATEST)
    assert list(listing) == []
    assert not listing.report.is_complete


def test_windows_that_go_by_another_time_are_not_complete(connect: Connect, ledger: Ledger, sandbox: Sandbox) -> None:
    ledger("A", LATEST, transaction_updated_date=iso(LATEST))
    ledger("B", LATEST - timedelta(days=3), transaction_updated_date=iso(LATEST), status="V")
    day = {"created_from": LATEST - timedelta(days=1), "created_to": LATEST + timedelta(hours=1)}
    listing = connect("paypal").list_payments(**day)
    assert [each.id for each in listing] == ["A"]
    assert listing.report.is_complete
    sandbox.paypal.window_field = "transaction_updated_date"
    listing = connect("paypal").list_payments(**day)
    assert [each.id for each in listing] == ["A"]
    assert not listing.report.is_complete
    assert [said for said in listing.report.warnings() if "PayPal shows payments of other times" in said]


def test_times_that_differ_by_a_second_are_no_other_times(connect: Connect, ledger: Ledger, sandbox: Sandbox) -> None:
    sandbox.paypal.window_field = "transaction_updated_date"
    ledger("A", LATEST - SECOND, transaction_updated_date=iso(LATEST))
    ledger("B", LATEST + timedelta(hours=1) + SECOND, transaction_updated_date=iso(LATEST + timedelta(hours=1)))
    listing = connect("paypal").list_payments(created_from=LATEST, created_to=LATEST + timedelta(hours=1))
    assert list(listing) == []
    assert listing.report.is_complete


@pytest.mark.parametrize("status", [400, 404])
def test_a_start_that_is_too_late_is_an_error_that_a_task_tries_again(
    connect: Connect, collect: Collect, sandbox: Sandbox, status: int
) -> None:
    sandbox.paypal.delay, sandbox.paypal.too_late_status = timedelta(hours=3), status
    for until in (None, datetime.now(timezone.utc) + timedelta(days=200)):
        sandbox.requests.clear()
        with pytest.raises(PaymentsNotAvailableYet, match="Data for the given start date is not available"):
            collect(connect("paypal"), created_from=datetime.now(timezone.utc) - timedelta(hours=1), created_to=until)
        assert 1 <= len(asked(sandbox)) <= 2
    with pytest.raises(PaymentsNotAvailableYet):
        collect(connect("paypal"), created_from="2035-01-01T00:00:00Z")


def test_a_later_half_that_has_no_data_yet_does_not_hide_the_earlier_one(
    connect: Connect, ledger: Ledger, sandbox: Sandbox
) -> None:
    for number in range(5):
        ledger(f"A{number}", LATEST + timedelta(seconds=number))
    sandbox.paypal.now, sandbox.paypal.delay = LATEST + timedelta(hours=4), timedelta(hours=3)
    sandbox.paypal.most_rows = 3
    listing = connect("paypal").list_payments(created_from=LATEST, created_to=LATEST + timedelta(hours=4))
    assert sorted(each.id for each in listing) == [f"A{number}" for number in range(5)]
    assert not listing.report.is_complete
    assert any("PayPal has no data yet from" in said for said in listing.report.warnings())


# Which rows.


def test_payments_received_and_refunds_given_and_nothing_else(
    connect: Connect, collect: Collect, ledger: Ledger
) -> None:
    wanted = {
        ("T0006", "1.00"): "payment",
        ("T0099", "1.00"): "payment",  # more are added
        ("T0700", "1.00"): "payment",
        ("T3000", "1.00"): "payment",
        ("T0006", "-1.00"): None,  # made, not received
        ("T0700", "-1.00"): None,
        ("T0006", "0.00"): None,
        **{(code, "-1.00"): "refund" for code in (*REFUNDS, *CHARGEBACKS)},
        **{(code, "1.00"): "refund" for code in CHARGEBACKS},  # taken back
        ("T1201", "0.00"): None,
        ("T1107", "1.00"): None,  # of a payment that was made
        **{(code, "-1.00"): None for code in ["T0106", "T0200", "T0403", "T1110", "T1300", "T1501", "T2001", "T9800"]},
        **{(code, "1.00"): None for code in ["T0300", "T1111", "T1108", "T1106"]},
    }
    for number, (code, value) in enumerate(wanted):
        ledger(f"{code}{value}", LATEST + timedelta(seconds=number), code, value)
    found = {each.id: each for each in collect(connect("paypal", {"page_size": 7}))}
    assert {each: payment.kind.value for each, payment in found.items()} == {
        f"{code}{value}": kind for (code, value), kind in wanted.items() if kind
    }
    taken_back = {f"{code}1.00" for code in CHARGEBACKS}
    for each, payment in found.items():
        assert payment.amount == Decimal("-1.00" if each in taken_back else "1.00")
        assert ("reversal_canceled" in payment.flags) is (each in taken_back)


def test_rows_that_are_not_listed_are_not_missed(connect: Connect, ledger: Ledger, sandbox: Sandbox) -> None:
    for number in range(20):
        ledger(f"FEE{number}", LATEST + timedelta(seconds=number), "T0106", "-0.30")
    ledger("ONE", LATEST + timedelta(seconds=9))
    listing = connect("paypal", {"page_size": 5}).list_payments(
        created_from=LATEST - timedelta(hours=1), created_to=LATEST + timedelta(hours=1)
    )
    assert [each.id for each in listing] == ["ONE"]
    assert listing.report.is_complete
    assert len(asked(sandbox)) == 5 + 2


def test_net_is_what_the_ledgers_own_balance_says(connect: Connect, sandbox: Sandbox, tmp_path: Path) -> None:
    """As far as it is payments and refunds: the balance after the last row, which the API itself adds up."""
    made = Sandbox(payments={"paypal": 400}, newest=LATEST).paypal.rows
    sandbox.paypal.rows[:] = [each for each in made if is_received_or_given_back(each) and each["affects_balance"]]
    connect("paypal")
    operator = ListPaymentsOperator(
        task_id="list",
        payments_conn_id="paypal_default",
        created_from=LATEST - timedelta(days=60),
        created_to=LATEST + SECOND,
        output_path=(tmp_path / "p.jsonl").as_uri(),
    )
    manifest: Any = operator.execute({})
    assert manifest["complete"]
    net: defaultdict[str, Decimal] = defaultdict(Decimal)
    for sign, name in ((1, "succeeded_amounts"), (-1, "refunded_amounts")):
        for currency, amount in manifest[name].items():
            net[currency] += sign * Decimal(amount)
    for row in sandbox.paypal.rows:  # a record has a fee only in its own currency
        if row.get("fee_amount") and row["status"] in "SV":
            net[row["fee_amount"]["currency_code"]] += Decimal(row["fee_amount"]["value"])
    balances = sandbox.paypal.balances()[1]
    assert len(balances) == 5
    assert {currency: amount for currency, amount in net.items() if amount} == {c: a for c, a in balances.items() if a}


def test_a_chargeback_that_is_won_is_a_refund_taken_back(
    connect: Connect, ledger: Ledger, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Neither is the customer's payment counted twice, nor is the money gone that came back."""
    at = (LATEST + timedelta(seconds=number) for number in range(9))
    ledger("PAID", next(at), value="100.00")
    ledger("LOST", next(at), "T1201", "-100.00", fee_amount=money("-20.00", "USD"))
    ledger("WON", next(at), "T1202", "100.00", fee_amount=money("20.00", "USD"))
    ledger("AGAIN", next(at), "T1207", "-30.00")
    ledger("LENT", next(at), "T1208", "30.00", status="P")  # pending moves nothing
    ledger("TINY", next(at), value="0.30", fee_amount=money("-0.35", "USD"))
    connect("paypal")
    path = tmp_path / "p.jsonl"
    manifest: Any = ListPaymentsOperator(
        task_id="list",
        payments_conn_id="paypal_default",
        created_from=LATEST,
        created_to=LATEST + timedelta(hours=1),
        output_path=path.as_uri(),
    ).execute({})
    assert manifest["succeeded_amounts"] == {"USD": "100.30"}
    assert manifest["refunded_amounts"] == {"USD": "30.00"}
    records = {each["id"]: each for each in map(json.loads, path.read_text().splitlines())}
    assert {each: (record["kind"], record["amount"], record["net_amount"]) for each, record in records.items()} == {
        "PAID": ("payment", "100.00", None),
        "LOST": ("refund", "100.00", "120.00"),
        "WON": ("refund", "-100.00", "-120.00"),
        "AGAIN": ("refund", "30.00", None),
        "LENT": ("refund", "-30.00", None),
        "TINY": ("payment", "0.30", "-0.05"),
    }
    net = sum(
        (1 if each["kind"] == "payment" else -1) * Decimal(each["net_amount"] or each["amount"])
        for each in records.values()
        if each["status"] == "succeeded"
    )
    assert net == sandbox.paypal.balances()[1]["USD"]


# Ids.


def test_two_rows_that_share_an_id_are_two_and_stay_two(
    connect: Connect, ledger: Ledger, sandbox: Sandbox, tmp_path: Path
) -> None:
    rows = [
        ledger("TWICE", LATEST, "T0006", "10.00"),
        ledger("TWICE", LATEST + SECOND, "T0000", "10.00"),
        ledger("TWICE", LATEST + 2 * SECOND, "T1107", "-4.00"),
        ledger("TWICE", LATEST + 3 * SECOND, "T0006", "7.00"),
        ledger("TWICE", LATEST + 4 * SECOND, "T0006", "8.00"),
        ledger("TWICE", LATEST + 5 * SECOND, "T0106", "-0.30"),
    ]
    ledger("ONCE", LATEST, "T0106", "-0.30")
    question = {"created_from": LATEST - timedelta(hours=1), "created_to": LATEST + timedelta(hours=1)}
    hook = connect("paypal")
    found = {each.id: each.amount for each in hook.list_payments(**question)}
    fifth = f"TWICE:T0006:{iso(LATEST + 4 * SECOND)}:8.00"
    assert found == {"TWICE": 10, "TWICE:T0000": 10, "TWICE:T1107": 4, "TWICE:T0006": 7, fifth: 8}
    assert {each.id: each.amount for each in hook.list_payments(**question)} == found
    for each, amount in found.items():
        payment = hook.get_payment(each)
        assert (payment.id, payment.amount) == (each, amount)
    # A list that changes is read once more. What was seen is known again, in another status too.
    shows = iter(range(100))

    def change(call: Call) -> None:
        if call.query.get("page") == "2" and next(shows) == 0:
            rows[0]["status"] = "V"
            sandbox.paypal.rows.append(sandbox.paypal.rows.pop(0))

    sandbox.before_reply = change
    again = Counter(each.id for each in connect("paypal", {"page_size": 2}).list_payments(**question))
    assert set(again.values()) == {1}
    assert len(again) == 5


def test_ids_never_look_like_numbers(connect: Connect, ledger: Ledger, tmp_path: Path) -> None:
    ids = ["12345678E01234567", "00000000000000017", "1234567E123456789"]
    for number, each in enumerate(ids):
        ledger(each, LATEST + timedelta(seconds=number))
    connect("paypal")
    for suffix in ("jsonl", "csv", "parquet"):
        path = tmp_path / f"p.{suffix}"
        ListPaymentsOperator(task_id="l", payments_conn_id="paypal_default", output_path=path.as_uri()).execute({})
        if suffix == "parquet":
            assert pq.read_table(path).column("id").to_pylist() == ids
        elif suffix == "jsonl":
            assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == ids
        else:
            assert all(f"{each}" in path.read_text() for each in ids)
            assert ".0" not in "".join(line.split(",")[2] for line in path.read_text().splitlines())


# One payment.


def test_one_payment_is_searched_for_from_the_latest_window_back(
    connect: Connect, ask: Callable[..., Any], ledger: Ledger, sandbox: Sandbox
) -> None:
    ledger("OLD", LATEST - timedelta(days=100))
    ledger("FEE", LATEST, "T0106", "-1.00")
    hook = connect("paypal")
    assert ask(hook.get_payment, "OLD").id == "OLD"
    assert len(asked(sandbox)) == 4
    assert {call.query["transaction_id"] for call in asked(sandbox)} == {"OLD"}
    for unknown in ("NONE", "FEE"):
        with pytest.raises(PaymentNotFound, match=unknown):
            ask(hook.get_payment, unknown)


def test_payments_are_waited_for_by_the_same_search(connect: Connect, ledger: Ledger) -> None:
    row = ledger("A1", LATEST, status="P", affects_balance=False)
    ledger("B2", LATEST)
    hook = connect("paypal")

    def look() -> dict[str, str]:
        found = hook.look_up(partial(find_payments, payment_ids=["A1", "B2", "C3"]))
        return {each: payment.status.value for each, payment in found.items()}

    assert look() == {"A1": "pending", "B2": "succeeded"}
    row["status"] = "D"
    assert look() == {"A1": "failed", "B2": "succeeded"}


# Two rows of one payment.


@pytest.mark.parametrize("is_shown", [False, True])
def test_of_two_rows_the_settled_one_counts(
    connect: Connect, ask: Callable[..., Any], ledger: Ledger, sandbox: Sandbox, is_shown: bool
) -> None:
    """Whether what moved no balance is in the list of what did is not documented, nor how rows are ordered."""
    sandbox.paypal.shows_unsettled = is_shown
    for number in range(120):
        row = ledger(f"A{number:03d}", LATEST + timedelta(seconds=number), status="SVD"[number % 3])
        if number % 2:
            sandbox.paypal.repeat_as_pending(row)
    wanted = {f"A{number:03d}": ("succeeded", "succeeded", "failed")[number % 3] for number in range(120)}
    hook = connect("paypal", {"page_size": 53})  # a page ends between the rows of a pair
    question = {"created_from": LATEST - SECOND, "created_to": LATEST + timedelta(hours=1)}
    for order in (1, -1):
        sandbox.paypal.rows[:] = sandbox.paypal.rows[::order]
        for filters in ({}, {"balance_affecting_records_only": "N"}):
            listing = hook.list_payments(**question, filters=filters)
            found = [(each.id, each.status.value) for each in listing]
            assert sorted(found) == sorted(wanted.items())
            assert listing.report.is_complete
        ids = sorted(wanted)
        got = hook.get_payments(payment_ids=ids, created_from=question["created_from"])
        assert {each.id: each.status.value for each in got} == {each: wanted[each] for each in ids}
        assert ask(hook.get_payment, "A001").status.value == "succeeded"
        assert not ask(hook.has_pending, **question)
    wait = PendingCondition(created_from=question["created_from"], created_to=question["created_to"], until="settled")
    assert hook.look_up(wait.poll)
    ledger("B", LATEST, status="P")
    assert ask(hook.has_pending, **question)
    assert ask(hook.has_pending)


@pytest.mark.parametrize("is_bounded", [True, False])
def test_however_many_pending_ones_have_a_settled_row_one_that_has_none_is_found(
    connect: Connect, ask: Callable[..., Any], ledger: Ledger, sandbox: Sandbox, is_bounded: bool
) -> None:
    for number in range(100):
        sandbox.paypal.repeat_as_pending(ledger(f"A{number:03d}", LATEST - number * SECOND, status="SVD"[number % 3]))
    hook = connect("paypal")
    question = {"created_from": LATEST - timedelta(hours=1), "created_to": LATEST + SECOND} if is_bounded else {}
    assert not ask(hook.has_pending, **question)
    for at in (LATEST - timedelta(minutes=30), LATEST - 50 * SECOND, LATEST):
        sandbox.requests.clear()
        row = ledger("B", at, status="P")
        assert ask(hook.has_pending, **question)
        assert len(asked(sandbox)) < 30
        wait = PendingCondition(**question, until="pending")
        assert hook.look_up(wait.poll)
        sandbox.paypal.rows.remove(row)


@pytest.mark.parametrize("becomes", ["S", "D"])
def test_a_payment_that_settles_between_two_lists_is_listed_once_as_it_is(
    connect: Connect, collect: Collect, ledger: Ledger, sandbox: Sandbox, becomes: str
) -> None:
    row = ledger("A", LATEST, status="P")

    def settle(call: Call) -> None:
        if call.query.get("transaction_status") != "P" and "reporting" in call.route:
            row["status"] = becomes

    sandbox.before_reply = settle
    (payment,) = collect(connect("paypal"), created_from=LATEST, created_to=LATEST + SECOND)
    assert payment.provider_status == becomes


# Orders.


@pytest.mark.parametrize("status", ["P", "S", "D"])
def test_an_order_is_searched_for_in_the_last_month_by_three_requests(
    connect: Connect, ledger: Ledger, sandbox: Sandbox, status: str
) -> None:
    ledger("NEW", LATEST, status=status, invoice_id="new-order")
    ledger("OLD", LATEST - timedelta(days=40), status=status, invoice_id="old-order")
    hook = connect("paypal")

    def wait_a_second(call: Call) -> None:
        if call.query.get("transaction_status") == "P":
            time.sleep(1)  # between a search's lists, as there is at the pace that is kept with PayPal

    sandbox.before_reply = wait_a_second
    wait = StatusCondition(order_ids=["new-order"], target_statuses=["succeeded", "failed", "pending"])
    assert hook.look_up(wait.poll)
    sandbox.before_reply = None
    assert len(asked(sandbox)) == 3
    old = StatusCondition(order_ids=["old-order"], target_statuses=["succeeded", "failed", "pending"])
    sandbox.requests.clear()
    assert not hook.look_up(old.poll)
    assert len(asked(sandbox)) == 3
    assert "Searched since " in old.describe()
    assert "name a created_from for an older order" in old.describe()
    far = StatusCondition(
        order_ids=["old-order"], target_statuses=old.target_statuses, created_from=LATEST - timedelta(days=41)
    )
    assert hook.look_up(far.poll)


# Statuses.


def test_what_has_moved_no_balance_is_found_where_it_is_asked_for(
    connect: Connect, collect: Collect, ledger: Ledger, sandbox: Sandbox
) -> None:
    for number, word in enumerate("PDSV"):
        ledger(word, LATEST + timedelta(seconds=number), status=word)
    hook = connect("paypal")
    assert [each.id for each in collect(hook, statuses=["pending"])] == ["P"]
    assert [each.id for each in collect(hook, statuses=["failed"])] == ["D"]
    assert {each.id for each in collect(hook, statuses=["succeeded"])} == {"S", "V"}
    assert [each.id for each in collect(hook, statuses=["V"])] == ["V"]
    assert {each.id for each in collect(hook, statuses=["pending", "succeeded"])} == {"P", "S", "V"}
    assert {each.id for each in collect(hook, statuses=["D", "unknown"])} == {"D"}
    assert {each.id for each in collect(hook, statuses=["P", "D", "S"])} == {"P", "D", "S"}
    sandbox.requests.clear()
    widened = {"balance_affecting_records_only": "N"}
    assert {each.id for each in collect(hook, filters=widened)} == {"P", "D", "S", "V"}
    assert {call.query["balance_affecting_records_only"] for call in asked(sandbox)} == {"N"}


def test_the_list_asks_for_no_more_than_it_needs(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    hook = connect("paypal")
    hour = {"created_from": LATEST, "created_to": LATEST + timedelta(hours=1)}
    collect(hook, **hour)
    of_all = {
        "fields": "transaction_info,payer_info",
        "start_date": iso(LATEST),
        "end_date": iso(LATEST + timedelta(hours=1)),
        "page": "1",
        "page_size": "500",
    }
    pending, *others = [call.query for call in asked(sandbox)]
    unsettled = {**of_all, "balance_affecting_records_only": "N"}
    assert pending == {**unsettled, "transaction_status": "P"}
    assert of_all in others
    assert {**unsettled, "transaction_status": "D"} in others
    assert len(others) == 2
    sandbox.requests.clear()
    collect(hook, **hour, statuses=["succeeded", "refunded", "unknown"])
    assert [call.query for call in asked(sandbox)] == [of_all]


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        (
            {"name": "INVALID_REQUEST", "message": "No.", "debug_id": "d1", "details": [{"issue": "BAD_AMOUNT"}]},
            ("INVALID_REQUEST", "d1", "No.", "BAD_AMOUNT"),
        ),
        (
            {"name": "UNPROCESSABLE_ENTITY", "message": "No.", "details": [{"value": "s3cret"}]},
            ("UNPROCESSABLE", "No."),
        ),
    ],
)
def test_what_a_refusal_says(connect: Connect, sandbox: Sandbox, body: Row, parts: tuple[str, ...]) -> None:
    def refuse(call: Call) -> None:
        if "reporting" in call.route:
            sandbox.faults.reply_with["paypal"].append((400, {}, json.dumps(body).encode()))

    sandbox.before_reply = refuse
    with pytest.raises(PaymentsRequestError) as caught:
        list(connect("paypal").list_payments())
    for part in parts:
        assert part in str(caught.value)
    assert "s3cret" not in str(caught.value)
