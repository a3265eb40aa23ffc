"""Ways to authenticate requests. Each is a flow: given a request, it yields what to send, and is sent the responses.

A flow yields its own requests for tokens too (``Request.is_token_request``), so that transport, time-outs, pacing
and counting see them. While such a request is under way, or the first with a new key, no other flow goes on. No flow
opens a connection, reads a clock it was not given, or knows whether it is awaited.
A new flow runs for every attempt, so a retry is signed afresh.
"""

from __future__ import annotations

import base64
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import ClassVar
from urllib.parse import quote_plus, urlencode, urlsplit

from airflow_provider_payments.exceptions import PaymentsError, PaymentsProtocolError
from airflow_provider_payments.http.messages import Request, Response
from airflow_provider_payments.http.redaction import Unpicklable, without_traceback

AuthFlow = Generator[Request, Response, None]
#: Former tokens that are kept out of messages as well: this many, the latest.
_FORMER_TOKENS = 16
#: Seconds in which a key that was accepted may be refused. Then it was revoked, and asking on is of no use.
_REFUSAL_PASSES = 60.0


def utc_now() -> datetime:
    """The time now, in UTC."""
    return datetime.now(timezone.utc)


class Auth(Unpicklable, ABC):
    """A way to authenticate requests."""

    #: Whether a request takes so long to compute (milliseconds) that no event loop should do it.
    is_slow: ClassVar[bool] = False
    #: Whether a key that is refused is renewed. One that cannot be, and was accepted before, may be accepted again.
    renews_key: ClassVar[bool] = False

    @abstractmethod
    def auth_flow(self, request: Request) -> AuthFlow:
        """Yield the requests to send, the given one (with credentials) among them, and receive their responses."""

    @property
    @abstractmethod
    def secrets(self) -> tuple[str, ...]:
        """Every text that must not show up in a message."""


