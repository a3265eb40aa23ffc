"""No secret shows: not in logs at DEBUG, not in errors and their chains, not in a repr, not in what goes to XCom."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_payments.exceptions import PaymentsError
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.operators.list_payments import ListPaymentsOperator
from airflow_provider_payments.sandbox import Sandbox
from tests.hooks.facts import Facts

Connect = Callable[..., PaymentsHook]
SENT = ("authorization", "auth-key", "api-key", "x-spacepay-secret-key")
MISPLACED = "hunter2-hunter2"
ISSUED = re.compile(r"sandbox-(?:access-token|session|refresh)-\d+")


class Ears:
    """Hears every log record, formatted with its error, before anything masks it.

    :param level: for all loggers; None leaves each as it is.
    """

    def __init__(self, level: int | None = logging.DEBUG) -> None:
        self.level = level
        self.stream = io.StringIO()
        self._handler = logging.StreamHandler(self.stream)
        self._levels: dict[logging.Logger, int] = {}

    def __enter__(self) -> Ears:
        root = logging.getLogger()
        known = [each for each in root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
        self._levels = {logger: logger.level for logger in (root, *known)}
        for logger in self._levels:
            if self.level is not None:
                logger.setLevel(self.level)
            if logger is root or not logger.propagate:
                logger.addHandler(self._handler)
        return self

    def __exit__(self, *_: object) -> None:
        for logger, level in self._levels.items():
            logger.setLevel(level)
            logger.removeHandler(self._handler)


@pytest.fixture
def ears() -> Iterator[Ears]:
    with Ears() as ears:
        yield ears


def secrets_of(connection: dict[str, Any], sandbox: Sandbox) -> set[str]:
    """Every secret of a connection, and everything secret that was sent or issued."""
    password = connection["password"]
    found = {password, *(line for line in password.splitlines() if len(line) > 20 and "-----" not in line)}
    for call in sandbox.requests:
        for name, value in call.headers:
            if name.lower() in SENT:
                found.add(value)
                found |= {part for part in re.split(r'[ ",]', value) if len(part) > 12 and part not in PUBLIC}
    return {each for each in found if len(each) > 5}


PUBLIC = {"signature=", "algorithm=", "rsa-sha256", "(request-target)", "sandbox-key-id"}


def assert_silent(text: str, secrets: set[str]) -> None:
    for secret in secrets:
        assert secret not in text
        assert secret[: len(secret) * 3 // 4] not in text, "most of a secret"
    assert not ISSUED.search(text)
    assert not re.search(r"PRIVATE KEY-----\s*[\w+/]{8}", text)


def told(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error) + repr(error.args) + repr(vars(error))


def everything(hook: PaymentsHook) -> None:
    """Use all of a hook, both ways."""
    found = list(hook.list_payments())
    hook.get_payment(found[0].id)
    hook.has_pending()
    hook.test_connection()

    async def awaited() -> None:
        assert [payment async for payment in hook.alist_payments()]
        await hook.aget_payment(found[0].id)
        await hook.ahas_pending()

    asyncio.run(awaited())


def connection_of(sandbox: Sandbox, conn_type: str) -> dict[str, Any]:
    return sandbox.connections()[f"{conn_type}_default"]


def test_logs_of_everything(
    connect: Connect, sandbox: Sandbox, conn_type: str, ears: Ears, capfd: pytest.CaptureFixture[str]
) -> None:
    sandbox.faults.throttle_every, sandbox.faults.retry_after = 4, "0.01"
    everything(connect(conn_type, {"page_size": 20}))
    shown = capfd.readouterr()
    heard = ears.stream.getvalue()
    assert f"{conn_type}" in heard
    assert_silent(heard + shown.out + shown.err, secrets_of(connection_of(sandbox, conn_type), sandbox))


def test_a_user_who_logs_in(sandbox: Sandbox, connect: Connect, ears: Ears) -> None:
    login = sandbox.jframework.login_connection(sandbox.url)
    hook = connect("jframework", **{name: login[name] for name in ("login", "password")})
    everything(hook)
    objects = "".join(repr(each) for each in (*hook.resolve(), hook.resolve()[0].auth))
    assert_silent(ears.stream.getvalue() + objects, secrets_of(login, sandbox))


def test_reprs(connect: Connect, sandbox: Sandbox, conn_type: str) -> None:
    hook = connect(conn_type)
    payments = list(hook.list_payments())
    api, config = hook.resolve()
    request = api.list_request({"limit": "1"})
    flow = api.auth.auth_flow(request)
    first = next(flow)
    objects = [
        hook,
        api,
        config,
        api.auth,
        api.error_mapper,
        api.credentials,
        config.options,
        first,
        payments[0],
        getattr(api.auth, "ask", None),
        getattr(api.auth, "_key", None),
    ]
    assert_silent(
        "".join(repr(each) + str(each) for each in objects), secrets_of(connection_of(sandbox, conn_type), sandbox)
    )
    assert "Mario" not in repr(payments)


@pytest.mark.parametrize("trouble", ["refused", "echo", "echo as text", "html", "hangs up", "redirect"])
def test_errors_and_their_chains(
    connect: Connect, sandbox: Sandbox, conn_type: str, ears: Ears, trouble: str, is_async: bool, collect: Any
) -> None:
    """The API even repeats what it was sent."""
    hook = connect(conn_type, {"max_attempts": 1, "max_concurrency": 1})

    def reply(call: Any) -> None:
        if "token" in call.route and trouble != "echo as text":
            return
        sent = json.dumps([value for name, value in call.headers if name.lower() in SENT]) + call.body.decode()
        secret = connection_of(sandbox, conn_type)["password"]
        replies = {
            "refused": (401, {}, b"{}"),
            "echo": (400, {}, json.dumps({"error": {"code": sent, "message": f"Bad: {sent} {secret}"}}).encode()),
            "echo as text": (
                403,
                {"X-Request-Id": " ".join(secret.split())},
                json.dumps({"error": secret, "message": sent}).encode(),
            ),
            "html": (200, {"Content-Type": "text/html"}, f"<p>{sent}</p>".encode()),
            "redirect": (302, {"Location": f"https://example.com/?key={secret[-50:].strip()}"}, sent.encode()),
        }
        if trouble in replies:
            sandbox.faults.reply_with[conn_type].append(replies[trouble])

    sandbox.before_reply = reply
    sandbox.faults.drop_connection_every = int(trouble == "hangs up")
    with pytest.raises(PaymentsError) as caught:
        collect(hook)
    secrets = secrets_of(connection_of(sandbox, conn_type), sandbox)
    assert_silent(told(caught.value), secrets)
    assert_silent(ears.stream.getvalue(), secrets)
    sandbox.faults.drop_connection_every = 0
    _, said = hook.test_connection()
    assert_silent(said + ears.stream.getvalue(), secrets_of(connection_of(sandbox, conn_type), sandbox))


def test_wrong_secrets_are_not_shown_either(
    connect: Connect, facts: Facts, conn_type: str, collect: Any, ears: Ears
) -> None:
    hook = connect(conn_type, password=facts.wrong.get("password", "this is no key at all"))
    with pytest.raises(PaymentsError) as caught:
        collect(hook)
    assert_silent(told(caught.value) + ears.stream.getvalue(), {facts.wrong.get("password", "this is no key at all")})


@pytest.mark.parametrize("key", ["page_size", "cert"])
def test_a_secret_in_the_wrong_field(connect: Connect, conn_type: str, key: str) -> None:
    with pytest.raises(PaymentsError, match=key) as caught:
        connect(conn_type, {key: [MISPLACED]}).resolve()
    assert MISPLACED not in told(caught.value)


def test_results(connect: Connect, sandbox: Sandbox, conn_type: str, tmp_path: Path) -> None:
    connect(conn_type)
    target = tmp_path / "payments.jsonl"
    settings = {"task_id": "list", "payments_conn_id": f"{conn_type}_default"}
    records = ListPaymentsOperator(**settings).execute({})
    manifest = ListPaymentsOperator(**settings, output_path=target.as_uri()).execute({})
    text = json.dumps([records, manifest]) + target.read_text()
    assert_silent(text, secrets_of(connection_of(sandbox, conn_type), sandbox))
