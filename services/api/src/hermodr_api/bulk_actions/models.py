"""Bulk actions: what is done to all jobs that match a filter."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from hermodr_api.errors import Flaw, invalid
from hermodr_api.http.bodies import Body
from hermodr_api.jobs.queries import JobNarrowing
from hermodr_contracts.vocabulary import JobState
from hermodr_ledger.jobs.bulk_actions import MAY_BE, ActionKind, ActionState, BulkAction, too_much
from hermodr_ledger.jobs.listing_sources import Filters

_FILTER: JsonDict = {"type": "magic_link", "created_before": "2026-11-30T09:00:00Z"}


class BulkFilter(JobNarrowing):
    """Filters as in `GET /v1/jobs`."""

    status: Annotated[
        JobState | None,
        Field(
            description="To `retry`: `failed` (the default) or `cancelled`. To `cancel`: `scheduled`, `queued`,"
            " `processing` or `retrying`; all of them if not given."
        ),
    ] = None


class BulkActionIn(Body):
    """What is to be done to all jobs that match and were accepted before this request."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"action": "retry", "filter": _FILTER, "dry_run": True}]}
    )

    action: Annotated[ActionKind, Field(description="`retry` or `cancel`.")]
    filter: BulkFilter = Field(
        default_factory=BulkFilter,
        description="Which jobs. To `cancel`, it needs a condition beside `created_before`.",
    )
    dry_run: Annotated[bool, Field(description="Only count them; nothing is changed.")] = False

    def filters(self, project_id: UUID) -> Filters:
        """Raises `Refused` (422)."""
        may_be, status = MAY_BE[self.action], self.filter.status
        if status is not None and status not in may_be:
            flaw = f"to {self.action} it must be one of: {', '.join(may_be)}"
            raise invalid(Flaw(("body", "filter", "status"), flaw))
        unsaid = (JobState.FAILED,) if self.action == "retry" else may_be
        filters = self.filter.narrowed(project_id, unsaid if status is None else (status,))
        if too_much(self.action, filters):
            raise invalid(Flaw(("body", "filter"), "to cancel, it needs a condition beside created_before"))
        return filters


class BulkPlanView(BaseModel):
    """What would be done: the answer to a dry run."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"dry_run": True, "matched": 3120, "more": False, "at": "2026-11-30T09:12:00Z"}]
        }
    )

    dry_run: Literal[True] = True
    matched: Annotated[
        int, Field(description="The jobs that match now, up to 1,000; 0 with `more`: none yet.")
    ]
    more: Annotated[bool, Field(description="There may be more: not all jobs were looked at.")]
    at: Annotated[
        datetime,
        Field(description="When they were counted. As `created_before`, no jobs are meant that came since."),
    ]


class BulkActionView(BaseModel):
    """A bulk action and how far it has come."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "01a2018c-e359-7702-8eb3-8dd0fbf20000",
                    "action": "retry",
                    "status": "running",
                    "filter": {"status": "failed", **_FILTER},
                    "matched": 1000,
                    "more": True,
                    "done": 1490,
                    "left": 10,
                    "reasons": {"expired": 10},
                    "actor": "key",
                    "actor_id": "01a20188-6d2c-7f30-9a51-5c0e3b7d0000",
                    "created_at": "2026-11-30T09:00:00Z",
                    "ended_at": None,
                }
            ]
        }
    )

    id: UUID
    action: ActionKind
    status: ActionState
    filter: Annotated[dict[str, Any], Field(description="Which jobs; without the address once it has ended.")]
    matched: Annotated[int, Field(description="The jobs that matched when it was asked for, up to 1,000.")]
    more: Annotated[bool, Field(description="More may have matched: not all jobs were looked at.")]
    done: Annotated[int, Field(description="Jobs that were queued again or cancelled.")]
    left: Annotated[int, Field(description="Jobs that were left as they are.")]
    reasons: Annotated[
        dict[str, int],
        Field(
            description="Why they were left, and how many for that: `not_finished` (not failed or cancelled any more),"
            " `expired`, `carried` (part of another job's message), `nothing_to_send`, `key_taken` (another job has its"
            " `singleton_key`), `being_sent`, `unsettled` (it kept changing), `failed` (the scheduler's log says why)."
        ),
    ]
    actor: Annotated[str, Field(description="What kind of caller asked for it.")]
    actor_id: Annotated[str | None, Field(description="Which one.")]
    created_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, action: BulkAction) -> Self:
        return cls(
            id=action.id,
            action=action.kind,
            status=action.state,
            filter=_asked(action),
            matched=action.matched,
            more=action.more,
            done=action.done,
            left=action.left,
            reasons=dict(action.refused),
            actor=action.actor,
            actor_id=action.actor_id,
            created_at=action.created_at,
            ended_at=action.ended_at,
        )


class BulkActionList(BaseModel):
    """A page of bulk actions."""

    data: list[BulkActionView]
    next_cursor: str | None


def _asked(action: BulkAction) -> dict[str, Any]:
    """As it can be asked for again."""
    rest = {name: value for name, value in action.filter.items() if name != "states" and value is not None}
    states = action.filter["states"]
    return ({"status": states[0]} if len(states) == 1 else {}) | rest
