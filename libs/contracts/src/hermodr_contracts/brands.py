"""How people see a project, in what templates say of it."""

from typing import NamedTuple
from uuid import UUID

LOGOS = "/brand"
"""Of the api: where mails have logos from."""
DIGEST = 16
"""Characters of it in a logo's address."""


class Brand(NamedTuple):
    """`color`: `#rrggbb`. `logo` is a digest of the picture, so that another picture has another address."""

    project_id: UUID
    name: str
    color: str | None = None
    logo: str | None = None

    @property
    def logo_path(self) -> str | None:
        return f"{LOGOS}/{self.project_id}/{self.logo}" if self.logo is not None else None
