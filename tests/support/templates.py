from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID, uuid4

from hermodr_contracts.brands import Brand


@dataclass(frozen=True)
class Version:
    """Another template each time."""

    subject: str | None = "s"
    body_text: str | None = None
    body_html: str | None = None
    version: int = 1
    locale: str = "en"
    template_id: UUID = field(default_factory=uuid4)
    brand: Brand | None = None
