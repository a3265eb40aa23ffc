"""Which cases of the tests ``make test`` runs, and which are left to ``make test-all`` (``pytest --all``).

``make test`` leaves out

- what is marked ``exhaustive``;
- on Airflow 2, what knows nothing of Airflow: the folders below, the tests of one company's page, and what is marked
  ``without_airflow``;
- seeds from ``SEEDS`` on: those that found something have tests of their own;
- companies that are like one before them, in tests that run for one of each kind (see ``companies.py``);
- formats but two, on stores other than the disk: a store sees bytes, and a format sees payments;
- one of the two ways, sync and async: they take turns from case to case, and one case of each test runs both. That the
  two do the same is what the tests of the clients show.

All of it holds for a new test by itself. A case that is named on the command line, ``test_x.py::test_y[case]``, runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import version
from zlib import crc32

import pytest

from tests.companies import COMPANIES, EVERY, ONE, SHARED, SHARED_ON_AIRFLOW_2

SEEDS = 50
WITHOUT_AIRFLOW = (
    "tests/http/",
    "tests/listing/",
    "tests/sandbox/",
    "tests/faults/",
    "tests/waiting/",
    *(f"tests/hooks/test_{name}.py" for name in COMPANIES),
)
"""What these test is the same on both lines of Airflow. A test there that is not so is marked ``on_both_lines``."""
FORMATS_EVERYWHERE = ("jsonl", "parquet")
"""One that is written row by row, and one that is not."""
IS_AIRFLOW_2 = version("apache-airflow").startswith("2.")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="also what is left to make test-all, see tests/selection.py")


@pytest.hookimpl(tryfirst=True)  # the choice is the same whatever -k says
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=is_short)
    if config.getoption("all") or any("[" in argument for argument in config.args):
        return
    left_out = choose_left_out(items)
    config.hook.pytest_deselected(items=[item for item in items if item in left_out])
    items[:] = [item for item in items if item not in left_out]


def is_short(item: pytest.Item) -> bool:
    """Return whether a case runs no DAG. Those that do are long: they begin, so that no process ends with one.

    And they are together, so that as a rule one process alone pays for what Airflow makes before its first run.
    """
    return "database" not in getattr(item, "fixturenames", ()) and not item.nodeid.startswith("tests/processes/")


def choose_left_out(items: Iterable[pytest.Item]) -> set[pytest.Item]:
    """Return what ``make test`` does not run."""
    left_out = set()
    functions: dict[str, list[pytest.Item]] = {}
    for item in items:
        if is_for_all_only(item):
            left_out.add(item)
        else:
            functions.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for cases in functions.values():
        alike = find_alike(cases)
        left_out |= alike | find_other_ways([case for case in cases if case not in alike])
    return left_out


def is_for_all_only(item: pytest.Item) -> bool:
    """Return whether a case is left out whatever the others of its test are."""
    params = params_of(item)
    seed = params.get("seed", 0)
    is_on_disk = params.get("store", "disk") == "disk"
    return bool(
        item.get_closest_marker("exhaustive")
        or (IS_AIRFLOW_2 and knows_no_airflow(item, is_on_disk))
        or (isinstance(seed, int) and seed >= SEEDS and not item.get_closest_marker("found"))
        or (not is_on_disk and params.get("name", FORMATS_EVERYWHERE[0]) not in FORMATS_EVERYWHERE)
    )


def knows_no_airflow(item: pytest.Item, is_on_disk: bool) -> bool:
    if item.get_closest_marker("on_both_lines"):
        return False
    is_store = item.nodeid.startswith("tests/output/") and not is_on_disk
    return is_store or item.nodeid.startswith(WITHOUT_AIRFLOW) or bool(item.get_closest_marker("without_airflow"))


def find_alike(cases: list[pytest.Item]) -> set[pytest.Item]:
    """Find cases whose company is of the kind of another one before it."""
    kind = kind_of_test(cases[0])
    if kind == EVERY:
        return set()
    first: dict[str, str] = {}
    alike = set()
    for name in COMPANIES:
        for case in cases:
            if company_of(case) == name and first.setdefault(getattr(COMPANIES[name], kind, ONE), name) != name:
                alike.add(case)
    return alike


def find_other_ways(cases: list[pytest.Item]) -> set[pytest.Item]:
    """Find cases that are left out since the other way of the same case runs; one case of each test runs both ways."""
    if cases and cases[0].nodeid.startswith("tests/http/"):
        return set()
    twins: dict[tuple[str, str], list[pytest.Item]] = {}
    for case in cases:
        if "is_async" in params_of(case):
            rest = "-".join(part for part in case.callspec.id.split("-") if part not in ("sync", "async", *COMPANIES))
            twins.setdefault((company_of(case), rest), []).append(case)
    # From test to test, another company begins: by a sum of the name, which is the same in every process.
    start = crc32(cases[0].nodeid.partition("[")[0].encode())
    rests = list(dict.fromkeys(rest for _, rest in twins))
    names = ["", *COMPANIES]
    left_out = set()
    for number, ((company, rest), ways) in enumerate(twins.items()):
        if len(ways) > 1 and number != start % len(twins):
            turn = start + names.index(company) + rests.index(rest)
            left_out |= {way for at, way in enumerate(ways) if at != turn % len(ways)}
    return left_out


def company_of(item: pytest.Item) -> str:
    """Return the company that a case is for, or an empty text."""
    for name in ("conn_type", "name"):
        value = params_of(item).get(name)
        if isinstance(value, str) and (company := re.split("[ -]", value)[0]) in COMPANIES:
            return company
    return ""


def kind_of_test(item: pytest.Item) -> str:
    """Return for which companies a test runs, by the table."""
    table = SHARED_ON_AIRFLOW_2 if IS_AIRFLOW_2 else SHARED
    found = [(len(begin), kind) for begin, kind in table.items() if item.nodeid.startswith(begin)]
    return max(found, default=(0, EVERY))[1]


def params_of(item: pytest.Item) -> dict[str, object]:
    return item.callspec.params if hasattr(item, "callspec") else {}
