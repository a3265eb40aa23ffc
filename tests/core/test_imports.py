"""The drawing of who may import whom, and what a DAG file pays for importing the operator."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import airflow_provider_payments
from airflow_provider_payments import _compat, api

PACKAGE = "airflow_provider_payments"
ROOT = Path(airflow_provider_payments.__file__).parent
#: Lower layers first. A module may import from its own layer and from lower ones. (A walk of the imports, the ones
#: within functions and those for type checkers only as well.)
LAYERS = [
    ["_compat", "_supervisor", "examples", "get_provider_info", "scratch", "texts", ""],
    ["exceptions"],
    ["money", "times"],
    ["arguments"],
    ["argument_lists"],
    ["status"],
    ["payment"],
    ["query"],
    ["windows", "scratch"],
    ["reconciliation"],
    ["http"],
    ["listing"],
    ["api"],
    ["hooks"],
    ["waiting"],
    ["output"],
    ["report"],
    ["operators"],
    ["triggers"],
    ["sensors"],
]
VALUES = ("scratch", "texts", "money", "times", "arguments", "argument_lists", "status", "payment", "query", "windows")
#: The sandbox stands for somebody else's server: it may not use what it is to check.
SANDBOX = "sandbox"


@cache
def modules() -> list[str]:
    found = [path.relative_to(ROOT).with_suffix("").parts for path in ROOT.rglob("*.py")]
    return sorted(".".join(part for part in parts if part != "__init__") for parts in found)


def source(module: str) -> Path:
    path = ROOT.joinpath(*module.split(".")) if module else ROOT
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def imports(module: str) -> set[str]:
    """Return the full names of what a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(source(module).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name.removeprefix(f"{PACKAGE}.") in modules() else str(node.module) for name in names}
    return found


def own_imports(module: str) -> set[str]:
    return {
        name.removeprefix(PACKAGE).removeprefix(".")
        for name in imports(module)
        if name == PACKAGE or name.startswith(f"{PACKAGE}.")
    }


def layer(module: str) -> int:
    top = module.split(".")[0]
    return next(number for number, names in enumerate(LAYERS) if top in names)


def layered() -> list[str]:
    return [module for module in modules() if module.split(".")[0] != SANDBOX]


def test_every_module_has_its_layer() -> None:
    assert {"http.auth", "listing.listing", "output.formats", "money", ""} <= set(modules())
    assert all(layer(module) >= 0 for module in layered())


@pytest.mark.parametrize("module", layered())
def test_dependencies_point_one_way(module: str) -> None:
    upward = {name for name in own_imports(module) if name and layer(name) > layer(module)}
    assert upward == set()


def test_the_sandbox_uses_nothing_that_it_checks() -> None:
    inside = [module for module in modules() if module.split(".")[0] == SANDBOX]
    assert inside
    assert {name for module in inside for name in own_imports(module) if name.split(".")[0] != SANDBOX} <= {""}
    assert not any(name.split(".")[0] == SANDBOX for module in layered() for name in own_imports(module))


def read_drawing() -> tuple[set[str], set[tuple[str, str]]]:
    """Return the packages in the drawing of docs/architecture.md, and which of them imports which."""
    page = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text()
    (drawing,) = re.findall(r"(?ms)^```mermaid\nflowchart \w+\n(.*?)^```$", page)
    nodes, edges = set(), set()
    for line in drawing.splitlines():
        start, _, ends = line.partition(" --> ")
        names = [name.strip() for name in ends.split("&") if name.strip()]
        assert all(re.fullmatch(r"\w+", name) for name in (start.strip(), *names)), line
        nodes |= {start.strip(), *names}
        edges |= {(start.strip(), name) for name in names}
    return nodes, edges


def find_edges() -> set[tuple[str, str]]:
    """Return which package imports which. ``values`` are the modules that are in no package.

    Every package imports some of them, so that is left out where a package imports others as well.
    """
    folders = {module.split(".")[0] for module in modules() if "." in module}
    edges = set()
    for module in modules():
        start = module.split(".")[0]
        ends = {name.split(".")[0] for name in own_imports(module) if name}
        edges |= {(start, end if end in folders else "values") for end in ends if start in folders and end != start}
    upper = {start for start, end in edges if end != "values"}
    return {(start, end) for start, end in edges if end != "values" or start not in upper}


def test_the_drawing_in_the_docs_is_of_these_imports() -> None:
    nodes, edges = read_drawing()
    assert edges == find_edges()
    assert nodes == {module.split(".")[0] for module in modules() if "." in module} | {"values"}


