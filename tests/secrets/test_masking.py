"""What an API issues, and what is made of credentials, is told to Airflow's own masker of logs."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from importlib import import_module
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from airflow_provider_payments._compat import BaseHook, mask_secret
from airflow_provider_payments.hooks.base import PaymentsHook
from tests.http.server import Answer, Call, Server
from tests.secrets.planting import ISSUED, Plant, company


def redact(text: str) -> str:
    """Return a text as Airflow's logs have it."""
    for home in ("airflow.sdk.log", "airflow.sdk.execution_time.secrets_masker", "airflow.utils.log.secrets_masker"):
        try:
            module: Any = import_module(home)
        except ImportError:
            continue
        find = getattr(module, "redact", None)
        if find is None:
            continue
        return str(find(text))
    raise AssertionError("Airflow has no masker")


async def _alist(hook: PaymentsHook) -> None:
    _ = [payment async for payment in hook.alist_payments()]


WAYS: dict[str, Callable[[PaymentsHook], Any]] = {
    "task": lambda hook: list(hook.list_payments()),
    "trigger": lambda hook: asyncio.run(_alist(hook)),
    "run": lambda hook: hook.run("payments"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["cryptofuse-basic", "cryptofuse-body", "jframework-login"])
def test_issued_keys(plant: Plant, server: Server, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    key = f"key-of-the-api-{way}-{plant.conn_type}-{plant.login}"

    def answer(call: Call) -> Answer:
        reply = company(plant, lambda call: Answer(400, b"{}"))(call)
        return Answer(reply.status, reply.body.replace(ISSUED.encode(), key.encode()))

    server.answer = answer
    monkeypatch.setenv(f"AIRFLOW_CONN_{plant.conn_id.upper()}", plant.connection(server.origin))
    assert key in redact(f"<{key}>")
    with pytest.raises(Exception, match="HTTP 400"):
        WAYS[way](BaseHook.get_hook(plant.conn_id))
    assert any(key in str(call.headers) for call in server.calls)
    assert redact(f"<{key}>") == "<***>"


@pytest.mark.parametrize("way", ["open", "aopen"])
@pytest.mark.parametrize("name", ["cryptofuse-basic", "satispay", "satispay-file"])
def test_what_is_made_of_credentials(plant: Plant, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    login = f"{plant.login}-{way}"
    odd = Plant(plant.conn_type, login, plant.password, {**plant.extra}, list(plant.secrets))
    proxy = f"pr0xy/{way}/{plant.login[::-1]}"
    scheme = "http://" if way == "open" else ""  # it may be left out
    odd.extra["proxies"] = {"https": f"{scheme}someone:{quote(proxy, safe='')}@127.0.0.1:9"}
    monkeypatch.setenv(f"AIRFLOW_CONN_{plant.conn_id.upper()}", odd.connection("https://127.0.0.1:9"))
    hook = BaseHook.get_hook(plant.conn_id)
    assert proxy in redact(proxy)
    if way == "open":
        hook.resolve()
    else:
        asyncio.run(hook.aresolve())
    derived = [proxy, base64.b64encode(f"someone:{proxy}".encode()).decode()]
    if plant.conn_type == "cryptofuse":
        secret = plant.password.strip()
        encoded = f"{quote_plus(login)}:{quote_plus(secret)}"
        derived += [base64.b64encode(pair.encode()).decode() for pair in (encoded, f"{login}:{secret}")]
        derived.append(quote_plus(secret))
    else:
        derived += [line for line in plant.secrets if len(line) == 64]
        assert len(derived) > 10
    for secret in derived:
        assert redact(f"<{secret}>") == "<***>"
    assert login in redact(f"<{login}>"), "a name is no secret, and may be an everyday word"


def test_the_masker_that_is_told_is_the_one_that_masks() -> None:
    mask_secret(["a-list-item-of-the-tests"])
    assert redact(json.dumps(["a-list-item-of-the-tests"])) == '["***"]'
