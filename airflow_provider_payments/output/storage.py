"""Object storage: bytes in, and a whole object or none out."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.output.files import FileFormat
from airflow_provider_payments.payment import Payment

if TYPE_CHECKING:
    from airflow_provider_payments._compat import ObjectStoragePath

_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "abfs": "azure", "abfss": "azure", "adl": "azure"}
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Written:
    """What was published."""

    bytes: int
    sha256: str


def open_target(output_path: str) -> ObjectStoragePath:
    """Return a path, once its file system is known to be usable.

    :raises PaymentsConfigError: when the path names no file system, or one whose package is not installed.
    """
    from airflow_provider_payments._compat import ObjectStoragePath

    scheme = output_path.partition("://")[0] if "://" in output_path else ""
    if not scheme:
        raise PaymentsConfigError(
            f"output_path {output_path!r} must be a URL: 'file:///…' for a local file, 's3://conn@bucket/…', 'gs://…', 'abfs://…'."
        )
    try:
        path = ObjectStoragePath(output_path)
        _ = path.fs
    except (ImportError, ValueError) as error:
        extra = _EXTRAS.get(scheme)
        hint = f" Install it with: pip install 'airflow-provider-payments[{extra}]'" if extra else ""
        raise PaymentsConfigError(f"No file system for {scheme}:// is available here ({error}).{hint}") from error
    if path.protocol in ("file", "local") and Path(path.path).is_dir():
        raise PaymentsConfigError(
            f"output_path {output_path!r} is a directory. Add a file name, like /payments.jsonl.gz."
        )
    return path


def publish(
    target: ObjectStoragePath, file_format: FileFormat, payments: Iterable[Payment], *, include_raw: bool
) -> Written:
    """Write payments into one object. It appears when all of them are in it, and on any error not at all.

    The bytes are first gathered in a scratch file of this machine: a stream to a store, once opened, would publish
    what was written to it before the error.
    """
    with tempfile.TemporaryDirectory(prefix="payments-") as folder:
        scratch = Path(folder, "object")
        with scratch.open("wb") as stream:
            writer = file_format.open_writer(stream, include_raw)
            for payment in payments:
                writer.write(payment)
            writer.finish()
        if target.protocol in ("file", "local"):
            _replace_file(scratch, Path(target.path))
        else:
            target.fs.put_file(str(scratch), target.path)
        return Written(scratch.stat().st_size, _sha256(scratch))


def _sha256(scratch: Path) -> str:
    digest = hashlib.sha256()
    with scratch.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _replace_file(scratch: Path, place: Path) -> None:
    """Copy next to the place first, for only a rename within one file system is atomic."""
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(f".{place.name}.{uuid4().hex}.part")
    try:
        with scratch.open("rb") as source, part.open("xb") as copy:
            shutil.copyfileobj(source, copy, _CHUNK)
            copy.flush()
            os.fsync(copy.fileno())
        part.replace(place)
    finally:
        part.unlink(missing_ok=True)
