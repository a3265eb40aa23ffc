"""Each of the stores, and a look at what stays in temporary files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stores import StoreUnderTest


@pytest.fixture(params=["disk", "s3", "azure", "google"])
def store(request: pytest.FixtureRequest) -> StoreUnderTest:
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go, to see that none stays."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder
