import hashlib

from hermodr_api.http.json_text import canonical


def fingerprint(method: str, path: str, body: object) -> bytes:
    """Of method, path and canonical body; `None` means no body."""
    value = canonical(body) if body is not None else b""
    return hashlib.sha256(b"\0".join((method.encode(), path.encode(), value))).digest()
