"""The dispatcher's settings."""

from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from hermodr_servicekit.settings import ServiceSettings


def _is_http(url: str) -> str:
    """Raises `ValueError`."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("is no http or https URL")
    return url


class DispatcherSettings(ServiceSettings):
    """See DESIGN §6."""

    service: ClassVar[str] = "dispatcher"
    port_offset: ClassVar[int] = 1

    dispatcher_prefetch: Annotated[int, Field(ge=1, le=10_000)] = 1_000
    """Messages of up to 100 jobs each that a lane may hold at once; projects take turns among these."""
    summary_url: Annotated[str, AfterValidator(_is_http)] | None = None
    """Of a server with OpenAI's chat completions (`https://llm.example.com/v1`): digests begin with a summary by it."""
    summary_key: SecretStr | None = None
    summary_model: Annotated[str, Field(min_length=1, max_length=200)] = "gpt-4o-mini"
