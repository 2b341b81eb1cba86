from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from hermodr_api.http.bodies import Body, JsonObject, Label
from hermodr_api.http.fields import Name


class GroupIn(Body):
    """A new group."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"external_id": "family-17", "name": "The Lovelaces"}]}
    )

    external_id: Label | None = Field(
        default=None,
        description="Your system's id of the group; unique in the project.",
        examples=["family-17"],
    )
    name: Name = Field(description="The display name of the group.", examples=["The Lovelaces"])
    metadata: JsonObject = Field(default_factory=dict, description="Your own data, shown with the group.")


class GroupPatch(Body):
    """The changes: fields left out stay."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "The Byrons"}]})

    external_id: Label | None = Field(
        default=None,
        description="Your system's id of the group; `null` clears it.",
        examples=["family-17"],
    )
    name: Name = Field(default="", description="The display name of the group.", examples=["The Lovelaces"])
    metadata: JsonObject = Field(
        default_factory=dict, description="Your own data, shown with the group; replaced as a whole."
    )


_EXAMPLE: JsonDict = {
    "id": "01a2018c-e359-7702-8eb3-8dd0fbf20000",
    "external_id": "family-17",
    "name": "The Lovelaces",
    "metadata": {},
    "created_at": "2026-11-22T09:00:00Z",
    "updated_at": "2026-11-22T09:00:00Z",
}


class GroupView(BaseModel):
    """A group."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_EXAMPLE]})

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
