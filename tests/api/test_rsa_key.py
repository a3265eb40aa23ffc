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

from airflow_provider_payments.api.rsa_key import key_texts, load_private_key
from airflow_provider_payments.exceptions import PaymentsConfigError

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
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
    "a certificate before": lambda text: f"{PUBLIC}{text}",
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


#: Made by OpenSSL, for cryptography makes none so short.
SHORT = """-----BEGIN RSA PRIVATE KEY-----
MIIBOgIBAAJBAKj34GkxFhD90vcNLYLInFEX6Ppy1tPf9Cnzj4p4WGeKLs1Pt8Qu
KUpRKfFLfRYC9AIKjbJTWit+CqvjWYzvQwECAwEAAQJAIJLixBy2qpFoS4DSmoEm
o3qGy0t6z09AIJtH+5OeRV1be+N4cDYJKffGzDa88vQENZiRm0GRq6a+HPGQMd2k
TQIhAKMSvzIBnni7ot/OSie2TmJLY4SwTQAevXysE2RbFDYdAiEBCUEaRQnMnbp7
9mxDXDf6AU0cN/RPBjb9qSHDcWZHGzUCIG2Es59z8ugGrDY+pxLQnwfotadxd+Uy
v/Ow5T0q5gIJAiEAyS4RaI9YG8EWx/2w0T67ZUVAw8eOMB6BIUg0Xcu+3okCIBOs
/5OiPgoTdSy7bcF9IGpSE8ZgGKzgYQVZeN97YE00
-----END RSA PRIVATE KEY-----"""


WRONG = [
    ("s3cret", None, "no -----BEGIN"),
    ("", None, "no -----BEGIN"),
    ("czNjcmV0IHMzY3JldA==", None, "no -----BEGIN"),
    (pem()[:-30], None, "no -----END"),
    (pem()[:200] + pem()[300:], None, "cannot be read"),
    (pem().replace("BEGIN PRIVATE", "BEGIN RSA PRIVATE"), None, "no -----END"),
    (PUBLIC, None, "no private key, but a public key"),
    (PUBLIC.replace("PUBLIC KEY", "CERTIFICATE"), None, "no private key, but a certificate"),
    (pem(form=PrivateFormat.OpenSSH), None, "ssh-keygen -p -m PEM"),
    (SHORT, None, "only 512 bits"),
    (base64.b64encode(KEY.private_bytes(Encoding.DER, PKCS8, NoEncryption())).decode(), None, "no -----BEGIN"),
    ("".join(pem().splitlines()[1:-1]), None, "no -----BEGIN"),
    ("/run/secrets/key.pem", None, "no -----BEGIN"),
    ("clé\ud800", None, "no -----BEGIN"),
    (pem()[:100] + "\ud800é" + pem()[101:], None, "cannot be read"),
    (pem()[:100] + "\x00" + pem()[101:], None, "cannot be read"),
    (pem().replace("PRIVATE KEY", "PGP PRIVATE KEY"), None, "cannot be read"),
    ("-----BEGIN PRIVATE KEY-----!!!!-----END PRIVATE KEY-----", None, "cannot be read"),
    (pem(word="right"), "\x00\ud800", "check the passphrase"),
    (pem(ec.generate_private_key(ec.SECP256R1()), PKCS1), None, "not an RSA key"),
    (pem(word="right"), None, "private_key_passphrase"),
    (pem(form=PKCS1, word="right"), None, "private_key_passphrase"),
    (pem(word="right"), "wrong", "check the passphrase"),
    (pem(form=PKCS1, word="right"), "wrong", "check the passphrase"),
    (pem(ec.generate_private_key(ec.SECP256R1())), None, "not an RSA key"),
]


# Named by number: keys are new each time, and tests are told apart by their names.
@pytest.mark.parametrize(("text", "passphrase", "hint"), WRONG, ids=range(len(WRONG)))
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
