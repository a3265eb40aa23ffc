"""Calls as asyncio tasks: whoever waits for one is told how it ended, whatever ended it."""

from __future__ import annotations

import asyncio

import pytest

from airflow_provider_payments.http.request_tasks import RequestTasks


async def test_a_call_that_is_cancelled_from_within_keeps_nobody_waiting() -> None:
    async def give_up() -> int:
        raise asyncio.CancelledError

    tasks: RequestTasks[int] = RequestTasks(1)
    future = tasks.submit(give_up)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(asyncio.shield(future), 30)
    await tasks.close()
