"""The contract's fixtures: every connection type that the provider declares, and hooks for changed connections."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from airflow_provider_payments._compat import BaseHook
from airflow_provider_payments.get_provider_info import get_provider_info
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.sandbox import Call, Sandbox
from airflow_provider_payments.sandbox.api import Api
from tests.hooks.facts import FACTS, Facts

CONN_TYPES = [each["connection-type"] for each in get_provider_info()["connection-types"]]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marked = any(
        mark.name == "parametrize" and "conn_type" in mark.args[0] for mark in metafunc.definition.iter_markers()
    )
    if "conn_type" in metafunc.fixturenames and not marked:
        metafunc.parametrize("conn_type", CONN_TYPES)


@pytest.fixture
def facts(conn_type: str) -> Facts:
    return FACTS[conn_type]


@pytest.fixture
def api(sandbox: Sandbox, conn_type: str) -> Api:
    return sandbox.apis[conn_type]


@pytest.fixture
def connect(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Callable[..., PaymentsHook]:
    """A hook for the sandbox's connection, changed: ``connect("hotpay", {"page_size": 7}, password="…")``."""

    def connect(conn_type: str, extra: Mapping[str, Any] | None = None, **fields: Any) -> PaymentsHook:
        connection = {**sandbox.connections()[f"{conn_type}_default"], **fields}
        connection["extra"] = {**connection.get("extra", {}), **(extra or {})}
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_type.upper()}_DEFAULT", json.dumps(connection))
        return BaseHook.get_hook(f"{conn_type}_default")

    return connect


@pytest.fixture
def list_calls(sandbox: Sandbox) -> Callable[[str], list[Call]]:
    """The requests for pages of a list that the sandbox received."""

    def list_calls(conn_type: str) -> list[Call]:
        hook_class = type(BaseHook.get_hook(f"{conn_type}_default"))
        return [call for call in sandbox.requests if call.route == hook_class.api_class.list_path]

    return list_calls


@pytest.fixture
def reply_to_list(sandbox: Sandbox) -> Callable[..., None]:
    """Answer each request for a page with these bytes; token requests are answered as always."""

    def reply_to_list(conn_type: str, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        path = type(BaseHook.get_hook(f"{conn_type}_default")).api_class.list_path
        told = {"Content-Type": "application/json", **(headers or {})}

        def prepare(call: Call) -> None:
            if call.api == conn_type and call.route == path:
                sandbox.faults.reply_with[conn_type].append((status, told, body))

        sandbox.before_reply = prepare

    return reply_to_list
