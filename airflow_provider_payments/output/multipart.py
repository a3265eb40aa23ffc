"""Objects that are uploaded in blocks, and that the store shows only once the upload is committed."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from airflow_provider_payments.output.location import StorageLocation
from airflow_provider_payments.output.stores import Upload

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_log = logging.getLogger(__name__)

# S3 takes no smaller block but the last, and no more than 10,000 of them. Doubling the size after each thousand keeps
# memory low for most objects, and still lets one have 450 GB.
_SMALLEST_BLOCK = 5 << 20
_LARGEST_BLOCK = 64 << 20
_BLOCKS_OF_A_SIZE = 1000


class MultipartUpload:
    """Cuts what is written into blocks. Subclasses speak to a store."""

    def __init__(self) -> None:
        self._waiting = io.BytesIO()
        self._sent: list[Any] = []
        self._is_closed = False

    def write(self, data: bytes | memoryview) -> None:
        """Add bytes, and send the blocks that are full."""
        rest = memoryview(data)
        while rest:
            size = min(_SMALLEST_BLOCK << len(self._sent) // _BLOCKS_OF_A_SIZE, _LARGEST_BLOCK)
            room = size - self._waiting.tell()
            self._waiting.write(rest[:room])
            rest = rest[room:]
            if self._waiting.tell() == size:
                self._send()

    def flush(self) -> None:
        """Send the last block."""
        if self._waiting.tell():
            self._send()

    def commit(self) -> None:
        """Commit: make an object of the blocks that were sent."""
        self._join(self._sent)
        self._is_closed = True

    def discard(self) -> None:
        """Discard the blocks that were sent."""
        if not self._is_closed:
            self._is_closed = True
            self._withdraw()

    def _send(self) -> None:
        block = self._waiting.getvalue()  # its own buffer, not a copy
        self._waiting = io.BytesIO()
        self._sent.append(self._put(len(self._sent) + 1, block))

    def _put(self, number: int, block: bytes) -> Any:
        """Send a block, and return what :meth:`_join` needs to know of it."""
        raise NotImplementedError

    def _join(self, blocks: list[Any]) -> None:
        raise NotImplementedError

    def _withdraw(self) -> None:
        raise NotImplementedError


class S3Upload(MultipartUpload):
    """A multi-part upload (https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html)."""

    def __init__(self, fs: AbstractFileSystem, location: StorageLocation) -> None:
        super().__init__()
        self._fs = fs
        self._location = location
        self._object = {"Bucket": location.bucket, "Key": location.key}
        self.upload_id: str = fs.call_s3("create_multipart_upload", **self._object)["UploadId"]
        self._id = {"UploadId": self.upload_id}

    def _put(self, number: int, block: bytes) -> Any:
        response = self._fs.call_s3("upload_part", **self._object, **self._id, PartNumber=number, Body=block)
        return {"PartNumber": number, "ETag": response["ETag"]}

    def _join(self, blocks: list[Any]) -> None:
        if blocks:
            parts = {"Parts": blocks}
            self._fs.call_s3("complete_multipart_upload", **self._object, **self._id, MultipartUpload=parts)
        else:  # a multi-part upload has a part
            self._fs.call_s3("put_object", **self._object, Body=b"")
            self._withdraw()
        self._fs.invalidate_cache(self._location.path)

    def _withdraw(self) -> None:
        _abort(self._fs, self._object, self._id)


class S3Store:
    """S3 and stores with its protocol. Blocks go to multi-part uploads, which cost money until completed or aborted.

    :param output: where the objects go: one, or the folder of several.
    :param is_own: whether a key is of this output. Unfinished uploads to such keys are of runs that were killed.
    """

    def __init__(self, output: StorageLocation, is_own: Callable[[str], bool]) -> None:
        self._location = output
        self._is_own = is_own
        self._begun: set[str] = set()

    def __enter__(self) -> S3Store:
        self._abort_others()
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to do: each upload is discarded by itself."""

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Abort the unfinished uploads of other runs: these fail, or this one does when they were faster."""
        self._abort_others()
        yield

    def _abort_others(self) -> None:
        # Listing uploads is a permission of its own, and not every such store has it; a bucket's lifecycle rule does
        # the same work.
        try:
            for upload in self._unfinished():
                if upload["UploadId"] in self._begun:
                    continue
                _log.info("Aborting an unfinished upload of %s", upload["Key"])
                _abort(self._location.fs, {"Bucket": self._location.bucket, "Key": upload["Key"]}, upload)
        except (OSError, NotImplementedError) as error:
            _log.info("Could not look for unfinished uploads in %s: %s", self._location.bucket, error)

    def begin(self, location: StorageLocation) -> Upload:
        """Begin a multi-part upload, which shows whether the bucket exists and may be written to."""
        upload = S3Upload(self._location.fs, location)
        self._begun.add(upload.upload_id)
        return upload

    def _unfinished(self) -> Iterator[dict[str, Any]]:
        question = {"Bucket": self._location.bucket, "Prefix": self._location.key}
        while True:
            response = self._location.fs.call_s3("list_multipart_uploads", **question)
            yield from (each for each in response.get("Uploads", ()) if self._is_own(each["Key"]))
            if not response.get("IsTruncated"):
                return
            question |= {"KeyMarker": response["NextKeyMarker"], "UploadIdMarker": response["NextUploadIdMarker"]}


def _abort(fs: AbstractFileSystem, target: dict[str, str], upload: dict[str, Any]) -> None:
    try:
        fs.call_s3("abort_multipart_upload", **target, UploadId=upload["UploadId"])
    except FileNotFoundError:
        pass  # somebody else did
    except Exception as error:
        _log.warning("Could not abort the upload of %s; the next run of this task will: %s", target["Key"], error)


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
