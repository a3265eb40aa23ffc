from __future__ import annotations

from tests.waits import pytest_generate_tests, shop

__all__ = ["pytest_generate_tests", "shop"]
