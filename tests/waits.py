"""What the tests of waiting share: payments that are made and moved, and a deferred sensor on its way, step by step."""

from __future__ import annotations

import asyncio
import json
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib import import_module
from typing import Any

import pytest
from airflow.models.trigger import Trigger
from airflow.triggers.base import TriggerEvent

from airflow_provider_payments._compat import BaseHook, BaseOperator
from airflow_provider_payments.get_provider_info import get_provider_info
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.sandbox import Call, Row, Sandbox
from airflow_provider_payments.triggers.polling import PollingTrigger
from tests.hooks.facts import FACTS

try:
    from airflow.sdk.exceptions import TaskDeferred
except ImportError:  # Airflow 2.11
    from airflow.exceptions import TaskDeferred

CONN_TYPES = [each["connection-type"] for each in get_provider_info()["connection-types"]]
WITH_IDS = [each for each in CONN_TYPES if each != "hotpay"]
OPEN = [each for each in CONN_TYPES if each != "paypal"]
"""Connection types of which everything can be listed, from the first payment to the last. PayPal lists three years."""
SEARCHED = ["cryptofuse", "spacepay", "satispay", "stripe", "gocardless", "mollie", "square", "paypal"]
"""Connection types whose API has no filter for orders."""
WORDS = {
    "hotpay": {"pending": "PENDING_DEPOSIT", "succeeded": "SUCCESS", "failed": "FAILED"},
    "cryptofuse": {"pending": "waiting", "succeeded": "completed", "failed": "failed"},
    "spacepay": {"pending": "pending", "succeeded": "completed", "failed": "failed"},
    "satispay": {"pending": "PENDING", "succeeded": "ACCEPTED", "failed": "CANCELED"},
    "jframework": {"pending": "Pending", "succeeded": "Completed", "failed": "Failed"},
    "stripe": {"pending": "requires_action", "succeeded": "succeeded", "failed": "canceled"},
    "gocardless": {"pending": "pending_submission", "succeeded": "paid_out", "failed": "failed"},
    "mollie": {"pending": "open", "succeeded": "paid", "failed": "failed"},
    "razorpay": {"pending": "created", "succeeded": "captured", "failed": "failed"},
    "square": {"pending": "PENDING", "succeeded": "COMPLETED", "failed": "FAILED"},
    "paypal": {"pending": "P", "succeeded": "S", "failed": "D"},
}
ORDER_FIELDS = {
    "hotpay": "memo",
    "cryptofuse": "order_id",
    "spacepay": "orderId",
    "satispay": "external_code",
    "jframework": "code",
    "stripe": "metadata.order_id",
    "gocardless": "reference",
    "mollie": "orderId",
    "razorpay": "order_id",
    "square": "reference_id",
    "paypal": "invoice_id",
}
"""With a dot: a key of an object."""
FOR_CREDENTIALS = ("/o/token/", "/api/v1/users/auth", "/v2/locations", "/v1/oauth2/token")
"""What is asked for before anything else: credentials, and Square's locations."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test with ``conn_type`` for each of them, unless it says otherwise; for conftest.py files."""
    marked = any(
        mark.name == "parametrize" and "conn_type" in mark.args[0] for mark in metafunc.definition.iter_markers()
    )
    if "conn_type" in metafunc.fixturenames and not marked:
        metafunc.parametrize("conn_type", CONN_TYPES)


@dataclass
class Shop:
    """A merchant of one payment company: takes payments in the sandbox, and sees what it was asked."""

    sandbox: Sandbox
    conn_type: str
    monkeypatch: pytest.MonkeyPatch

    def __post_init__(self) -> None:
        self.api = self.sandbox.apis[self.conn_type]
        self.facts = FACTS[self.conn_type]
        self.conn_id = f"{self.conn_type}_default"
        self.words = WORDS[self.conn_type]
        self.failed = self.facts.statuses[self.words["failed"]]
        self.pending = self.facts.statuses[self.words["pending"]]

    def sell(
        self, status: str = "pending", order: str | None = None, at: datetime | None = None, **changes: Any
    ) -> Row:
        """Take a payment; ``status`` is one of ``WORDS``, or the API's own word."""
        outer, _, inner = ORDER_FIELDS[self.conn_type].partition(".")
        fields = {outer: {inner: order} if inner else order, **changes}
        if self.conn_type == "jframework":
            fields = {"testMode": False, "invoiceNo": None, **fields}
        if self.conn_type == "gocardless":
            fields = {"metadata": {}, **fields}
        row = self.api.add(at, status=self.words.get(status, status), **fields)
        if self.conn_type == "hotpay" and status == "pending":
            row.update(near_trx=None, timestamp=0)
        return row

    def move(self, row: Row, status: str) -> None:
        """Change a payment's status."""
        if self.conn_type == "hotpay" and not row.get("near_trx"):
            row.update(near_trx="trx-of-a-test", timestamp=int(datetime.now(timezone.utc).timestamp()))
        row["status"] = self.words.get(status, status)

    def id_of(self, row: Row) -> str:
        return row[self.facts.id_field]

    def finish(self) -> None:
        """Bring every payment to a final status."""
        for row in self.api.rows:
            if self.facts.statuses.get(row["status"], "unknown") in ("pending", "processing", "authorized", "unknown"):
                self.move(row, "succeeded")

    def close(self) -> None:
        """Throw all payments away."""
        self.api.rows.clear()

    def connect(self, extra: Mapping[str, Any] | None = None, **fields: Any) -> PaymentsHook:
        """Change the connection, and return its hook."""
        connection = {**self.sandbox.connections()[self.conn_id], **fields}
        connection["extra"] = {**connection.get("extra", {}), **(extra or {})}
        self.monkeypatch.setenv(f"AIRFLOW_CONN_{self.conn_id.upper()}", json.dumps(connection))
        return self.hook

    @property
    def hook(self) -> PaymentsHook:
        return BaseHook.get_hook(self.conn_id)

    @property
    def calls(self) -> list[Call]:
        """The requests received, less those for credentials."""
        return [call for call in self.sandbox.requests if call.api == self.conn_type and not is_for_credentials(call)]

    @property
    def list_calls(self) -> list[Call]:
        """The requests for pages; not those of a list that are for one payment."""
        path = self.hook.api_class.list_path
        return [call for call in self.calls if call.route == path and "transaction_id" not in call.query]

    @property
    def detail_calls(self) -> list[Call]:
        """The requests for one payment."""
        pages = self.list_calls
        return [call for call in self.calls if call not in pages]

    def forget_calls(self) -> None:
        self.sandbox.requests.clear()

    def reply(self, status: int, body: bytes = b"{}", headers: Mapping[str, str] | None = None, times: int = 1) -> None:
        """Give this reply to the next requests."""
        self.sandbox.faults.reply_with[self.conn_type].extend([(status, dict(headers or {}), body)] * times)

    def reply_always(self, status: int, body: bytes = b"{}", headers: Mapping[str, str] | None = None) -> None:
        """Give this reply to all requests; tokens are still issued."""

        def prepare(call: Call) -> None:
            if call.api == self.conn_type and not is_for_credentials(call):
                self.reply(status, body, headers)

        self.sandbox.before_reply = prepare


