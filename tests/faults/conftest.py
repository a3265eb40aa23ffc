"""A sandbox behind a proxy, and hooks that go through it without long waits."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from airflow_provider_payments._compat import BaseHook
from airflow_provider_payments.api.base import PaymentsApi
from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.http.client import ClientConfig
from airflow_provider_payments.operators.list_payments import ListPaymentsOperator
from airflow_provider_payments.sandbox import Sandbox
from tests.faults.faults import LOGIN
from tests.faults.proxy import Proxy
from tests.hooks.facts import FACTS
from tests.recent import be_recent

OLDER = b"older"


def make_certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, Path]:
    """Return a server's settings with a certificate of its own, and the file of that certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder(issuer, issuer, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / f"{name}.pem", folder / f"{name}.key"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)
    return context, pem


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[Sandbox]:
    """One sandbox for all: nobody changes its payments."""
    with Sandbox(payments=10) as running:
        be_recent(running)
        yield running


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[ssl.SSLContext, Path]]:
    folder = tmp_path_factory.mktemp("certificates")
    return [make_certificate(folder, name) for name in ("known", "unknown")]


@pytest.fixture
def proxy(shared_sandbox: Sandbox) -> Iterator[Proxy]:
    with Proxy(shared_sandbox) as running:
        yield running


@pytest.fixture
def tls_proxy(shared_sandbox: Sandbox, certificates: list[tuple[ssl.SSLContext, Path]]) -> Iterator[Proxy]:
    with Proxy(shared_sandbox, tuple(context for context, _ in certificates)) as running:
        yield running


@dataclass
class Way:
    """One way through a proxy to a listing of all payments of an API.

    :param name: the connection, see ``NAMES``.
    :param logged: what was said of attempts that failed.
    :param on_retry: called before each further attempt.
    """

    name: str
    proxy: Proxy
    is_async: bool
    folder: Path
    hook: PaymentsHook
    secret: str
    logged: list[str] = field(default_factory=list)
    on_retry: Callable[[], object] = lambda: None

    @property
    def conn_type(self) -> str:
        return self.hook.conn_type

    @property
    def route(self) -> str:
        return self.hook.api_class.list_path

    @property
    def output(self) -> Path:
        return self.folder / "payments.jsonl"

    def right_ids(self) -> list[str]:
        """The ids of the sandbox's own data."""
        facts, api = FACTS[self.conn_type], self.proxy.sandbox.apis[self.conn_type]
        rows = [row for row in api.rows if facts.is_listed(row)]
        if self.conn_type == "hotpay":  # whose list shows no ids
            shown = [json.dumps(api.shown(row)).encode() for row in rows]
            return sorted(payment.id for payment in self.hook.resolve()[0].parse_payments(shown))
        return sorted(row[facts.id_field] for row in rows)

    @property
    def since(self) -> datetime | None:
        """From when on to list, that it is complete: PayPal does not list all that there ever was."""
        return datetime.now(timezone.utc) - timedelta(days=30) if self.conn_type == "paypal" else None

    def take(self) -> list[str]:
        """List all payments, by the operator or awaited; return their ids."""
        if self.is_async:
            return sorted(asyncio.run(_ids(self.hook.alist_payments(created_from=self.since))))
        self.output.write_bytes(OLDER)
        operator = ListPaymentsOperator(
            task_id="list",
            payments_conn_id=f"{self.conn_type}_default",
            created_from=self.since,
            output_path=self.output.as_uri(),
        )
        operator.hook = self.hook
        manifest: Any = operator.execute({})
        assert manifest["complete"] is True
        ids = sorted(json.loads(line)["id"] for line in self.output.read_text().splitlines())
        assert manifest["records"] == len(ids)
        return ids

    def check_nothing_published(self) -> None:
        """Nothing new is in the output's folder, and the older object is as it was."""
        if not self.is_async:
            assert [path.name for path in self.folder.rglob("*")] == [self.output.name]
            assert self.output.read_bytes() == OLDER


async def _ids(payments: AsyncIterator[Any]) -> list[str]:
    return [payment.id async for payment in payments]


def hurry(hook: PaymentsHook, log: Callable[[str], None]) -> PaymentsHook:
    """Return a hook like this one, whose own waits are short."""

    class Hurried(type(hook)):  # type: ignore[misc]
        def resolve(self) -> tuple[PaymentsApi, ClientConfig]:
            return self._change(super().resolve())

        async def aresolve(self) -> tuple[PaymentsApi, ClientConfig]:
            return self._change(await super().aresolve())

        def _change(self, opened: tuple[PaymentsApi, ClientConfig]) -> tuple[PaymentsApi, ClientConfig]:
            api, config = opened
            return api, replace(config, retry=replace(config.retry, base_wait=0.01, throttle_wait=0.0), log=log)

    return Hurried(hook.payments_conn_id)


@pytest.fixture
def make_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Way]:
    """Make a way: ``make_way("hotpay", proxy, is_async=False, extra={"timeout": 1})``."""
    for variable in ("http_proxy", "https_proxy", "all_proxy", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(variable, raising=False)

    def make(name: str, proxy: Proxy, *, is_async: bool, extra: Mapping[str, Any] | None = None, **fields: Any) -> Way:
        conn_type = name.split(" ")[0]
        api: Any = proxy.sandbox.apis[conn_type]
        connection = (api.login_connection if name == LOGIN else api.connection)(proxy.url)
        settings = {"page_size": 3, "max_concurrency": 1, "max_attempts": 3}
        connection |= {"extra": {**connection.get("extra", {}), **settings, **(extra or {})}, **fields}
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_type.upper()}_DEFAULT", json.dumps(connection))
        way = Way(name, proxy, is_async, tmp_path, BaseHook.get_hook(f"{conn_type}_default"), connection["password"])

        def note(line: str) -> None:
            way.logged.append(line)
            way.on_retry()

        way.hook = hurry(way.hook, note)
        return way

    return make
