"""Whole objects or none, on a disk, on S3 and on Azure."""

from __future__ import annotations

import gc
import hashlib
import io
import json
import os
import resource
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from airflow_provider_payments.exceptions import PaymentsConfigError, PaymentsUnavailable
from airflow_provider_payments.output.atomic_output import MANIFEST_NAME, AtomicOutput, open_output
from airflow_provider_payments.output.formats import FORMATS
from airflow_provider_payments.output.local_store import Scratch
from airflow_provider_payments.output.location import StorageLocation
from airflow_provider_payments.output.spool_store import SpoolStore
from airflow_provider_payments.payment import Payment
from tests.stores import AzureUnderTest, DiskUnderTest, S3UnderTest, StoreUnderTest

Make = Callable[..., Payment]
BIG = b'{"text": "%s"}' % (b"x" * 600_000)


def put(url: str, payments: Iterable[Payment], name: str = "jsonl", limit: int | None = None) -> AtomicOutput:
    with open_output(StorageLocation.parse(url), FORMATS[name], include_raw=True, records_per_file=limit) as output:
        for payment in payments:
            output.write([payment])
        output.finish()
        output.publish({"records": 1})
    return output


def failing(payments: Iterable[Payment]) -> Iterator[Payment]:
    yield from payments
    raise PaymentsUnavailable("gone")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", FORMATS)
