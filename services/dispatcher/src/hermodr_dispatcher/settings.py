"""The dispatcher's settings."""

from typing import Annotated, ClassVar

from pydantic import Field

from hermodr_servicekit.settings import ServiceSettings


class DispatcherSettings(ServiceSettings):
    """See DESIGN §6."""

    service: ClassVar[str] = "dispatcher"
    port_offset: ClassVar[int] = 1

    dispatcher_prefetch: Annotated[int, Field(ge=1, le=10_000)] = 1_000
    """Messages of up to 100 jobs each that a lane may hold at once; projects take turns among these."""
