"""Octets in URLs: base64url without padding (RFC 4648 §5)."""

import base64


def written(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def read(text: str) -> bytes:
    """Raises `ValueError`, also for another spelling than ours of the same octets (RFC 4648 §3.5): what was changed is
    not taken."""
    octets = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if written(octets) != text:
        raise ValueError("not as it was written")
    return octets
