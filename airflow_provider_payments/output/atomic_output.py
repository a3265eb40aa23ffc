"""Object storage: payments in, and whole objects or none out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Any

import msgspec

from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.output.azure_store import AzureStore
from airflow_provider_payments.output.formats import FORMATS, FileFormat, part_name
from airflow_provider_payments.output.local_store import LocalStore
from airflow_provider_payments.output.location import StorageLocation
from airflow_provider_payments.output.object_writer import ObjectWriter, WrittenObject
from airflow_provider_payments.output.s3_store import S3Store
from airflow_provider_payments.output.spool_store import SpoolStore
from airflow_provider_payments.output.store_errors import explain_refusal
from airflow_provider_payments.output.stores import Store
from airflow_provider_payments.payment import Payment

#: Name of the object that is published last, next to the parts. Spark, Hive and others pass over names with "_".
MANIFEST_NAME = "_manifest.json"

_PART = re.compile(rf"part-\d{{5,}}\.({'|'.join(map(re.escape, FORMATS))})")


class AtomicOutput:
    """One object, or a folder of parts, of which nothing can be seen before :meth:`publish`.

    :param location: the object or the folder.
    :param executor: a thread that hashes and uploads.
    :param records_per_file: payments in each part of a folder, at most; None for one object.
    """

    def __init__(
        self,
        store: Store,
        executor: Executor,
        location: StorageLocation,
        file_format: FileFormat,
        include_raw: bool,
        records_per_file: int | None,
    ) -> None:
        self.location = location
        self.is_folder = records_per_file is not None
        self._store = store
        self._executor = executor
        self._format = file_format
        self._include_raw = include_raw
        self._limit = records_per_file
        self._whole = hashlib.sha256() if self.is_folder else None
        self._parts: list[ObjectWriter] = []
        self._written: list[WrittenObject] = []

    def write(self, payments: Sequence[Payment]) -> None:
        """Write payments."""
        if self._limit is None:
            self._parts[-1].write(payments)
            return
        while payments:
            if self._parts[-1].records == self._limit:
                self._written.append(self._parts[-1].finish())
                self.begin()
            room = self._limit - self._parts[-1].records
            self._parts[-1].write(payments[:room])
            payments = payments[room:]

    def finish(self) -> None:
        """Write what is left. From here on, only :meth:`publish` can fail."""
        self._written.append(self._parts[-1].finish())

    @property
    def size(self) -> int:
        """Bytes of all objects."""
        return sum(each.bytes for each in self._written)

    @property
    def sha256(self) -> str:
        """Hash of the object, or of the parts one after the other."""
        return self._whole.hexdigest() if self._whole else self._written[0].sha256

    @property
    def amounts_unfit(self) -> int:
        """Payments with an amount that the format could not hold."""
        return sum(part.amounts_unfit for part in self._parts)

    @property
    def parts(self) -> int:
        """Number of objects."""
        return len(self._parts)

    def publish(self, manifest: dict[str, Any]) -> None:
        """Let all of it appear. A folder gets its manifest last; while its objects change, it has none."""
        if self.is_folder:
            self._publish_folder(manifest)
        else:
            self._parts[0].upload.commit()

    def _publish_folder(self, manifest: dict[str, Any]) -> None:
        last = self._store.begin(self.location.child(MANIFEST_NAME))
        try:
            last.write(msgspec.json.format(msgspec.json.encode({**manifest, "files": self._written})) + b"\n")
            last.flush()
            with self._store.exclusive():
                before = _names(self.location)
                self._remove(before & {MANIFEST_NAME})
                for part in self._parts:
                    part.upload.commit()
                # Of an earlier, longer run, or one in another format.
                self._remove({name for name in before if _PART.fullmatch(name)} - {each.name for each in self._written})
                last.commit()
        finally:
            last.discard()

    def _remove(self, names: Iterable[str]) -> None:
        for name in names:
            with suppress(FileNotFoundError):  # another run was faster
                self.location.fs.rm_file(f"{self.location.path}/{name}")

    def discard(self) -> None:
        """Leave nothing that is not published."""
        for part in self._parts:
            part.discard()

    def begin(self) -> None:
        """Begin the next object, the first one before anything is asked for: it shows whether that can be done."""
        location = self.location
        if self.is_folder:
            location = location.child(part_name(len(self._parts), self._format.name))
        upload = self._store.begin(location)
        try:
            name = location.path.rpartition("/")[2]
            self._parts.append(ObjectWriter(name, upload, self._executor, self._format, self._include_raw, self._whole))
        except BaseException:
            upload.discard()
            raise


@contextmanager
def open_output(
    location: StorageLocation, file_format: FileFormat, *, include_raw: bool, records_per_file: int | None = None
) -> Iterator[AtomicOutput]:
    """Open an output for writing, and at the end remove what was not published.

    :raises PaymentsConfigError: when the location cannot be written to, or the format needs a package that is missing.
    """
    with ExitStack() as stack:
        with explain_refusal(location):
            _require_free(location, is_folder=records_per_file is not None)
            store = stack.enter_context(_choose_store(location, is_folder=records_per_file is not None))
            executor = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="payments-output"))
            output = AtomicOutput(store, executor, location, file_format, include_raw, records_per_file)
            stack.callback(output.discard)
            output.begin()
        yield output


def _choose_store(location: StorageLocation, *, is_folder: bool) -> Store:
    match location.store:
        case "file":
            return LocalStore(location.child("part") if is_folder else location)
        case "s3":
            return S3Store(location, partial(_is_part, location) if is_folder else location.key.__eq__)
        case "abfs":
            return AzureStore(location)
        case _:
            return SpoolStore(location)


def _is_part(folder: StorageLocation, key: str) -> bool:
    name = key.removeprefix(f"{folder.key}/")
    return name != key and (name == MANIFEST_NAME or _PART.fullmatch(name) is not None)


def _require_free(location: StorageLocation, *, is_folder: bool) -> None:
    """Refuse a folder where an object is to be written, and the other way round: both would be read as one table."""
    fs = location.fs
    fs.invalidate_cache()
    with suppress(PermissionError):  # writing may be permitted all the same
        if not is_folder and fs.isdir(location.path):
            raise PaymentsConfigError(
                f"output_path {location.url!r} is a directory. Add a file name, like /payments.jsonl.gz, or, if "
                "max_records_per_file made it, set that again or remove the directory."
            )
        if is_folder and fs.isfile(location.path):
            raise PaymentsConfigError(
                f"output_path {location.url!r} is an object, perhaps of a run without max_records_per_file. "
                "Remove it or choose another path."
            )
    if is_folder:
        _names(location)  # must be permitted, to remove what a longer run has left


def _names(folder: StorageLocation) -> set[str]:
    fs = folder.fs
    fs.invalidate_cache()
    try:
        return {str(path).rpartition("/")[2] for path in fs.ls(folder.path, detail=False)}
    except FileNotFoundError:
        return set()
