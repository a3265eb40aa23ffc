from __future__ import annotations

from tests.stores import disk, moto_url, s3

__all__ = ["disk", "moto_url", "s3"]
