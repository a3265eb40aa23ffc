"""S3, and stores with its protocol."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_provider_payments.output.location import StorageLocation
from airflow_provider_payments.output.multipart import MultipartUpload
from airflow_provider_payments.output.stores import Upload

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_log = logging.getLogger(__name__)


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
