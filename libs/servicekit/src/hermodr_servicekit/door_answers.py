"""What the door answers by itself: problem documents (RFC 9457), as octets, for requests that reach no application."""

from http import HTTPStatus

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

_TITLES = {
    400: ("malformed-http", "This is not HTTP"),
    408: ("request-too-slow", "The request did not arrive in time"),
    413: ("too-large", "The body is too large"),
    417: ("expectation-failed", "This expectation cannot be met"),
    429: ("rate-limited", "Too many requests"),
    431: ("head-too-large", "The head of the request is too large"),
    501: ("not-implemented", "This is not understood here"),
    503: ("overloaded", "There are too many connections"),
}


def answer_of(status: int, detail: str) -> bytes:
    """A whole answer, after which the connection ends. `status` is one of `_TITLES`."""
    slug, title = _TITLES[status]
    document = {
        "type": f"urn:hermodr:problem:{slug}",
        "title": title,
        "status": status,
        "detail": detail,
        "errors": [],
        "request_id": "",
    }
    body = orjson.dumps(document)
    fields = [
        b"content-type: application/problem+json",
        b"content-length: %d" % len(body),
        b"cache-control: no-store",
        b"x-content-type-options: nosniff",
        b"connection: close",
    ]
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        fields.append(b"retry-after: 1")
    return STATUS_LINE[status] + b"\r\n".join(fields) + b"\r\n\r\n" + body
