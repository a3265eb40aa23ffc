"""What an API says of an error, in the shapes that APIs give their errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from airflow_provider_payments.http.messages import Response
from airflow_provider_payments.texts import decode_json

#: What decoding a response may raise: malformed JSON, not UTF-8, nested without end.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

#: Where APIs tell the id of a request, besides the body.
_REQUEST_ID_HEADERS = ("x-request-id", "request-id", "paypal-debug-id", "x-satispay-cid", "x-correlation-id")


@dataclass(frozen=True)
class ErrorBody:
    """What an API says of an error.

    :param code: the word, or the number as text, that programs tell errors apart by.
    :param message: the sentence for people.
    :param request_id: what to tell the API's support.
    """

    code: str | None = None
    message: str | None = None
    request_id: str | None = None


def parse_error_body(response: Response) -> ErrorBody:
    """Find code, message and request id in the shapes that APIs give their errors. What is absent stays None.

    ``{"error": {"code", "message"}}``, ``{"error": {"type", "message"}}``, ``{"error": "code", "message"}``,
    ``{"error": {"code", "message", "errors": [{"reason", "message"}]}}``, ``{"code", "message", "wlt"}``,
    ``{"name", "message", "debug_id", "details": [{"issue"}]}``,
    ``{"detail"}``, ``{"errors": [{"code", "details", "correlationId"}]}``.
    """
    body = read_object(response) or {}
    outer = body.get("error") or _first_of(body.get("errors"))
    if isinstance(outer, str):
        outer = {"code": outer}
    error = outer if isinstance(outer, dict) else {}
    inner = _first_of(error.get("errors"))
    particular = inner if isinstance(inner, dict) else {}

    def first(*names: str) -> str | None:
        for each in (particular, error, body):
            for name in names:
                if isinstance(each.get(name), str | int) and each[name] != "":
                    return str(each[name])
        return None

    # A code beside reasons is the HTTP status once more; and a type is less particular than a code.
    reason, kind, name = (
        each if isinstance(each, str) else None
        for each in (particular.get("reason"), error.get("type"), body.get("name"))
    )
    detail = _first_of(body.get("details"))
    issue = detail.get("issue") if isinstance(detail, dict) else None
    said = (first("message", "details", "detail", "description", "error_description"), issue)
    ids = ("request_id", "requestId", "correlationId", "wlt", "debug_id")
    headers = (response.headers.get(name) for name in _REQUEST_ID_HEADERS)
    return ErrorBody(
        code=reason or first("code") or kind or name,
        message=" ".join(each for each in said if isinstance(each, str) and each) or None,
        request_id=first(*ids) or next(filter(None, headers), None),
    )


def read_object(response: Response) -> dict[str, Any] | None:
    """Return a response's JSON object; None when it is none."""
    try:
        body = decode_json(response.body)
    except UNREADABLE:
        return None
    return body if isinstance(body, dict) else None


def _first_of(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else None
