"""Break the package's guards on purpose, one at a time, in a copy, and see that the tests named for each notice.

Of these tests, the cases run that ``make test`` runs; where a guard needs more, its tests say ``--all``.

``python scripts/break_guards.py [words]``: those guards whose description has one of the words. Exit code 1 when a
broken guard was not noticed, or when the text to break is no longer there.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

from guards import GUARDS, Guard

ROOT = Path(__file__).parents[1]
COPIED = ("airflow_provider_payments", "tests", "example_dags", "docs", "pyproject.toml")
SECONDS = 180
CAUGHT, SURVIVED, FAILING = "caught", "SURVIVED", "FAILING: its tests fail anyway"


def copy_project(folder: Path) -> None:
    """Copy what the tests need."""
    (folder / ".venv").symlink_to(ROOT / ".venv")  # with the storage emulator
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)


def load_airflow(folder: Path, home: str) -> None:
    """Import what takes seconds, with the settings that count then; each run forks from here."""
    os.environ.update(
        PYTHONPATH=str(folder),
        PYTHONDONTWRITEBYTECODE="1",
        AIRFLOW_HOME=home,
        AIRFLOW__CORE__DAGS_FOLDER=str(folder / "tests" / "operators" / "dags"),
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
    )
    sys.dont_write_bytecode = True
    for name in ("airflow", "airflow.models", "airflow.providers.http.hooks.http", "hypothesis", "pytest"):
        import_module(name)
    for name in [name for name in sys.modules if name.split(".")[0] == "airflow_provider_payments"]:
        del sys.modules[name]  # Airflow has asked for the provider's description


def run_tests(folder: Path, tests: str) -> int:
    """Run tests in a copy and return pytest's exit code; what does not end has failed."""
    sys.stdout.flush()
    process = os.fork()
    if process == 0:
        code = 3
        try:
            code = run_pytest(folder, tests)
        finally:
            os._exit(code)
    deadline = time.monotonic() + SECONDS
    while not (ended := os.waitpid(process, os.WNOHANG))[0]:
        if time.monotonic() > deadline:
            os.killpg(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return 1
        time.sleep(0.05)
    return os.waitstatus_to_exitcode(ended[1])


def run_pytest(folder: Path, tests: str) -> int:
    os.setsid()
    output = os.open(folder / "output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.chdir(folder)
    sys.path[0] = str(folder)  # not scripts/
    code = import_module("pytest").main(["-q", "-x", "-p", "no:cacheprovider", "--timeout=60", *shlex.split(tests)])
    sys.stdout.flush()
    return int(code)


def break_guard(guard: Guard, folder: Path) -> str:
    """Break a guard, run its tests, mend it, and say what happened."""
    path = folder / "airflow_provider_payments" / guard.file
    whole = path.read_text()
    if whole.count(guard.text) != 1:
        return f"MOVED: {guard.file} has the text {whole.count(guard.text)} times"
    broken = whole.replace(guard.text, guard.broken).replace(*guard.besides)
    path.write_text(broken)
    try:
        compile(broken, str(path), "exec")
        code = run_tests(folder, guard.tests)
    finally:
        path.write_text(whole)
    # 1: tests failed; 2: a module cannot be imported, which proves nothing; 5: no such tests.
    return {0: SURVIVED, 1: CAUGHT}.get(
        code, f"BROKEN: pytest ended with {code}\n{(folder / 'output.txt').read_text()[-2000:]}"
    )


def main(words: list[str]) -> int:
    """Break all guards, or those that are asked for."""
    chosen = [guard for guard in GUARDS if not words or any(word in guard.what for word in words)]
    bad = 0
    with tempfile.TemporaryDirectory(prefix="guards-") as home, tempfile.TemporaryDirectory(prefix="guards-") as copy:
        folder = Path(copy)
        copy_project(folder)
        load_airflow(folder, home)
        # A test that fails anyway would notice everything.
        failing = {}
        for tests in dict.fromkeys(guard.tests for guard in chosen):
            if run_tests(folder, tests):
                failing[tests] = (folder / "output.txt").read_text()[-2000:]
        for guard in chosen:
            began = time.monotonic()
            outcome = FAILING if guard.tests in failing else break_guard(guard, folder)
            bad += outcome != CAUGHT
            print(failing.get(guard.tests, ""), end="")
            print(f"{outcome:9} {time.monotonic() - began:4.0f} s  {guard.what}", flush=True)
    print(f"{len(chosen) - bad} of {len(chosen)} broken guards were noticed.")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
