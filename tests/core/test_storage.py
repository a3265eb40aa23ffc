from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from airflow_provider_payments.exceptions import PaymentsConfigError, PaymentsUnavailable
from airflow_provider_payments.output.files import FORMATS
from airflow_provider_payments.output.storage import Written, open_target, publish
from airflow_provider_payments.payment import Payment

Make = Callable[..., Payment]


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go, to see that none stays."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def put(url: str, payments: Iterable[Payment], name: str = "jsonl") -> Written:
    return publish(open_target(url), FORMATS[name], payments, include_raw=True)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def failing(payments: Iterable[Payment]) -> Iterator[Payment]:
    yield from payments
    raise PaymentsUnavailable("gone")


@pytest.mark.parametrize("name", FORMATS)
def test_publishes_a_file_and_says_what_is_in_it(name: str, tmp_path: Path, scratch: Path, make_payment: Make) -> None:
    place = tmp_path / "new" / "folder" / "payments, März.jsonl"
    payments = [make_payment(number) for number in range(1000)]
    written = put(f"file://{place}", payments, name)
    content = place.read_bytes()
    assert written == Written(len(content), hashlib.sha256(content).hexdigest())
    assert written == put(f"file://{place}", payments, name)
    assert names(place.parent) == [place.name]
    assert names(scratch) == []


def test_an_empty_listing_is_an_empty_file(tmp_path: Path) -> None:
    assert put(f"file://{tmp_path}/p.jsonl", []).bytes == 0
    assert (tmp_path / "p.jsonl").read_bytes() == b""


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("before", [None, b"what was there"])
def test_an_error_on_the_way_leaves_what_was_there(
    name: str, before: bytes | None, tmp_path: Path, scratch: Path, make_payment: Make
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    place = folder / "p.jsonl"
    if before:
        place.write_bytes(before)

    with pytest.raises(PaymentsUnavailable, match="gone"):
        put(f"file://{place}", failing(make_payment(number) for number in range(10_000)), name)
    assert names(folder) == (["p.jsonl"] if before else [])
    assert not before or place.read_bytes() == before
    assert names(scratch) == []


def test_nothing_is_visible_before_the_end(tmp_path: Path, make_payment: Make) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()

    def payments() -> Iterator[Payment]:
        for number in range(5000):
            yield make_payment(number)
            assert names(folder) == []

    put(f"file://{folder}/p.jsonl", payments())
    assert names(folder) == ["p.jsonl"]


def test_replaces_a_file_whole_while_somebody_reads_it(tmp_path: Path, make_payment: Make) -> None:
    place = tmp_path / "p.jsonl"
    put(f"file://{place}", [make_payment("old")])
    with place.open("rb") as reader:
        put(f"file://{place}", [make_payment("new")])
        assert b'"id":"old"' in reader.read()
    assert b'"id":"new"' in place.read_bytes()


def test_a_folder_in_the_way_is_an_error_and_leaves_nothing(tmp_path: Path, make_payment: Make) -> None:
    (tmp_path / "p.jsonl").mkdir()
    before = names(tmp_path)
    with pytest.raises(PaymentsConfigError, match=r"p\.jsonl"):
        put(f"file://{tmp_path}/p.jsonl", [make_payment()])
    assert names(tmp_path) == before


class Store(MemoryFileSystem):  # type: ignore[misc]
    """An object store that remembers how it was written to."""

    store: ClassVar[dict[str, Any]] = {}
    puts: ClassVar[list[str]] = []

    def put_file(self, lpath: str, rpath: str, **options: Any) -> None:
        self.puts.append(rpath)
        super().put_file(lpath, rpath, **options)


def test_other_file_systems_get_the_whole_object_at_once(make_payment: Make, scratch: Path) -> None:
    store = Store()
    target: Any = SimpleNamespace(protocol="s3", path="bucket/p.jsonl", fs=store)
    written = publish(target, FORMATS["jsonl"], [make_payment()], include_raw=False)
    content = store.cat_file("bucket/p.jsonl")
    assert written == Written(len(content), hashlib.sha256(content).hexdigest())
    assert store.puts == ["bucket/p.jsonl"]
    with pytest.raises(PaymentsUnavailable):
        publish(target, FORMATS["jsonl"], failing([make_payment()]), include_raw=False)
    assert store.puts == ["bucket/p.jsonl"]
    assert names(scratch) == []


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/tmp/p.jsonl", "file:///"),
        ("p.jsonl", "must be a URL"),
        ("nonsense://bucket/p.jsonl", "nonsense"),
        ("s3://conn@bucket/p.jsonl", r"airflow-provider-payments\[s3\]"),
        ("gs://conn@bucket/p.jsonl", r"airflow-provider-payments\[gcs\]"),
        ("abfs://conn@bucket/p.jsonl", r"airflow-provider-payments\[azure\]"),
    ],
)
def test_refuses_paths_without_a_file_system(path: str, hint: str) -> None:
    with pytest.raises(PaymentsConfigError, match=hint):
        open_target(path)
