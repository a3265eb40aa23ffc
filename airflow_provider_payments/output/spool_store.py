"""Stores that take whole objects only, like Google's: each waits for its end on the disk of this machine."""

from __future__ import annotations

import os
import tempfile
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_payments.output.local_store import UNFINISHED, Scratch, ScratchUpload
from airflow_provider_payments.output.location import StorageLocation
from airflow_provider_payments.output.stores import Upload

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem


class SpooledUpload(ScratchUpload):
    """A scratch file that is sent to a store when it is whole."""

    def __init__(self, scratch: Path, location: StorageLocation, fs: AbstractFileSystem) -> None:
        super().__init__(scratch, location)
        self._fs = fs

    def commit(self) -> None:
        """Send the file."""
        path = self._location.path
        if self._location.store == "gs":
            # Google shows an object when all of it has arrived. gcsfs would send 50 MiB at a time, from memory.
            self._fs.put_file(str(self._file), path, chunksize=5 << 20)
        else:
            self._send_and_rename(path)
        self._file.unlink()

    def _send_and_rename(self, path: str) -> None:
        folder, _, name = path.rpartition("/")
        unfinished = f"{folder}/.{name}.{self._file.name}{UNFINISHED}"
        self._fs.makedirs(folder, exist_ok=True)
        try:
            self._fs.put_file(str(self._file), unfinished)
            self._fs.mv(unfinished, path)
        except BaseException:
            with suppress(Exception):
                self._fs.rm_file(unfinished)
            raise


class SpoolStore:
    """A store that takes whole objects only, so they wait for their end on this machine's disk."""

    def __init__(self, output: StorageLocation) -> None:
        self._location = output
        self._scratch = Scratch(Path(tempfile.gettempdir()), f"payments-{os.getuid()}")

    def __enter__(self) -> SpoolStore:
        if self._location.store == "gs":
            self._require_bucket()
        self._folder = self._scratch.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._scratch.__exit__()

    def exclusive(self) -> AbstractContextManager[None]:
        """These stores have no lock: the last to write each object wins."""
        return nullcontext()

    def begin(self, location: StorageLocation) -> Upload:
        """Begin a file in the scratch folder."""
        return SpooledUpload(self._folder, location, self._location.fs)

    def _require_bucket(self) -> None:
        # Credentials that may write objects may still not be permitted to ask for the bucket.
        with suppress(PermissionError):
            self._location.fs.info(self._location.bucket)
