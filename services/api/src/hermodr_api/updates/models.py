"""What may be posted to a group, and how it is shown."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hermodr_api.errors import Flaw
from hermodr_api.http.bodies import Body, JsonObject, Label
from hermodr_ledger.people.updates import FoundPlace, Place

MOST_READ = 1000

ContentType = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,49}$", examples=["milestone"])]
Title = Annotated[str, Field(min_length=1, max_length=500)]
Text = Annotated[str, Field(min_length=1, max_length=100_000)]
Url = Annotated[
    str, Field(pattern=r"^https?://[\x21-\x7e]{1,1990}$", examples=["https://example.com/photos/4711"])
]


class UpdatePatch(Body):
    """What is to change of an update: fields left out stay, `null` clears."""

    external_id: Label | None = Field(
        default=None,
        description="What your system calls the update; no two of a group have the same.",
        examples=["post-4711"],
    )
    content_type: ContentType = Field(
        default="text",
        description="What it is: `photo`, `milestone`, `text`, or a word of yours. Digests can be limited to some.",
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
        default_factory=dict, description="Yours: kept and shown with the update; replaced as a whole."
    )


class UpdateIn(UpdatePatch):
    """Something to be posted to a group: at least one of `title`, `body` and `url`."""

    @model_validator(mode="after")
    def _says_something(self) -> "UpdateIn":
        if self.title is None and self.body is None and self.url is None:
            raise ValueError("needs a title, a body or a url")
        return self


class ReadIn(Body):
    """What a member has read: exactly one of these."""

    update_ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST_READ)] | None = Field(
        default=None, description="These updates of the group; ids of no update are passed over."
    )
    through: UUID | None = Field(default=None, description="This update, and all that were posted before it.")

    @model_validator(mode="after")
    def _exactly_one(self) -> "ReadIn":
        if (self.update_ids is None) == (self.through is None):
            raise ValueError("needs exactly one of update_ids, through")
        return self


class UnreadView(BaseModel):
    """How many updates a member has not read."""

    unread_count: int


class UpdateView(BaseModel):
    """Something posted to a group."""

    model_config = ConfigDict(from_attributes=True)

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
    """What is wrong with where a notification says it belongs. Nobody learns what another project has."""
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
