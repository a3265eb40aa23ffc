"""What triggers ask of Airflow's supervisor is awaited: whoever blocks there ends everybody's triggers, before 3.2."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_payments._compat import AirflowNotFoundException, Asset
from airflow_provider_payments._supervisor import get_connection_async, mask_secrets_async
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.sandbox import Sandbox
from airflow_provider_payments.triggers import payments as triggers
from airflow_provider_payments.triggers.client_pool import ConnectionUnreadable, acquire_client
from tests.waits import first_event

if Asset.__name__ == "Dataset":
    pytest.skip("the triggerer of Airflow 2 has no supervisor", allow_module_level=True)

from airflow.jobs.triggerer_job_runner import TriggerCommsDecoder
from airflow.sdk.api.datamodels._generated import ConnectionResponse
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time import comms, task_runner
from airflow.sdk.execution_time.context import AssetStateStoreAccessors


class Channel(TriggerCommsDecoder):
    """Answers as a triggerer's supervisor does, and knows who blocked."""

    def __init__(self, connections: dict[str, dict[str, Any]]) -> None:
        # Not Airflow's own, which takes standard input for a socket.
        self.connections = connections
        self.sent: list[Any] = []
        self.blocked: list[Any] = []
        self.states: dict[str, Any] = {}
        self.answered = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    def send(self, msg: Any) -> Any:
        self.blocked.append(msg)
        raise BaseException(f"{type(msg).__name__} blocks")

    async def asend(self, msg: Any) -> Any:
        self.sent.append(msg)
        await self.may_answer.wait()
        self.answered += 1
        if isinstance(msg, comms.GetConnection):
            return self._connection(msg.conn_id)
        if isinstance(msg, comms.SetAssetStateStoreByName):
            self.states[msg.key] = msg.value
        if isinstance(msg, comms.GetAssetStateStoreByName) and msg.key in self.states:
            return comms.AssetStateStoreResult(value=self.states[msg.key])
        return None

    def _connection(self, conn_id: str) -> Any:
        if conn_id == "out_of_order":
            raise AirflowRuntimeError(comms.ErrorResponse(error=ErrorType.API_SERVER_ERROR))
        if conn_id not in self.connections:
            return comms.ErrorResponse(error=ErrorType.CONNECTION_NOT_FOUND, detail={"conn_id": conn_id})
        told = {"login": None, "password": None, "extra": None, **self.connections[conn_id]}
        told["extra"] = told["extra"] and json.dumps(told["extra"])
        return comms.ConnectionResult.from_conn_response(
            ConnectionResponse(conn_id=conn_id, schema=None, port=None, **told)
        )

    @property
    def masked(self) -> set[str]:
        values = [msg.value for msg in self.sent if isinstance(msg, comms.MaskSecret)]
        return {str(text) for value in values for text in (value if isinstance(value, list) else [value])}


@pytest.fixture(params=["3.0 to 3.2", "3.3"])
def channel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> Iterator[Channel]:
    """A triggerer's way to its supervisor, which has the sandbox's connections."""
    for conn_id in sandbox.connections():
        monkeypatch.delenv(f"AIRFLOW_CONN_{conn_id.upper()}")
    if request.param != "3.3":
        monkeypatch.delattr("airflow.sdk.log.amask_secret")
    # Signing in to JFramework brings a key, as CryptoFuse's token does.
    login = {"jframework_default": sandbox.jframework.login_connection(sandbox.url)}
    channel = Channel({**sandbox.connections(), **login})
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", channel, raising=False)
    yield channel
    assert channel.blocked == []


def waiting(conn_id: str) -> list[Any]:
    """Return triggers of both kinds that have something to look at."""
    now = time.time()
    polling = {"payments_conn_id": conn_id, "poke_interval": 0.1, "deadline": now + 60, "next_poll": now}
    by = {"order_ids": ["order-1"]} if conn_id == "hotpay_default" else {"payment_ids": ["none"]}
    # Stripe's abandoned payments are pending for ever.
    moving = {"pending_statuses": ["processing", "authorized"]} if conn_id == "stripe_default" else {}
    return [triggers.PaymentStatusTrigger(**by, **polling), triggers.PendingPaymentsTrigger(**moving, **polling)]


async def test_no_trigger_blocks(channel: Channel, sandbox: Sandbox) -> None:
    settling = asyncio.get_running_loop().call_later(2, sandbox.settle)
    tasks = {
        conn_id: [asyncio.create_task(first_event(each)) for each in waiting(conn_id)]
        for conn_id in sandbox.connections()
    }
    for conn_id, (_, pending) in tasks.items():
        assert (await pending)["outcome"] == "look", conn_id
    settling.cancel()
    for reaching, _ in tasks.values():
        reaching.cancel()
    await asyncio.gather(*(each for pair in tasks.values() for each in pair), return_exceptions=True)
    assert {msg.conn_id for msg in channel.sent if isinstance(msg, comms.GetConnection)} == set(sandbox.connections())
    sent = {(call.api, name.lower()): value for call in sandbox.requests for name, value in call.headers}
    issued = {sent["jframework", "auth-key"], sent["cryptofuse", "authorization"].removeprefix("Bearer ")}
    passwords = {each["password"] for each in channel.connections.values()}
    assert issued | passwords <= channel.masked


async def test_no_watcher_blocks(channel: Channel, sandbox: Sandbox) -> None:
    trigger = triggers.NewPaymentsTrigger(
        payments_conn_id="cryptofuse_default", poke_interval=0.1, lookback=10**9, created_from="2020-01-01T00:00:00Z"
    )
    trigger.asset_state_store = AssetStateStoreAccessors([Asset(name="new", uri="x-payments://new")])
    watching = aiter(trigger.run())
    event = await anext(watching)
    assert event.payload["count"] > 0
    saving = asyncio.create_task(anext(watching))
    while not channel.states:
        await asyncio.sleep(0.02)
    saving.cancel()
    await asyncio.gather(saving, return_exceptions=True)


async def test_an_exchange_is_not_cut_short(channel: Channel) -> None:
    """Before 3.2, the next one would get its reply."""
    channel.may_answer.clear()
    for asking in (get_connection_async("spacepay_default"), mask_secrets_async(["a secret of the tests"])):
        task = asyncio.create_task(asking)
        number = len(channel.sent)
        while len(channel.sent) == number:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    channel.may_answer.set()
    while channel.answered < 2:
        await asyncio.sleep(0.01)


async def test_a_connection_that_is_not_there(channel: Channel) -> None:
    with pytest.raises(AirflowNotFoundException):
        await get_connection_async("nobody")


async def test_a_hook_in_a_trigger_of_somebody_else(channel: Channel) -> None:
    hook: PaymentsHook = (await get_connection_async("jframework_default")).get_hook()
    assert [payment async for payment in hook.alist_payments()]


@pytest.mark.parametrize("channel", ["3.0 to 3.2"], indirect=True)
async def test_a_supervisor_out_of_order_is_no_missing_connection(channel: Channel) -> None:
    with pytest.raises(ConnectionUnreadable):
        async with acquire_client("out_of_order"):
            pass
