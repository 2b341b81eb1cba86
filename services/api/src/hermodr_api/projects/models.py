from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ConfigDict, Field

from hermodr_api.http.json_text import dump
from hermodr_api.recipients.caps import Caps
from hermodr_api.senders.models import MailDefaultsIn, MailDefaultsView


class ProjectPatch(MailDefaultsIn):
    """The changes; fields left out stay."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reply_to": ["help@example.com"]}]})

    caps: Caps | None = Field(
        default=None,
        description="Frequency caps that hold for each recipient of the project, in place of the present ones; `null` "
        "and `[]` take them away.",
        examples=[[{"max": 10, "per": "24h", "overflow": "defer"}]],
    )

    @property
    def values(self) -> dict[str, object]:
        """By column, those that are given."""
        if "caps" not in self.model_fields_set:
            return self.mail
        return {
            **self.mail,
            "caps": dump([each.model_dump(mode="json") for each in self.caps]) if self.caps else None,
        }


class ProjectView(MailDefaultsView):
    """A project. `from` and `reply_to` hold for mails that do not say it themselves, nor their template."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "from": "Shop <shop@example.com>",
                    "reply_to": ["help@example.com"],
                    "caps": [{"max": 10, "per": "24h", "types": None, "overflow": "defer"}],
                    "id": "01a2018c-e359-7702-8eb3-8dd0fbf20000",
                    "name": "shop",
                    "created_at": "2026-11-22T09:00:00Z",
                }
            ]
        }
    )

    id: UUID
    name: str
    caps: list[dict[str, Any]]
    created_at: datetime
