from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest
import requests

from airflow_provider_payments.sandbox import Sandbox
from airflow_provider_payments.sandbox.api import Row

EXAMPLE = "a0000000-0000-4000-8000-000000000001"
Sign = Callable[..., requests.auth.AuthBase]


def get(sandbox: Sandbox, auth: requests.auth.AuthBase, path: str = "", **params: Any) -> requests.Response:
    url = f"{sandbox.url}/satispay/g_business/v1/payments{path}"
    return requests.get(url, params=params, auth=auth, timeout=30)


def walk(sandbox: Sandbox, sign: Sign, **params: Any) -> list[Row]:
    rows: list[Row] = []
    for _ in range(100):
        page = get(sandbox, sign(), **params).json()
        rows += page["data"]
        if not page["has_more"]:
            return rows
        params = {**params, "starting_after": rows[-1]["id"]}
    raise AssertionError("the list does not end")


def assert_refused(reply: requests.Response, status: int, code: int) -> None:
    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert set(reply.json()) == {"code", "message", "wlt"}


def test_the_signer_here_agrees_with_hashes_derived_from_the_official_example(sign: Sign) -> None:
    values = {
        "(request-target)": "get /g_business/v1/payments?status=PENDING&limit=100",
        "host": "authservices.satispay.com",
        "date": "Mon, 18 Mar 2019 15:10:24 +0000",
        "digest": "SHA-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    }
    message = sign().message(values, "(request-target) host date digest")  # type: ignore[attr-defined]
    assert hashlib.sha256(message).hexdigest() == "cb50c193878903f1784c6eafd737d98682b458c75f40871ee2c57b7e249b5e04"


@pytest.mark.parametrize("params", [{}, {"status": "PENDING", "limit": 100}, {"note": "a b+c/ü&=?", "limit": 5}])
def test_accepts_a_signature_over_what_is_sent(sandbox: Sandbox, sign: Sign, params: dict[str, Any]) -> None:
    assert get(sandbox, sign(), **params).status_code == 200


@pytest.mark.parametrize(
    "names",
    [
        "(request-target) host digest date",
        "digest date host (request-target)",
    ],
)
def test_follows_the_order_of_the_headers_parameter(sandbox: Sandbox, sign: Sign, names: str) -> None:
    assert get(sandbox, sign(names=names)).status_code == 200


@pytest.mark.parametrize("missing", ["(request-target)", "host", "date", "digest"])
def test_refuses_a_signature_that_leaves_something_out(sandbox: Sandbox, sign: Sign, missing: str) -> None:
    names = [name for name in ("(request-target)", "host", "date", "digest") if name != missing]
    assert_refused(get(sandbox, sign(names=" ".join(names))), 403, 45)


@pytest.mark.parametrize(
    "target",
    [
        "/satispay/g_business/v1/payments",  # the path without its query
        "/g_business/v1/payments?status=PENDING",  # without the prefix that is on the wire
        "/satispay/g_business/v1/payments?status=ACCEPTED",
    ],
)
def test_refuses_a_signature_over_another_target(sandbox: Sandbox, sign: Sign, target: str) -> None:
    assert_refused(get(sandbox, sign(signed_target=target), status="PENDING"), 401, 34)


def tampered(sandbox: Sandbox, sign: Sign, change: Callable[[requests.PreparedRequest], None]) -> requests.Response:
    """A signed request that is changed on its way."""
    url = f"{sandbox.url}/satispay/g_business/v1/payments?status=PENDING"
    with requests.Session() as session:
        request = session.prepare_request(requests.Request("POST", url, data=b"{}", auth=sign()))
        change(request)
        return session.send(request, timeout=30)


def query(request: requests.PreparedRequest) -> None:
    request.url = str(request.url).replace("PENDING", "ACCEPTED")


def method(request: requests.PreparedRequest) -> None:
    request.method = "PUT"


def body(request: requests.PreparedRequest) -> None:
    request.body = b"[]"


def digest(request: requests.PreparedRequest) -> None:
    request.body = b"[]"
    request.headers["Digest"] = "SHA-256=T1PNoYw1Prpu2MeYIjM2Btem0mQRU/fxBJvLbMo8ZRA="


def host(request: requests.PreparedRequest) -> None:
    request.headers["Host"] = "127.0.0.1"


def scheme(request: requests.PreparedRequest) -> None:
    request.headers["Authorization"] = str(request.headers["Authorization"]).replace("Signature ", "Bearer ")


def date(request: requests.PreparedRequest) -> None:
    request.headers["Date"] = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=9))


