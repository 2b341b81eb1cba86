from datetime import datetime
from uuid import UUID

from pydantic import ConfigDict

from hermodr_api.senders.models import MailDefaultsIn, MailDefaultsView


class ProjectPatch(MailDefaultsIn):
    """The changes; fields left out stay."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reply_to": ["help@example.com"]}]})


class ProjectView(MailDefaultsView):
    """A project. `from` and `reply_to` hold for mails that do not say it themselves, nor their template."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "from": "Shop <shop@example.com>",
                    "reply_to": ["help@example.com"],
                    "id": "01a2018c-e359-7702-8eb3-8dd0fbf20000",
                    "name": "shop",
                    "created_at": "2026-11-22T09:00:00Z",
                }
            ]
        }
    )

    id: UUID
    name: str
    created_at: datetime
