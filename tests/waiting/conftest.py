from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.waiting.condition import ONE_ATTEMPT, WaitCondition
from tests.waits import pytest_generate_tests, shop

__all__ = ["pytest_generate_tests", "shop"]


Poll = Callable[[PaymentsHook, WaitCondition], bool]


def poll_on_worker(hook: PaymentsHook, wait: WaitCondition) -> bool:
    return hook.look_up(wait.poll, retry=ONE_ATTEMPT)


def poll_in_triggerer(hook: PaymentsHook, wait: WaitCondition) -> bool:
    return asyncio.run(hook.alook_up(wait.poll))


@pytest.fixture
def poll() -> Poll:
    """Poll once, as a task does."""
    return poll_on_worker


@pytest.fixture
def poll_either_way(is_async: bool) -> Poll:
    """Poll once, as a task does or as a trigger does."""
    return poll_in_triggerer if is_async else poll_on_worker
