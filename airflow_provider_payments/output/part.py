"""One object that is being written: a format's writer on one side, an upload on the other."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_payments.output.files import FileFormat
from airflow_provider_payments.output.uploads import Upload
from airflow_provider_payments.payment import Payment

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_CHUNK = 1 << 18


@dataclass(frozen=True)
class Written:
    """One object.

    :param name: its last name.
    """

    name: str
    records: int
    bytes: int
    sha256: str


class Sink(io.RawIOBase):
    """What a writer writes to. Passes the bytes on, and learns their number and hash on the way."""

    def __init__(self, upload: Upload, *digests: Any) -> None:
        self.bytes = 0
        self._upload = upload
        self._digests = digests
        self._waiting = bytearray()
        self._is_over = False

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, data: ReadableBuffer) -> int:
        """Take bytes."""
        size = memoryview(data).nbytes
        # Writers that are given up write their trailers when they are collected.
        if not self._is_over:
            self._waiting += data
        return size

    def pass_on(self) -> None:
        """Pass on what has come together. Not while a writer writes, whose own buffers are full then."""
        if len(self._waiting) >= _CHUNK:
            self._pass_on()

    def finish(self) -> None:
        """Pass on what is left, and take no more."""
        self._pass_on()
        self.abandon()

    def abandon(self) -> None:
        """Take no more."""
        self._is_over = True

    def _pass_on(self) -> None:
        data = bytes(self._waiting)
        self._waiting.clear()
        self.bytes += len(data)
        for digest in self._digests:
            digest.update(data)
        self._upload.write(data)


class Part:
    """An object that is being written.

    :param name: the object's last name.
    :param whole: a hash that goes on over all parts.
    """

    def __init__(self, name: str, upload: Upload, file_format: FileFormat, include_raw: bool, whole: Any) -> None:
        self.upload = upload
        self.records = 0
        self.amounts_unfit = 0
        self._name = name
        self._digest = hashlib.sha256()
        self._sink = Sink(upload, self._digest, whole)
        self._writer = file_format.open_writer(self._sink, include_raw)

    def write(self, payment: Payment) -> None:
        """Write one payment."""
        self._writer.write(payment)
        self._sink.pass_on()
        self.records += 1

    def finish(self) -> Written:
        """Write what is left. The upload is ready to appear then."""
        self._writer.finish()
        self._sink.finish()
        self.upload.seal()
        self.amounts_unfit = self._writer.amounts_unfit
        del self._writer
        return Written(self._name, self.records, self._sink.bytes, self._digest.hexdigest())

    def discard(self) -> None:
        """Leave nothing, unless it has appeared."""
        self._sink.abandon()
        self.upload.discard()
