from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ConfigDict, Field, StrictBool

from hermodr_api.http.json_text import dump
from hermodr_api.projects.brand import EXAMPLE, Brand
from hermodr_api.projects.quotas import LIMITS, USAGE, QuotasView, UsageView
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

    users_export_contents: StrictBool = Field(
        default=False,
        description="Whether exports that end users make of their data hold contents (bodies, data, metadata).",
        examples=[True],
    )

    brand: Brand | None = Field(
        default=None,
        description="How people see the project, in place of what is there; `null` takes it away.",
        examples=[EXAMPLE],
    )

    @property
    def values(self) -> dict[str, object]:
        """By column, those that are given."""
        given = {
            "caps": dump([each.model_dump(mode="json") for each in self.caps]) if self.caps else None,
            "users_export_contents": self.users_export_contents,
            "brand": dump(self.brand.model_dump(mode="json")) if self.brand is not None else None,
        }
        return self.mail | {name: value for name, value in given.items() if name in self.model_fields_set}


class ProjectView(MailDefaultsView):
    """A project. `from` and `reply_to` hold for mails that do not say it themselves, nor their template."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "from": "Shop <shop@example.com>",
                    "reply_to": ["help@example.com"],
                    "caps": [{"max": 10, "per": "24h", "types": None, "overflow": "defer"}],
                    "users_export_contents": False,
                    "brand": EXAMPLE,
                    "id": "01a2018c-e359-7702-8eb3-8dd0fbf20000",
                    "name": "shop",
                    "quotas": LIMITS,
                    "usage": USAGE,
                    "created_at": "2026-11-22T09:00:00Z",
                }
            ]
        }
    )

    id: UUID
    name: str
    caps: list[dict[str, Any]]
    users_export_contents: bool
    brand: Brand | None
    quotas: QuotasView
    usage: UsageView
    created_at: datetime
