"""Certificates: whom to trust, and how to show who is asking."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from pathlib import Path

import certifi

from airflow_provider_payments.exceptions import PaymentsConfigError
from airflow_provider_payments.http.options import TransportOptions


def certificate_files(options: TransportOptions) -> tuple[str, ...]:
    """Return the files to read: that of the authorities, and those of a client certificate, if there is one."""
    authorities, cert = options.authorities, options.cert
    own = () if cert is None else (cert,) if isinstance(cert, str) else cert
    return (authorities if isinstance(authorities, str) else certifi.where(), *own)


def load_context(authorities: str, cert: Sequence[str] = ()) -> ssl.SSLContext:
    """Read certificates.

    :param authorities: a file or a folder of certificate authorities.
    :param cert: the file of a client certificate, and that of its key.
    :raises PaymentsConfigError: when a file is not what it should be.
    """
    is_folder = Path(authorities).is_dir()
    try:
        context = ssl.create_default_context(
            cafile=None if is_folder else authorities, capath=authorities if is_folder else None
        )
    except OSError as error:  # ssl.SSLError is one
        raise _wrong(
            "'verify' in the connection's extra (or REQUESTS_CA_BUNDLE)", "certificate authorities", error
        ) from None
    if cert:
        try:
            # Without a password, OpenSSL would ask for that of an encrypted key on the terminal.
            context.load_cert_chain(cert[0], cert[1] if len(cert) > 1 else None, password="")
        except OSError as error:
            raise _wrong(
                "'cert' in the connection's extra", "a certificate and its key, not encrypted", error
            ) from None
    return context


def _wrong(source: str, expected: str, error: OSError) -> PaymentsConfigError:
    return PaymentsConfigError(
        f"{source} must name a file with {expected}, in PEM, on this machine ({error.strerror or error})."
    )