@pytest.mark.parametrize(
    "module",
    [name for name in modules() if name.split(".")[0] in ("http", "listing", "api", "reconciliation", *VALUES)],
)
def test_what_is_below_the_hooks_knows_no_airflow(module: str) -> None:
    assert not {name for name in imports(module) if name.split(".")[0] == "airflow"}
    assert "_compat" not in own_imports(module)


@pytest.mark.parametrize("module", modules())
def test_http_clients_alone_open_sockets(module: str) -> None:
    clients = {name.split(".")[0] for name in imports(module)} & {"requests", "aiohttp", "httpx", "urllib3", "socket"}
    permitted = {
        "http.sync_client": {"requests", "urllib3"},
        "http.connections": {"urllib3"},
        "http.sync_session": {"requests"},
        "http.async_client": {"aiohttp"},
        "http.async_session": {"aiohttp"},
        "hooks.http_hook": {"requests"},  # HttpHook's own interface
    }
    assert module.startswith(SANDBOX) or clients <= permitted.get(module, set())


#: Imported by running triggers; and by Airflow 3 only.
ONLY_AT_WORK = (f"{PACKAGE}.triggers.client_pool", f"{PACKAGE}.triggers.new_payments")
#: What sensors and triggers are told, and how they count failures: without the conditions, which ask APIs.
LIGHT_WHILE_WAITING = ("", ".arguments", ".failures")
HEAVY = ("requests", "aiohttp", "cryptography", "pyarrow", "pandas", "yarl", "jwt", "sqlite3", "airflow.providers.http")

#: What a DAG file does besides.
MADE = {
    "operators": f"{PACKAGE}.operators.list_payments.ListPaymentsOperator(task_id='t', payments_conn_id='c')",
    "sensors": f"{PACKAGE}.sensors.payments.PaymentStatusSensor(task_id='t', payments_conn_id='c', order_ids=['x'])",
}


#: Pairs of code, by what is imported: what DAG files and Airflow have loaded anyway, then ours. They run one after the
#: other in one interpreter, for each takes seconds to load Airflow; what one has loaded is not seen at the next.
HTTP_NAMES = [name for name in modules() if name.startswith("http.") and not name.endswith(("_client", "_session"))]
BELOW_HOOKS = {
    # Airflow's exceptions bring a client on one of the lines.
    "facade": (f"import {PACKAGE}.exceptions", f"import {PACKAGE}.api"),
    "conversation": ("", "\n".join(f"import {PACKAGE}.{name}" for name in HTTP_NAMES)),
    "report": ("", f"import {PACKAGE}.report"),
}


def names_in_dag_files(kind: str) -> list[str]:
    names = [name.name for name in pkgutil.iter_modules([str(ROOT / kind)], f"{PACKAGE}.{kind}.")]
    return [name for name in names if name not in ONLY_AT_WORK]


def as_dag_files_import(kind: str) -> str:
    return "\n".join(
        [*(f"import {name}" for name in [*names_in_dag_files(kind), f"{PACKAGE}.windows"]), MADE.get(kind, "")]
    )


IN_DAG_FILES = {
    "operators": (f"from {PACKAGE}._compat import BaseOperator", as_dag_files_import("operators")),
    "sensors": (f"from {PACKAGE}._compat import BaseSensorOperator", as_dag_files_import("sensors")),
    # A DAG file that watches for payments names a trigger. Airflow 3 itself brings a client with its triggers.
    "triggers": ("import airflow.triggers.base", as_dag_files_import("triggers")),
}


def load(steps: dict[str, tuple[str, str]]) -> dict[str, tuple[set[str], set[str]]]:
    """Return for each step the modules that a new interpreter has after the one code, and those that the other adds."""
    show = "print('\\n'.join(['=== modules', *sys.modules]))"
    code = [part for base, own in steps.values() for part in (base, show, own, show)]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(["import sys", *code])],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT.parent,
        timeout=500,
    )
    _, *loaded = (set(part.split()) for part in done.stdout.split("=== modules\n"))
    return {
        name: (before, after - before) for name, before, after in zip(steps, loaded[::2], loaded[1::2], strict=True)
    }


@cache
def below_hooks() -> dict[str, tuple[set[str], set[str]]]:
    return load(BELOW_HOOKS)


@cache
def in_dag_files() -> dict[str, tuple[set[str], set[str]]]:
    return load(IN_DAG_FILES)


def choose(found: set[str], names: tuple[str, ...]) -> set[str]:
    """Choose modules with these names, and what is in them."""
    return {name for name in found if name.startswith(tuple(f"{each}." for each in names)) or name in names}


def test_the_facade_of_a_companys_page_loads_no_client() -> None:
    assert f"{PACKAGE}.api.base" in below_hooks()["facade"][1]
    assert choose(below_hooks()["facade"][1], (*HEAVY, "airflow")) == set()


