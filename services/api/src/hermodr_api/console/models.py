from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field


class ConsoleLinkView(BaseModel):
    """A link to the console: whoever opens it first, before it ends, is there with the rights of the caller's key."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "url": "https://hermodr.example.com/console/enter/kJ2…",
                    "expires_at": "2026-11-30T09:05:00Z",
                }
            ]
        }
    )

    url: str | None = Field(description="`null` when the answer is repeated: it is shown once.")
    expires_at: datetime
