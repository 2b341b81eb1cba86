from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from hermodr_api.errors import Flaw
from hermodr_api.http.bodies import Body, JsonObject, Label
from hermodr_ledger.people.updates import FoundPlace, Place

ContentType = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,49}$", examples=["milestone"])]
Title = Annotated[str, Field(min_length=1, max_length=500)]
Text = Annotated[str, Field(min_length=1, max_length=100_000)]
Url = Annotated[
    str, Field(pattern=r"^https?://[\x21-\x7e]{1,1990}$", examples=["https://example.com/photos/4711"])
]


class UpdatePatch(Body):
    """The changes to an update: fields left out stay, `null` clears."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"title": "First steps, with a witness"}]})

    external_id: Label | None = Field(
        default=None,
        description="Your system's id of the update; unique in the group.",
        examples=["post-4711"],
    )
    content_type: ContentType = Field(
        default="text",
        description="`photo`, `milestone`, `text`, or a word of your own. Digests can be limited to some.",
    )
    author_id: UUID | None = Field(
        default=None, description="The recipient who posted it; they need not read it themselves."
    )
    title: Title | None = Field(default=None, description="A headline.", examples=["First steps"])
    body: Text | None = Field(
        default=None, description="What is said.", examples=["Across the whole kitchen!"]
    )
    url: Url | None = Field(default=None, description="Where it is to be seen (`http` or `https`).")
    metadata: JsonObject = Field(
        default_factory=dict, description="Your own data, shown with the update; replaced as a whole."
    )


class UpdateIn(UpdatePatch):
    """An update to post to a group: at least one of `title`, `body` and `url`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "external_id": "post-4711",
                    "content_type": "milestone",
                    "title": "First steps",
                    "body": "Across the whole kitchen!",
                    "url": "https://example.com/posts/4711",
                }
            ]
        }
    )

    @model_validator(mode="after")
    def _says_something(self) -> "UpdateIn":
        if self.title is None and self.body is None and self.url is None:
            raise ValueError("needs a title, a body or a url")
        return self


_EXAMPLE: JsonDict = {
    "id": "01a2018c-e359-7702-8eb3-8dd0fbf20000",
    "group_id": "01a20188-6d2c-7f30-9a51-5c0e3b7d0000",
    "external_id": "post-4711",
    "content_type": "milestone",
    "author_id": None,
    "title": "First steps",
    "body": "Across the whole kitchen!",
    "url": "https://example.com/posts/4711",
    "metadata": {},
    "created_at": "2026-11-22T09:00:00Z",
    "updated_at": "2026-11-22T09:00:00Z",
}


class UpdateView(BaseModel):
    """An update of a group."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID
    group_id: UUID
    external_id: str | None
    content_type: str
    author_id: UUID | None
    title: str | None
    body: str | None
    url: str | None
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class ListedUpdateView(UpdateView):
    """An update in a list."""

    metadata: dict[str, Any] = Field({}, description="Only with `include=metadata`.")


class UpdateList(BaseModel):
    """A page of updates."""

    data: list[ListedUpdateView]
    next_cursor: str | None


def misplaced(place: Place, found: FoundPlace, at: tuple[str | int, ...]) -> list[Flaw]:
    """The flaws of a notification's group and update. The same whether or not another project has them."""
    flaws = []
    if place.group_id is not None and found.group_id is None:
        flaws.append(Flaw((*at, "group_id"), "there is no such group"))
    if place.update_id is not None and found.update_group_id is None:
        flaws.append(Flaw((*at, "update_id"), "there is no such update"))
    if (
        not flaws
        and None not in (place.group_id, place.update_id)
        and found.update_group_id != place.group_id
    ):
        flaws.append(Flaw((*at, "update_id"), "belongs to another group"))
    return flaws
