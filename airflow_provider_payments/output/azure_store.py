"""Azure Blob Storage, Data Lake Storage included."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from airflow_provider_payments.output.location import StorageLocation
from airflow_provider_payments.output.multipart import MultipartUpload
from airflow_provider_payments.output.stores import Upload

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem


class AzureUpload(MultipartUpload):
    """Uncommitted blocks of a blob, which Azure drops by itself after a week.

    https://learn.microsoft.com/rest/api/storageservices/put-block
    """

    def __init__(self, fs: AbstractFileSystem, location: StorageLocation) -> None:
        super().__init__()
        self._fs = fs
        self._location = location
        # Tells whether the container exists and may be written to. Never committed.
        self._put(0, b"-")

    def _put(self, number: int, block: bytes) -> Any:
        name = uuid4().hex  # all of one length; another run's blocks have other names
        self._call("stage_block", name, block, length=len(block))
        return name

    def _join(self, blocks: list[Any]) -> None:
        from azure.storage.blob import BlobBlock

        # The metadata is what adlfs gives files.
        self._call("commit_block_list", [BlobBlock(name) for name in blocks], metadata={"is_directory": "false"})
        self._fs.invalidate_cache()

    def _withdraw(self) -> None:
        """Nothing to do: Azure has no request for it, and drops the blocks by itself."""

    def _call(self, method: str, *arguments: Any, **options: Any) -> None:
        from fsspec.asyn import sync

        async def call() -> None:
            async with self._fs.service_client.get_blob_client(self._location.bucket, self._location.key) as blob:
                await getattr(blob, method)(*arguments, **options)

        sync(self._fs.loop, call)


class AzureStore:
    """Azure Blob Storage, Data Lake Storage included."""

    def __init__(self, output: StorageLocation) -> None:
        self._location = output

    def __enter__(self) -> AzureStore:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to do: Azure drops uncommitted blocks."""

    def exclusive(self) -> AbstractContextManager[None]:
        """Nothing to do: to commit a blob drops the uncommitted blocks of other runs, which then fail."""
        return nullcontext()

    def begin(self, location: StorageLocation) -> Upload:
        """Begin a blob."""
        return AzureUpload(self._location.fs, location)
