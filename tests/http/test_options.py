from __future__ import annotations

import pytest

from airflow_provider_payments.http.options import TransportOptions


@pytest.mark.parametrize(
    ("options", "environment", "proxy"),
    [
        ({}, {}, None),
        ({"proxies": {"https": "http://own:1"}}, {}, "http://own:1"),
        ({"proxies": {"all": "http://own:1"}}, {}, "http://own:1"),
        ({"proxies": {"http": "http://own:1"}}, {}, None),
        ({}, {"https_proxy": "http://env:1"}, "http://env:1"),
        ({}, {"all_proxy": "http://env:1"}, "http://env:1"),
        ({}, {"http_proxy": "http://env:1"}, None),
        ({"proxies": {"https": "http://own:1"}}, {"https_proxy": "http://env:1"}, "http://own:1"),
        ({"trust_env": False}, {"https_proxy": "http://env:1"}, None),
        ({}, {"https_proxy": "http://env:1", "no_proxy": "api.example.com"}, None),
        ({}, {"https_proxy": "http://env:1", "no_proxy": ".example.com"}, None),
        ({}, {"https_proxy": "http://env:1", "no_proxy": "other.com"}, "http://env:1"),
    ],
)
def test_a_connections_own_proxy_comes_before_the_environments(
    options: dict[str, object], environment: dict[str, str], proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert TransportOptions(**options).proxy_for("https://api.example.com/x") == proxy  # type: ignore[arg-type]


def test_proxies_are_not_shown() -> None:
    assert "s3cret" not in repr(TransportOptions(proxies={"https": "http://user:s3cret@proxy"}))
