"""RSA private keys, as they come out of a connection's one-line fields."""

from __future__ import annotations

import base64
import binascii
import re
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_payments.exceptions import PaymentsConfigError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_LINE = 64


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
    text = text.strip().strip("'\"").replace("\\r", "").replace("\\n", "\n").strip()
    if "-----BEGIN" not in text:
        text = _decode_base64(text)
    match = _PEM.search(text)
    if match is None:
        raise PaymentsConfigError(
            "The private key has no -----BEGIN … PRIVATE KEY----- line. Paste the PEM file whole, or its base64."
        )
    label, body = match.groups()
    if ":" in body:  # headers of an encrypted PKCS#1 key, which need their own lines
        return match.group(0).encode()
    data = "".join(body.split())
    lines = [data[start : start + _LINE] for start in range(0, len(data), _LINE)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode()


def _decode_base64(text: str) -> str:
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
