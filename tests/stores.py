"""Real stores: a disk, S3 (moto's server), Azure (Azurite, Azure's own emulator) and Google (gcp-storage-emulator)."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fsspec import AbstractFileSystem

# moto's server is for real clients over HTTP; these are all it asks of them.
KEYS = {"aws_access_key_id": "moto", "aws_secret_access_key": "moto", "region_name": "us-east-1"}
AZURITE = Path(__file__).parents[1] / ".venv" / "azurite"
# Of every Azurite: https://learn.microsoft.com/azure/storage/common/storage-use-azurite
AZURE_ACCOUNT = "devstoreaccount1"
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class StoreUnderTest(ABC):
    """A fresh bucket, looked at by other means than those under test."""

    kind: str

    def __init__(self, root: str) -> None:
        self.root = root

    def url(self, name: str) -> str:
        """What a user writes as ``output_path``."""
        return f"{self.root}/{name}"

    @abstractmethod
    def objects(self) -> dict[str, bytes]:
        """All objects, unfinished ones that show included."""

    @abstractmethod
    def unfinished(self) -> list[str]:
        """What takes up room and does not show."""

    @abstractmethod
    def put(self, name: str, content: bytes) -> None:
        """Make an object."""


class DiskUnderTest(StoreUnderTest):
    kind = "file"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder.as_uri())
        self.folder = folder

    def objects(self) -> dict[str, bytes]:
        files = (path for path in sorted(self.folder.rglob("*")) if path.is_file())
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in files}

    def unfinished(self) -> list[str]:
        return [path.name for path in self.folder.rglob(".*")]

    def put(self, name: str, content: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


class S3UnderTest(StoreUnderTest):
    kind = "s3"

    def __init__(self, client: Any, bucket: str) -> None:
        super().__init__(f"s3://lake@{bucket}")
        self.client = client
        self.bucket = bucket
        client.create_bucket(Bucket=bucket)

    def objects(self) -> dict[str, bytes]:
        keys = [each["Key"] for each in self.client.list_objects_v2(Bucket=self.bucket).get("Contents", ())]
        return {key: self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in keys}

    def unfinished(self) -> list[str]:
        return [each["Key"] for each in self.client.list_multipart_uploads(Bucket=self.bucket).get("Uploads", ())]

    def put(self, name: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=name, Body=content)


class AzureUnderTest(StoreUnderTest):
    kind = "abfs"

    def __init__(self, client: Any, container: str) -> None:
        super().__init__(f"abfs://azure_lake@{container}")
        self.client = client.create_container(container)

    def objects(self) -> dict[str, bytes]:
        names = [blob.name for blob in self.client.list_blobs()]
        return {name: self.client.download_blob(name).readall() for name in names}

    def unfinished(self) -> list[str]:
        return []  # Azure drops uncommitted blocks by itself

    def put(self, name: str, content: bytes) -> None:
        self.client.upload_blob(name, content, overwrite=True)


class GoogleUnderTest(StoreUnderTest):
    kind = "gs"

    def __init__(self, fs: Any, bucket: str) -> None:
        super().__init__(f"gs://google_lake@{bucket}")
        self.fs = fs
        self.bucket = bucket
        fs.mkdir(bucket)

    def objects(self) -> dict[str, bytes]:
        self.fs.invalidate_cache()
        return {path.removeprefix(f"{self.bucket}/"): self.fs.cat_file(path) for path in self.fs.find(self.bucket)}

    def unfinished(self) -> list[str]:
        return []  # they wait in a temporary folder, which the tests look at anyway

    def put(self, name: str, content: bytes) -> None:
        self.fs.pipe_file(f"{self.bucket}/{name}", content)


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> S3UnderTest:
    import boto3

    connection = {
        "conn_type": "aws",
        "login": KEYS["aws_access_key_id"],
        "password": KEYS["aws_secret_access_key"],
        "extra": {"region_name": KEYS["region_name"], "endpoint_url": moto_url},
    }
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", json.dumps(connection))
    # Airflow keeps file systems by connection, and s3fs keeps its own: each test has a bucket of its own instead.
    return S3UnderTest(boto3.client("s3", endpoint_url=moto_url, **KEYS), f"bucket-{uuid4().hex}")


@pytest.fixture(scope="session")
def azure_connection_string(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not (AZURITE / ".ready").exists():
        pytest.fail(f"{AZURITE} is missing. Make it with: make environments")
    program = [AZURITE / "bin" / "node", AZURITE / "node_modules/azurite/dist/src/blob/main.js"]
    options = "--silent --inMemoryPersistence --skipApiVersionCheck --disableTelemetry --blobPort"
    for _ in range(5):  # somebody else may take the port before Azurite does
        port = _find_free_port()
        server = subprocess.Popen(
            [*program, *options.split(), str(port)],
            cwd=tmp_path_factory.mktemp("azurite"),
            stdout=subprocess.DEVNULL,
        )
        if _is_up(port, server):
            break
    try:
        url = f"http://127.0.0.1:{port}/{AZURE_ACCOUNT}"
        yield f"DefaultEndpointsProtocol=http;AccountName={AZURE_ACCOUNT};AccountKey={AZURE_KEY};BlobEndpoint={url};"
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def azure(azure_connection_string: str, monkeypatch: pytest.MonkeyPatch) -> AzureUnderTest:
    from adlfs import AzureBlobFileSystem
    from azure.storage.blob import BlobServiceClient

    # Airflow's own Azure provider would do no more than make this file system of the connection.
    fs = AzureBlobFileSystem(connection_string=azure_connection_string)
    attach("abfs", "azure_lake", fs)
    monkeypatch.setenv("AIRFLOW_CONN_AZURE_LAKE", json.dumps({"conn_type": "wasb"}))
    client = BlobServiceClient.from_connection_string(azure_connection_string)
    return AzureUnderTest(client, f"container-{uuid4().hex}")


@pytest.fixture(scope="session")
def google_url() -> Iterator[str]:
    from gcp_storage_emulator.server import create_server

    port = _find_free_port()
    server = create_server("127.0.0.1", port, in_memory=True)
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def google(google_url: str, monkeypatch: pytest.MonkeyPatch) -> GoogleUnderTest:
    # It asks over gRPC, which the emulator does not speak, what kind of bucket it has.
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    from gcsfs import GCSFileSystem

    # Airflow's own Google provider would do no more than make this file system of the connection.
    options = {"endpoint_url": google_url, "token": "anon", "project": "test"}
    attach("gs", "google_lake", GCSFileSystem(**options))
    monkeypatch.setenv("AIRFLOW_CONN_GOOGLE_LAKE", json.dumps({"conn_type": "google_cloud_platform"}))
    return GoogleUnderTest(GCSFileSystem(**options, skip_instance_cache=True), f"bucket-{uuid4().hex}")


@pytest.fixture
def disk(tmp_path: Path) -> DiskUnderTest:
    folder = tmp_path / "lake"
    folder.mkdir()
    return DiskUnderTest(folder)


def attach(protocol: str, conn_id: str, fs: AbstractFileSystem) -> None:
    """Give Airflow a file system for a connection."""
    for module in ("airflow.sdk.io", "airflow.io.store"):
        try:
            import_module(module).attach(protocol, conn_id, fs=fs)
        except ImportError:
            continue
        return


def _find_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _is_up(port: int, server: subprocess.Popen[bytes]) -> bool:
    """Wait until a server listens; return whether it does, or has ended."""
    deadline = time.monotonic() + 120
    while server.poll() is None:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return True
        assert time.monotonic() < deadline, f"nothing listens on {port}"
        time.sleep(0.1)
    return False