@pytest.mark.parametrize("change", [query, method, body, digest, host, date, scheme])
def test_refuses_what_was_changed_after_signing(
    sandbox: Sandbox, sign: Sign, change: Callable[[requests.PreparedRequest], None]
) -> None:
    assert tampered(sandbox, sign, lambda request: None).status_code == 405, "the untouched request is well signed"
    assert_refused(tampered(sandbox, sign, change), *((403, 45) if change is scheme else (401, 34)))


def test_refuses_another_key(sandbox: Sandbox, sign: Sign) -> None:
    assert_refused(get(sandbox, sign(key_id="somebody")), 401, 34)


@pytest.mark.parametrize(
    "header",
    ["", "Bearer x", "Signature", 'Signature keyId="sandbox-key-id", algorithm="rsa-sha256", signature="eA=="'],
)
def test_refuses_a_malformed_header(sandbox: Sandbox, header: str) -> None:
    url = f"{sandbox.url}/satispay/g_business/v1/payments"
    assert_refused(requests.get(url, headers={"Authorization": header}, timeout=30), 403, 45)


@pytest.mark.parametrize(
    ("minutes", "zone", "status"), [(4, 0, 200), (6, 0, 401), (-6, 0, 401), (0, 2, 200), (0, -7, 200)]
)
def test_refuses_old_and_future_dates(sandbox: Sandbox, sign: Sign, minutes: int, zone: int, status: int) -> None:
    date = datetime.now(timezone(timedelta(hours=zone))) - timedelta(minutes=minutes)
    assert get(sandbox, sign(date=format_datetime(date))).status_code == status


def test_accepts_a_date_in_gmt_and_refuses_nonsense(sandbox: Sandbox, sign: Sign) -> None:
    gmt = format_datetime(datetime.now(timezone.utc), usegmt=True)
    assert gmt.endswith("GMT")
    assert get(sandbox, sign(date=gmt)).status_code == 200
    assert_refused(get(sandbox, sign(date="yesterday")), 403, 45)


def test_no_status_means_accepted_only(sandbox: Sandbox, sign: Sign) -> None:
    assert {row["status"] for row in walk(sandbox, sign)} == {"ACCEPTED"}


def test_three_walks_find_everything_but_the_authorized(sandbox: Sandbox, sign: Sign) -> None:
    found = [
        row for status in ("PENDING", "ACCEPTED", "CANCELED") for row in walk(sandbox, sign, status=status, limit=7)
    ]
    authorized = [row for row in sandbox.satispay.rows if row["status"] == "AUTHORIZED"]
    assert len(found) == len({row["id"] for row in found}) == 60 - len(authorized)
    assert authorized
    assert get(sandbox, sign(), f"/{authorized[0]['id']}").json()["status"] == "AUTHORIZED"


def test_newest_first_and_the_example_is_the_newest(sandbox: Sandbox, sign: Sign) -> None:
    rows = walk(sandbox, sign)
    times = [row["insert_date"] for row in rows]
    assert times == sorted(times, reverse=True)
    assert rows[0]["id"] == EXAMPLE
    assert not {"flow", "code_identifier"} & set(rows[0])
    assert get(sandbox, sign(), f"/{EXAMPLE}").json()["flow"] == "MATCH_CODE"


@pytest.mark.parametrize(
    "params",
    [
        {"status": "AUTHORIZED"},
        {"status": "accepted"},
        {"limit": 0},
        {"limit": 101},
        {"starting_after_timestamp": "2026-07-01"},
    ],
)
def test_refuses_other_values(sandbox: Sandbox, sign: Sign, params: dict[str, Any]) -> None:
    assert_refused(get(sandbox, sign(), **params), 400, 36)


def test_unknown_ids(sandbox: Sandbox, sign: Sign) -> None:
    assert_refused(get(sandbox, sign(), "/nobody"), 404, 41)
    assert_refused(get(sandbox, sign(), starting_after="nobody"), 404, 41)


def test_pages_have_20_rows_unless_asked_otherwise(sandbox: Sandbox, sign: Sign) -> None:
    page = get(sandbox, sign()).json()
    assert (len(page["data"]), page["has_more"]) == (20, True)


def test_the_last_full_page_says_that_it_is_the_last(sandbox: Sandbox, sign: Sign) -> None:
    accepted = walk(sandbox, sign)
    half, rest = divmod(len(accepted), 2)
    page = get(sandbox, sign(), limit=half, starting_after=accepted[half + rest - 1]["id"]).json()
    assert (page["data"], page["has_more"]) == (accepted[half + rest :], False)


