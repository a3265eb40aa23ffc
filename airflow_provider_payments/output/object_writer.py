"""One object that is being written: a format's writer on one side, an upload on the other."""

from __future__ import annotations

import hashlib
import io
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_payments.output.formats import FileFormat
from airflow_provider_payments.output.stores import Upload
from airflow_provider_payments.payment import Payment

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

#: Bytes that are passed on at a time.
_CHUNK = 1 << 21
#: Payments to write at a time: in little memory, which stays where it is fast.
_BATCH = 128
#: Chunks that may wait for the disk or the network.
_AHEAD = 2


@dataclass(frozen=True)
class WrittenObject:
    """One object, as the manifest of a folder lists it.

    :param name: last part of its path.
    """

    name: str
    records: int
    bytes: int
    sha256: str


class HashingSink(io.RawIOBase):
    """The stream that a format's writer writes to. Passes the bytes on to an upload, and counts and hashes them.

    :param executor: a thread that hashes and writes while the next payments are read.
    :param digests: hashes to update with the bytes.
    """

    def __init__(self, executor: Executor, upload: Upload, *digests: Any) -> None:
        self._executor = executor
        self.bytes = 0
        self._upload = upload
        self._digests = digests
        self._buffer = io.BytesIO()
        # Those that were written out are filled again: memory that is got anew for each takes longer than the copying.
        self._spare: list[io.BytesIO] = []
        self._under_way: deque[Future[None]] = deque()
        self._is_closed = False

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, data: ReadableBuffer) -> int:
        """Keep bytes, until there are enough to pass on."""
        # Writers that are given up write their trailers when they are collected.
        return memoryview(data).nbytes if self._is_closed else self._buffer.write(data)

    def pass_on(self) -> None:
        """Pass on the bytes that were kept, if they are enough. Not called while a writer is within a batch."""
        if self._buffer.tell() >= _CHUNK:
            self._pass_on()

    def finish(self) -> None:
        """Pass on what is left, and ignore further bytes."""
        self._pass_on()
        self._is_closed = True
        while self._under_way:
            self._under_way.popleft().result()
        self._buffer, self._spare = io.BytesIO(), []  # parts that are written stay until all are published

    def abandon(self) -> None:
        """Ignore further bytes, and cancel what has not begun."""
        self._is_closed = True
        wait([each for each in self._under_way if not each.cancel()])

    def _pass_on(self) -> None:
        while self._under_way and (len(self._under_way) == _AHEAD or self._under_way[0].done()):
            self._under_way.popleft().result()
        self.bytes += self._buffer.tell()
        self._under_way.append(self._executor.submit(self._keep, self._buffer))
        self._buffer = self._spare.pop() if self._spare else io.BytesIO()

    def _keep(self, buffer: io.BytesIO) -> None:
        with buffer.getbuffer()[: buffer.tell()] as data:
            for digest in self._digests:
                digest.update(data)
            self._upload.write(data)
        buffer.seek(0)
        self._spare.append(buffer)


class ObjectWriter:
    """An object that is being written.

    :param name: last part of the object's path.
    :param upload: where its bytes go.
    :param executor: a thread that hashes and uploads.
    :param whole: a hash that goes on over all parts, where there are several.
    """

    def __init__(
        self, name: str, upload: Upload, executor: Executor, file_format: FileFormat, include_raw: bool, whole: Any
    ) -> None:
        self.upload = upload
        self.records = 0
        self.amounts_unfit = 0
        self._name = name
        self._digest = hashlib.sha256()
        self._sink = HashingSink(executor, upload, self._digest, *([whole] if whole else []))
        self._writer = file_format.open_writer(self._sink, include_raw)

    def write(self, payments: Sequence[Payment]) -> None:
        """Write payments."""
        for start in range(0, len(payments), _BATCH):
            self._writer.write(payments[start : start + _BATCH])
            self._sink.pass_on()
        self.records += len(payments)

    def finish(self) -> WrittenObject:
        """Write what is left. Then the upload can be committed."""
        self._writer.finish()
        self._sink.finish()
        self.upload.flush()
        self.amounts_unfit = self._writer.amounts_unfit
        del self._writer
        return WrittenObject(self._name, self.records, self._sink.bytes, self._digest.hexdigest())

    def discard(self) -> None:
        """Remove what was written, unless it was committed."""
        self._sink.abandon()
        self.upload.discard()
