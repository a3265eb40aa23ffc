"""Flows, held by hand: what they send, and what they do with the replies."""

from __future__ import annotations

import base64
import hashlib
import locale
import re
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from airflow_provider_payments.http.auth import (
    AcceptedKey,
    HeaderAuth,
    IssuedToken,
    TokenAuth,
    advance,
    client_credentials,
)
from airflow_provider_payments.http.messages import Request, Response
from airflow_provider_payments.http.signature import HttpSignature, signing_string

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
REQUEST = Request("GET", "https://api.example.com/payments", {"Accept": "application/json"})


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time

    def pass_by(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def read_key(response: Response, now: datetime) -> IssuedToken:
    """Read "key" or "key 3600"."""
    key, _, seconds = response.body.decode().partition(" ")
    if not key:
        raise ValueError("no key")
    return IssuedToken(key, now + timedelta(seconds=float(seconds)) if seconds else None)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def auth(clock: Clock) -> TokenAuth:
    return TokenAuth(
        token_request=Request("POST", "https://api.example.com/token", body=b"password", is_token_request=True),
        parse_token=read_key,
        headers=lambda key: {"Authorization": f"Bearer {key}"},
        permanent_secrets=("password",),
        now=clock,
    )


def key_of(request: Request | None) -> str:
    assert request is not None
    assert request.url == REQUEST.url
    return request.headers["Authorization"]


def issued(key: str) -> Response:
    return Response(200, body=key.encode())


def get_key(auth: TokenAuth, key: str) -> None:
    """Run a flow that has to ask for a key."""
    flow = auth.auth_flow(REQUEST)
    assert next(flow) is auth.token_request
    assert key_of(flow.send(issued(key))) == f"Bearer {key.split()[0]}"
    assert advance(flow, Response(200)) is None


def test_constant_headers() -> None:
    auth = HeaderAuth({"X-Key": "s3cret"}, ("s3cret",))
    flow = auth.auth_flow(REQUEST)
    assert next(flow).headers == {"Accept": "application/json", "X-Key": "s3cret"}
    assert advance(flow, Response(401)) is None
    assert (auth.secrets, "s3cret" in repr(auth)) == (("s3cret",), False)


def test_asks_for_a_key_once_and_keeps_it(auth: TokenAuth, clock: Clock) -> None:
    get_key(auth, "one 3600")
    for _ in range(3):
        clock.pass_by(1000)
        flow = auth.auth_flow(REQUEST)
        assert key_of(next(flow)) == "Bearer one"
        assert advance(flow, Response(500)) is None


@pytest.mark.parametrize(
    ("lifetime", "still", "stale"),
    [(3600, 3539, 3540), (120, 59, 60), (60, 29, 30), (1, 0.4, 0.5)],
)
def test_renews_a_key_before_it_expires(
    auth: TokenAuth, clock: Clock, lifetime: float, still: float, stale: float
) -> None:
    get_key(auth, f"one {lifetime}")
    clock.pass_by(still)
    assert key_of(next(auth.auth_flow(REQUEST))) == "Bearer one"
    clock.pass_by(stale - still)
    assert next(auth.auth_flow(REQUEST)) is auth.token_request


def test_a_key_that_tells_no_end_is_kept(auth: TokenAuth, clock: Clock) -> None:
    get_key(auth, "one")
    clock.pass_by(10**8)
    assert key_of(next(auth.auth_flow(REQUEST))) == "Bearer one"


@pytest.mark.parametrize("second", [200, 401])
def test_a_refused_key_is_renewed_once(auth: TokenAuth, second: int) -> None:
    get_key(auth, "one 3600")
    flow = auth.auth_flow(REQUEST)
    assert key_of(next(flow)) == "Bearer one"
    assert flow.send(Response(401)) is auth.token_request
    assert key_of(flow.send(issued("two 3600"))) == "Bearer two"
    assert advance(flow, Response(second)) is None


def test_a_fresh_key_that_is_refused_is_renewed_once_too(auth: TokenAuth) -> None:
    flow = auth.auth_flow(REQUEST)
    assert next(flow) is auth.token_request
    assert key_of(flow.send(issued("one"))) == "Bearer one"
    assert flow.send(Response(401)) is auth.token_request
    assert key_of(flow.send(issued("two"))) == "Bearer two"
    assert advance(flow, Response(401)) is None


def test_flows_that_were_under_way_share_one_renewal(auth: TokenAuth) -> None:
    get_key(auth, "one")
    flows = [auth.auth_flow(REQUEST) for _ in range(3)]
    assert {key_of(next(flow)) for flow in flows} == {"Bearer one"}
    assert flows[1].send(Response(401)) is auth.token_request
    assert key_of(flows[1].send(issued("two"))) == "Bearer two"
    assert key_of(flows[0].send(Response(401))) == "Bearer two"
    assert key_of(flows[2].send(Response(401))) == "Bearer two"
    assert [advance(flow, Response(200)) for flow in flows] == [None] * 3


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500])
def test_a_refused_renewal_ends_the_flow_and_the_next_one_asks_again(auth: TokenAuth, status: int) -> None:
    flow = auth.auth_flow(REQUEST)
    assert next(flow) is auth.token_request
    assert advance(flow, Response(status)) is None
    get_key(auth, "one")
    used, late = auth.auth_flow(REQUEST), auth.auth_flow(REQUEST)
    next(used), next(late)
    assert used.send(Response(401)) is auth.token_request
    assert advance(used, Response(status)) is None
    assert next(auth.auth_flow(REQUEST)) is auth.token_request
    assert late.send(Response(401)) is auth.token_request  # its own key may have ended just the same


