"""RSA private keys, as they come out of a connection's one-line fields."""

from __future__ import annotations

import base64
import re
import unicodedata
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_payments.exceptions import PaymentsConfigError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_LINE = 64
_FEWEST_BITS = 1024


def load_private_key(text: str, passphrase: str | None = None) -> RSAPrivateKey:
    """Read a private key, PKCS#1 or PKCS#8.

    Line breaks may be real, written as ``\\n``, replaced by spaces, or lost; the file may be base64-encoded as a whole.

    :raises PaymentsConfigError: saying what is wrong, never showing the text.
    """
    from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    pem = _repair(text)
    # OpenSSL's own check of a key takes a quarter of a second, during which no other thread runs: too long in a
    # process that waits for a thousand payments. A signature shows as well that the key's numbers belong together.
    load = partial(load_pem_private_key, unsafe_skip_rsa_key_validation=True)
    try:
        try:
            key = load(pem, passphrase.encode() if passphrase else None)
        except TypeError:
            if not passphrase:
                raise PaymentsConfigError(
                    "The private key is encrypted: put its passphrase into extra, as 'private_key_passphrase'."
                ) from None
            key = load(pem, None)
        if isinstance(key, RSAPrivateKey):
            _try_out(key)
    except (ValueError, UnsupportedAlgorithm, InternalError, InvalidSignature):
        raise PaymentsConfigError(
            "The private key cannot be read. Paste the PEM file whole, from -----BEGIN to the last dash"
            + (", and check the passphrase." if passphrase else ".")
        ) from None
    if not isinstance(key, RSAPrivateKey):
        raise PaymentsConfigError("The private key is not an RSA key.")
    if key.key_size < _FEWEST_BITS:
        raise PaymentsConfigError(f"The RSA key has only {key.key_size} bits. Make one of 2048 or more.")
    return key


def _try_out(key: RSAPrivateKey) -> None:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    key.public_key().verify(key.sign(b"", PKCS1v15(), SHA256()), b"", PKCS1v15(), SHA256())


def key_texts(text: str) -> tuple[str, ...]:
    """Return the pieces of a key that must not show up in a message."""
    body = "".join(_repair(text).decode(errors="replace").split("-----")[2:3]).split()
    return (text, *(line for line in body if len(line) > _LINE // 4))


def _repair(text: str) -> bytes:
    """Return a PEM with its line breaks."""
    text = "".join(each for each in text if unicodedata.category(each) != "Cf")  # zero-width spaces, byte order marks
    text = text.strip().strip("'\"").replace("\\r", "").replace("\\n", "\n").strip()
    if "-----BEGIN" not in text:
        text = _decode_base64(text)
    blocks = list(_PEM.finditer(text))
    if not blocks and "-----BEGIN" in text:
        raise PaymentsConfigError(
            "The private key has no -----END … PRIVATE KEY----- line that goes with its first one. Paste the PEM file "
            "whole."
        )
    if not blocks:
        raise PaymentsConfigError(
            "The private key has no -----BEGIN … PRIVATE KEY----- line. Paste the PEM file whole, or its base64."
        )
    # A file may hold a certificate or parameters besides.
    match = next((each for each in blocks if each[1].endswith("PRIVATE KEY")), blocks[0])
    label, body = match.groups()
    if label == "OPENSSH PRIVATE KEY":
        raise PaymentsConfigError(
            "The private key is in OpenSSH's own format. Turn it into PEM with: ssh-keygen -p -m PEM -f <the file>"
        )
    if not label.endswith("PRIVATE KEY"):
        raise PaymentsConfigError(
            f"This is no private key, but a {label.lower()}. Paste the PEM file that begins with "
            "-----BEGIN PRIVATE KEY----- or -----BEGIN RSA PRIVATE KEY-----."
        )
    if ":" in body:  # headers of an encrypted PKCS#1 key, which need their own lines
        return match.group(0).encode(errors="replace")
    data = "".join(body.split())
    lines = [data[start : start + _LINE] for start in range(0, len(data), _LINE)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode(errors="replace")


def _decode_base64(text: str) -> str:
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode()
    except ValueError:  # no base64, not ASCII, or what it hides is no text
        return ""