def test_publishes_an_object_and_knows_what_is_in_it(
    store: StoreUnderTest, name: str, scratch: Path, make_payment: Make
) -> None:
    key = f"new/date=2026-01-01/payments, März+%20 1.{name}"
    payments = [make_payment(number) for number in range(1000)]
    output = put(store.url(key), payments, name)
    ((found, content),) = store.objects().items()
    assert found == key
    assert (output.size, output.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert put(store.url(key), payments, name).sha256 == output.sha256
    assert (list(store.objects()), store.unfinished(), names(scratch)) == ([key], [], [])


@pytest.mark.parametrize("name", ["jsonl", "parquet"])
def test_an_object_of_many_blocks(store: StoreUnderTest, name: str, make_payment: Make) -> None:
    payments = [make_payment(number, raw=b'"%s"' % os.urandom(600_000).hex().encode()) for number in range(20)]
    put(store.url(f"big.{name}"), payments, name)
    (content,) = store.objects().values()
    assert len(content) > 2 * 5 * 2**20
    if name == "jsonl":
        assert content == b"".join(each.to_json() + b"\n" for each in payments)
    else:
        raws = pq.read_table(io.BytesIO(content))["raw"].to_pylist()
        assert raws == [each.raw.decode() for each in payments]


def test_an_empty_listing_is_an_empty_object(store: StoreUnderTest) -> None:
    assert put(store.url("p.jsonl"), []).size == 0
    assert (store.objects(), store.unfinished()) == ({"p.jsonl": b""}, [])


@pytest.mark.without_airflow
@pytest.mark.parametrize(
    ("size", "limit"),
    [
        (b"{}", None),
        (b"{}", 3),
        (BIG, None),  # more than a block is on its way
        pytest.param(BIG, 3, marks=pytest.mark.exhaustive),
    ],
    ids=["small", "small parts", "big", "big parts"],
)
@pytest.mark.parametrize("name", FORMATS)
def test_an_error_on_the_way_leaves_what_was_there(
    store: StoreUnderTest, name: str, size: bytes, limit: int | None, scratch: Path, make_payment: Make
) -> None:
    url = store.url(f"folder/p.{name}")
    put(url, [make_payment(number) for number in range(8)], name, limit)
    before = store.objects()
    with pytest.raises(PaymentsUnavailable, match="gone"):
        put(url, failing(make_payment(number, raw=size) for number in range(20)), name, limit)
    with pytest.raises(PaymentsUnavailable, match="gone"):
        put(store.url(f"other/p.{name}"), failing([make_payment()]), name, limit)
    gc.collect()  # writers write trailers when they are collected
    assert store.objects() == before
    assert (store.unfinished(), names(scratch)) == ([], [])


@pytest.mark.parametrize("limit", [None, 100])
def test_nothing_is_visible_before_the_end(store: StoreUnderTest, limit: int | None, make_payment: Make) -> None:
    with open_output(
        StorageLocation.parse(store.url("p.jsonl")), FORMATS["jsonl"], include_raw=True, records_per_file=limit
    ) as output:
        for number in range(1000):
            output.write([make_payment(number)])
        output.finish()
        assert [name for name in store.objects() if ".unfinished" not in name] == []
        output.publish({})
    assert len(store.objects()) == (11 if limit else 1)
    assert store.unfinished() == []


def test_parts_and_a_manifest(store: StoreUnderTest, make_payment: Make) -> None:
    output = put(store.url("p.csv"), [make_payment(number) for number in range(6)], "csv", limit=3)
    objects = store.objects()
    manifest = json.loads(objects.pop(f"p.csv/{MANIFEST_NAME}"))
    assert manifest["records"] == 1
    assert manifest["files"] == [
        {
            "name": name.removeprefix("p.csv/"),
            "records": 3,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        for name, content in objects.items()
    ]
    assert list(objects) == ["p.csv/part-00000.csv", "p.csv/part-00001.csv"]
    assert output.sha256 == hashlib.sha256(b"".join(objects.values())).hexdigest()
    assert output.size == sum(map(len, objects.values()))
    assert output.parts == 2


def test_no_payments_are_one_part(store: StoreUnderTest) -> None:
    put(store.url("p.csv"), [], "csv", limit=3)
    assert set(store.objects()) == {f"p.csv/{MANIFEST_NAME}", "p.csv/part-00000.csv"}


def test_a_shorter_run_removes_what_an_earlier_one_left(store: StoreUnderTest, make_payment: Make) -> None:
    put(store.url("p/"), [make_payment(number) for number in range(5)], "csv", limit=1)
    put(store.url("p/"), [make_payment(number) for number in range(5)], "jsonl.gz", limit=1)
    assert len(store.objects()) == 6, "parts of another format are the same payments once more"
    others = (
        "p/part-1.csv",
        "p/my-part-00003.csv",
        "p/part-00001.csv.bak",
        "p/deeper/part-00002.csv",
        "q/part-00009.csv",
    )
    for other in others:
        store.put(other, b"mine")
    put(store.url("p/"), [make_payment("new")], "csv", limit=1)
    assert set(store.objects()) == {*others, f"p/{MANIFEST_NAME}", "p/part-00000.csv"}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("limit", [None, 2])
def test_a_full_disk_leaves_what_was_there(
    disk: DiskUnderTest, scratch: Path, name: str, limit: int | None, make_payment: Make
) -> None:
    put(disk.url("p"), [make_payment()], name, limit)
    before = disk.objects()
    payments = [make_payment(number, raw=b'"%s"' % os.urandom(600_000).hex().encode()) for number in range(6)]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (700_000, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            put(disk.url("p"), payments, name, limit)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert disk.objects() == before
    assert (disk.unfinished(), names(scratch)) == ([], [])


class Crash(Exception):
    """The worker is lost."""


@pytest.mark.parametrize("number", [0, 1])
def test_while_parts_change_there_is_no_manifest(
    store: StoreUnderTest, make_payment: Make, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    url = store.url("p.jsonl")
    put(url, [make_payment(number) for number in range(4)], limit=2)
    before = store.objects()
    with open_output(StorageLocation.parse(url), FORMATS["jsonl"], include_raw=True, records_per_file=2) as output:
        for each in range(4):
            output.write([make_payment(f"new-{each}")])
        output.finish()

        def crash() -> None:
            raise Crash

        monkeypatch.setattr(output._parts[number].upload, "commit", crash)
        with pytest.raises(Crash):
            output.publish({})
    assert set(store.objects()) == {"p.jsonl/part-00000.jsonl", "p.jsonl/part-00001.jsonl"}
    assert store.unfinished() == []
    put(url, [make_payment(number) for number in range(4)], limit=2)
    assert store.objects() == before


def test_one_object_and_parts_do_not_mix(store: StoreUnderTest, make_payment: Make) -> None:
    put(store.url("one.csv"), [make_payment()], "csv")
    put(store.url("parts.csv"), [make_payment()], "csv", limit=1)
    before = store.objects()
    with pytest.raises(PaymentsConfigError, match="is an object"):
        put(store.url("one.csv"), [make_payment()], "csv", limit=1)
    with pytest.raises(PaymentsConfigError, match="is a directory"):
        put(store.url("parts.csv"), [make_payment()], "csv")
    assert (store.objects(), store.unfinished()) == (before, [])


def test_replaces_a_file_whole_while_somebody_reads_it(disk: DiskUnderTest, make_payment: Make) -> None:
    put(disk.url("p.jsonl"), [make_payment("old")])
    with (disk.folder / "p.jsonl").open("rb") as reader:
        put(disk.url("p.jsonl"), [make_payment("new")])
        assert b'"id":"old"' in reader.read()
    assert b'"id":"new"' in (disk.folder / "p.jsonl").read_bytes()


def test_files_have_the_usual_permissions(disk: DiskUnderTest) -> None:
    (disk.folder / "usual").touch()
    put(disk.url("p.jsonl"), [])
    modes = {stat.S_IMODE((disk.folder / name).stat().st_mode) for name in ("usual", "p.jsonl")}
    assert len(modes) == 1


def test_unfinished_folders_of_the_dead_are_removed_and_those_of_the_living_are_not(disk: DiskUnderTest) -> None:
    folder_of_all = disk.folder
    dead = folder_of_all / ".p.jsonl.dead.unfinished"
    other = folder_of_all / ".q.jsonl.dead.unfinished"
    for folder in (dead, other):
        folder.mkdir()
        (folder / "file").touch()
    with Scratch(folder_of_all, "p.jsonl") as first, Scratch(folder_of_all, "p.jsonl") as second:
        assert sorted(folder_of_all.iterdir()) == sorted([first, second, other])
    assert list(folder_of_all.iterdir()) == [other]


def test_many_runs_at_once_leave_each_other_alone(disk: DiskUnderTest) -> None:
    def work(_: int) -> None:
        with Scratch(disk.folder, "p.jsonl") as folder:
            (folder / "file").touch()
            assert (folder / "file").exists()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(400)))
    assert names(disk.folder) == []


def test_unfinished_uploads_of_the_same_key_are_aborted(s3: S3UnderTest, make_payment: Make) -> None:
    own = ("a/p.csv", "a/p.csv", "b/part-00000.csv", "b/_manifest.json")
    others = ("a/p.csv.gz", "a/p.csv/part-00000.csv", "b/date=1/part-00000.csv", "b/other.csv", "bb/part-00000.csv")
    for key in (*own, *others):
        upload = s3.client.create_multipart_upload(Bucket=s3.bucket, Key=key)
        s3.client.upload_part(
            Bucket=s3.bucket, Key=key, UploadId=upload["UploadId"], PartNumber=1, Body=b"x" * (5 << 20)
        )
    put(s3.url("a/p.csv"), [make_payment()], "csv")
    assert sorted(s3.unfinished()) == sorted((*own[2:], *others))
    put(s3.url("b"), [make_payment()], "csv", limit=1)
    assert sorted(s3.unfinished()) == sorted(others)


def test_an_upload_that_another_run_aborted_fails(s3: S3UnderTest, make_payment: Make) -> None:
    location = StorageLocation.parse(s3.url("p.jsonl"))
    late = open_output(location, FORMATS["jsonl"], include_raw=True)
    with late as output:
        output.write([make_payment("late")])
        put(s3.url("p.jsonl"), [make_payment("newer")])
        with pytest.raises(OSError, match=r".+"):  # S3 says NoSuchUpload, moto 500
            output.finish()
    assert b"newer" in s3.objects()["p.jsonl"]


@pytest.mark.parametrize("kind", ["s3", "azure", "google"])
def test_a_missing_bucket_is_not_made(kind: str, request: pytest.FixtureRequest) -> None:
    store = request.getfixturevalue(kind)
    url = store.root.partition("@")[0] + "@not-there/p.csv"
    with pytest.raises(PaymentsConfigError, match="not-there"):
        put(url, [], "csv")
    with pytest.raises(PaymentsConfigError, match="not-there"):
        put(url, [], "csv", limit=1)
    if isinstance(store, S3UnderTest):
        assert "not-there" not in [each["Name"] for each in store.client.list_buckets()["Buckets"]]


def test_a_key_that_azure_refuses(azure: AzureUnderTest, azure_connection_string: str) -> None:
    from adlfs import AzureBlobFileSystem

    location = StorageLocation.parse(azure.url("p.csv"))
    wrong = azure_connection_string.replace("AccountKey=Eby8", "AccountKey=AAAA")
    location.__dict__["fs"] = AzureBlobFileSystem(connection_string=wrong)
    with pytest.raises(PaymentsConfigError, match=r"cannot be written to.*azure_lake"):
        put_location(location)


def put_location(location: StorageLocation) -> None:
    with open_output(location, FORMATS["csv"], include_raw=True):
        raise AssertionError("should not come so far")


def test_a_connection_that_is_missing(s3: S3UnderTest) -> None:
    with pytest.raises(PaymentsConfigError, match="'nobody', which does not exist"):
        put(s3.url("p.csv").replace("lake@", "nobody@"), [])


def test_a_folder_that_may_not_be_written_to(disk: DiskUnderTest, as_nobody: None) -> None:
    with pytest.raises(PaymentsConfigError, match=r"cannot be written to.*Let the worker write there"):
        put(disk.url("p.csv"), [], "csv")


@pytest.fixture
def as_nobody(disk: DiskUnderTest) -> Iterator[None]:
    """Root may write everywhere, so it becomes somebody else for a while."""
    disk.folder.chmod(0o500)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield
    os.seteuid(user)
    disk.folder.chmod(0o700)


@pytest.mark.parametrize("limit", [None, 1])
def test_a_failed_run_leaves_no_empty_folder_of_parts(
    disk: DiskUnderTest, make_payment: Make, limit: int | None
) -> None:
    with pytest.raises(PaymentsUnavailable):
        put(disk.url("p.csv"), failing([make_payment()]), "csv", limit)
    put(disk.url("p.csv"), [make_payment()], "csv", None if limit else 1)


def test_a_folder_that_was_there_stays(disk: DiskUnderTest, make_payment: Make) -> None:
    (disk.folder / "mine").mkdir()
    with pytest.raises(PaymentsUnavailable):
        put(disk.url("mine/"), failing([make_payment()]), "csv", 1)
    assert (disk.folder / "mine").is_dir()


@pytest.mark.parametrize("length", [199, 255])
def test_a_name_as_long_as_names_may_be(disk: DiskUnderTest, length: int, make_payment: Make) -> None:
    put(disk.url("n" * (length - 4) + ".csv"), [make_payment()], "csv")
    assert disk.unfinished() == []


def test_a_name_that_is_too_long(disk: DiskUnderTest) -> None:
    with pytest.raises(PaymentsConfigError, match="too long"):
        put(disk.url("n" * 300 + ".csv"), [], "csv")


def test_a_bucket_that_cannot_be(s3: S3UnderTest) -> None:
    with pytest.raises(PaymentsConfigError, match="Invalid bucket name"):
        put("s3://lake@No_Bucket!/p.csv", [], "csv")


@pytest.mark.parametrize(
    ("code", "kind"),
    [("ExpiredToken", PermissionError), ("AccessDenied", PaymentsConfigError), ("InvalidToken", PaymentsConfigError)],
)
def test_a_refusal_that_passes_is_tried_again(
    s3: S3UnderTest, monkeypatch: pytest.MonkeyPatch, code: str, kind: type[Exception]
) -> None:
    from botocore.exceptions import ClientError
    from s3fs.errors import translate_boto_error

    def refuse(*_: object, **__: object) -> None:
        raise translate_boto_error(ClientError({"Error": {"Code": code, "Message": "no"}}, "PutObject"))

    location = StorageLocation.parse(s3.url("p.csv"))
    monkeypatch.setattr(location.fs, "call_s3", refuse)
    with pytest.raises(kind, match="no"):
        put_location(location)


def test_a_file_in_the_way_of_a_folder(disk: DiskUnderTest) -> None:
    (disk.folder / "a").touch()
    with pytest.raises(PaymentsConfigError, match="cannot be written to"):
        put(disk.url("a/p.csv"), [], "csv")


def test_parquet_without_pyarrow_names_the_package(disk: DiskUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "airflow_provider_payments.output.parquet", None)
    with pytest.raises(PaymentsConfigError, match=r"Parquet needs pyarrow, .* Install it: pip install pyarrow$"):
        put(disk.url("p.parquet"), [], "parquet")
    assert (disk.objects(), disk.unfinished()) == ({}, [])


@pytest.mark.parametrize("url", ["gs://bucket/a/p.csv", "memory://bucket/a/p.csv"])
def test_other_stores_get_an_object_when_it_is_whole(url: str, make_payment: Make, scratch: Path) -> None:
    """The spool, with fsspec's own memory file system in the place of stores that there is no server of."""
    fs, location = memory_at(url)
    before = SpoolStore(location)
    with before as store:
        upload = store.begin(location)
        upload.write(b"whole")
        upload.flush()
        assert not fs.exists("bucket/a/p.csv")
        assert len(names(scratch)) == 1
        upload.commit()
        upload.discard()
    with SpoolStore(location) as store:
        upload = store.begin(location)
        upload.write(b"not")
        upload.discard()
    assert fs.cat_file("bucket/a/p.csv") == b"whole"
    assert fs.find("bucket") == ["/bucket/a/p.csv"]
    assert names(scratch) == []


def test_a_google_bucket_must_exist() -> None:
    _, location = memory_at("gs://another/a/p.csv")
    with pytest.raises(FileNotFoundError):
        SpoolStore(location).__enter__()


def memory_at(url: str) -> tuple[Any, StorageLocation]:
    from fsspec.implementations.memory import MemoryFileSystem

    class Store(MemoryFileSystem):  # type: ignore[misc]
        store: dict[str, Any] = {}  # noqa: RUF012 - as its parent has it
        pseudo_dirs = [""]  # noqa: RUF012

        def put_file(self, lpath: str, rpath: str, chunksize: int = 0, **options: Any) -> None:
            super().put_file(lpath, rpath, **options)

    fs, location = Store(skip_instance_cache=True), StorageLocation.parse(url)
    fs.mkdir("bucket")
    location.__dict__["fs"] = fs
    return fs, location
