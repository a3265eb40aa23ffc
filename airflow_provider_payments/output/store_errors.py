"""Errors by which a store refuses to be written to, turned into advice."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.output.location import StorageLocation

# S3's codes that s3fs reports as a missing permission, although a retry with new credentials may succeed.
_PASSING = ("ExpiredToken", "RequestTimeTooSkewed", "TokenRefreshRequired")
# Errors that no retry can change.
_HOPELESS = (errno.EINVAL, errno.EISDIR, errno.ENAMETOOLONG, errno.EROFS)


@contextmanager
def explain_refusal(location: StorageLocation) -> Iterator[None]:
    """Turn a store's refusals into advice. Azure's and Google's errors are told by their HTTP status."""
    try:
        yield
    except PaymentsConfigError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:300].rstrip(".")
        message = f"output_path {location.url!r} cannot be written to: {reason}."
        status = getattr(error, "status_code", None)
        if _s3_code(error) in _PASSING:
            raise
        if isinstance(error, PermissionError) or status in (401, 403):
            who = f"connection {location.conn_id!r}" if location.conn_id else "the worker"
            raise PaymentsConfigError(f"{message} Let {who} write there, or choose another path.") from error
        if isinstance(error, FileNotFoundError | NotADirectoryError | FileExistsError) or status == 404:
            hint = (
                ""
                if location.store == "file"
                else f" Does {location.bucket!r} exist? It is not made here; create it first."
            )
            raise PaymentsConfigError(message + hint) from error
        if getattr(error, "errno", None) in _HOPELESS or type(error).__name__ == "ParamValidationError":  # botocore's
            raise PaymentsConfigError(f"{message} Choose another path, or check the store's connection.") from error
        raise


def _s3_code(error: Exception) -> str | None:
    response: dict[str, Any] = getattr(error.__cause__, "response", {})
    code: str | None = response.get("Error", {}).get("Code")
    return code
