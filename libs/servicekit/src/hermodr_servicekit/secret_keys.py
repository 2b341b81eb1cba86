"""`HERMODR_SECRET_KEY`: what secrets of webhooks and of users' tokens are derived from, and
passwords of connections are sealed with."""

from hermodr_servicekit.links import LEAST_SECRET_BYTES


def secret_keys(text: str) -> list[bytes]:
    """One or several, separated by spaces. Raises `ValueError`."""
    found = [each.encode() for each in text.split()]
    if not found or any(len(each) < LEAST_SECRET_BYTES for each in found):
        raise ValueError(
            f"must have at least {LEAST_SECRET_BYTES} bytes, or several such separated by spaces"
        )
    return found
