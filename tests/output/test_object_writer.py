"""What is written while a slow upload still has what was written before."""

from __future__ import annotations

import hashlib
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from airflow_provider_payments.output.formats import FORMATS
from airflow_provider_payments.output.object_writer import HashingSink, ObjectWriter

PIECE = 3 << 20  # enough to be passed on


class SlowUpload:
    """Takes nothing until it may, and keeps what it was given."""

    def __init__(self) -> None:
        self.may_begin = threading.Event()
        self.content = b""

    def write(self, data: bytes | memoryview) -> None:
        assert self.may_begin.wait(60)
        self.content += data

    def flush(self) -> None:
        pass

    def commit(self) -> None:
        pass

    def discard(self) -> None:
        pass

    def close(self) -> None:
        self.may_begin.set()


def test_what_waits_for_a_slow_upload_is_not_written_upon() -> None:
    upload, digest = SlowUpload(), hashlib.sha256()
    pieces = [bytes([number]) * (PIECE + number) for number in range(8)]
    with ThreadPoolExecutor(1) as executor, closing(upload):
        sink = HashingSink(executor, upload, digest)
        for number, piece in enumerate(pieces):
            if number == 2:  # a third one waits for the first
                upload.may_begin.set()
            assert sink.write(memoryview(piece)) == len(piece)
            sink.pass_on()
        sink.write(b"end")
        sink.finish()
        assert sink.write(b"a trailer that comes too late") == 29
    assert upload.content == b"".join(pieces) + b"end"
    assert (sink.bytes, digest.digest()) == (len(upload.content), hashlib.sha256(upload.content).digest())


def test_parts_that_are_written_keep_no_memory() -> None:
    with ThreadPoolExecutor(1) as executor:
        tracemalloc.start()
        try:
            parts = []
            for number in range(10):
                upload = SlowUpload()
                upload.may_begin.set()
                part = ObjectWriter(str(number), upload, executor, FORMATS["jsonl"], True, None)
                part._sink.write(bytes(PIECE))
                part.finish()
                upload.content = b""
                parts.append(part)
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert len(parts) == 10
    assert held < PIECE