def test_a_company_loads_no_other_and_no_way_to_page_before_it_uses_it() -> None:
    texts = {name: source(name).read_text() for name in modules()}
    companies = {name for name, text in texts.items() if re.search(r"class \w+\(api\.\w*Api\)", text)}
    readers = {name for name, text in texts.items() if re.search(r"class \w+\(\w*Reader\)", text)} - {"listing.readers"}
    assert "hooks.spacepay" in companies
    assert "listing.offsets" in readers
    found = load({"hook": ("", f"import {PACKAGE}.hooks.spacepay")})
    loaded = {name.removeprefix(f"{PACKAGE}.") for name in found["hook"][1]}
    assert loaded & companies == {"hooks.spacepay"}
    assert loaded & readers == set()


def test_type_checkers_and_python_find_the_facades_pieces_in_the_same_modules() -> None:
    (choice,) = (node for node in ast.parse(source("api").read_text()).body if isinstance(node, ast.If))
    for_checkers = {
        alias.name: node.module for node in choice.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    at_run_time: dict[str, str] = vars(api)["_MODULES"]
    assert for_checkers == {name: f"{PACKAGE}.{module}" for name, module in at_run_time.items()}
    assert {name for name in api.__all__ if not hasattr(api, name)} == set()
    assert set(for_checkers) <= set(api.__all__)


def test_importing_the_report_loads_nothing_that_it_may_not_need() -> None:
    assert f"{PACKAGE}.report.page" in below_hooks()["report"][1]
    assert choose(below_hooks()["report"][1], HEAVY) == set()


def test_describing_the_conversation_loads_no_client() -> None:
    assert {f"{PACKAGE}.{name}" for name in HTTP_NAMES} <= set().union(
        *(set().union(*each) for each in below_hooks().values())
    )
    assert choose(below_hooks()["conversation"][1], HEAVY) == set()


@pytest.mark.parametrize("kind", IN_DAG_FILES)
def test_importing_what_dag_files_import_costs_no_heavy_module(kind: str) -> None:
    assert len(names_in_dag_files(kind)) >= 2
    before, added = in_dag_files()[kind]
    assert set(names_in_dag_files(kind)) <= added | before
    assert choose(added, HEAVY) == set()
    own = {name for name in before | added if name.startswith(f"{PACKAGE}.")}
    tops = {name.removeprefix(f"{PACKAGE}.").split(".")[0] for name in own}
    assert not tops & {"hooks", "output", "http"}
    assert {name for name in own if ".waiting" in name} <= {f"{PACKAGE}.waiting{name}" for name in LIGHT_WHILE_WAITING}


def test_loading_into_a_table_costs_dag_files_no_heavy_module() -> None:
    found = load({"warehouse": (f"from {PACKAGE}._compat import BaseOperator", f"import {PACKAGE}.output.warehouse")})
    _, added = found["warehouse"]
    assert f"{PACKAGE}.output.warehouse" in added
    assert choose(added, HEAVY) == set()


@pytest.mark.parametrize("client", ["aiohttp", "pyarrow"])
def test_a_heavy_module_would_be_seen(client: str, tmp_path: Path) -> None:
    (tmp_path / client).mkdir()
    (tmp_path / client / "__init__.py").touch()
    found = load({"seen": (f"sys.path.insert(0, {str(tmp_path)!r})", f"import {client}")})
    assert choose(found["seen"][1], HEAVY) == {client}


def test_the_provider_description_imports_nothing() -> None:
    assert imports("get_provider_info") == {"__future__", "typing"}


#: What ``_compat`` does itself, and an object without a name.
OWN_NAMES = ("get_first_reschedule", "is_hook_lineage_read", "conf")


@pytest.mark.parametrize("name", [name for name in _compat.__all__ if name not in OWN_NAMES])
def test_every_moved_name_has_a_home(name: str) -> None:
    found = getattr(importlib.import_module(f"{PACKAGE}._compat"), name).__name__
    assert found in (name, name.replace("Asset", "Dataset"))  # Airflow 2.11 has the old word


def test_other_names_have_none() -> None:
    with pytest.raises(AttributeError, match="Nonsense"):
        _ = _compat.Nonsense


def test_the_facade_has_what_the_pages_of_companies_import() -> None:
    pages = [name for name in modules() if re.search(r"(?m)^class \w+\(api\.\w*Api\):", source(name).read_text())]
    assert len(pages) >= 5
    allowed = {"api", "hooks.base"}
    assert {page: own_imports(page) - allowed for page in pages} == {page: set() for page in pages}
