"""Where an object goes: its address, by the same name on every version of Airflow."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from unicodedata import category
from urllib.parse import quote

from airflow_provider_payments.exceptions import PaymentsConfigError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

# One name for each kind of store, and the package that brings it.
_STORES = {"s3a": "s3", "s3n": "s3", "gcs": "gs", "abfss": "abfs", "adl": "abfs", "local": "file"}
_PACKAGES = {
    "s3": "apache-airflow-providers-amazon[s3fs]",
    "gs": "apache-airflow-providers-google",
    "abfs": "apache-airflow-providers-microsoft-azure",
}
#: What a template leaves of a missing value, and an f-string of a template.
_HOLES = {
    "'None'": re.compile(r"\bNone\b|_None$"),
    "a brace, which an f-string has left of two (write {{{{ ds }}}} in it)": re.compile(r"[{}]"),
    "a name of no characters": re.compile(r"//|(?:^|/)$"),
    # Temporary files are called like tmpab12cd3_ by Python.
    "a name that ends where a value should follow": re.compile(r"=/|(?:^|/)(?!tmp)[^/]*[=_-]$"),
}


def require_whole_names(url: str, suffixes: Iterable[str]) -> None:
    """Refuse a path with a hole, where each run would replace what the one before has written.

    :param suffixes: of the formats, without a dot.
    :raises PaymentsConfigError: when a value seems to be missing in it.
    """
    path = url.partition("://")[2].strip().strip("/")
    for suffix in suffixes:
        path = path.removesuffix(f".{suffix}")
    for hole, pattern in _HOLES.items():
        if pattern.search(path):
            raise PaymentsConfigError(
                f"output_path {url!r} has {hole}. A value of its template seems to be missing or misspelled, and each "
                "run would replace the file of the one before. Look at the template; or, if you mean it, take another "
                "name."
            )


@dataclass(frozen=True)
class StorageLocation:
    """An address in object storage.

    :param url: as the user wrote it.
    :param store: ``file``, ``s3``, ``gs``, ``abfs`` or another scheme.
    :param conn_id: the store's connection, as named in the URL.
    :param path: ``bucket/key``, or an absolute path of this machine. No slash at the end.
    """

    url: str
    store: str
    conn_id: str | None
    path: str

    @classmethod
    def parse(cls, url: str) -> StorageLocation:
        """Read an ``ObjectStoragePath`` URL: ``s3://conn@bucket/key``.

        :raises PaymentsConfigError: when it names no object.
        """
        scheme, separator, rest = url.strip().partition("://")
        store = _STORES.get(scheme.lower(), scheme.lower())
        if not (scheme and separator):
            raise PaymentsConfigError(
                f"output_path {url!r} must be a URL: 'file:///…' for a local file, 's3://conn@bucket/…', 'gs://…', 'abfs://…'."
            )
        # Some stores would resolve them and others not; a templated value must not lead to another folder.
        if not {".", ".."}.isdisjoint(rest.split("/")) or any(category(letter) in ("Cc", "Cs") for letter in rest):
            raise PaymentsConfigError(
                f"output_path {url!r} must not contain '.' or '..' as the name of a folder, nor control characters."
            )
        netloc, slash, key = rest.partition("/")
        # ObjectStoragePath leaves the connection in its `bucket` before Airflow 3.2.
        conn_id, _, bucket = netloc.rpartition("@")
        key = key.rstrip("/")
        if store == "file" and bucket:
            raise PaymentsConfigError(f"output_path {url!r} must have three slashes: 'file:///…'.")
        if store != "file" and not bucket:
            raise PaymentsConfigError(
                f"output_path {url!r} names no bucket. Write it before the object: {scheme}://my-bucket/payments.jsonl.gz"
            )
        if not key:
            raise PaymentsConfigError(f"output_path {url!r} names no object. Add its key: …/payments.jsonl.gz")
        return cls(url, store, conn_id or None, f"{bucket}{slash}{key}")

    @property
    def bucket(self) -> str:
        """The bucket or container."""
        return self.path.partition("/")[0]

    @property
    def key(self) -> str:
        """The path within the bucket."""
        return self.path.partition("/")[2]

    @property
    def uri(self) -> str:
        """The address without the connection, by which assets and lineage name the object. ASCII, as Airflow 2 asks."""
        path = "".join(quote(letter) if letter in "?#" or not letter.isascii() else letter for letter in self.path)
        return f"{self.store}://{path}"

    @property
    def dataset(self) -> tuple[str, str]:
        """OpenLineage's namespace and name of the object."""
        return ("file", self.path) if self.store == "file" else (f"{self.store}://{self.bucket}", self.key)

    def child(self, name: str) -> StorageLocation:
        """Return the address of an object in this folder."""
        return StorageLocation(f"{self.url.rstrip('/')}/{name}", self.store, self.conn_id, f"{self.path}/{name}")

    @cached_property
    def fs(self) -> AbstractFileSystem:
        """The store, through its connection.

        :raises PaymentsConfigError: when the connection is missing, or the package that speaks to the store.
        """
        from fsspec.implementations.local import LocalFileSystem

        from airflow_provider_payments._compat import AirflowNotFoundException, BaseHook, ObjectStoragePath

        try:
            if self.conn_id:
                # Airflow's S3 file system would go on without credentials.
                BaseHook.get_connection(self.conn_id)
            # Airflow would load the packages of every store to find the one that needs none.
            return LocalFileSystem() if self.store == "file" else ObjectStoragePath(self.url).fs
        except AirflowNotFoundException as error:
            raise PaymentsConfigError(
                f"output_path {self.url!r} names the connection {self.conn_id!r}, which does not exist. Create it, or "
                f"leave '{self.conn_id}@' out to use the worker's own credentials."
            ) from error
        except (ImportError, ValueError) as error:
            package = _PACKAGES.get(self.store)
            hint = f" Install it: pip install '{package}'" if package else " Use file://, s3://, gs:// or abfs://."
            raise PaymentsConfigError(
                f"No file system for {self.store}:// is available here ({error}).{hint}"
            ) from None
