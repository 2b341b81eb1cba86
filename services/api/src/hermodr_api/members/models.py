from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from hermodr_api.http.bodies import Body, Label, Moment, Part

MOST_MEMBERS = 1000
MOST_READ = 1000

Role = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,49}$", examples=["organizer"])]


class MemberPatch(Body):
    """The changes to a member: fields left out stay, `null` clears."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "organizer"}]})

    role: Role | None = Field(default=None, description="The member's role in the group, in your own words.")
    muted_until: Moment | None = Field(
        default=None,
        description="Until then the member gets only critical notifications of this group.",
        examples=["2026-11-22T09:00:00Z"],
    )


class MemberIn(MemberPatch):
    """A recipient to add to a group: exactly one of `recipient_id` and `external_id`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"external_id": "customer-17", "role": "organizer"}]}
    )

    most_fields: ClassVar[int] = Part.most_fields

    recipient_id: UUID | None = Field(default=None, description="The `id` of a recipient.")
    external_id: Label | None = Field(
        default=None, description="Your system's id of the recipient.", examples=["customer-17"]
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> "MemberIn":
        if (self.recipient_id is None) == (self.external_id is None):
            raise ValueError("needs exactly one of recipient_id, external_id")
        return self


class MembersIn(Body):
    """Recipients to add to a group: all of them, or none if one is unknown."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"members": [{"external_id": "customer-17", "role": "organizer"}]}]}
    )

    members: Annotated[list[MemberIn], Field(min_length=1, max_length=MOST_MEMBERS)] = Field(
        description="One or many. For an existing member, the given fields are changed."
    )


_EXAMPLE: JsonDict = {
    "id": "01a2018c-e359-7702-8eb3-8dd0fbf20000",
    "group_id": "01a20188-6d2c-7f30-9a51-5c0e3b7d0000",
    "recipient_id": "01a20187-12aa-7c41-b0d6-2f9e6a4c0000",
    "external_id": "customer-17",
    "name": "Ada",
    "role": "organizer",
    "muted_until": None,
    "created_at": "2026-11-22T09:00:00Z",
    "updated_at": "2026-11-22T09:00:00Z",
}


class MemberView(BaseModel):
    """A recipient in a group; `external_id` and `name` are the recipient's."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID
    group_id: UUID
    recipient_id: UUID
    external_id: str | None
    name: str | None
    role: str | None
    muted_until: datetime | None
    created_at: datetime
    updated_at: datetime


class MemberList(BaseModel):
    """A page of members."""

    data: list[MemberView]
    next_cursor: str | None


class ReadIn(Body):
    """What a member has read: exactly one of these fields."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"update_ids": ["01a2018c-e359-7702-8eb3-8dd0fbf20000"]}]}
    )

    update_ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST_READ)] | None = Field(
        default=None, description="These updates of the group; unknown ids are ignored."
    )
    through: UUID | None = Field(default=None, description="This update and all posted before it.")

    @model_validator(mode="after")
    def _exactly_one(self) -> "ReadIn":
        if (self.update_ids is None) == (self.through is None):
            raise ValueError("needs exactly one of update_ids, through")
        return self


class UnreadView(BaseModel):
    """How many updates a member has not read."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"unread_count": 3}]})

    unread_count: int
