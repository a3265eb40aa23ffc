"""A secret that an API puts into its payments is gone from ``raw``, and nothing else is."""

from __future__ import annotations

import pytest

from airflow_provider_payments.api import make_withholder

withhold = make_withholder("client_secret")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"id":"a","client_secret":"s3cret"}', '{"id":"a","client_secret":null}'),
        ('{"client_secret" \n:\t"s3\\"cret\\\\","z":1}', '{"client_secret" \n:\tnull,"z":1}'),
        ('[{"a": {"client_secret": "s3cret"}}]', '[{"a": {"client_secret": null}}]'),
        ('{"cl\\u0069ent\\u005Fsecret":"s3cret"}', '{"cl\\u0069ent\\u005Fsecret":null}'),
        ('{"setup_client_secret":"s3cret"}', '{"setup_client_secret":null}'),
        ('{"url":"https://x/?client_secret=s3cret_1&y=1"}', '{"url":"https://x/?client_secret=&y=1"}'),
        (
            '{"url":"https://x/?a_client_secret=s3cret\\u0026y=1#z"}',
            '{"url":"https://x/?a_client_secret=\\u0026y=1#z"}',
        ),
        ('{"url":"https://x/?to=y%3Fclient_secret%3Ds3cret"}', '{"url":"https://x/?to=y%3Fclient_secret%3D"}'),
    ],
)
def test_a_secret_is_gone(text: str, expected: str) -> None:
    assert withhold(text.encode()).decode() == expected


@pytest.mark.parametrize(
    "text",
    [
        '{"client_secret":null,"other":"client_secret","list":["client_secret","b"]}',
        '{"note":"my \\"client_secret\\": \\"none\\"","more":"caf\\u00e9, client_secret: x"}',
        '{"client_secret_hint":"kept","secret":"kept","amount":1.50}',
    ],
)
def test_everything_else_stays_byte_for_byte(text: str) -> None:
    assert withhold(text.encode()).decode() == text


def test_a_long_text_does_not_take_long() -> None:
    text = b'{"a":"' + b"client_secre" * 1_000_000 + b'"}'
    assert withhold(text) == text
