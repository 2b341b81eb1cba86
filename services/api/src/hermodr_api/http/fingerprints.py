"""What tells one request from another under the same idempotency key."""

import hashlib

from hermodr_api.http.json_text import canonical


def fingerprint(method: str, path: str, body: object) -> bytes:
    """Of the request's target, and of its body as `canonical` has it. `None` is no body."""
    value = canonical(body) if body is not None else b""
    return hashlib.sha256(b"\0".join((method.encode(), path.encode(), value))).digest()
