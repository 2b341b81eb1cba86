"""The scheduler's settings."""

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, SecretStr

from hermodr_servicekit.retention import kept
from hermodr_servicekit.settings import ServiceSettings


def _kept_or_off(value: object) -> object:
    return None if value == "off" else kept(value)


class SchedulerSettings(ServiceSettings):
    """See DESIGN §6."""

    service: ClassVar[str] = "scheduler"
    port_offset: ClassVar[int] = 2

    retention_jobs: Annotated[timedelta | None, BeforeValidator(_kept_or_off)] = timedelta(days=90)
    """Weeks older than this are dropped once every job in them is finished; `off` keeps everything."""
    retention_inbox: Annotated[timedelta | None, BeforeValidator(_kept_or_off)] = timedelta(days=90)
    """How long notifications are kept in inboxes, read or not; `off` keeps them."""
    retention_tasks: Annotated[timedelta | None, BeforeValidator(_kept_or_off)] = timedelta(days=30)
    """How long tasks are kept after their last attempt; `off`: as long as other jobs."""
    task_notifications: Literal["mail", "in_app", "off"] = "mail"
    """How owners of tasks hear of their end: by mail too, in their inbox only, or not."""
    retention_changes: Annotated[timedelta, BeforeValidator(kept)] = timedelta(days=7)
    """How long the log of changes is kept, read or not."""
    retention_webhooks: Annotated[timedelta, BeforeValidator(kept)] = timedelta(days=30)
    """How long what was sent to webhook endpoints is shown and can be sent again; at least as long as changes are
    kept."""
    retention_auto_syncs: Annotated[timedelta, BeforeValidator(kept)] = timedelta(days=3)
    """How long finished auto-syncs are kept."""
    bounce_mailbox: SecretStr | None = None
    """`imaps://user:password@host/INBOX`: where bounces and complaints are read."""
    scheduler_batch: Annotated[int, Field(ge=1, le=10000)] = 500
    """Rows taken per statement."""