def milliseconds(row: Row) -> int:
    moment = datetime.fromisoformat(row["insert_date"].replace("Z", "+00:00"))
    return (moment - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(milliseconds=1)


def test_the_timestamp_cursor_means_older_rows(sandbox: Sandbox, sign: Sign) -> None:
    accepted = walk(sandbox, sign)
    at = accepted[5]["insert_date"]
    older = [row for row in accepted if row["insert_date"] < at]
    assert walk(sandbox, sign, starting_after_timestamp=milliseconds(accepted[5])) == older
    sandbox.satispay.timestamp_is_inclusive = True
    as_old = [row for row in accepted if row["insert_date"] <= at]
    assert walk(sandbox, sign, starting_after_timestamp=milliseconds(accepted[5])) == as_old


def test_seconds_taken_for_milliseconds_find_nothing(sandbox: Sandbox, sign: Sign) -> None:
    assert walk(sandbox, sign, starting_after_timestamp=milliseconds(sandbox.satispay.rows[0]) // 1000) == []
    assert len(walk(sandbox, sign, starting_after_timestamp=10**18)) > 20


def test_a_cursor_that_left_the_filter_keeps_its_place(sandbox: Sandbox, sign: Sign) -> None:
    pending = [row for row in sandbox.satispay.rows if row["status"] == "PENDING"]
    page = get(sandbox, sign(), status="PENDING", limit=2).json()
    pending[1]["status"] = "ACCEPTED"
    sandbox.satispay.add(status="PENDING")
    rest = get(sandbox, sign(), status="PENDING", starting_after=page["data"][-1]["id"]).json()
    assert [row["id"] for row in rest["data"]] == [row["id"] for row in pending[2:]]


def test_new_rows_do_not_move_the_walk(sandbox: Sandbox, sign: Sign) -> None:
    expected = [row["id"] for row in walk(sandbox, sign)]
    sandbox.before_reply = lambda _call: sandbox.satispay.add()
    found = [row["id"] for row in walk(sandbox, sign, limit=5)]
    assert found[1:] == expected[: len(found) - 1]
    assert set(expected) <= set(found)


def test_codes_can_be_texts(sandbox: Sandbox, sign: Sign) -> None:
    sandbox.satispay.code_as_text = True
    assert get(sandbox, sign(), "/nobody").json()["code"] == "41"


def test_data_has_refunds_and_expired_payments(sandbox: Sandbox, sign: Sign) -> None:
    rows = sandbox.satispay.rows
    refunds = [row for row in rows if row["type"] == "REFUND_TO_BUSINESS"]
    assert refunds
    for row in refunds:
        assert (row["sender"]["type"], row["receiver"]["type"], row["status"]) == ("SHOP", "CONSUMER", "ACCEPTED")
        assert row["amount_unit"] > 0
    kinds = {(row["status"], row["expired"]) for row in rows}
    assert kinds >= {
        ("PENDING", False),
        ("PENDING", True),
        ("CANCELED", False),
        ("CANCELED", True),
        ("ACCEPTED", False),
    }
    assert {row["currency"] for row in rows} == {"EUR"}


def test_pending_payments_are_accepted_or_expire(sandbox: Sandbox, sign: Sign) -> None:
    before = {row["id"]: row["expired"] for row in walk(sandbox, sign, status="PENDING")}
    sandbox.advance(301)
    assert walk(sandbox, sign, status="PENDING") == []
    after = [row for row in sandbox.satispay.rows if row["id"] in before]
    assert {(row["status"], row["expired"]) for row in after} == {("ACCEPTED", False), ("CANCELED", True)}
    assert not any(row["status"] == "AUTHORIZED" for row in sandbox.satispay.rows)


def wait(sandbox: Sandbox, auth: requests.auth.AuthBase | None, payment: str, seconds: object) -> requests.Response:
    url = f"{sandbox.url}/satispay/g_business/v1/payments/{payment}"
    headers = {"x-satispay-response-wait-time": str(seconds)}
    return requests.get(url, headers=headers, auth=auth, timeout=30)


def first_pending(sandbox: Sandbox) -> Row:
    return next(row for row in sandbox.satispay.rows if row["status"] == "PENDING")


@contextmanager
def long_poll(sandbox: Sandbox, sign: Sign, row: Row) -> Iterator[Future[requests.Response]]:
    """A request for the payment that has been held for a while."""
    arrived = threading.Event()
    sandbox.before_reply = lambda _call: arrived.set()
    with ThreadPoolExecutor(1) as pool:
        reply = pool.submit(wait, sandbox, sign(), row["id"], 60)
        assert arrived.wait(30)
        sandbox.before_reply = None
        time.sleep(0.1)
        assert not reply.done()
        yield reply


def held_for(sandbox: Sandbox) -> float:
    """How long the first request of all took."""
    return sandbox.requests[0].answered_at - sandbox.requests[0].received_at


def settle(sandbox: Sandbox, _row: Row) -> None:
    sandbox.settle()


def advance(sandbox: Sandbox, _row: Row) -> None:
    sandbox.advance(301)


def settle_in_time(sandbox: Sandbox, _row: Row) -> None:
    sandbox.settle_seconds = 0.1


def change_the_row(_sandbox: Sandbox, row: Row) -> None:
    row["status"] = "AUTHORIZED"


@pytest.mark.parametrize("change", [settle, advance, settle_in_time, change_the_row])
def test_a_long_poll_is_answered_when_the_status_changes(
    sandbox: Sandbox, sign: Sign, change: Callable[[Sandbox, Row], None]
) -> None:
    row = first_pending(sandbox)
    with long_poll(sandbox, sign, row) as reply:
        change(sandbox, row)
        assert reply.result().json() == row
    assert row["status"] != "PENDING"
    assert 0.1 <= held_for(sandbox) < 30


def test_a_long_poll_is_answered_when_its_own_arrival_changes_the_status(sandbox: Sandbox, sign: Sign) -> None:
    row = first_pending(sandbox)
    sandbox.before_reply = lambda _call: row.update(status="ACCEPTED")
    assert wait(sandbox, sign(), row["id"], 60).json()["status"] == "ACCEPTED"


def test_a_long_poll_ends_with_its_time(sandbox: Sandbox, sign: Sign) -> None:
    row = first_pending(sandbox)
    sandbox.before_reply = lambda _call: row.update(expired=True)  # that is not its status
    reply = wait(sandbox, sign(), row["id"], 1)
    assert (reply.status_code, reply.json()) == (200, row)
    assert row["status"] == "PENDING"
    assert 1 <= held_for(sandbox) < 4


def test_a_final_payment_is_held_too_and_its_signature_does_not_grow_too_old(sandbox: Sandbox, sign: Sign) -> None:
    now = datetime.now(timezone.utc)
    date = now.replace(microsecond=0)
    sandbox.satispay.max_skew = now - date + timedelta(seconds=2.9)
    assert wait(sandbox, sign(date=format_datetime(date)), EXAMPLE, 3).json()["status"] == "ACCEPTED"
    assert held_for(sandbox) >= 3


def test_no_wait_is_no_long_poll(sandbox: Sandbox, sign: Sign) -> None:
    assert wait(sandbox, sign(), EXAMPLE, 0).status_code == 200
    url = f"{sandbox.url}/satispay/g_business/v1/payments"
    assert requests.get(url, headers={"x-satispay-response-wait-time": "60"}, auth=sign(), timeout=30).json()["data"]


@pytest.mark.parametrize("seconds", ["61", "-1", "1.5", "+5", "1_0", "soon", "", "9" * 5000])
def test_refuses_to_wait_for_something_else(sandbox: Sandbox, sign: Sign, seconds: str) -> None:
    assert_refused(wait(sandbox, sign(), EXAMPLE, seconds), 400, 36)


def test_what_is_refused_is_refused_at_once(sandbox: Sandbox, sign: Sign) -> None:
    assert_refused(wait(sandbox, None, EXAMPLE, 60), 403, 45)
    assert_refused(wait(sandbox, sign(key_id="somebody"), EXAMPLE, 60), 401, 34)
    assert_refused(wait(sandbox, None, EXAMPLE, "soon"), 403, 45)
    assert_refused(wait(sandbox, sign(), "nobody", 60), 404, 41)
    sandbox.faults.fail_every = 1
    assert wait(sandbox, sign(), EXAMPLE, 60).status_code in (500, 503)


def test_others_are_served_during_a_long_poll(sandbox: Sandbox, sign: Sign) -> None:
    row = first_pending(sandbox)
    with long_poll(sandbox, sign, row) as reply:
        assert get(sandbox, sign(), f"/{row['id']}").json()["status"] == "PENDING"
        assert sandbox.requests[0].status == 0
        row["status"] = "CANCELED"
        assert reply.result().json()["status"] == "CANCELED"
    held, other = sandbox.requests
    assert held.received_at < other.received_at <= other.answered_at < held.answered_at


def test_a_long_poll_does_not_keep_the_sandbox_from_stopping(sandbox: Sandbox, sign: Sign) -> None:
    with long_poll(sandbox, sign, first_pending(sandbox)) as reply:
        started = time.monotonic()
        sandbox.stop()
        assert time.monotonic() - started < 30
        with pytest.raises(requests.ConnectionError):
            reply.result()
