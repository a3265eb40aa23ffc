"""The connection forms of Airflow 2.11, as its own web server reads, checks and saves them.

What happens in a browser besides is tested by ``make test-forms``, for both lines of Airflow.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

import pytest
from airflow.models.connection import Connection
from airflow.utils.session import create_session

pytest.importorskip("airflow.www.app", reason="the web server of Airflow 2.11")

Fields = dict[str, Any]
_INPUT = re.compile(r"<(input|textarea|select)([^>]*)>([^<]*)")
_ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """A visitor of the web server, who may do everything."""
    from airflow.www.app import create_app

    app = create_app(config={"AUTH_ROLE_PUBLIC": "Admin"}, testing=True)
    app.config.update(AUTH_ROLE_PUBLIC="Admin", WTF_CSRF_ENABLED=False)
    with app.test_client() as client:
        yield client


@pytest.fixture
def edit(client: Any) -> Iterator[Callable[..., tuple[Fields, Fields, str]]]:
    """Store a connection, change fields in its form; return what it showed, what is stored then, and the reply."""
    conn_id = "edited"

    def edit(conn_type: str, extra: Fields, **changes: str) -> tuple[Fields, Fields, str]:
        with create_session() as session:
            stored = Connection(conn_id=conn_id, conn_type=conn_type, password="secret", extra=json.dumps(extra))
            session.add(stored)
            session.flush()
            key = stored.id
        page = client.get(f"/connection/edit/{key}").get_data(as_text=True)
        # The page's own code takes the fields of other types away.
        shown = {
            name: value
            for name, value in _read_form(page).items()
            if not name.startswith("extra__") or name.startswith(f"extra__{conn_type}__")
        }
        typed = {re.sub("^x_", f"extra__{conn_type}__", name): text for name, text in changes.items()}
        sent = {**shown, "conn_type": conn_type, **typed}
        reply = client.post(f"/connection/edit/{key}", data=sent, follow_redirects=True).get_data(as_text=True)
        with create_session() as session:
            found = session.get(Connection, key)
            saved = {"password": found.password, "description": found.description, "extra": json.loads(found.extra)}
        return shown, saved, reply

    yield edit
    with create_session() as session:
        session.query(Connection).filter(Connection.conn_id == conn_id).delete()


def _read_form(page: str) -> Fields:
    fields = {}
    for kind, attributes, text in _INPUT.findall(page):
        known = {name: unescape(value) for name, value in _ATTRIBUTE.findall(attributes)}
        if "name" in known:
            fields[known["name"]] = unescape(text).strip() if kind == "textarea" else known.get("value", "")
    return fields


@pytest.mark.parametrize(
    ("conn_type", "extra"),
    [
        ("hotpay", {"auth_scheme": "bearer", "token_decimals": {"nep141:usdt.near": 6, "t": 24}, "timeout": [5, 60]}),
        ("hotpay", {"decimals": "nep141:usdt.near=6, t=24", "requests_per_second": 1.5, "max_attempts": None}),
        ("hotpay", {"decimals": {"nep141:usdt.near": 6}, "page_size": None}),  # refused by the hook, not by the form
        ("hotpay", {"page_size": "50", "max_concurrency": "2", "requests_per_second": "1.5"}),
        ("satispay", {"private_key_passphrase": "correct horse", "key_path": "/run/key.pem"}),
        ("satispay", {"private_key_passphrase": "correct horse"}),
        ("jframework", {"brand_url": "example.com", "first_page": 0, "page_size": 200}),
        ("cryptofuse", {"token_path": "/o/token/", "scope": "read write", "verify": False}),
        ("spacepay", {"page_size": 100, "requests_per_second": 0}),
        ("stripe", {"resource": "charges", "stripe_account": "acct_1", "api_version": "2026-06-24.dahlia"}),
        ("gocardless", {"order_key": "shop_order"}),
        ("mollie", {"profile_id": "pfl_A", "testmode": True, "order_key": "reference"}),
        ("mollie", {"profile_id": "pfl_A", "testmode": "false"}),
        ("square", {"location_ids": "L1, L2", "api_version": "2026-08-19"}),
        ("square", {"location_ids": ["L1", "L2"], "page_size": 50}),
        ("razorpay", {"account_id": "acc_1", "order_key": "shop_order", "timeout": [5, 60]}),
    ],
)
def test_another_fields_edit_leaves_the_extra_as_it_was(edit: Any, conn_type: str, extra: Fields) -> None:
    shown, saved, reply = edit(conn_type, extra, description="Edited")
    assert "Changed Row" in reply
    assert saved == {"password": "secret", "description": "Edited", "extra": extra}
    assert json.dumps(saved["extra"], sort_keys=True) == json.dumps(extra, sort_keys=True)  # 1, 1.0 and True differ
    assert "correct horse" not in str(shown)


def test_numbers_are_stored_as_numbers(edit: Any) -> None:
    _, saved, _ = edit(
        "spacepay", {"page_size": "50"}, x_page_size="60", x_max_concurrency="3", x_requests_per_second="1.5"
    )
    assert saved["extra"] == {"page_size": 60, "max_concurrency": 3, "requests_per_second": 1.5}


@pytest.mark.parametrize("extra", [{"page_size": 50}, {"page_size": 50, "timeout": 5}])
def test_what_is_emptied_is_taken_out(edit: Any, extra: Fields) -> None:
    _, saved, _ = edit("spacepay", extra, x_page_size="")
    assert saved["extra"] == {name: value for name, value in extra.items() if name != "page_size"}


def test_a_secret_can_be_taken_out(edit: Any) -> None:
    _, saved, _ = edit("satispay", {"private_key_passphrase": "correct horse"}, x_private_key_passphrase="")
    assert saved["extra"] == {}


def test_a_secret_can_be_changed(edit: Any) -> None:
    _, saved, _ = edit("satispay", {"private_key_passphrase": "correct horse"}, x_private_key_passphrase="new")
    assert saved["extra"] == {"private_key_passphrase": "new"}


@pytest.mark.parametrize(
    ("conn_type", "changes", "message"),
    [
        ("spacepay", {"x_page_size": "many"}, "Must be a whole number of at least 1"),
        ("spacepay", {"x_page_size": "0"}, "Must be a whole number of at least 1"),
        ("spacepay", {"x_page_size": "2.5"}, "Must be a whole number of at least 1"),
        ("spacepay", {"x_requests_per_second": "NaN"}, "Must be a number of at least 0"),
        ("spacepay", {"x_requests_per_second": "-1"}, "Must be a number of at least 0"),
        ("spacepay", {"x_max_concurrency": "true"}, "Must be a whole number of at least 1"),
        ("hotpay", {"x_auth_scheme": "digest"}, "Must be one of raw, bearer, api-key"),
        ("jframework", {"x_brand_url": ""}, "This field is required"),
    ],
)
def test_what_makes_no_sense_is_not_saved(edit: Any, conn_type: str, changes: Fields, message: str) -> None:
    extra = {"brand_url": "example.com"} if conn_type == "jframework" else {}
    _, saved, reply = edit(conn_type, extra, description="Edited", **changes)
    assert message in reply
    assert saved["description"] is None
    assert saved["extra"] == extra


def test_the_other_types_forms_ask_for_nothing(client: Any) -> None:
    data = {"conn_id": "edited", "conn_type": "fs", "description": "Another type"}
    try:
        assert "Added Row" in client.post("/connection/add", data=data, follow_redirects=True).get_data(as_text=True)
    finally:
        with create_session() as session:
            session.query(Connection).filter(Connection.conn_id == "edited").delete()
