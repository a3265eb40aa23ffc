"""A smoke test of the installed package on one version of Airflow: with that version's own dependencies around it.

    python tests/versions/smoke.py [--copies N]

``make test-versions`` runs it in an environment of each minor version, which has the built wheel in it.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent.parent / "example_dags"

# Before anything imports Airflow, which makes its home then.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="airflow-smoke-")
os.environ.update(
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS="False",
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED="False",
    PYTHONPATH=str(HERE),  # where `leaking` is
)
os.chdir(os.environ["AIRFLOW_HOME"])  # Python looks where it is started, and is not to find the checkout

import psutil  # noqa: E402
from deployment import IS_AIRFLOW_2, Deployment, pending_names, planted_secrets  # noqa: E402

from airflow_provider_payments.sandbox import Sandbox  # noqa: E402

PARSE = """
import json, sys, warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:
        from airflow.models.dagbag import DagBag
    bag = DagBag(sys.argv[1])
ours = [f"{each.filename}: {each.message}" for each in caught
    if "example_" in each.filename or "airflow_provider_payments" in each.filename]
files = {each.fileloc for each in bag.dags.values()}
print(json.dumps({"errors": bag.import_errors, "warnings": ours, "files": len(files)}))
"""
SENSORS = ("cryptofuse_default", "jframework_default", "satispay_default")  # two of them issue keys
WATCHERS = () if IS_AIRFLOW_2 else ("spacepay_default", "hotpay_default")
#: What must not be in the log of a triggerer.
TROUBLE = ("out of order", "Deadlock", "has died", "Traceback", "unknown request frame", "Malformed")


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def wait_until(condition: Callable[[], bool], what: str, deployment: Deployment, seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert not deployment.dead(), f"{deployment.dead()} ended\n{deployment.tail()}"
        assert time.monotonic() < deadline, f"Not in time: {what}\n{deployment.tail()}"
        time.sleep(0.2)


def connections(sandbox: Sandbox) -> dict[str, dict[str, object]]:
    """Return the sandbox's connections; that to JFramework with a login, so that it issues keys, as CryptoFuse does."""
    return {**sandbox.connections(), "jframework_default": sandbox.jframework.login_connection(sandbox.url)}


@contextmanager
def running_sandbox() -> Iterator[Sandbox]:
    """Start a sandbox; this process has its connections."""
    with Sandbox(payments=40) as sandbox:
        names = {f"AIRFLOW_CONN_{conn_id.upper()}": json.dumps(each) for conn_id, each in connections(sandbox).items()}
        os.environ.update(names)
        try:
            yield sandbox
        finally:
            for name in names:
                os.environ.pop(name, None)


def run_airflow(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "airflow", *arguments], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, f"airflow {' '.join(arguments)}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
    return done.stdout


def check_installation() -> None:
    where = [sys.executable, "-c", "import airflow_provider_payments as package; print(package.__file__)"]
    file = subprocess.run(where, capture_output=True, text=True, check=True).stdout
    assert "site-packages" in file, f"This is to test the wheel, and finds {file}"
    printed = run_airflow("providers", "list", "--output", "json")  # logs come before, on some versions
    providers = json.loads(next(line for line in printed.splitlines() if line.startswith("[{")))
    (ours,) = [each for each in providers if each["package_name"] == "airflow-provider-payments"]
    assert ours["version"] == version("airflow-provider-payments")


def check_examples() -> None:
    printed = subprocess.run(
        [sys.executable, "-c", PARSE, str(EXAMPLES)], capture_output=True, text=True, timeout=300, check=True
    ).stdout
    number = len(list(EXAMPLES.glob("*.py"))) - (1 if IS_AIRFLOW_2 else 0)  # Airflow 2 cannot watch
    assert json.loads(printed.splitlines()[-1]) == {"errors": {}, "warnings": [], "files": number}, printed


def check_dags_test(home: Path, mode: str) -> None:
    """Run operator and sensors as a DAG's author tries them out; what they wait for happens after their second poll."""
    with running_sandbox() as sandbox:
        pending = {"spacepay_default": pending_names("spacepay_default")}
        settings = {"SMOKE_PENDING": json.dumps(pending), "SMOKE_OUTPUT": home.as_uri()}
        airflow = Deployment(home, HERE / "dags", settings)
        airflow.migrate()
        before = len(sandbox.requests)
        run = airflow.run("dags", "test", f"try_{mode}")

        def polls() -> int:
            return sum(pending["spacepay_default"][0] in call.path for call in sandbox.requests[before:])

        wait_until(lambda: polls() >= 2 or run.poll() is not None, "the second poll", airflow)
        sandbox.settle()
        assert run.wait(240) == 0, airflow.tail()
    states = airflow.query("SELECT task_id, state FROM task_instance ORDER BY task_id")
    assert states == [(each, "success") for each in ("get", "list", "reach", "settle")], f"{states}\n{airflow.tail()}"
    for name in ("listed", "settled"):
        assert len((home / mode / f"{name}.jsonl").read_text().splitlines()) == 40
    got = [json.loads(line) for line in (home / mode / "got.jsonl").read_text().splitlines()]
    assert [each["id"] for each in got] == pending["spacepay_default"]


