from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_payments._compat import Connection
from airflow_provider_payments.api.credentials import Credentials, parse_connection
from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.http.options import TransportOptions

DEFAULT = "https://api.example.com"


def read(extra: Any = None, **fields: Any) -> Credentials:
    text = extra if isinstance(extra, str) or extra is None else json.dumps(extra)
    return parse_connection(Connection(conn_id="pay", conn_type="spacepay", extra=text, **fields), DEFAULT)


@pytest.mark.parametrize(
    ("fields", "base_url"),
    [
        ({}, DEFAULT),
        ({"host": ""}, DEFAULT),
        ({"host": "other.example"}, "https://other.example"),
        ({"host": " other.example/ "}, "https://other.example"),
        ({"host": "Other.Example/a/b/"}, "https://other.example/a/b"),
        ({"host": "https://other.example/a"}, "https://other.example/a"),
        ({"host": "http://127.0.0.1:8085/spacepay"}, "http://127.0.0.1:8085/spacepay"),
        ({"host": "other.example:8443/a"}, "https://other.example:8443/a"),
        ({"host": "other.example", "port": 8443}, "https://other.example:8443"),
        ({"host": "other.example:1", "port": 2}, "https://other.example:1"),
        ({"host": "other.example", "schema": "http"}, "http://other.example"),
        ({"host": "other.example", "schema": "HTTP", "port": 80}, "http://other.example"),
        ({"host": "https://other.example", "schema": "http"}, "https://other.example"),
        ({"host": "https://other.example:443/a"}, "https://other.example/a"),
        ({"host": "other.example", "port": 80}, "https://other.example:80"),
        ({"host": "http://[::1]:8085/a"}, "http://[::1]:8085/a"),
        ({"port": 8443}, "https://api.example.com:8443"),
    ],
)
def test_the_host_is_a_name_or_a_url(fields: dict[str, Any], base_url: str) -> None:
    assert read(**fields).base_url == base_url


@pytest.mark.parametrize(
    "fields",
    [
        {"host": "ftp://other.example"},
        {"host": "https://"},
        {"host": "https://user:s3cret@other.example"},
        {"host": "https://other.example/?key=s3cret"},
        {"host": "other.example", "schema": "postgres"},
        {"host": "/only/a/path"},
        {"host": "https://[::1"},
        {"host": "https://[not-an-address]/"},
        {"host": "two words.example"},
        {"host": "other.example/two words"},
        {"host": "other.example/\r\nX-Evil: 1"},
        {"host": "other.example\x00"},
        {"host": "other.example/\x7f"},
        {"host": "https://other.example/\u2028é"},
    ],
)
def test_refuses_other_hosts_without_showing_them(fields: dict[str, Any]) -> None:
    with pytest.raises(PaymentsConfigError, match=r"'pay'.*host") as caught:
        read(**fields)
    assert "s3cret" not in str(caught.value)


def test_login_and_password() -> None:
    credentials = read(login=" id ", password=" secret\n")
    assert (credentials.login, credentials.password, credentials.connection_id) == ("id", "secret", "pay")
    assert (read().login, read().password) == ("", "")


def test_defaults() -> None:
    credentials = read()
    assert credentials.options == TransportOptions()
    assert (credentials.page_size, credentials.max_attempts) == (None, 5)
    assert (credentials.options.connect_timeout, credentials.options.read_timeout) == (10, 30)
    assert credentials.options.max_concurrency == 4


@pytest.mark.parametrize(
    ("extra", "options"),
    [
        ({}, {}),
        ({"timeout": 5}, {"read_timeout": 5, "response_timeout": 50}),
        ({"timeout": "5.5"}, {"read_timeout": 5.5, "response_timeout": 55}),
        ({"timeout": [1, 2]}, {"connect_timeout": 1, "read_timeout": 2, "response_timeout": 20}),
        ({"timeout": [1, 2, 3]}, {"connect_timeout": 1, "read_timeout": 2, "response_timeout": 3}),
        ({"timeout": ""}, {}),
        ({"timeout": None}, {}),
        ({"verify": False}, {"verify": False}),
        ({"verify": "false"}, {"verify": False}),
        ({"verify": "True"}, {"verify": True}),
        ({"verify": __file__}, {"verify": __file__}),
        ({"verify": None}, {}),
        ({"cert": __file__}, {"cert": __file__}),
        ({"cert": [__file__, __file__]}, {"cert": (__file__, __file__)}),
        ({"cert": ""}, {}),
        ({"proxies": "http://proxy:1"}, {"proxies": {"http": "http://proxy:1", "https": "http://proxy:1"}}),
        ({"proxies": {"https": "http://proxy:1"}}, {"proxies": {"https": "http://proxy:1"}}),
        ({"proxies": ""}, {}),
        ({"trust_env": False}, {"trust_env": False}),
        ({"trust_env": "false"}, {"trust_env": False}),
        ({"max_concurrency": "8"}, {"max_concurrency": 8}),
        ({"max_concurrency": ""}, {}),
        ({"requests_per_second": 0.5}, {"requests_per_second": 0.5}),
        ({"requests_per_second": 0}, {}),
    ],
)
def test_transport_options(extra: dict[str, Any], options: dict[str, Any]) -> None:
    assert read(extra).options == TransportOptions(**options)


