from __future__ import annotations

from tests.stores import moto_url, s3

__all__ = ["moto_url", "s3"]
