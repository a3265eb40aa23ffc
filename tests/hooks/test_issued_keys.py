"""The companies that issue keys which end: their listings go on with new ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_payments.exceptions import PaymentsAuthError
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.payment import Payment
from airflow_provider_payments.sandbox import Call, Sandbox

Connect = Callable[..., PaymentsHook]
Collect = Callable[..., list[Payment]]

LOGINS: dict[str, dict[str, str]] = {
    "cryptofuse": {},
    "jframework": {"login": "sandbox-user", "password": "sandbox-password"},
    "paypal": {},
}


def key_of(call: Call) -> str:
    return call.header("Authorization").removeprefix("Bearer ") or call.header("Auth-Key")


def keys_of(sandbox: Sandbox, conn_type: str) -> dict[str, Any]:
    """Return the keys that were issued and have not ended."""
    issued: dict[str, Any] = sandbox.jframework.keys if conn_type == "jframework" else sandbox.apis[conn_type].tokens
    return issued


@pytest.mark.parametrize("conn_type", LOGINS)
@pytest.mark.parametrize("uses", [1, 3])
def test_keys_that_end_after_a_few_uses(
    connect: Connect, collect: Collect, sandbox: Sandbox, conn_type: str, uses: int
) -> None:
    hook = connect(conn_type, {"page_size": 2, "max_concurrency": 4}, **LOGINS[conn_type])
    expected = {payment.id for payment in collect(hook)}
    keys = keys_of(sandbox, conn_type)
    keys.clear()
    used: Counter[str] = Counter()

    def end_keys(call: Call) -> None:
        key = key_of(call)
        used[key] += 1
        if used[key] > uses:
            keys.pop(key, None)

    sandbox.before_reply = end_keys
    assert {payment.id for payment in collect(hook)} == expected
    assert len(expected) > 20
    assert len(used) > 20 / uses / 2  # keys did end


@pytest.mark.parametrize("conn_type", LOGINS)
def test_keys_that_are_never_accepted(connect: Connect, collect: Collect, sandbox: Sandbox, conn_type: str) -> None:
    hook = connect(conn_type, {"page_size": 2, "max_concurrency": 4}, **LOGINS[conn_type])
    keys = keys_of(sandbox, conn_type)
    sandbox.before_reply = lambda call: keys.clear()
    with pytest.raises(PaymentsAuthError):
        collect(hook)
    assert len(sandbox.requests) <= 16