@pytest.mark.parametrize(
    ("extra", "key"),
    [
        ({"timeout": 0}, "timeout"),
        ({"timeout": "s3cret"}, "timeout"),
        ({"timeout": [1, 2, 3, 4]}, "timeout"),
        ({"timeout": [1, 2, 0]}, "timeout"),
        ({"timeout": {"read": 1}}, "timeout"),
        ({"timeout": "[" * 100_000}, "timeout"),
        ({"cert": ["s3cret"]}, "cert"),
        ({"verify": "/no/such/file"}, "verify"),
        ({"cert": 1}, "cert"),
        ({"proxies": 1}, "proxies"),
        ({"proxies": {"https": 1}}, "proxies"),
        ({"max_concurrency": 0}, "max_concurrency"),
        ({"max_concurrency": 1.5}, "max_concurrency"),
        ({"max_concurrency": True}, "max_concurrency"),
        ({"requests_per_second": -1}, "requests_per_second"),
        ({"requests_per_second": "s3cret"}, "requests_per_second"),
        ({"page_size": 0}, "page_size"),
        ({"page_size": "NaN"}, "page_size"),
        ({"page_size": "inf"}, "page_size"),
        ({"max_attempts": []}, "max_attempts"),
        ("not JSON s3cret", "extra"),
        ('["a list"]', "extra"),
    ],
)
def test_refuses_other_extras_without_showing_values(extra: Any, key: str) -> None:
    with pytest.raises(PaymentsConfigError, match=rf"'pay'.*{key}") as caught:
        read(extra)
    assert "s3cret" not in str(caught.value)


def test_numbers_words_and_texts_of_the_extra() -> None:
    credentials = read({"page_size": "50", "max_attempts": 1, "first_page": 1, "word": "b", "empty": "", "n": 7})
    assert (credentials.page_size, credentials.max_attempts) == (50, 1)
    assert (credentials.number("first_page", 0), credentials.number("absent", 3)) == (1, 3)
    assert (credentials.choice("word", "a", "b"), credentials.choice("absent", "a", "b")) == ("b", "a")
    assert (credentials.text("n"), credentials.text("empty", "default"), credentials.text("absent")) == (
        "7",
        "default",
        "",
    )
    with pytest.raises(PaymentsConfigError, match="one of a, c"):
        credentials.choice("word", "a", "c")


def test_values_for_headers() -> None:
    assert read().header_value(" key \n", "the key") == "key"
    for key in ("a key", "key of no use", "bearerless key"):
        assert read().header_key(key, "the key") == key
    for bad in ("", "  ", "two\nlines", "carriage\rreturn", "tab\tbed", "ключ", "nul\x00"):
        with pytest.raises(PaymentsConfigError, match="the key") as caught:
            read().header_value(bad, "the key")
        assert not bad.strip() or bad not in str(caught.value)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "Basic", "Authorization:"])
def test_a_word_before_a_key_is_said(scheme: str) -> None:
    with pytest.raises(PaymentsConfigError, match=f"begins with '{scheme}'") as caught:
        read().header_key(f"{scheme} s3cret", "the key")
    assert "s3cret" not in str(caught.value)


def test_no_secret_is_in_a_repr() -> None:
    credentials = read(
        {"private_key_passphrase": "s3cret1", "proxies": "http://u:s3cret2@proxy"}, password="s3cret3", login="id"
    )
    assert "s3cret" not in repr(credentials)
    assert "s3cret" not in str(vars(credentials)["options"])


# A URI has nothing but text.


@pytest.mark.parametrize("key", ["verify", "verify_ssl", "trust_env"])
@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        *((value, True) for value in (True, 1, 1.0, "true", "True", " TRUE ", "1", "yes", "on", None, "", "  ")),
        *((value, False) for value in (False, 0, 0.0, "false", "False", "0", "no", "No", "off", " off\n")),
    ],
)
def test_a_boolean_may_be_a_number_or_a_word(key: str, value: Any, meaning: bool) -> None:
    options = read({key: value}).options
    assert (options.trust_env if key == "trust_env" else options.verify) is meaning


