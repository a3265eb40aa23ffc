from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.hooks.private_key import key_texts, load_private_key

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PKCS1, PKCS8 = PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = KEY, form: PrivateFormat = PKCS8, word: str = "") -> str:
    encryption = BestAvailableEncryption(word.encode()) if word else NoEncryption()
    return key.private_bytes(Encoding.PEM, form, encryption).decode()


DAMAGES: dict[str, Callable[[str], str]] = {
    "whole": str,
    "windows": lambda text: text.replace("\n", "\r\n"),
    "backslash n": lambda text: text.replace("\n", "\\n"),
    "backslash r backslash n": lambda text: text.replace("\n", "\\r\\n"),
    "spaces": lambda text: text.replace("\n", " "),
    "nothing": lambda text: text.replace("\n", ""),
    "indented": lambda text: text.replace("\n", "\n    "),
    "quoted": lambda text: f'"{text}"',
    "text around": lambda text: f"Bag Attributes\n{text}\nthe end",
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 in lines": lambda text: base64.encodebytes(text.encode()).decode(),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("form", [PKCS1, PKCS8])
def test_reads_what_became_of_a_pem(damage: str, form: PrivateFormat) -> None:
    assert load_private_key(DAMAGES[damage](pem(form=form))).private_numbers() == KEY.private_numbers()


@pytest.mark.parametrize("damage", DAMAGES)
def test_reads_encrypted_keys(damage: str) -> None:
    text = DAMAGES[damage](pem(word="open sesame"))
    assert load_private_key(text, "open sesame").private_numbers() == KEY.private_numbers()


@pytest.mark.parametrize("damage", ["whole", "windows", "backslash n", "base64", "quoted"])
def test_reads_encrypted_keys_of_the_old_kind(damage: str) -> None:
    text = DAMAGES[damage](pem(form=PKCS1, word="open sesame"))
    assert "Proc-Type" in pem(form=PKCS1, word="x")
    assert load_private_key(text, "open sesame").private_numbers() == KEY.private_numbers()


def test_a_needless_passphrase_does_no_harm() -> None:
    assert load_private_key(pem(), "open sesame").private_numbers() == KEY.private_numbers()


PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.mark.parametrize(
    ("text", "passphrase", "hint"),
    [
        ("s3cret", None, "no -----BEGIN"),
        ("", None, "no -----BEGIN"),
        ("czNjcmV0IHMzY3JldA==", None, "no -----BEGIN"),
        (pem()[:-30], None, "no -----BEGIN"),
        (pem()[:200] + pem()[300:], None, "cannot be read"),
        (pem().replace("BEGIN PRIVATE", "BEGIN RSA PRIVATE"), None, "no -----BEGIN"),
        (PUBLIC, None, "cannot be read"),
        (pem(word="right"), None, "private_key_passphrase"),
        (pem(form=PKCS1, word="right"), None, "private_key_passphrase"),
        (pem(word="right"), "wrong", "check the passphrase"),
        (pem(form=PKCS1, word="right"), "wrong", "check the passphrase"),
        (pem(ec.generate_private_key(ec.SECP256R1())), None, "not an RSA key"),
    ],
)
def test_says_what_is_wrong_and_shows_nothing(text: str, passphrase: str | None, hint: str) -> None:
    with pytest.raises(PaymentsConfigError, match=hint) as caught:
        load_private_key(text, passphrase)
    shown = str(caught.value)
    assert not any(line in shown for line in text.split() if len(line) > 20)
    assert "s3cret" not in shown
    assert caught.value.__cause__ is None


def test_a_key_whose_numbers_do_not_belong_together_is_refused() -> None:
    text, place = pem(form=PKCS1), 200  # within the modulus
    wrong = "A" if text[place] != "A" else "B"
    with pytest.raises(PaymentsConfigError, match="cannot be read"):
        load_private_key(text[:place] + wrong + text[place + 1 :])


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("form", [PKCS1, PKCS8])
def test_names_every_piece_of_a_key(damage: str, form: PrivateFormat) -> None:
    text = DAMAGES[damage](pem(form=form))
    lines = pem(form=form).splitlines()[1:-1]
    assert text in key_texts(text)
    assert set(lines[:-1]) <= set(key_texts(text))
    assert not any("PRIVATE KEY" in piece for piece in key_texts(text) if piece != text)
