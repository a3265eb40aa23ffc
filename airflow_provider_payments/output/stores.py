"""What the stores of objects have in common: nobody sees an object until it is whole."""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol

from airflow_provider_payments.output.location import StorageLocation


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
