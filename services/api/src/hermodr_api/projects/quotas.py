"""Quotas as they are shown and set."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, NamedTuple, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from hermodr_api.http.bodies import Body
from hermodr_contracts.quotas import MOST, MOST_PER_SECOND, OFF, Limits, Quota
from hermodr_ledger.access.quotas import NO_LIMIT, Changes, QuotaedProject

_Count = Annotated[int, Field(strict=True, ge=0, le=MOST)] | Literal["off"] | None
_Rate = Annotated[int, Field(strict=True, ge=1, le=MOST_PER_SECOND)] | Literal["off"] | None
_Turns = Annotated[int, Field(strict=True, ge=1, le=MOST)] | Literal["off"] | None
LIMITS: JsonDict = {**Limits().items()}
USAGE: JsonDict = {
    "requests_per_second": 12,
    "accepted_per_day": 48213,
    "bulks_under_way": 0,
    "waiting_jobs": 310,
    "stored_bytes": 734003200,
    "sockets": 0,
}


class Here(NamedTuple):
    """What this process of the api knows by itself."""

    requests: int
    bulks: int


class QuotasPatch(Body):
    """New limits; those left out stay. `null`: the installation's default, `off`: no limit."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"accepted_per_day": 1000000, "waiting_jobs": None, "sockets": "off"}]
        }
    )

    requests_per_second: _Rate = Field(default=None, description="Requests of all its keys and users.")
    accepted_per_day: _Count = Field(
        default=None, description="Jobs; a bulk of n counts n. The day begins at 00:00 UTC."
    )
    bulks_under_way: _Turns = Field(default=None, description="Bulk requests at a time, in one API process.")
    waiting_jobs: _Count = Field(
        default=None, description="Jobs to be decided, now or later, and deliveries to be sent."
    )
    stored_bytes: _Count = Field(
        default=None, description="Of its jobs with contents, attachments and history."
    )
    sockets: _Count = Field(default=None, description="Open connections of its users.")

    @property
    def changes(self) -> Changes:
        """Those that are given."""
        given = {Quota(name): getattr(self, name) for name in self.model_fields_set}
        return {quota: NO_LIMIT if limit == OFF else limit for quota, limit in given.items()}


class QuotasView(BaseModel):
    """The limits that hold for a project; `null`: no limit."""

    model_config = ConfigDict(json_schema_extra={"examples": [LIMITS]}, from_attributes=True)

    requests_per_second: int | None
    accepted_per_day: int | None
    bulks_under_way: int | None
    waiting_jobs: int | None
    stored_bytes: int | None
    sockets: int | None


class UsageView(BaseModel):
    """What a project uses: jobs accepted today (UTC); requests of the last second and bulk requests under way in the
    process that answers. What waits and is stored, and connections in all processes,
    were counted some seconds ago, and longer if there is very much."""

    model_config = ConfigDict(json_schema_extra={"examples": [USAGE]})

    requests_per_second: int
    accepted_per_day: int
    bulks_under_way: int
    waiting_jobs: int
    stored_bytes: int
    sockets: int

    @classmethod
    def of(cls, project: QuotaedProject, here: Here) -> Self:
        return cls(
            requests_per_second=here.requests,
            accepted_per_day=project.accepted_per_day,
            bulks_under_way=here.bulks,
            waiting_jobs=project.standing.waiting_jobs,
            stored_bytes=project.standing.stored_bytes,
            sockets=project.sockets,
        )


class ProjectQuotasView(BaseModel):
    """A project as operators see it. `set`: the limits it has of its own, `off` being none; the others are the
    installation's."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "01a2018c-e359-7702-8eb3-8dd0fbf20000",
                    "name": "shop",
                    "created_at": "2026-11-22T09:00:00Z",
                    "quotas": {**LIMITS, "accepted_per_day": 1000000},
                    "set": {"accepted_per_day": 1000000},
                    "usage": USAGE,
                }
            ]
        }
    )

    id: UUID
    name: str
    created_at: datetime
    quotas: QuotasView
    set: Mapping[Quota, int | Literal["off"]]
    usage: UsageView

    @classmethod
    def of(cls, project: QuotaedProject, here: Here) -> Self:
        apart: dict[Quota, int | Literal["off"]] = {
            quota: OFF if limit == NO_LIMIT else limit for quota, limit in project.apart.items()
        }
        return cls(
            id=project.id,
            name=project.name,
            created_at=project.created_at,
            quotas=QuotasView.model_validate(project.standing.limits),
            set=apart,
            usage=UsageView.of(project, here),
        )


class ProjectList(BaseModel):
    """A page of projects."""

    data: list[ProjectQuotasView]
    next_cursor: str | None
