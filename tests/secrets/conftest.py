from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from airflow_provider_payments._compat import BaseHook
from airflow_provider_payments.hooks.base import PaymentsHook
from tests.hooks.test_secrets import Ears
from tests.http.server import Server
from tests.secrets.planting import Plant, plants
from tests.secrets.searching import assert_absent, told


@pytest.fixture(scope="session")
def garden(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Plant]:
    return plants(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def plant(garden: dict[str, Plant], name: str) -> Plant:
    return garden[name]


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "requests_ca_bundle", "curl_ca_bundle"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def acts(hook: PaymentsHook) -> dict[str, Callable[[], Any]]:
    """Everything that can be asked of a hook, by name."""

    async def alist() -> list[Any]:
        return [payment async for payment in hook.alist_payments()]

    def awaited(make: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: asyncio.run(make(), debug=True)

    return {
        "list": lambda: list(hook.list_payments()),
        "get": lambda: hook.get_payment("one"),
        "pending": hook.has_pending,
        "alist": awaited(alist),
        "aget": awaited(lambda: hook.aget_payment("one")),
        "apending": awaited(hook.ahas_pending),
        "test": hook.test_connection,
        "run": lambda: hook.run("payments"),
    }


@dataclass
class Search:
    """Does all that can be done with a connection, and searches all that comes out.

    :param log: what was logged, by Python's logging and, on Airflow 3, past it.
    """

    ears: Ears
    capfd: pytest.CaptureFixture[str]
    log: str = ""

    def __call__(self, plant: Plant) -> dict[str, BaseException]:
        """Return the errors, by what was done."""
        errors: dict[str, BaseException] = {}
        hooks = []
        for name in acts(BaseHook.get_hook(plant.conn_id)):
            hook = BaseHook.get_hook(plant.conn_id)
            hooks.append(hook)
            try:
                result = acts(hook)[name]()
            except Exception as error:
                errors[name] = error
                assert_absent(told(error), plant.secrets, f"the error of {name}")
            else:
                assert_absent(repr(result), plant.secrets, f"the result of {name}")
        for hook in hooks:
            assert_absent(repr(hook) + str(hook), plant.secrets, "a hook")
        output = self.capfd.readouterr()
        self.log = self.ears.stream.getvalue() + output.out + output.err
        assert_absent(self.log, plant.secrets, "the log")
        return errors


@pytest.fixture
def search(capfd: pytest.CaptureFixture[str]) -> Iterator[Search]:
    with Ears() as ears:
        yield Search(ears, capfd)
