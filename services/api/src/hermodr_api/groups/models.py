"""What may be said about groups and who belongs to them, and how they are shown."""

from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hermodr_api.http.bodies import Body, JsonObject, Label, Moment, Part
from hermodr_api.recipients.models import Name

MOST_MEMBERS = 1000


class GroupIn(Body):
    """A new group."""

    external_id: Label | None = Field(
        default=None,
        description="What your system calls the group; no two of a project have the same.",
        examples=["family-17"],
    )
    name: Name = Field(description="What people call the group.", examples=["The Lovelaces"])
    metadata: JsonObject = Field(default_factory=dict, description="Yours: kept and shown with the group.")


class GroupPatch(Body):
    """What is to change: fields left out stay."""

    external_id: Label | None = Field(
        default=None,
        description="What your system calls the group; `null` clears it.",
        examples=["family-17"],
    )
    name: Name = Field(default="", description="What people call the group.", examples=["The Lovelaces"])
    metadata: JsonObject = Field(
        default_factory=dict, description="Yours: kept and shown with the group; replaced as a whole."
    )


class GroupView(BaseModel):
    """A group."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    external_id: str | None
    name: str
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class ListedGroupView(GroupView):
    """A group in a list."""

    metadata: dict[str, Any] = Field({}, description="Only with `include=metadata`.")


class GroupList(BaseModel):
    """A page of groups."""

    data: list[ListedGroupView]
    next_cursor: str | None


Role = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,49}$", examples=["organizer"])]


class MemberPatch(Body):
    """What is to change of a member: fields left out stay, `null` clears."""

    role: Role | None = Field(default=None, description="What the member is in the group; yours to name.")
    muted_until: Moment | None = Field(
        default=None,
        description="Until then the member gets nothing of this group but critical notifications.",
        examples=["2026-11-22T09:00:00Z"],
    )


class MemberIn(MemberPatch):
    """A recipient who is to belong to a group: exactly one of `recipient_id` and `external_id`."""

    most_fields: ClassVar[int] = Part.most_fields

    recipient_id: UUID | None = Field(default=None, description="The `id` of a recipient.")
    external_id: Label | None = Field(
        default=None, description="What your system calls the recipient.", examples=["customer-17"]
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> "MemberIn":
        if (self.recipient_id is None) == (self.external_id is None):
            raise ValueError("needs exactly one of recipient_id, external_id")
        return self


class MembersIn(Body):
    """Recipients who are to belong to a group: all of them, or none if one is unknown."""

    members: Annotated[list[MemberIn], Field(min_length=1, max_length=MOST_MEMBERS)] = Field(
        description="One or many. Of one who is a member already, what is given is changed."
    )


class MemberView(BaseModel):
    """A recipient in a group; `external_id` and `name` are the recipient's."""

    model_config = ConfigDict(from_attributes=True)

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
