"""What a response means: fine, or which error."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_payments.exceptions import (
    PaymentsAuthError,
    PaymentsConfigError,
    PaymentsError,
    PaymentsProtocolError,
    PaymentsRequestError,
    PaymentsThrottled,
    PaymentsUnavailable,
)
from airflow_provider_payments.http.body import MAX_BODY, BodyUnreadable, ResponseTooSlow
from airflow_provider_payments.http.causes import (
    advise,
    describe_cause,
    explain_tls,
    find_proxy_status,
    is_malformed,
    origin_of,
)
from airflow_provider_payments.http.error_body import ErrorBody, parse_error_body, read_object
from airflow_provider_payments.http.messages import Request, Response
from airflow_provider_payments.http.redaction import redact
from airflow_provider_payments.http.retry import parse_reset, parse_retry_after
from airflow_provider_payments.texts import escape_controls

#: Statuses below 500 that may pass: those that RFC 9110 and RFC 8470 call so (408, 421, 425), and those by which
#: servers and gateways say without a standard that they are busy or that somebody hung up (420, 430, 460, 499).
PASSING = frozenset({408, 420, 421, 425, 430, 460, 499})

#: Errors of a token endpoint: RFC 6749, section 5.2.
_TOKEN_ERRORS = frozenset(
    {"invalid_request", "invalid_client", "invalid_grant", "invalid_scope"}
    | {"unauthorized_client", "unsupported_grant_type"}
)
#: Errors of an API for a token that it refuses: RFC 6750, section 3.1.
_BEARER_ERRORS = frozenset({"invalid_token", "insufficient_scope"})

_LONGEST_TEXT = 200
#: Stripe names the permission that a key lacks after 220 characters.
_LONGEST_MESSAGE = 300


@dataclass(frozen=True)
class ErrorMapper:
    """Turns responses of one API into errors.

    :param provider: the API's name, for messages.
    :param throttle_codes: pairs of status and error code that mean "wait", besides 429.
    :param error_fields: fields of which each error of the API has one, see :meth:`is_own_error`; none where the API
        does not tell.
    :param credentials: what to check when the API refuses them, and in which connection.
    :param may_pass: whether the API's 401 may pass, for it has accepted the key before. Asked at each 401.
    :param proxy_for: returns the proxy that requests to a URL go through.
    :param secrets: returns every text that must not show up in a message.
    """

    provider: str
    throttle_codes: Collection[tuple[int, str]] = ()
    error_fields: Collection[str] = ()
    credentials: str = "the credentials of the connection"
    may_pass: Callable[[], bool] = lambda: False
    proxy_for: Callable[[str], str | None] = lambda url: None
    secrets: Callable[[], tuple[str, ...]] = field(default=tuple, repr=False)
    now: Callable[[], datetime] = lambda: datetime.now(timezone.utc)

    def raise_for_error(self, request: Request, response: Response, *, status: int | None = None) -> None:
        """Raise the error that a response means, if it means one.

        :param status: the status that the response's body tells, where that counts.
        """
        status = status or response.status
        if status in (200, 203):  # 203 is a 200 that a proxy has passed on
            return
        error_body = self._parse_error_body(request, response)
        text = self._describe(request, status, error_body)
        retry_after = parse_retry_after(response.headers.get("retry-after"), self.now())
        if status == 429 and retry_after is None:
            retry_after = parse_reset(response.headers.get("ratelimit-reset"), self.now())
        if 300 <= status < 400:
            origin = self.redact(origin_of(response.headers.get("location", "")))
            raise PaymentsProtocolError(
                f"{text} The API redirects to {origin}; redirects are not followed, for the request carries "
                "credentials. Set the connection's host to where the API really is."
            )
        if status == 429 or (status, error_body.code) in self.throttle_codes:
            raise PaymentsThrottled(text, retry_after)
        words = _TOKEN_ERRORS if request.is_token_request else _BEARER_ERRORS
        is_own = self.is_own_error(response) or _read_oauth_error(response) in words
        is_refusal = status in (401, 403) or (request.is_token_request and status == 400 and is_own)
        if status == 401 and is_own and not request.is_token_request and self.may_pass():
            text = f"{text} It has accepted this key before, so that may pass. If it stays, check {self.credentials}."
            raise PaymentsUnavailable(text, status)
        if is_refusal and is_own:
            raise PaymentsAuthError(f"{text} Check {self.credentials}.")
        # A page of HTML, or a success without what was asked for (a firewall's 202, say), is not from the API. Nor does
        # a 404 of a gateway, which knows no way to it, mean that there is no such payment.
        is_foreign = not is_own and (status < 300 or status == 404 or _is_page(response))
        if status == 407:
            text = f"{text} {self._name_proxy(request.url)} asks for a name and a password of its own: see 'proxies'."
        elif is_refusal or is_foreign:
            text = f"{text} {self._doubt_sender(response)}"
        if is_refusal or is_foreign or status == 407 or status in PASSING or status >= 500 or retry_after:
            raise PaymentsThrottled(text, retry_after) if retry_after else PaymentsUnavailable(text, status)
        raise PaymentsRequestError(text, status, error_body.code)

    def is_own_error(self, response: Response) -> bool:
        """Whether a response is an error in the API's own words, rather than in those of something in between.

        Gateways and firewalls answer with pages, with nothing, with ``{"message": "Forbidden"}``, with the words of a
        web framework (``{"error": "Not Found"}``), or with "problem details" (RFC 9457), which have a title. So an
        API's fields are what those do not have: ``error.type`` is one within an object, or within the first one of a
        list; ``title _links`` are several that are there together. A title has to be among them.

        With a 404, what is within counts as well, and a ``code`` that repeats the HTTP status does not, nor does an
        empty object: taken for the API's own, it would mean that there is no such payment. Any other error is the API's
        own by the outer fields, for nothing is worse than to send a wrong key again and again.
        """
        is_missing = response.status == 404
        body = read_object(response)
        if body is None:
            return False
        if not body:
            return not is_missing
        if not self.error_fields:
            return True
        shapes = [each.split() for each in self.error_fields]
        return any(
            all(_has_field(body, name) if is_missing else name.partition(".")[0] in body for name in names)
            for names in shapes
            if "title" in names or "title" not in body
        )

    def refuse(self, request: Request, response: Response) -> PaymentsRequestError:
        """Return the error for a response whose body tells of a refusal, whatever its HTTP status."""
        error_body = self._parse_error_body(request, response)
        return PaymentsRequestError(
            self._describe(request, response.status, error_body), response.status, error_body.code
        )

    def unreadable(self, request: Request, response: Response, reason: str) -> PaymentsProtocolError:
        """Return the error for a response that is not what the API documents."""
        return PaymentsProtocolError(
            self.redact(
                f"{self.provider}: the reply to {request.method} {urlsplit(request.url).path} is not what the API "
                f"documents: {reason} ({_describe_body(response)})"
            )
        )

    def too_large(self, request: Request) -> PaymentsProtocolError:
        """Return the error for a response that is not read to its end."""
        return PaymentsProtocolError(
            f"{self.provider}: the reply to {request.method} {urlsplit(request.url).path} is larger than "
            f"{MAX_BODY // 2**20} MiB, which no page of payments should be. If yours are, set a smaller 'page_size' in "
            "the connection's extra."
        )

    def unreachable(self, request: Request, error: Exception) -> PaymentsError:
        """Return the error for a request that got no response.

        Clients do not raise it from the library's error (see ``redaction.without_traceback``), so the message tells the
        reason.
        """
        url = urlsplit(request.url)
        text = f"{self.provider}: no reply from {url.scheme}://{url.netloc} to {request.method} {url.path}: "
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return PaymentsConfigError(self.redact(text + explain_tls(error)))
        proxy = self._name_proxy(request.url)
        if status := find_proxy_status(error):
            reason = f"{proxy} lets no request through (HTTP {status}). Check 'proxies', or ask who runs it."
        elif isinstance(error, ResponseTooSlow):
            reason = "it was not whole in time. Raise 'timeout' in the connection's extra, or lower 'page_size'."
        elif isinstance(error, BodyUnreadable) or is_malformed(error):
            reason = "what came is no whole reply, or not packed as it says. Look at proxies and gateways in between."
        else:
            reason = f"{describe_cause(error)} {advise(error, proxy)}".rstrip()
        return PaymentsUnavailable(self.redact(text + reason))

    def redact(self, text: str, more: Iterable[str] = ()) -> str:
        """Take secrets out of a text."""
        return redact(text, (*self.secrets(), *more))

    def _doubt_sender(self, response: Response) -> str:
        body = self.redact(_describe_body(response))
        then = "the connection's host" if response.status == 404 else self.credentials
        return (
            f"That is not how {self.provider} words an error ({body}), so it may come from a proxy or a firewall in "
            f"between, and pass. If it stays, look there first, and then check {then}."
        )

    def _name_proxy(self, url: str) -> str:
        proxy = self.proxy_for(url)
        return f"The proxy {origin_of(proxy)}" if proxy else "A proxy in between"

    def _parse_error_body(self, request: Request, response: Response) -> ErrorBody:
        """Read what the API says, without what it may repeat of the request's credentials."""
        sent = re.findall(r"[\w+/=.~-]{16,}", request.headers.get("Authorization", ""))

        def clean(text: str | None, length: int = _LONGEST_TEXT) -> str | None:
            return None if text is None else escape_controls(self.redact(text, sent))[:length]

        said = parse_error_body(response)
        return ErrorBody(clean(said.code), clean(said.message, _LONGEST_MESSAGE), clean(said.request_id))

    def _describe(self, request: Request, status: int, error_body: ErrorBody) -> str:
        details = [
            f"{name} {value}"
            for name, value in (("code", error_body.code), ("request id", error_body.request_id))
            if value is not None
        ]
        said = f" ({', '.join(details)})" if details else ""
        message = (error_body.message or "").rstrip(".")
        path = urlsplit(request.url).path
        return f"{self.provider} answered {request.method} {path} with HTTP {status}{said}" + (
            f": {message}." if message else "."
        )


def _has_field(body: dict[str, Any], path: str) -> bool:
    value: Any = body
    for name in path.split("."):
        value = value[0] if isinstance(value, list) and value else value
        if not isinstance(value, dict) or name not in value:
            return False
        value = value[name]
    return name != "code" or str(value) != "404"


def _read_oauth_error(response: Response) -> str | None:
    error = (read_object(response) or {}).get("error")
    return error if isinstance(error, str) else None


def _is_page(response: Response) -> bool:
    return response.body.lstrip().startswith(b"<")


def _describe_body(response: Response) -> str:
    kind = escape_controls(response.headers.get("content-type", "").split(";")[0])[:_LONGEST_TEXT]
    return f"{len(response.body)} bytes of {kind or 'unknown type'}"
