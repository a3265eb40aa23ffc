"""Satispay: signatures, keys in every shape that pasting leaves, three lists, and 403 that means "wait"."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from airflow_provider_payments.exceptions import (
    PaymentNotFound,
    PaymentsAuthError,
    PaymentsConfigError,
    PaymentsProtocolError,
    PaymentsThrottled,
)
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.sandbox import Call, Sandbox

Connect = Callable[..., PaymentsHook]
Collect = Callable[..., list[Payment]]
PASSPHRASE = "correct horse"


def pem(key: Any, form: PrivateFormat, passphrase: str = "") -> str:
    lock = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, form, lock).decode()


SHAPES: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "no line break at the end": str.strip,
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "\\n as text": lambda text: text.replace("\n", "\\n"),
    "\\r\\n as text": lambda text: text.replace("\n", "\\r\\n"),
    "spaces": lambda text: text.replace("\n", " "),
    "nothing": lambda text: text.replace("\n", ""),
    "white space around": lambda text: f"\n  {text}\t\n",
    "quoted": lambda text: f'"{text.strip()}"',
    "indented": lambda text: text.replace("\n", "\n    "),
    "base64 of the file": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 in lines": lambda text: base64.encodebytes(text.encode()).decode(),
}


@pytest.mark.parametrize(
    ("shape", "form"),
    [
        *((shape, PrivateFormat.PKCS8) for shape in SHAPES),
        *((shape, PrivateFormat.TraditionalOpenSSL) for shape in ("as it is", "nothing", "base64 of the file")),
    ],
)
def test_a_key_in_every_shape(connect: Connect, sandbox: Sandbox, shape: str, form: PrivateFormat) -> None:
    text = SHAPES[shape](pem(sandbox.satispay.private_key, form))
    assert list(connect("satispay", password=text).list_payments(statuses=["pending"]))


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_an_encrypted_key(connect: Connect, collect: Collect, sandbox: Sandbox, form: PrivateFormat) -> None:
    text = pem(sandbox.satispay.private_key, form, PASSPHRASE)
    assert collect(connect("satispay", {"private_key_passphrase": PASSPHRASE}, password=text))
    for extra in ({}, {"private_key_passphrase": "wrong horse"}):
        with pytest.raises(PaymentsConfigError, match="passphrase") as caught:
            connect("satispay", extra, password=text).resolve()
        assert "horse" not in str(caught.value)


def test_a_passphrase_too_many_does_no_harm(connect: Connect, collect: Collect) -> None:
    assert collect(connect("satispay", {"private_key_passphrase": PASSPHRASE}))


def test_a_key_in_a_file(connect: Connect, collect: Collect, sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text(pem(sandbox.satispay.private_key, PrivateFormat.PKCS8))
    for key in ("key_path", "private_key_path"):  # the latter is the former name
        assert collect(connect("satispay", {key: str(path)}, password=None))
        with pytest.raises(PaymentsConfigError, match=rf" {key} .*FileNotFoundError"):
            connect("satispay", {key: str(tmp_path / "none")}).resolve()


def test_a_key_file_by_both_names(connect: Connect, collect: Collect, sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text(pem(sandbox.satispay.private_key, PrivateFormat.PKCS8))
    assert collect(connect("satispay", {"key_path": str(path), "private_key_path": str(path)}, password=None))
    assert collect(connect("satispay", {"key_path": "", "private_key_path": str(path)}, password=None))
    with pytest.raises(PaymentsConfigError, match=r"Keep 'key_path'"):
        connect("satispay", {"key_path": str(path), "private_key_path": "/elsewhere"}, password=None).resolve()


@pytest.mark.parametrize(
    "text", ["no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "c2VjcmV0LXRleHQ="]
)
def test_a_text_that_is_no_key(connect: Connect, text: str) -> None:
    with pytest.raises(PaymentsConfigError, match="private key") as caught:
        connect("satispay", password=text).resolve()
    assert text not in str(caught.value)


def test_a_key_of_another_kind(connect: Connect) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(PaymentsConfigError, match="RSA"):
        connect("satispay", password=pem(key, PrivateFormat.PKCS8)).resolve()


def test_the_key_of_somebody_else(connect: Connect, collect: Collect) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with pytest.raises(PaymentsAuthError, match="code 34"):
        collect(connect("satispay", password=pem(key, PrivateFormat.PKCS8)))


@pytest.mark.parametrize("key_id", ['a"b', "a\nb", "ü", ""])
def test_a_key_id_that_no_header_can_carry(connect: Connect, key_id: str) -> None:
    with pytest.raises(PaymentsConfigError, match="KeyId"):
        connect("satispay", login=key_id).resolve()


def test_every_attempt_is_signed_afresh(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    sandbox.faults.reply_with["satispay"].append((429, {"Retry-After": "1"}, b"{}"))
    assert collect(connect("satispay"), statuses=["pending"])
    one, other = sandbox.requests
    assert one.path == other.path
    assert one.header("Date") != other.header("Date")
    assert one.header("Authorization") != other.header("Authorization")


def test_403_with_code_70_is_a_wait(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    for as_text in (True, False):
        sandbox.satispay.code_as_text = as_text
        sandbox.faults.throttle_every = 1
        with pytest.raises(PaymentsThrottled, match="code 70") as caught:
            collect(connect("satispay", {"max_attempts": 1}))
        assert caught.value.retry_after is None


@pytest.mark.parametrize("code", [45, 34, "45", None])
def test_another_403_is_none(connect: Connect, collect: Collect, sandbox: Sandbox, code: Any) -> None:
    body = b'{"code": %s, "message": "no", "wlt": "trace-1"}' % (
        b"null" if code is None else repr(code).encode()
    ).replace(b"'", b'"')
    sandbox.before_reply = lambda call: sandbox.faults.reply_with["satispay"].append((403, {}, body))
    with pytest.raises(PaymentsAuthError, match="trace-1"):
        collect(connect("satispay"))
    assert len(sandbox.requests) == 1


def test_all_statuses_are_three_lists(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    assert collect(connect("satispay", {"page_size": 5}))
    asked = [call.query["status"] for call in sandbox.requests]
    assert set(asked) == {"PENDING", "ACCEPTED", "CANCELED"}
    last_pending = max(place for place, status in enumerate(asked) if status == "PENDING")
    assert last_pending < min(place for place, status in enumerate(asked) if status != "PENDING")


def test_only_one_cursor_is_sent(connect: Connect, collect: Collect, sandbox: Sandbox) -> None:
    assert collect(connect("satispay", {"page_size": 5}), created_to="2026-07-01T12:00:00Z")
    for call in sandbox.requests:
        assert not {"starting_after", "starting_after_timestamp"} <= set(call.query)


@pytest.mark.parametrize("is_inclusive", [True, False])
def test_the_end_of_a_window_whatever_the_timestamp_means(
    connect: Connect, collect: Collect, sandbox: Sandbox, is_inclusive: bool
) -> None:
    sandbox.satispay.timestamp_is_inclusive = is_inclusive
    hook = connect("satispay", {"page_size": 5})
    everything = collect(hook)
    for end in sorted(each.created_at for each in everything)[10:14]:
        found = collect(hook, created_to=end)
        assert {each.id for each in found} == {each.id for each in everything if each.created_at < end}


def test_a_payment_that_is_accepted_meanwhile_is_listed_once_as_accepted(
    connect: Connect, collect: Collect, sandbox: Sandbox
) -> None:
    row = next(row for row in sandbox.satispay.rows if row["status"] == "PENDING")

    def accept(call: Call) -> None:
        if call.query["status"] != "PENDING":
            row["status"] = "ACCEPTED"

    sandbox.before_reply = accept
    (found,) = (each for each in collect(connect("satispay")) if each.id == row["id"])
    assert found.provider_status == "ACCEPTED"


def test_a_cursor_that_the_api_no_longer_knows(connect: Connect, sandbox: Sandbox) -> None:
    """A row of the PENDING list is accepted, and then the API refuses its id as a place in that list."""
    rows = sandbox.satispay.rows
    for row in rows[:20]:
        row["status"] = "PENDING"
    refused: list[str] = []

    def refuse(call: Call) -> None:
        if "starting_after" in call.query and call.query["status"] == "PENDING" and not refused:
            refused.append(call.query["starting_after"])
            next(row for row in rows if row["id"] == refused[0])["status"] = "ACCEPTED"
            sandbox.faults.reply_with["satispay"].append((404, {}, b'{"code": 41, "message": "unknown", "wlt": "w"}'))

    sandbox.before_reply = refuse
    listing = connect("satispay", {"page_size": 5}).list_payments()
    found = [each.id for each in listing]
    assert refused
    assert sorted(found) == sorted(row["id"] for row in rows if row["status"] != "AUTHORIZED")


@pytest.mark.parametrize("statuses", [["authorized"], ["AUTHORIZED"], ["authorized", "succeeded"]])
def test_authorized_payments_are_a_blind_spot(connect: Connect, statuses: list[str]) -> None:
    listing = connect("satispay").list_payments(statuses=statuses)
    assert {each.status.value for each in listing} <= {"succeeded"}
    assert not listing.report.is_complete
    assert "AUTHORIZED" in listing.report.doubts[0]


def test_an_authorized_payment_is_found_by_its_id(connect: Connect, ask: Any, sandbox: Sandbox) -> None:
    row = next(row for row in sandbox.satispay.rows if row["status"] == "AUTHORIZED")
    assert ask(connect("satispay").get_payment, row["id"]).status.value == "authorized"


def test_expired_and_canceled_share_a_word(connect: Connect, collect: Collect) -> None:
    hook = connect("satispay")
    for status, expired in (("expired", True), ("canceled", False)):
        found = collect(hook, statuses=[status])
        assert found
        assert {each.provider_status for each in found} == {"CANCELED"}
        assert {(b'"expired":true' in each.raw) for each in found} == {expired}


@pytest.mark.parametrize("page", [b'{"has_more": true, "data": []}', b'{"has_more": true, "data": [{"id": "same"}]}'])
def test_a_list_without_progress_is_an_error(connect: Connect, collect: Collect, sandbox: Sandbox, page: bytes) -> None:
    sandbox.before_reply = lambda call: sandbox.faults.reply_with["satispay"].append((200, {}, page))
    with pytest.raises(PaymentsProtocolError, match="progress"):
        collect(connect("satispay"), statuses=["succeeded"])
    assert len(sandbox.requests) < 10


def test_not_found_has_its_own_class(connect: Connect, ask: Any) -> None:
    with pytest.raises(PaymentNotFound, match="code 41") as caught:
        ask(connect("satispay").get_payment, "00000000-0000-4000-8000-00000000dead")
    assert caught.value.code == "41"


def test_personal_data_stays_in_raw(connect: Connect, collect: Collect) -> None:
    for payment in collect(connect("satispay")):
        assert "name" not in str(payment.to_dict(include_raw=False))


def test_a_list_that_begins_too_late_is_a_doubt(connect: Connect, sandbox: Sandbox) -> None:
    """The parameter's own table says the opposite of the guide: were it right, the window would be empty in silence."""
    later = sandbox.satispay.rows[0]["insert_date"]
    page = b'{"has_more": false, "data": [{"id": "later", "status": "ACCEPTED", "insert_date": "%s"}]}' % later.encode()
    sandbox.before_reply = lambda call: sandbox.faults.reply_with["satispay"].append((200, {}, page))
    listing = connect("satispay").list_payments(created_to="2025-01-01T00:00:00Z")
    assert list(listing) == []
    assert "shows later payments" in " ".join(listing.report.doubts)
