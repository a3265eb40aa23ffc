"""Every connection type: recorded pages become the records that were worked out from the documentation."""

from __future__ import annotations

import ast
import dis
import inspect
import json
import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_payments.exceptions import PaymentsProtocolError
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.http.messages import Response
from airflow_provider_payments.payment import RECORD_FIELDS, Payment
from airflow_provider_payments.query import PaymentQuery
from airflow_provider_payments.sandbox.api import Api
from tests.hooks.facts import Facts

PAYLOADS = Path(__file__).parents[1] / "payloads"
FIELDS = [
    "provider",
    "connection_id",
    "id",
    "kind",
    "status",
    "provider_status",
    "is_final",
    "flags",
    "amount",
    "currency",
    "amount_minor",
    "fee",
    "net_amount",
    "refunded_amount",
    "crypto_asset",
    "crypto_amount",
    "crypto_network",
    "crypto_address",
    "transaction_hash",
    "order_id",
    "description",
    "payer_id",
    "created_at",
    "updated_at",
    "completed_at",
    "expires_at",
    "listed_at",
    "raw",
]
Connect = Callable[..., PaymentsHook]


def recorded(hook: PaymentsHook) -> Iterator[Payment]:
    """The payments on the recorded pages."""
    api, _ = hook.resolve()
    for page in sorted((PAYLOADS / hook.conn_type).glob("*.json")):
        request = api.list_request({})
        for row in api.parse_page(request, Response(200, {}, page.read_bytes())).rows:
            payment = api.parse_payment(row)
            if api.matches(PaymentQuery(), payment):  # a ledger has other rows, too
                yield payment


def expected(conn_type: str) -> list[dict[str, Any]]:
    """The expected records; what a line leaves out is null."""
    lines = (PAYLOADS / conn_type / "expected.jsonl").read_text().splitlines()
    always = {"provider": conn_type, "connection_id": f"{conn_type}_default"}
    return [{**dict.fromkeys(FIELDS[:-1]), **always, **json.loads(line)} for line in lines]


def test_recorded_pages_become_the_expected_records(connect: Connect, conn_type: str) -> None:
    found = [payment.to_dict(include_raw=False) for payment in recorded(connect(conn_type))]
    wanted = expected(conn_type)
    for one, other in zip(found, wanted, strict=False):
        assert one == other
    assert len(found) == len(wanted)


def test_a_record_has_the_documented_fields_in_their_order(connect: Connect, conn_type: str) -> None:
    assert list(RECORD_FIELDS) == FIELDS
    for payment in recorded(connect(conn_type)):
        assert list(payment.to_dict()) == FIELDS
        assert list(json.loads(payment.to_json())) == FIELDS
        assert list(json.loads(payment.to_json(include_raw=False))) == FIELDS[:-1]


def test_a_payment_is_not_made_through_a_dict(connect: Connect, conn_type: str) -> None:
    """CPython compiles a call with positionals + 2 * keywords > 30 to CALL_FUNCTION_EX: it makes a dict first.

    Such a call takes four times as long, for every payment. Of methods, 3.11 and later count differently and permit
    more, so the bytecode alone would tell only on 3.10 (see python/cpython#155141; relaxed by #155785).
    """
    to_payment = connect(conn_type).resolve()[0].to_payment
    assert "CALL_FUNCTION_EX" not in {instruction.opname for instruction in dis.get_instructions(to_payment)}
    tree = ast.parse(textwrap.dedent(inspect.getsource(to_payment)))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert any(isinstance(call.func, ast.Attribute) and call.func.attr == "new_payment" for call in calls)
    assert max(len(call.args) + 2 * len(call.keywords) for call in calls) <= 30


def test_raw_is_the_apis_own_object_with_its_numbers_as_written(connect: Connect, conn_type: str) -> None:
    pages = "".join(page.read_text() for page in sorted((PAYLOADS / conn_type).glob("*.json")))
    pages = re.sub(r'("client_secret": |client_secret=)[\w"]+', lambda found: found[1].replace(": ", ": null"), pages)
    for payment in recorded(connect(conn_type)):
        raw = payment.raw.decode()
        assert raw in pages
        line = payment.to_json().decode()
        assert "\n" not in line
        assert line.endswith(f'"raw":{raw}}}'.replace("\n", " "))
        # What goes to XCom is plain JSON; a number that a float cannot hold exactly is text there.
        assert json.loads(json.dumps(payment.to_dict())) == payment.to_dict()


def test_every_documented_status_word_is_translated(connect: Connect, facts: Facts, conn_type: str, api: Api) -> None:
    hook_api, _ = connect(conn_type).resolve()
    assert {word: status.value for word, status in hook_api.statuses.items()} == facts.statuses
    assert dict(hook_api.flags) == facts.flags
    row = api.add()
    for word, status in facts.statuses.items():
        payment = hook_api.parse_payment(json.dumps(api.shown({**row, "status": word})).encode())
        assert (payment.status.value, payment.provider_status) == (status, word)
        assert payment.is_final == (status not in ("pending", "processing", "authorized"))
        told = tuple(flag for flag in payment.flags if flag != "test")  # the sandbox is a test system
        assert told == ((facts.flags[word],) if word in facts.flags else ())


@pytest.mark.parametrize("word", ["brand_new", "", "SUCCESS ", "unknown", "Ünbekannt"])
def test_an_unknown_word_is_kept_apart(connect: Connect, conn_type: str, api: Api, word: str) -> None:
    hook_api, _ = connect(conn_type).resolve()
    for wrong in (word, *(known.swapcase() for known in hook_api.statuses)):
        payment = hook_api.parse_payment(json.dumps(api.shown({**api.add(), "status": wrong})).encode())
        record = payment.to_dict()
        assert (record["status"], record["provider_status"], record["is_final"]) == ("unknown", wrong, False)
        assert not payment.status.is_pending


def test_a_status_that_is_missing_is_unknown(connect: Connect, conn_type: str, api: Api) -> None:
    hook_api, _ = connect(conn_type).resolve()
    row = api.add()
    del row["status"]
    for bare in (row, {**row, "status": None}):
        record = hook_api.parse_payment(json.dumps(api.shown(bare)).encode()).to_dict()
        assert (record["status"], record["provider_status"], record["is_final"]) == ("unknown", "", False)


def test_a_payment_without_any_time_is_flagged(connect: Connect, facts: Facts, conn_type: str, api: Api) -> None:
    hook_api, _ = connect(conn_type).resolve()
    payment = hook_api.parse_payment(json.dumps(api.shown({**api.add(), **facts.undated})).encode())
    assert payment.occurred_at is None
    assert "undated" in payment.flags


@pytest.mark.parametrize("row", [b"[]", b"null", b'"text"', b"7"])
def test_a_row_that_is_no_object_is_an_error(connect: Connect, conn_type: str, row: bytes) -> None:
    hook_api, _ = connect(conn_type).resolve()
    with pytest.raises(PaymentsProtocolError, match=conn_type):
        hook_api.parse_payment(row)


def test_the_filters_are_the_documented_ones(connect: Connect, facts: Facts, conn_type: str) -> None:
    hook_api, _ = connect(conn_type).resolve()
    assert set(hook_api.filters) == facts.filters
    assert hook_api.max_page_size == facts.max_page_size
