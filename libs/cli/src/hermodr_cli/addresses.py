"""Where this machine's own installation listens (DESIGN §6)."""

from collections.abc import Mapping

DEFAULT_PORT_BASE = 8000
HIGHEST_PORT_BASE = 65_000


def port_base(environment: Mapping[str, str]) -> int:
    """Raises ValueError, naming the variable, unless it is a number that can be a port."""
    text = environment.get("HERMODR_PORT_BASE") or str(DEFAULT_PORT_BASE)
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) <= HIGHEST_PORT_BASE):
        raise ValueError(f"HERMODR_PORT_BASE: {text[:40]!r} is not a number from 1 to {HIGHEST_PORT_BASE}")
    return int(text)
