"""The worker's settings."""

import re
from datetime import timedelta
from functools import partial
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from hermodr_servicekit.retention import kept
from hermodr_servicekit.settings import ServiceSettings

_UNITS = {"s": 1, "m": 60, "h": 3600}


def _time(value: object) -> object:
    """`30m` as a duration. Raises `ValueError`."""
    if not isinstance(value, str):
        return value
    written = re.fullmatch(r"([1-9][0-9]{0,4})([smh])", value)
    if written is None or int(written[1]) * _UNITS[written[2]] > 24 * 3600:
        raise ValueError("is not a duration such as 90s, 30m or 2h, up to 24h")
    return timedelta(seconds=int(written[1]) * _UNITS[written[2]])


class WorkerSettings(ServiceSettings):
    """See DESIGN §6."""

    service: ClassVar[str] = "worker"
    port_offset: ClassVar[int] = 5

    worker_concurrency: Annotated[int, Field(ge=1, le=1000)] = 5
    """Tasks at a time, of one worker process."""
    task_timeout: Annotated[timedelta, BeforeValidator(_time)] = timedelta(minutes=30)
    """The longest time of one attempt, for tasks that declare none."""
    task_lease_seconds: Annotated[float, Field(ge=2, le=600)] = 30.0
    """How long after a worker was last heard of its tasks are given to another."""
    retention_files: Annotated[timedelta, BeforeValidator(partial(kept, digits=4))] = timedelta(days=7)
    """How long files that tasks make are kept, and links to them are good."""
