"""How the secret of a recipient's own URL is shown."""

from pydantic import BaseModel, ConfigDict


class WebhookSecretView(BaseModel):
    """What the receiver at a recipient's own URL checks signatures with (Standard Webhooks)."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"}]}
    )

    secret: str