class AcceptedKey:
    """A key that the API has accepted. When it is refused after that, this may pass: for a minute.

    :param clock: seconds, as ``time.monotonic``.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._is_accepted = False
        self._refused_at: float | None = None

    def accept(self) -> None:
        """Note that the API has accepted the key."""
        self._is_accepted, self._refused_at = True, None

    def refuse(self) -> bool:
        """Note that the API has refused the key; return whether that may pass."""
        now = self._clock()
        if self._refused_at is None:
            self._refused_at = now
        return self._is_accepted and now - self._refused_at < _REFUSAL_PASSES


def advance(flow: AuthFlow, response: Response | None = None) -> Request | None:
    """Give a flow the last response and return the next request, or None when it has ended."""
    try:
        return next(flow) if response is None else flow.send(response)
    except StopIteration:
        return None


@dataclass(frozen=True)
class HeaderAuth(Auth):
    """Constant headers: ``HeaderAuth({"X-API-Key": key}, (key,))``.

    :param headers: added to every request.
    :param secret_values: what in them must not show up in a message.
    """

    headers: Mapping[str, str] = field(repr=False)
    secret_values: tuple[str, ...] = field(repr=False)

    def auth_flow(self, request: Request) -> AuthFlow:
        yield request.with_headers(self.headers)

    @property
    def secrets(self) -> tuple[str, ...]:
        return self.secret_values


@dataclass(frozen=True)
class IssuedToken(Unpicklable):
    """A token or session key that an API issued.

    :param expires_at: None when the API does not say.
    """

    value: str = field(repr=False)
    expires_at: datetime | None = None


@dataclass
class TokenAuth(Auth):
    """Credentials that are exchanged for a token which expires: OAuth 2.0 client credentials, a user's login.

    The token is kept in memory, shared by all requests, and renewed before it expires. A token that was accepted may be
    refused at any time later: a 401 means that it has ended, and requests may be many that learn it at once. The first
    of them renews it, and the others use the new one. Each request renews a token once at most, and is then the first
    to use the new one; when that is refused as well, the credentials are.

    :param token_request: the request that gets a token.
    :param parse_token: finds the token in the response, given the time; raises when there is none.
    :param headers: the headers that carry a token.
    :param permanent_secrets: what ``token_request`` carries.
    """

    renews_key: ClassVar[bool] = True

    token_request: Request
    parse_token: Callable[[Response, datetime], IssuedToken]
    headers: Callable[[str], Mapping[str, str]]
    permanent_secrets: tuple[str, ...] = field(repr=False)
    now: Callable[[], datetime] = utc_now
    renew_before: timedelta = timedelta(seconds=60)
    _token: IssuedToken | None = field(default=None, repr=False)
    _former: deque[str] = field(default_factory=partial(deque, maxlen=_FORMER_TOKENS), repr=False)
    _issued_at: datetime | None = field(default=None, repr=False)

    def auth_flow(self, request: Request) -> AuthFlow:
        if self._is_stale() and not (yield from self._renew()):
            return
        token = self._token
        response = yield self._sign(request)
        if response.status == 401 and self._token is not None and self._token is not token:
            # Another flow has renewed the token while this request was under way.
            response = yield self._sign(request)
        if response.status == 401 and (yield from self._renew()):
            # Alone, so that no other request uses up the new token: that it is refused can only mean what it says.
            yield replace(self._sign(request), is_first_use=True)

    def _sign(self, request: Request) -> Request:
        assert self._token is not None  # noqa: S101 - flows renew it first
        return request.with_headers(self.headers(self._token.value))

    def _is_stale(self) -> bool:
        if self._token is None or self._issued_at is None:
            return True
        if self._token.expires_at is None:
            return False
        # A token that lives shorter than twice the margin is renewed at half its life.
        margin = min(self.renew_before, (self._token.expires_at - self._issued_at) / 2)
        return self.now() >= self._token.expires_at - margin

    def _renew(self) -> Generator[Request, Response, bool]:
        """Ask for a token. False when none comes: the flow ends, and the response is handled like any other."""
        response = yield self.token_request
        if response.status not in (200, 201):
            self._replace(None)
            return False
        self._issued_at = self.now()
        try:
            token = self.parse_token(response, self._issued_at)
        except PaymentsError as error:
            trouble = without_traceback(error)  # a token by another name may be in them
        else:
            self._accept(token)
            return True
        raise trouble

    def _accept(self, token: IssuedToken) -> None:
        if not (token.value.strip() and token.value.isascii() and token.value.isprintable()):
            # HTTP libraries would quote it in their own error.
            raise PaymentsProtocolError(
                f"The key that {urlsplit(self.token_request.url).path} issued does not fit into a header."
            )
        self._replace(token)

    def _replace(self, token: IssuedToken | None) -> None:
        if self._token is not None:
            self._former.append(self._token.value)
        self._token = token

    @property
    def secrets(self) -> tuple[str, ...]:
        # A response that is late may repeat a token that was renewed meanwhile.
        return (*self.permanent_secrets, *((self._token.value,) if self._token else ()), *self._former)


def client_credentials(
    token_url: str,
    *,
    client_id: str,
    client_secret: str,
    scope: str | None,
    in_body: bool,
    parse_token: Callable[[Response, datetime], IssuedToken],
    now: Callable[[], datetime] = utc_now,
) -> TokenAuth:
    """OAuth 2.0 client credentials (RFC 6749, section 4.4), sent on as a bearer token.

    :param scope: what to ask for; None to ask for nothing in particular.
    :param in_body: client id and secret as form fields rather than by HTTP Basic, form-encoded (section 2.3.1).
    """
    form = {"grant_type": "client_credentials", **({"scope": scope} if scope is not None else {})}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    encoded_secret = quote_plus(client_secret)
    basic = base64.b64encode(f"{quote_plus(client_id)}:{encoded_secret}".encode()).decode()
    decoded = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()  # whoever decodes may say it like this
    if in_body:
        form |= {"client_id": client_id, "client_secret": client_secret}
    else:
        headers["Authorization"] = f"Basic {basic}"
    return TokenAuth(
        token_request=Request("POST", token_url, headers, urlencode(form).encode(), is_token_request=True),
        parse_token=parse_token,
        headers=lambda token: {"Authorization": f"Bearer {token}"},
        permanent_secrets=(client_secret, encoded_secret, basic, decoded),
        now=now,
    )
