"""Objects that nobody sees until they are whole: on this machine's disk, and in stores by way of it."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

from airflow_provider_payments.output.location import StorageLocation

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_log = logging.getLogger(__name__)

_UNFINISHED = ".unfinished"
#: Bytes after which the disk is asked to begin to write, so that little is left to wait for in the end.
_WRITE_BACK = 8 << 20


class Upload(Protocol):
    """An object on its way."""

    def write(self, data: bytes | memoryview) -> None:
        """Add bytes. Their memory is used again afterwards."""

    def flush(self) -> None:
        """Write all bytes out, so that the object is ready for :meth:`commit`; no memory and no open file is kept."""

    def commit(self) -> None:
        """Let the object appear, whole, instead of one that was there. Comes after :meth:`flush`."""

    def discard(self) -> None:
        """Remove what was written. Has no effect after :meth:`commit`."""


class Store(Protocol):
    """Where objects go. Used in a ``with`` block, at whose end nothing unfinished is left."""

    def __enter__(self) -> Store:
        """Make ready, and remove what runs that were killed have left for the same location."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave nothing unfinished."""

    def exclusive(self) -> AbstractContextManager[None]:
        """While inside, no other run publishes to the same location: it waits or fails, where the store has locks."""

    def begin(self, location: StorageLocation) -> Upload:
        """Begin an object.

        :raises FileNotFoundError: when there is no such bucket.
        :raises PermissionError: when the credentials may not write here.
        """


class Scratch:
    """A folder for unfinished files, locked while this process lives; folders of dead ones are removed.

    :param parent: the folder to make it in.
    :param name: what it is for. Only folders of the same name are looked after.
    """

    def __init__(self, parent: Path, name: str) -> None:
        self._parent = parent
        # A name may have 255 bytes.
        self._prefix = f".{name if len(name.encode()) < 200 else sha256(name.encode()).hexdigest()}."

    def __enter__(self) -> Path:
        self._parent.mkdir(parents=True, exist_ok=True)
        for other in self._parent.iterdir():
            if other.name.startswith(self._prefix) and other.name.endswith(_UNFINISHED):
                self._remove_abandoned(other)
        while True:
            self._path = Path(tempfile.mkdtemp(prefix=self._prefix, suffix=_UNFINISHED, dir=self._parent))
            with suppress(FileNotFoundError):
                self._lock = os.open(self._path, os.O_RDONLY)
                _lock(self._lock)
                if self._path.exists():
                    return self._path
                os.close(self._lock)
            # Somebody took it for abandoned before it was locked.

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._path, ignore_errors=True)
        os.close(self._lock)

    @staticmethod
    def _remove_abandoned(folder: Path) -> None:
        with suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                if _lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB):
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)


def _lock(descriptor: int, how: int = fcntl.LOCK_EX) -> bool:
    """Lock a file. Return False where that cannot be done: callers must then leave other runs' files alone."""
    try:
        fcntl.flock(descriptor, how)
    except OSError:
        return False
    return True


class ScratchUpload:
    """A file in a scratch folder, and how it appears elsewhere."""

    def __init__(self, scratch: Path, location: StorageLocation) -> None:
        self._file = scratch / uuid4().hex
        self._stream = self._file.open("xb")
        self._unasked = 0
        self._location = location

    def write(self, data: bytes | memoryview) -> None:
        """Add bytes."""
        self._stream.write(data)
        self._unasked += len(data)
        if self._unasked >= _WRITE_BACK and hasattr(os, "posix_fadvise"):  # Linux has it
            self._unasked = 0
            os.posix_fadvise(self._stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    def flush(self) -> None:
        """Bring the file to the disk."""
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()

    def commit(self) -> None:
        """Rename the file to its final path, which is on the same file system, so that it appears at once."""
        self._file.replace(self._location.path)

    def discard(self) -> None:
        """Remove the file."""
        with suppress(OSError):
            self._stream.close()
        self._file.unlink(missing_ok=True)


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
        unfinished = f"{folder}/.{name}.{self._file.name}{_UNFINISHED}"
        self._fs.makedirs(folder, exist_ok=True)
        try:
            self._fs.put_file(str(self._file), unfinished)
            self._fs.mv(unfinished, path)
        except BaseException:
            with suppress(Exception):
                self._fs.rm_file(unfinished)
            raise


class LocalStore:
    """The disk of this machine. Folders are made as needed.

    :param output: where the first file goes; the scratch folder is made beside it.
    """

    def __init__(self, output: StorageLocation) -> None:
        self._path = Path(output.path)
        self._scratch = Scratch(self._path.parent, self._path.name)

    def __enter__(self) -> LocalStore:
        self._is_new = not self._path.parent.exists()
        self._folder = self._scratch.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._scratch.__exit__()
        if self._is_new:
            with suppress(OSError):  # it is not empty when all went well
                self._path.parent.rmdir()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Let others wait until all of it is published."""
        descriptor = os.open(self._path.parent, os.O_RDONLY)
        try:
            if not _lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB):
                _log.info("Waiting for another run that publishes to %s, if there is one", self._path.parent)
                _lock(descriptor)
            yield
        finally:
            os.close(descriptor)

    def begin(self, location: StorageLocation) -> Upload:
        """Begin a file beside its final path: only a rename within one file system is atomic."""
        with suppress(FileNotFoundError):
            Path(location.path).stat()  # is its name one that a file may have?
        return ScratchUpload(self._folder, location)


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