def test_a_reply_without_a_key_is_an_error(auth: TokenAuth) -> None:
    flow = auth.auth_flow(REQUEST)
    next(flow)
    with pytest.raises(ValueError, match="no key"):
        flow.send(issued(""))
    assert next(auth.auth_flow(REQUEST)) is auth.token_request


def test_a_renewed_key_that_is_refused_as_well_is_renewed_again_and_tried_alone(auth: TokenAuth) -> None:
    get_key(auth, "one")
    renewing, late, waiting = (auth.auth_flow(REQUEST) for _ in range(3))
    assert {key_of(next(flow)) for flow in (renewing, late, waiting)} == {"Bearer one"}
    assert renewing.send(Response(401)) is auth.token_request
    first_use = renewing.send(issued("two"))
    assert (key_of(first_use), first_use.is_exclusive) == ("Bearer two", True)
    assert advance(renewing, Response(200)) is None
    shared = late.send(Response(401))
    assert (key_of(shared), shared.is_exclusive) == ("Bearer two", False)
    assert late.send(Response(401)) is auth.token_request
    first_use = late.send(issued("three"))
    assert (key_of(first_use), first_use.is_exclusive) == ("Bearer three", True)
    assert key_of(waiting.send(Response(401))) == "Bearer three"
    assert advance(late, Response(401)) is None  # refused: nobody else can have used it up


def test_keys_that_were_renewed_stay_secret_for_a_while(auth: TokenAuth) -> None:
    for number in range(100):
        flow = auth.auth_flow(REQUEST)
        if next(flow) is not auth.token_request:
            assert flow.send(Response(401)) is auth.token_request
        assert key_of(flow.send(issued(f"key-{number}"))) == f"Bearer key-{number}"
    assert {"password", *(f"key-{number}" for number in range(83, 100))} == set(auth.secrets)


def test_every_secret_is_named_and_none_is_shown(auth: TokenAuth) -> None:
    assert auth.secrets == ("password",)
    get_key(auth, "one 3600")
    assert auth.secrets == ("password", "one")
    assert "password" not in repr(auth)
    assert "one" not in repr(auth)


