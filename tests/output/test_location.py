from __future__ import annotations

import pytest

from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.output.formats import FORMATS
from airflow_provider_payments.output.location import StorageLocation, require_whole_names


@pytest.mark.parametrize(
    ("url", "uri", "dataset", "conn_id"),
    [
        ("s3://conn@bucket/a/p.csv", "s3://bucket/a/p.csv", ("s3://bucket", "a/p.csv"), "conn"),
        ("s3a://bucket/a@b/p.csv", "s3://bucket/a@b/p.csv", ("s3://bucket", "a@b/p.csv"), None),
        ("gcs://c@bucket/p.csv", "gs://bucket/p.csv", ("gs://bucket", "p.csv"), "c"),
        ("abfss://c@box/p/q.csv", "abfs://box/p/q.csv", ("abfs://box", "p/q.csv"), "c"),
        ("file:///a b/p.csv", "file:///a b/p.csv", ("file", "/a b/p.csv"), None),
        ("s3://bucket/März #1?.csv", "s3://bucket/M%C3%A4rz %231%3F.csv", ("s3://bucket", "März #1?.csv"), None),
        ("s3://conn@bucket/folder/", "s3://bucket/folder", ("s3://bucket", "folder"), "conn"),
    ],
)
def test_names_are_without_the_connection(url: str, uri: str, dataset: tuple[str, str], conn_id: str | None) -> None:
    location = StorageLocation.parse(url)
    assert (location.uri, location.dataset, location.conn_id) == (uri, dataset, conn_id)
    assert location.child("x").uri == f"{uri}/x"


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("/tmp/p.jsonl", "file:///"),
        ("p.jsonl", "must be a URL"),
        ("", "must be a URL"),
        ("file://tmp/p.jsonl", "three slashes"),
        ("s3://bucket", "names no object"),
        ("s3://conn@bucket/", "names no object"),
        ("s3://conn@/p.csv", "names no bucket"),
        ("s3:///p.csv", "names no bucket"),
        ("file:///", "names no object"),
        ("file:///data/../etc/p.csv", "as the name of a folder"),
        ("file:///../p.csv", "as the name of a folder"),
        ("file:///data/./p.csv", "as the name of a folder"),
        ("file:///data/..", "as the name of a folder"),
        ("s3://bucket/../other/p.csv", "as the name of a folder"),
        ("s3://../bucket/p.csv", "as the name of a folder"),
        ("s3://bucket/p\x00.csv", "control characters"),
        ("s3://bucket/two\nlines.csv", "control characters"),
        ("s3://bucket/\ud800.csv", "control characters"),
    ],
)
def test_refuses_what_names_no_object(url: str, hint: str) -> None:
    with pytest.raises(PaymentsConfigError, match=hint):
        StorageLocation.parse(url)


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("nonsense://bucket/p.jsonl", "nonsense.*Use file://, s3://"),
        ("gs://bucket/p.jsonl", "pip install 'apache-airflow-providers-google'"),
    ],
)
def test_names_the_package_that_is_missing(url: str, hint: str) -> None:
    with pytest.raises(PaymentsConfigError, match=hint):
        _ = StorageLocation.parse(url).fs


@pytest.mark.parametrize(
    "url",
    [
        "file:///lake/.jsonl",  # {{ dss }}.jsonl
        "file:///lake/None.jsonl.gz",
        "file:///lake/payments_.csv",
        "file:///lake/payments-.parquet",
        "s3://conn@bucket/date=/payments.parquet",
        "s3://conn@bucket/date=None/payments.parquet",
        "s3://conn@bucket/payments-None.csv.gz",
        "s3://conn@bucket/payments_None.csv.gz",
        "s3://bucket/payments//p.jsonl",
        "s3://None/p.jsonl",
        "s3://None@bucket/p.jsonl",
        "file:///lake/{ ds }.jsonl",  # f"…/{{ ds }}.jsonl"
        "s3://bucket/date=/",
        "s3://bucket/date=",
    ],
)
def test_what_a_template_leaves_of_a_missing_value_is_refused(url: str) -> None:
    with pytest.raises(PaymentsConfigError, match="missing or misspelled"):
        require_whole_names(url, FORMATS)


@pytest.mark.parametrize(
    "url",
    [
        "file:////lake/p.jsonl",
        "file:///lake/.hidden/2026-08-12.jsonl",
        "file:///lake/.p.csv",
        "file:///lake/Nonesuch/none_of_ours.csv",
        "file:///tmp/test_of_None_0/p.csv",
        "s3://my_@bucket/_staging/manual__2026-08-12T00:00:00+00:00/a=b/p.parquet",
        "s3://bucket/folder_/p.v1.jsonl.gz",
        "s3://bucket/folder/",
        "file:///tmp/tmpab12cd3_",
        "file:///tmp/tmpab12cd3_.jsonl",
    ],
)
def test_other_names_are_taken(url: str) -> None:
    require_whole_names(url, FORMATS)
