"""Connections whose every credential can be recognised, and a payment company that repeats what it was sent."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.http.server import Answer, Call

#: Characters that every encoding writes differently.
ODD = "/+=&%\"'\\~ "
PASSPHRASE = "passphrase-7h3Cl0ud" + ODD + "passphrase"
PROXY_NAME, PROXY_PASSWORD = "pr0xyuser-7781", "pr0xypassword-55aa/0"
PROXY_LOGIN = f"{PROXY_NAME}:{quote(PROXY_PASSWORD, safe='')}"
ISSUED = "issued-Zk4tQ9xW2mB7vC1n-of-the-api"
_KEY = rsa.generate_private_key(65537, 2048)


def private_key(passphrase: str = "") -> str:
    encryption = (
        serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    )
    pem = _KEY.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    return pem.decode()


@dataclass
class Plant:
    """A connection.

    :param secrets: everything in it that must not come out again.
    """

    conn_type: str
    login: str
    password: str
    extra: dict[str, Any] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.extra = {"proxies": {"https": f"http://{PROXY_LOGIN}@127.0.0.1:9"}, **self.extra}
        self.extra.setdefault("max_attempts", 1)
        self.secrets += [self.login, self.password, PROXY_PASSWORD]
        if self.is_issued_a_key:
            self.secrets.append(ISSUED)
        pem = [line for line in self.password.splitlines() if len(line) > 20 and "-----" not in line]
        if pem:
            self.secrets += [*pem, "".join(pem), " ".join(self.password.splitlines())]
        self.secrets.append(f"{self.login}:{self.password}")

    @property
    def is_issued_a_key(self) -> bool:
        return self.conn_type in ("cryptofuse", "paypal") or (self.conn_type == "jframework" and bool(self.login))

    @property
    def conn_id(self) -> str:
        return f"{self.conn_type}_default"

    def connection(self, host: str, **extra: Any) -> str:
        """Return the connection as Airflow reads it from the environment."""
        return json.dumps(
            {
                "conn_type": self.conn_type,
                "host": host,
                "login": self.login,
                "password": self.password,
                "extra": {**self.extra, **extra},
            }
        )


def _header_key(name: str) -> str:
    return f"{name}-s3cr3t-Xy7Qp2Lm/+=&%\"'\\~tail-of-{name}"


def plants(folder: Path) -> dict[str, Plant]:
    """Return every way to sign in."""
    key_file = folder / "key.pem"
    key_file.write_text(private_key(PASSPHRASE))
    body = key_file.read_text().splitlines()[1:-1]
    return {
        "hotpay-raw": Plant("hotpay", "unusedlogin-hp1", _header_key("hotpay")),
        "hotpay-bearer": Plant("hotpay", "unusedlogin-hp2", _header_key("hotpay"), {"auth_scheme": "bearer"}),
        "hotpay-api-key": Plant("hotpay", "unusedlogin-hp3", _header_key("hotpay"), {"auth_scheme": "api-key"}),
        "cryptofuse-basic": Plant("cryptofuse", "clientid-51f0", _header_key("cryptofuse") + "é€ "),
        "cryptofuse-body": Plant(
            "cryptofuse", "clientid-51f1", _header_key("cryptofuse") + "é€ ", {"client_auth": "body"}
        ),
        "spacepay": Plant("spacepay", "unusedlogin-sp1", _header_key("spacepay")),
        "satispay": Plant("satispay", "keyid-8m2k1v9s", private_key()),
        "satispay-one-line": Plant("satispay", "keyid-8m2k1v9t", private_key().replace("\n", "")),
        "satispay-file": Plant(
            "satispay",
            "keyid-8m2k1v9u",
            "unusedpassword-st1",
            {"private_key_path": str(key_file), "private_key_passphrase": PASSPHRASE},
            [PASSPHRASE, *body, "".join(body)],
        ),
        "jframework-key": Plant("jframework", "", _header_key("jframework"), {"brand_url": "https://brand.example"}),
        "jframework-login": Plant(
            "jframework", "username-jf1", _header_key("jframework") + "é€ ", {"brand_url": "https://brand.example"}
        ),
        "stripe": Plant("stripe", "unusedlogin-st2", _header_key("stripe")),
        "gocardless": Plant("gocardless", "unusedlogin-gc1", _header_key("gocardless")),
        "mollie-key": Plant("mollie", "unusedlogin-mo1", _header_key("live_mollie")),
        "mollie-token": Plant("mollie", "unusedlogin-mo2", _header_key("access_mollie"), {"profile_id": "pfl_A"}),
        "razorpay": Plant("razorpay", "rzp_live_k3yid51f2", _header_key("razorpay") + "é€ "),
        "square": Plant("square", "unusedlogin-sq1", _header_key("square"), {"location_ids": "L1"}),
        "paypal": Plant("paypal", "clientid-pp01", _header_key("paypal") + "é€ ", {"requests_per_second": 0}),
    }


def echo(call: Call, plant: Plant) -> str:
    """Return what was sent, and the password in every spelling: the worst that an API can say."""
    secret = plant.password
    data = secret.encode()
    return " ".join(
        [
            *(value for name, value in call.headers if name.lower() not in ("host", "accept", "user-agent")),
            call.body.decode(),
            f"<{secret}>",
            plant.login,
            PROXY_PASSWORD,
            quote_plus(secret),
            json.dumps(secret),
            base64.b64encode(data).decode(),
            data.hex(),
            f"{secret[:16]}…",
            " ".join(secret.split()),
            ISSUED,
        ]
    )


def company(plant: Plant, reply: Callable[[Call], Answer], *, on_login: bool = False) -> Callable[[Call], Answer]:
    """Return how a payment company answers: it issues keys, and else replies as told.

    :param on_login: whether the request for a key gets that reply too.
    """

    def answer(call: Call) -> Answer:
        if not on_login and call.target.startswith("/o/token"):
            return Answer(body=json.dumps({"access_token": ISSUED, "expires_in": 3600}).encode())
        if not on_login and call.target.startswith("/api/v1/users/auth"):
            return Answer(body=json.dumps({"success": True, "statusCode": 200, "data": {"authKey": ISSUED}}).encode())
        return reply(call)

    return answer