@pytest.mark.parametrize("in_body", [False, True])
def test_client_credentials(in_body: bool, clock: Clock) -> None:
    auth = client_credentials(
        "https://api.example.com/o/token/",
        client_id="id:ü",
        client_secret="se&cret=+",
        scope="read write",
        in_body=in_body,
        parse_token=read_key,
        now=clock,
    )
    flow = auth.auth_flow(REQUEST)
    asked = next(flow)
    form = parse_qs(asked.body.decode(), strict_parsing=True)
    # RFC 6749, section 2.3.1: form-encoded first, so that whoever decodes gets what was meant.
    encoded_secret = "se%26cret%3D%2B"
    basic = "Basic " + base64.b64encode(f"id%3A%C3%BC:{encoded_secret}".encode()).decode()
    own: dict[str, Any] = {"client_id": ["id:ü"], "client_secret": ["se&cret=+"]} if in_body else {}
    assert form == {"grant_type": ["client_credentials"], "scope": ["read write"], **own}
    assert asked.headers.get("Authorization") == (None if in_body else basic)
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert (asked.method, asked.url, asked.is_token_request) == ("POST", "https://api.example.com/o/token/", True)
    assert key_of(flow.send(issued("i55ued"))) == "Bearer i55ued"
    assert {"se&cret=+", encoded_secret, basic.removeprefix("Basic "), "i55ued"} <= set(auth.secrets)
    assert not any(secret in repr(auth) for secret in auth.secrets)


# HTTP signatures. https://developers.satispay.com/reference/sign-the-string

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
DATE = datetime(2019, 3, 18, 15, 10, 24, tzinfo=timezone.utc)
PUBLISHED_DATE = "Mon, 18 Mar 2019 15:10:24 +0000"
EMPTY = "SHA-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
PRODUCTION = "https://authservices.satispay.com/g_business/v1/payments"


@pytest.mark.parametrize(
    ("method", "url", "digest", "length", "sha256"),
    [
        (
            "POST",
            "https://staging.authservices.satispay.com/wally-services/protocol/tests/signature",
            "SHA-256=ZML76UQPYzw5yDTmhySnU1S8nmqGde/jhqOG5rpfVSI=",
            202,
            "6c311553a23ce626cae9809e17ffe95ab2087bc2f73f3b008eca884f310b8cd7",
        ),
        (
            "GET",
            f"{PRODUCTION}?status=ACCEPTED",
            EMPTY,
            192,
            "9e3e2b3487eb47cdb59969541ef9d9710a296769d61b472c12fa8bd6233639ee",
        ),
        (
            "GET",
            f"{PRODUCTION}?status=PENDING&limit=100",
            EMPTY,
            201,
            "cb50c193878903f1784c6eafd737d98682b458c75f40871ee2c57b7e249b5e04",
        ),
        (
            "GET",
            f"{PRODUCTION}/5a62264a-50c2-4f83-b21b-108ece88a442",
            EMPTY,
            213,
            "6b1f3650695583552e8fbd0ba49bd207f0e1ba396e799806eb0417e37b16e584",
        ),
    ],
)
def test_the_published_messages(method: str, url: str, digest: str, length: int, sha256: str) -> None:
    message = signing_string(Request(method, url), date=PUBLISHED_DATE, digest=digest)
    assert (len(message), hashlib.sha256(message).hexdigest()) == (length, sha256)


def sign(request: Request, now: datetime = DATE) -> dict[str, str]:
    flow = HttpSignature("the-key-id", KEY, now=lambda: now).auth_flow(request)
    signed = next(flow)
    assert advance(flow, Response(401)) is None
    assert (signed.method, signed.url, signed.body) == (request.method, request.url, request.body)
    return dict(signed.headers)


def signature_of(authorization: str) -> bytes:
    return base64.b64decode(re.findall(r'signature="([^"]+)"', authorization)[0], validate=True)


