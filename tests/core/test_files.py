from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable

import pytest

from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.output.files import FORMATS, choose_format
from airflow_provider_payments.payment import Payment

Make = Callable[..., Payment]
RAW = b'{"amount": 1.10,\n "name": "\xc3\xa9"}'
UNPACK = {"jsonl": bytes, "jsonl.gz": gzip.decompress}


def write(name: str, payments: list[Payment], include_raw: bool = True) -> bytes:
    stream = io.BytesIO()
    writer = FORMATS[name].open_writer(stream, include_raw)
    for payment in payments:
        writer.write(payment)
    writer.finish()
    assert not stream.closed
    return stream.getvalue()


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("include_raw", [True, False])
def test_a_line_for_each_payment(name: str, include_raw: bool, make_payment: Make) -> None:
    payments = [make_payment(number, amount="0.10", raw=RAW) for number in range(3)]
    lines = UNPACK[name](write(name, payments, include_raw)).split(b"\n")
    assert lines.pop() == b""
    assert [json.loads(line) for line in lines] == [payment.to_dict(include_raw=include_raw) for payment in payments]
    assert all((b'"raw":{"amount": 1.10,  "name": "\xc3\xa9"}' in line) is include_raw for line in lines)


@pytest.mark.parametrize("name", FORMATS)
def test_no_payments_are_an_empty_and_readable_file(name: str) -> None:
    assert UNPACK[name](write(name, [])) == b""


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_payments_give_the_same_bytes(name: str, make_payment: Make) -> None:
    payments = [make_payment(number) for number in range(100)]
    assert write(name, payments) == write(name, payments)


def test_gzip_tells_neither_name_nor_time(make_payment: Make) -> None:
    flags, mtime = write("jsonl.gz", [make_payment()])[3], write("jsonl.gz", [make_payment()])[4:8]
    assert (flags, mtime) == (0, bytes(4))


@pytest.mark.parametrize(
    ("path", "named", "chosen"),
    [
        ("file:///a/p.jsonl", None, "jsonl"),
        ("s3://conn@bucket/p.jsonl.gz", None, "jsonl.gz"),
        ("file:///a/p", "jsonl.gz", "jsonl.gz"),
        ("file:///a/p.jsonl.gz", "jsonl", "jsonl"),
        ("file:///a.jsonl/p", "jsonl", "jsonl"),
    ],
)
def test_chooses_by_suffix_or_by_name(path: str, named: str | None, chosen: str) -> None:
    assert choose_format(path, named).name == chosen


@pytest.mark.parametrize(
    ("path", "named", "hint"),
    [
        ("file:///a/p.json", None, "no known suffix"),
        ("file:///a/p.gz", None, ".jsonl.gz"),
        ("file:///a/jsonl", None, "no known suffix"),
        ("file:///a.jsonl/p", None, "no known suffix"),
        ("file:///a/p.jsonl", "xml", "jsonl, jsonl.gz"),
        ("file:///a/p.jsonl", "", "file_format"),
        ("file:///a/", "jsonl", "directory"),
        ("", "jsonl", "directory"),
        (" ", None, "directory"),
    ],
)
def test_refuses_other_formats(path: str, named: str | None, hint: str) -> None:
    with pytest.raises(PaymentsConfigError, match=hint):
        choose_format(path, named)
