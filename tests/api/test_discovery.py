"""What an API was asked before its list can be read: believed for an hour."""

from __future__ import annotations

import pytest

from airflow_provider_payments.api import Discovery


def test_what_was_found_is_believed_for_its_time_and_used_beyond_it() -> None:
    now = 100.0
    found: Discovery[list[str]] = Discovery(lifetime=60, now=lambda: now)
    assert found.is_due
    with pytest.raises(LookupError):
        _ = found.value
    found.learn(["a"])
    assert (found.is_due, found.value) == (False, ["a"])
    now = 159.9
    assert not found.is_due
    now = 160.0
    assert (found.is_due, found.value) == (True, ["a"])
    found.learn([])  # nothing is an answer, too
    assert (found.is_due, found.value) == (False, [])
    now = 220.0
    assert found.is_due


def test_what_the_connection_says_is_never_asked_for() -> None:
    now = 0.0
    found = Discovery(["a"], now=lambda: now)
    now = 1e9
    assert (found.is_due, found.value) == (False, ["a"])
