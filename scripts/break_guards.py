"""Break the package's guards on purpose, one at a time, in a copy, and see that the tests named for each notice.

Of these tests, the cases run that ``make test`` runs; where a guard needs more, its tests say ``--all``.

``python scripts/break_guards.py [words]``: those guards whose description has one of the words. Exit code 1 when a
broken guard was not noticed, or when the text to break is no longer there.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
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


def run_tests(folder: Path, home: str, tests: str) -> int:
    """Run tests in a copy and return pytest's exit code; what does not end has failed."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        "--timeout=60",
        *shlex.split(tests),
    ]
    environment = {**os.environ, "PYTHONPATH": str(folder), "AIRFLOW_HOME": home, "PYTHONDONTWRITEBYTECODE": "1"}
    with (folder / "output.txt").open("wb") as output:
        try:
            done = subprocess.run(
                command, cwd=folder, env=environment, stdout=output, stderr=output, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return 1
    return done.returncode


def break_guard(guard: Guard, folder: Path, home: str) -> str:
    """Break a guard, run its tests, mend it, and say what happened."""
    path = folder / "airflow_provider_payments" / guard.file
    whole = path.read_text()
    if whole.count(guard.text) != 1:
        return f"MOVED: {guard.file} has the text {whole.count(guard.text)} times"
    broken = whole.replace(guard.text, guard.broken).replace(*guard.besides)
    path.write_text(broken)
    try:
        compile(broken, str(path), "exec")
        code = run_tests(folder, home, guard.tests)
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
        # A test that fails anyway would notice everything.
        failing = {tests for tests in dict.fromkeys(guard.tests for guard in chosen) if run_tests(folder, home, tests)}
        for guard in chosen:
            began = time.monotonic()
            outcome = FAILING if guard.tests in failing else break_guard(guard, folder, home)
            bad += outcome != CAUGHT
            print(f"{outcome:9} {time.monotonic() - began:4.0f} s  {guard.what}", flush=True)
    print(f"{len(chosen) - bad} of {len(chosen)} broken guards were noticed.")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