@pytest.mark.parametrize(
    "request_",
    [
        Request("GET", f"{PRODUCTION}?status=PENDING&limit=100"),
        Request("GET", f"{PRODUCTION}/5a62264a?x=%2B%20%C3%BC"),
        Request("POST", "http://127.0.0.1:8085/satispay/g_business/v1/payments", body='{"ü": 1}'.encode()),
    ],
)
def test_an_independent_implementation_gives_the_same_bytes(request_: Request) -> None:
    from httpsig import HeaderSigner

    headers = sign(request_)
    pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    names = ["(request-target)", "host", "date", "digest"]
    theirs = HeaderSigner("the-key-id", pem, algorithm="rsa-sha256", headers=names).sign(
        {"Date": headers["Date"], "Digest": headers["Digest"]},
        host=request_.host,
        method=request_.method,
        path=request_.target,
    )
    assert signature_of(headers["Authorization"]) == signature_of(theirs["authorization"])


def test_the_headers_of_a_signature() -> None:
    headers = sign(Request("GET", f"{PRODUCTION}?status=ACCEPTED", {"Accept": "application/json"}))
    assert headers.pop("Authorization").startswith(
        'Signature keyId="the-key-id", algorithm="rsa-sha256", headers="(request-target) host date digest", signature="'
    )
    assert headers == {
        "Accept": "application/json",
        "Host": "authservices.satispay.com",
        "Date": PUBLISHED_DATE,
        "Digest": EMPTY,
    }


def test_a_signature_verifies_over_the_body_that_is_sent() -> None:
    # The body of the published digest: https://developers.satispay.com/reference/create-the-digest
    body = b'{\n  "flow": "MATCH_CODE",\n  "amount_unit": 100,\n  "currency": "EUR"\n}'
    request = Request("POST", PRODUCTION, body=body)
    headers = sign(request)
    assert headers["Digest"] == "SHA-256=ZML76UQPYzw5yDTmhySnU1S8nmqGde/jhqOG5rpfVSI="
    message = signing_string(request, date=headers["Date"], digest=headers["Digest"])
    KEY.public_key().verify(signature_of(headers["Authorization"]), message, PKCS1v15(), SHA256())


def test_every_attempt_is_dated_afresh_in_utc() -> None:
    there = timezone(timedelta(hours=9))
    assert sign(REQUEST, datetime(2019, 3, 19, 0, 10, 24, 999_999, tzinfo=there))["Date"] == PUBLISHED_DATE
    auth, times = HttpSignature("id", KEY, now=lambda: times.pop()), [DATE + timedelta(seconds=1), DATE]
    first, second = (next(auth.auth_flow(REQUEST)) for _ in range(2))
    assert first.headers["Date"] != second.headers["Date"]
    assert first.headers["Authorization"] != second.headers["Authorization"]


def test_the_date_is_english_on_every_machine() -> None:
    before = locale.setlocale(locale.LC_TIME)
    try:
        for name in ("it_IT.UTF-8", "de_DE.UTF-8", "fr_FR.UTF-8", "C.UTF-8"):
            try:
                locale.setlocale(locale.LC_TIME, name)
            except locale.Error:
                continue
            assert sign(REQUEST)["Date"] == PUBLISHED_DATE
    finally:
        locale.setlocale(locale.LC_TIME, before)


def test_a_private_key_is_not_shown() -> None:
    auth = HttpSignature("id", KEY, private_secrets=("MIIE",))
    assert auth.secrets == ("MIIE",)
    assert "MIIE" not in repr(auth)
    assert "RSA" not in repr(auth)


def test_a_key_that_was_accepted_may_be_refused_for_a_minute() -> None:
    now = 1000.0
    key = AcceptedKey(lambda: now)
    assert not key.refuse()  # never accepted
    key.accept()
    assert key.refuse()
    now += 59
    assert key.refuse()
    now += 2
    assert not key.refuse()
    key.accept()
    assert key.refuse()
