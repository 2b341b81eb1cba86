"""What makes the head of a request one that HTTP does not allow, or that nobody here can follow."""

from collections.abc import Sequence


def wrong_with(version: str, fields: Sequence[tuple[bytes, bytes]]) -> tuple[int, str] | None:
    """Status and words of a refusal; `None`: nothing. `fields` have their names in lower case.

    RFC 9112 §3.2 (one Host), §6.1 (codings of a transfer, none in HTTP/1.0, no length beside
    them); RFC 9110 §10.1.1 (what may be expected)."""
    hosts = codings = lengths = 0
    coded = expected = b""
    for name, value in fields:
        if name == b"host":
            hosts += 1
        elif name == b"transfer-encoding":
            codings += 1
            coded = value.strip().lower()
        elif name == b"content-length":
            lengths += 1
        elif name == b"expect" and value.strip().lower() != b"100-continue":
            expected = value
    if hosts > 1 or (not hosts and version != "1.0"):
        return 400, "a request names one Host"
    if codings:
        if version == "1.0":
            return 400, "HTTP/1.0 has no Transfer-Encoding"
        if lengths:
            return 400, "a body has a Content-Length or a Transfer-Encoding, not both"
        if codings > 1 or coded != b"chunked":
            return 501, "of transfer codings only chunked is understood"
    if expected and version != "1.0":
        return 417, "nothing can be expected but 100-continue"
    return None
