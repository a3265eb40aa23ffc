"""The list of guards that ``make mutations`` breaks: it keeps up with the code."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import airflow_provider_payments

PACKAGE = Path(airflow_provider_payments.__file__).parent
ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from guards import GUARDS, Guard  # noqa: E402


def _is_where_the_list_says(guard: Guard) -> bool:
    text = (PACKAGE / guard.file).read_text()
    other, _ = guard.besides
    return text.count(guard.text) == 1 and (not other or text.replace(guard.text, guard.broken).count(other) == 1)


def test_each_guard_is_where_the_list_says() -> None:
    assert [guard.what for guard in GUARDS if not _is_where_the_list_says(guard)] == []


def test_each_guard_names_tests_that_exist() -> None:
    for guard in GUARDS:
        paths = [word.partition("::")[0] for word in shlex.split(guard.tests) if word.startswith("tests/")]
        assert paths, guard.what
        assert all((ROOT / path).exists() for path in paths), guard.what
