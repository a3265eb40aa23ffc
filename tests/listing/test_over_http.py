"""The same comparison through the hooks, both HTTP clients and a real server, whose answers overlap as they may."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping

import pytest

from airflow_provider_payments._compat import BaseHook
from airflow_provider_payments.payment import Payment
from tests.http.server import Answer, Call, Server
from tests.listing.cases import KINDS, LISTS
from tests.listing.companies import Company, build_rows
from tests.listing.plain_loop import read_plainly

LOGINS: Mapping[str, Mapping[str, object]] = {"hotpay": {}, "spacepay": {}, "jframework": {"brand_url": "brand"}}

pytestmark = pytest.mark.on_both_lines  # it reads through Airflow's connections


@pytest.mark.parametrize("kind_name", ["five added at every request", "one gone at every request"])
@pytest.mark.parametrize("conn_type", LOGINS)
def test_a_real_server(
    collect: Callable[..., list[Payment]], monkeypatch: pytest.MonkeyPatch, conn_type: str, kind_name: str
) -> None:
    kind = KINDS[kind_name]
    company = Company(conn_type, build_rows(conn_type, 600, burst=70), kind.change, kind.every, seed=2)
    plain, lock = company.copy(), threading.Lock()
    by_loop = read_plainly(plain, [None], 20, LISTS[conn_type].loop)

    def answer(call: Call) -> Answer:
        with lock:
            return Answer(body=company.answer(call.target) or b"", headers={"Content-Type": "application/json"})

    with Server() as server:
        server.answer = answer
        extra = {"page_size": 20, **LOGINS[conn_type]}
        connection = {"conn_type": conn_type, "host": server.origin, "password": "secret", "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_PAY", json.dumps(connection))
        payments = collect(BaseHook.get_hook("pay"))
    ids = [str(each.order_id if conn_type == "hotpay" else each.id) for each in payments]
    throughout = max(plain, company, key=lambda each: each.requests).throughout()
    assert len(ids) == len(set(ids))
    assert len(throughout.difference(ids)) <= len(throughout.difference(by_loop))
