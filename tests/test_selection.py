"""What is left to ``make test-all`` is run in another form by ``make test``."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pytest

from airflow_provider_payments.get_provider_info import get_provider_info
from tests.companies import COMPANIES, EVERY, ONE, SHARED, SHARED_ON_AIRFLOW_2, one_of_each
from tests.selection import SEEDS, choose_left_out, kind_of_test

WAYS = ("sync", "async")


@dataclass(frozen=True)
class Spec:
    id: str
    params: dict[str, Any] = field(hash=False)


@dataclass(frozen=True)
class Item:
    """A case of a test, as far as the choice looks at it."""

    nodeid: str
    callspec: Spec
    marks: tuple[str, ...] = ()

    def get_closest_marker(self, name: str) -> bool:
        return name in self.marks


def make_cases(test: str, *marks: str, **values: Any) -> list[Any]:
    found = []
    for choice in product(*values.values()):
        name = "-".join(map(str, choice))
        found.append(Item(f"{test}[{name}]", Spec(name, dict(zip(values, choice, strict=True))), marks))
    return found


def kept(cases: list[Any]) -> list[dict[str, Any]]:
    left_out = choose_left_out(cases)
    return [case.callspec.params for case in cases if case not in left_out]


def test_every_company_has_its_kinds() -> None:
    assert list(COMPANIES) == [each["connection-type"] for each in get_provider_info()["connection-types"]]


def test_a_company_is_asked_one_way_and_one_of_them_both_ways() -> None:
    for number in range(10):
        found = kept(make_cases(f"tests/core/test_x.py::test_{number}", conn_type=COMPANIES, is_async=WAYS))
        assert [*dict.fromkeys(each["conn_type"] for each in found)] == list(COMPANIES)
        assert len(found) == len(COMPANIES) + 1
        assert abs(2 * sum(each["is_async"] == "async" for each in found) - len(found)) <= 3  # about half


def test_each_company_is_asked_both_ways_where_there_is_more_to_choose_from() -> None:
    names = list(COMPANIES)[:4]
    found = kept(make_cases("tests/core/test_x.py::test_y", is_async=WAYS, conn_type=names, page_size=[1, 2]))
    assert {(each["conn_type"], each["is_async"]) for each in found} == {*product(names, WAYS)}
    assert {(each["conn_type"], each["page_size"]) for each in found} == {*product(names, [1, 2])}
    assert len(found) == 9


def test_one_company_of_each_kind() -> None:
    assert kind_of_test(make_cases("tests/sensors/test_x.py::test_y", conn_type=["hotpay"])[0]) == "paging"
    found = kept(make_cases("tests/sensors/test_x.py::test_y", conn_type=COMPANIES, mode=["poke", "deferrable"]))
    kinds = [COMPANIES[each["conn_type"]].paging for each in found]
    assert sorted(kinds) == sorted(2 * [*{company.paging for company in COMPANIES.values()}])
    # A test that names its companies has none left out for one that it does not name.
    assert len(kept(make_cases("tests/sensors/test_x.py::test_y", conn_type=["spacepay", "satispay"]))) == 2
    kinds = {*SHARED.values(), *SHARED_ON_AIRFLOW_2.values()}
    assert kinds - {EVERY, ONE} <= {*COMPANIES["hotpay"].__dataclass_fields__}
    assert [COMPANIES[name].paging for name in one_of_each("paging")] == [
        *dict.fromkeys(company.paging for company in COMPANIES.values())
    ]


def test_one_company_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SHARED, "tests/core/test_x.py::test_of_one", ONE)
    monkeypatch.setitem(SHARED_ON_AIRFLOW_2, "tests/core/test_x.py::test_of_one", ONE)
    found = kept(make_cases("tests/core/test_x.py::test_of_one", conn_type=COMPANIES, number=[1, 2]))
    assert len(found) == 2
    assert len({each["conn_type"] for each in found}) == 1


@pytest.mark.parametrize(
    ("marks", "values", "number"),
    [
        ((), {"seed": range(SEEDS + 5)}, SEEDS),
        (("found",), {"seed": [1, SEEDS + 5]}, 2),
        (("exhaustive",), {"seed": [1]}, 0),
        ((), {"name": ["jsonl", "csv", "parquet"], "store": ["disk"]}, 3),
        ((), {"name": ["jsonl", "csv", "parquet"], "store": ["s3"]}, 2),
    ],
)
def test_what_is_left_out_by_itself(marks: tuple[str, ...], values: dict[str, Any], number: int) -> None:
    assert len(kept(make_cases("tests/core/test_x.py::test_y", *marks, **values))) == number
