from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_payments.output import multipart


class Sizes(multipart.MultipartUpload):
    """A store that remembers how large the blocks were."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def _put(self, number: int, block: bytes) -> Any:
        assert number == len(self.sizes) + 1
        self.sizes.append(len(block))


@pytest.mark.parametrize("piece", [1, 7, 8, 100])
def test_blocks_are_full_and_grow(monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr(multipart, "_SMALLEST_BLOCK", 8)
    monkeypatch.setattr(multipart, "_LARGEST_BLOCK", 20)
    monkeypatch.setattr(multipart, "_BLOCKS_OF_A_SIZE", 2)
    upload = Sizes()
    for start in range(0, 100, piece):
        upload.write(b"x" * min(piece, 100 - start))
    upload.flush()
    assert upload.sizes == [8, 8, 16, 16, 20, 20, 12]


def test_ten_thousand_blocks_are_hundreds_of_gigabytes() -> None:
    sizes = [
        min(multipart._SMALLEST_BLOCK << n // multipart._BLOCKS_OF_A_SIZE, multipart._LARGEST_BLOCK)
        for n in range(10_000)
    ]
    assert min(sizes) >= 5 << 20
    assert sum(sizes) > 450 * 10**9