@pytest.mark.parametrize("key", ["verify", "trust_env"])
@pytest.mark.parametrize("value", [2, -1, 0.5, "2", "maybe", "nope", [], {}, [False], "null"])
def test_what_is_no_boolean_is_refused_and_never_true(key: str, value: Any) -> None:
    with pytest.raises(PaymentsConfigError, match=f"'{key}' in extra must be true"):
        read({key: value})


@pytest.mark.parametrize(
    ("extra", "options"),
    [
        ({"timeout": "[10, 30]"}, {"connect_timeout": 10, "read_timeout": 30, "response_timeout": 300}),
        ({"timeout": ' ["1.5", 2, 3] '}, {"connect_timeout": 1.5, "read_timeout": 2, "response_timeout": 3}),
        ({"timeout": "30"}, {"read_timeout": 30, "response_timeout": 300}),
        ({"cert": json.dumps([__file__, __file__])}, {"cert": (__file__, __file__)}),
        ({"cert": f" {__file__}\n"}, {"cert": __file__}),
        ({"proxies": '{"https": "http://proxy:1", "http": ""}'}, {"proxies": {"https": "http://proxy:1"}}),
        ({"proxies": "{}"}, {}),
        ({"max_concurrency": " 8 "}, {"max_concurrency": 8}),
        ({"max_concurrency": 8.0}, {"max_concurrency": 8}),
        ({"requests_per_second": "0.5"}, {"requests_per_second": 0.5}),
        ({"extra__spacepay__max_concurrency": "8"}, {"max_concurrency": 8}),
        ({"extra__spacepay__max_concurrency": "8", "max_concurrency": 2}, {"max_concurrency": 2}),
    ],
)
def test_options_as_text(extra: dict[str, Any], options: dict[str, Any]) -> None:
    assert read(extra).options == TransportOptions(**options)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("timeout", "[10, 30"),
        ("timeout", "10, 30"),
        ("timeout", [True, 30]),
        ("timeout", "[]"),
        ("timeout", "1e999"),
        ("timeout", "9" * 400),
        ("cert", '["no/such/file"]'),
        ("cert", 0),
        ("cert", {"a": 1}),
        ("proxies", "[]"),
        ("proxies", '{"https": 1}'),
        ("proxies", False),
        ("max_concurrency", "8.5"),
        ("max_concurrency", "8 at once"),
        ("requests_per_second", True),
        ("page_size", int("9" * 400)),
    ],
)
def test_text_that_makes_no_sense_is_refused(key: str, value: Any) -> None:
    with pytest.raises(PaymentsConfigError, match=rf"'pay'.*'{key}' in extra must be"):
        read({key: value})


def test_what_should_be_text_is_no_list() -> None:
    credentials = read({"scope": ["read", "write"], "word": True, "object": {}, "padded": " a \n"})
    for key in ("scope", "word", "object"):
        with pytest.raises(PaymentsConfigError, match=f"'{key}' in extra must be text"):
            credentials.text(key)
    assert credentials.text("padded") == "a"


# Secrets as they are pasted.


@pytest.mark.parametrize("around", ["\n", "\r\n", " ", "\t", " \n\n "])
def test_blanks_and_line_breaks_around_login_and_password_are_none_of_them(around: str) -> None:
    credentials = read(login=f"{around}id{around}", password=f"{around}a secret{around}")
    assert (credentials.login, credentials.password) == ("id", "a secret")


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        ("half\nother half", "a line break"),
        ("half\r\nother half", "a line break"),
        ("secret\u00a0", r"invisible character \(U\+00A0\)"),
        ("\ufeffsecret", r"invisible character \(U\+FEFF\)"),
        ("sec\u200bret", r"invisible character \(U\+200B\)"),
        ("secret\u2060", r"invisible character \(U\+2060\)"),
        ("sec\u2028ret", r"invisible character \(U\+2028\)"),
        ("sec\x00ret", r"invisible character \(U\+0000\)"),
        ("\u201csecret\u201d", "in quotes"),
        ("\u2018secret\u2019", "in quotes"),
        ("\u201esecret\u201c", "in quotes"),
        ("\u00absecret\u00bb", "in quotes"),
    ],
)
def test_what_comes_along_with_a_copied_secret_is_said(odd: str, said: str) -> None:
    for check in (read().secret, read().header_value):
        with pytest.raises(PaymentsConfigError, match=f"'pay'.*the secret.*{said}") as caught:
            check(odd, "the secret")
        assert "half" not in str(caught.value)


def test_a_secret_may_have_every_character_that_shows() -> None:
    for secret in ("a b", "pass: +%&é€ключ🙂", '"quoted', '"in quotes"', "it\u2019s"):
        assert read().secret(secret, "the secret") == secret
    for key in ('"key"', "'key'", "`key`"):
        with pytest.raises(PaymentsConfigError, match="in quotes"):
            read().header_value(key, "the key")