@pytest.fixture
def shop(sandbox: Sandbox, conn_type: str, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop(sandbox, conn_type, monkeypatch)


def are_apart(times: Iterable[float], began: float, interval: float) -> bool:
    """Return whether requests were sent an interval apart, of which the first was sent at ``began`` or later.

    A busy server notices a request late, never early: only then are the distances between ``times`` shorter.
    """
    return all(moment - began > 0.95 * interval * number for number, moment in enumerate(sorted(times)))


def end_at_call(shop: Shop, trigger: PollingTrigger, number: int = 1) -> None:
    """Let a trigger's time be over half a second after its so-manyth call, however long that takes to come.

    Its interval grows, so that no other poll is due then.
    """

    def end() -> None:
        trigger.poke_interval = 3600
        trigger.deadline = time.time() + 0.5

    at_call(shop.sandbox, number, end)


def is_for_credentials(call: Call) -> bool:
    return call.route.startswith(FOR_CREDENTIALS)


def at_call(sandbox: Sandbox, number: int, act: Callable[[], object]) -> None:
    """Act right before the reply to the so-manyth call from now on, which the server does not count as received yet."""
    seen = 0

    def notice(call: Call) -> None:
        nonlocal seen
        if not is_for_credentials(call):
            seen += 1
            if seen == number:
                act()

    sandbox.before_reply = notice


def stored(classpath: str, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return a trigger as it comes back from the metadata database."""
    encrypt = getattr(Trigger, "encrypt_kwargs", None) or Trigger._encrypt_kwargs  # the latter in Airflow 2.11
    return classpath, Trigger._decrypt_kwargs(encrypt(arguments))


def rebuild(trigger: Any) -> Any:
    """Return the trigger that the triggerer makes of this one."""
    classpath, arguments = stored(*trigger.serialize())
    module, _, name = classpath.rpartition(".")
    return getattr(import_module(module), name)(**arguments)


async def first_event(trigger: Any) -> Any:
    """Run a trigger until it tells something; return what it tells."""
    async with aclosing(trigger.run()) as events:
        async for event in events:
            assert isinstance(event, TriggerEvent)
            return event.payload
    raise AssertionError("the trigger ended without an event")


def failure(error: BaseException) -> dict[str, Any]:
    """Return what Airflow hands to the task of a trigger that failed."""
    return {"error": "Trigger failure", "traceback": traceback.format_exception(error)}


def deferred(action: Callable[[], Any]) -> TaskDeferred:
    """Return the deferral in which something ends."""
    with pytest.raises(TaskDeferred) as caught:
        action()
    return caught.value


@dataclass
class Journey:
    """A sensor's way through worker and triggerer, as Airflow's scheduler takes it.

    :param between: called before each trigger runs, with the trigger as rebuilt from the database.
    :param deferrals: all of them so far.
    """

    make: Callable[[], BaseOperator]
    between: Callable[[Any], object] = lambda trigger: None
    deferrals: list[TaskDeferred] = field(default_factory=list)

    def run(self, context: dict[str, Any] | None = None) -> Any:
        """Go to the end; return what the task pushes to XCom. Each step is taken by an operator of its own."""
        context = {} if context is None else context

        def step() -> Any:
            return self.make().execute(context)

        while True:
            try:
                return step()
            except TaskDeferred as deferral:
                assert len(self.deferrals) < 20, "deferred again and again"
                self.deferrals.append(deferral)
                step = self._wake(deferral, context)

    def _wake(self, deferral: TaskDeferred, context: dict[str, Any]) -> Callable[[], Any]:
        trigger = rebuild(deferral.trigger)
        self.between(trigger)
        try:
            method, arguments = (
                deferral.method_name,
                {**(deferral.kwargs or {}), "event": asyncio.run(first_event(trigger))},
            )
        except Exception as error:
            method, arguments = "__fail__", failure(error)
        arguments = json.loads(json.dumps(arguments))
        return lambda: self.make().resume_execution(method, arguments, context)
