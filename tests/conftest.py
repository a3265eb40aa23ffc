"""What all tests share: Airflow's settings, a database for those that need one, a sandbox, and both ways of asking."""

from __future__ import annotations

import asyncio
import fcntl
import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

# What is imported and collected stays: looking for garbage in it takes as long as all the rest of collecting.
gc.disable()

# Before anything imports Airflow, which reads its settings then, and makes its home.
os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="airflow-tests-"))
if worker := os.environ.get("PYTEST_XDIST_WORKER"):  # each process of a run has a database of its own
    os.environ["AIRFLOW_HOME"] = str(Path(os.environ["AIRFLOW_HOME"], worker))
os.environ.update(
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT="500",  # on busy machines, importing Airflow takes longer than half a minute
    AIRFLOW__CORE__DAGS_FOLDER=str(Path(__file__).parent / "operators" / "dags"),
    AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS="False",
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED="False",
)

import pytest
from hypothesis import HealthCheck, settings

from airflow_provider_payments.hooks.base import PaymentsHook
from airflow_provider_payments.payment import Payment, PaymentStatus
from airflow_provider_payments.sandbox import Sandbox
from tests.recent import be_recent
from tests.sandboxes import copy_sandbox
from tests.selection import pytest_addoption, pytest_collection_modifyitems
from tests.stores import azure, azure_connection_string, disk, google, google_url, moto_url, s3

__all__ = ["pytest_addoption", "pytest_collection_modifyitems"]
# Once for all tests: Airflow keeps a store for as long as its process lives, so there must be no second server.
__all__ += ["azure", "azure_connection_string", "disk", "google", "google_url", "moto_url", "s3"]

# The same examples each time, on busy machines too.
settings.register_profile(
    "suite",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)
settings.load_profile("suite")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """Look for garbage again, but not in what was collected."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def empty_database() -> Path:
    """The file of an empty database, made by the first process that needs it, for all processes of a run."""
    file = Path(os.environ["AIRFLOW_HOME"], "empty.db")
    if "PYTEST_XDIST_WORKER" in os.environ:
        file = file.parents[1] / file.name
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            unfinished = file.with_suffix(".new")
            environment = {**os.environ, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{unfinished}"}
            command = [sys.executable, "-m", "airflow", "db", "migrate"]
            subprocess.run(command, env=environment, check=True, capture_output=True)
            unfinished.rename(file)
    return file


@pytest.fixture(scope="session")
def database(empty_database: Path) -> None:
    """Airflow's database, for tests that run a DAG."""
    file = Path(os.environ["AIRFLOW_HOME"], "airflow.db")
    for journal in ("-wal", "-shm"):  # of an earlier run that did not close it: SQLite would take it for this one's
        file.with_name(file.name + journal).unlink(missing_ok=True)
    shutil.copy(empty_database, file)


#: Airflow 3 has one for tasks and one for its own components.
MASKERS = (
    "airflow.sdk._shared.secrets_masker.secrets_masker",
    "airflow._shared.secrets_masker.secrets_masker",
    "airflow.utils.log.secrets_masker",
)


@pytest.fixture(autouse=True)
def forget_masks() -> Iterator[None]:
    """Let Airflow's maskers of logs forget a test's secrets: they would hide what a later test shows.

    And they make one pattern of all of them, anew for each secret, which after a thousand tests takes seconds.
    """
    yield
    for name in MASKERS:
        if find := getattr(sys.modules.get(name), "_secrets_masker", None):
            masker = find()
            masker.patterns, masker.replacer = set(), None


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A running sandbox; Airflow has its connections, by the hooks' default ids."""
    with copy_sandbox(40) as running:
        be_recent(running)
        for conn_id, connection in running.connections().items():
            monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection))
        yield running


@pytest.fixture
def make_payment() -> Callable[..., Payment]:
    """Makes payments; ``amount`` and ``created_at`` may be given as text and day of January 2026."""

    def make(payment_id: object = 1, amount: str | None = "1.00", day: int | None = 1, **more: Any) -> Payment:
        fields = {
            "provider": "spacepay",
            "connection_id": "pay",
            "id": str(payment_id),
            "status": PaymentStatus.SUCCEEDED,
            "provider_status": "completed",
            "amount": None if amount is None else Decimal(amount),
            "currency": "USD",
            "created_at": day and datetime(2026, 1, day, tzinfo=timezone.utc),
        }
        return Payment(**{**fields, **more})

    return make


@pytest.fixture(params=["sync", "async"])
def is_async(request: pytest.FixtureRequest) -> bool:
    return request.param == "async"


@pytest.fixture
def collect(is_async: bool) -> Callable[..., list[Payment]]:
    """List payments: ``collect(hook, statuses=["pending"])``."""

    async def gather(payments: AsyncIterator[Payment]) -> list[Payment]:
        return [payment async for payment in payments]

    def collect(hook: PaymentsHook, **question: Any) -> list[Payment]:
        if is_async:
            return asyncio.run(gather(hook.alist_payments(**question)))
        return list(hook.list_payments(**question))

    return collect


@pytest.fixture
def ask(is_async: bool) -> Callable[..., Any]:
    """Call a hook's method or its async twin: ``ask(hook.get_payment, "id")``."""

    def ask(method: Callable[..., Any], *args: Any, **question: Any) -> Any:
        if is_async:
            twin = getattr(method.__self__, f"a{method.__name__}")  # type: ignore[attr-defined]
            return asyncio.run(twin(*args, **question))
        return method(*args, **question)

    return ask
