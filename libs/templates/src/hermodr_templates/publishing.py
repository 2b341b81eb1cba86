"""What becomes of a text when it is saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Published:
    """x"""

    compiled_html: str | None


def publish(texts: dict[str, Any]) -> Published:
    return Published(texts.get("compiled_html"))