def check_triggerer(home: Path, copies: int) -> None:
    """Give a triggerer many triggers at the same moment; the connections are in Airflow's database."""
    with running_sandbox() as sandbox:
        pending = {conn_id: pending_names(conn_id) for conn_id in SENSORS}
        for conn_id in sandbox.connections():
            del os.environ[f"AIRFLOW_CONN_{conn_id.upper()}"]
        airflow = Deployment(
            home,
            HERE / "dags",
            {
                "SMOKE_AT_ONCE": "1",
                "SMOKE_PENDING": json.dumps(pending),
                "SMOKE_COPIES": str(copies),
                "SMOKE_WATCHED": json.dumps(WATCHERS),
                "SMOKE_OUTPUT": home.as_uri(),
            },
        )
        airflow.migrate()
        stored = home / "connections.json"
        stored.write_text(json.dumps(connections(sandbox)))
        assert airflow.run("connections", "import", str(stored)).wait(120) == 0, airflow.tail()
        try:
            watch_triggers(airflow, sandbox, copies)
        finally:
            airflow.stop()
        stored.unlink()
        check_logs(airflow, planted_secrets(sandbox, connections(sandbox)))


def watch_triggers(airflow: Deployment, sandbox: Sandbox, copies: int) -> None:
    number = len(SENSORS) * (copies + 1)  # with those that leak
    airflow.start_all(but="triggerer")
    airflow.wait_for_states({"deferred": number}, seconds=300 + 10 * number)
    wait_until(lambda: airflow.query("SELECT count(*) FROM trigger")[0][0] == number + len(WATCHERS), "all", airflow)
    before = len(sandbox.requests)
    triggerer = airflow.start("triggerer")

    def polls(conn_id: str) -> int:
        return sum(f"{call.api}_default" == conn_id for call in sandbox.requests[before:])

    for conn_id in (*SENSORS, *WATCHERS):  # a watcher has so seen the beginning
        wait_until(lambda: polls(conn_id) >= 12, f"polls of {conn_id}", airflow)  # noqa: B023 - called at once
    runners = {process.pid for process in psutil.Process(triggerer.pid).children()}
    assert runners or IS_AIRFLOW_2
    sandbox.settle()

    def are_done() -> bool:
        states = airflow.query("SELECT state FROM dag_run WHERE dag_id = 'wait_at_once'")
        started = airflow.query(
            "SELECT DISTINCT dag_id FROM dag_run WHERE dag_id <> 'wait_at_once' AND state = 'success'"
        )
        failed = airflow.query("SELECT dag_id, task_id FROM task_instance WHERE state = 'failed'")
        assert not failed, f"{failed}\n{airflow.tail()}"
        return states == [("success",)] and len(started) == len(WATCHERS)

    wait_until(are_done, "the runs' success", airflow, 480)
    if WATCHERS:
        (events,) = airflow.query("SELECT count(DISTINCT asset_id) FROM asset_event")
        assert events == (len(WATCHERS),)
    time.sleep(3)  # it would have died of what comes last
    assert not airflow.dead(), airflow.tail()
    assert runners <= {process.pid for process in psutil.Process(triggerer.pid).children()}, airflow.tail()


def check_logs(airflow: Deployment, secrets: set[str]) -> None:
    assert len(secrets) > 20
    logs = {path: path.read_text() for path in airflow.home.rglob("*.log")}
    log = logs[airflow.home / "triggerer.log"]
    troubles = [line for line in log.splitlines() if any(each in line for each in TROUBLE)]
    assert not troubles, f"{troubles}\n{log[-6000:]}"
    leaks = [line for text in logs.values() for line in text.splitlines() if "these leak: <" in line]
    assert len(leaks) >= len(SENSORS), leaks
    assert all("***" in line for line in leaks), leaks
    found = {str(path) for path, text in logs.items() for secret in secrets if secret in text}
    assert not found, f"Secrets are in {found}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--copies", type=int, default=1, help="sensors of each company at once (default: %(default)s)")
    parser.add_argument("--only-triggerer", action="store_true")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped"))  # and so stops what it has started
    home = Path(os.environ["AIRFLOW_HOME"])
    say(f"Airflow {version('apache-airflow')}, http provider {version('apache-airflow-providers-http')}, in {home}")
    if not options.only_triggerer:
        check_installation()
        say("the provider is listed")
        check_examples()
        say("the example DAGs parse without a warning")
        for mode in ("poke", "reschedule", "deferrable"):
            (home / f"try-{mode}").mkdir()
            check_dags_test(home / f"try-{mode}", mode)
            say(f"operator and sensors work in dags test, {mode}")
    (home / "triggerer").mkdir()
    check_triggerer(home / "triggerer", options.copies)
    say("sensors and watchers work in a triggerer, which lives on and says no secret")


if __name__ == "__main__":
    main()
