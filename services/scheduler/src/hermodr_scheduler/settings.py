"""The scheduler's settings."""

from typing import Annotated, ClassVar

from pydantic import Field

from hermodr_servicekit.settings import ServiceSettings


class SchedulerSettings(ServiceSettings):
    """See DESIGN §6."""

    service: ClassVar[str] = "scheduler"
    port_offset: ClassVar[int] = 2

    retention_days: Annotated[int, Field(ge=0)] = 90
    """Weeks older than this are dropped once every job in them is finished; 0 keeps everything."""
    scheduler_batch: Annotated[int, Field(ge=1, le=10000)] = 500
    """Rows taken per statement."""
