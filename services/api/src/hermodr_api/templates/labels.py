"""What people read of a type of notifications where they say what they want to get."""

from typing import Annotated

from pydantic import Field
from pydantic.config import JsonDict

from hermodr_api.http.bodies import FEW, Part
from hermodr_api.http.fields import Locale, Name
from hermodr_api.http.json_text import dump
from hermodr_api.senders.models import MailDefaultsIn

EXAMPLE: JsonDict = {
    "en": {"title": "Signing in", "category": "Your account", "description": "Links to sign in with."}
}


class Label(Part):
    """A type in one language."""

    title: Name = Field(description="What the type is called.", examples=["Order updates"])
    category: Name | None = Field(
        default=None, description="The heading that it stands under, with others.", examples=["Your orders"]
    )
    description: Name | None = Field(
        default=None, description="What comes, and when.", examples=["When your parcel is on its way."]
    )


Labels = Annotated[dict[Locale, Label], Field(max_length=100), FEW]


class LabelledIn(MailDefaultsIn):
    labels: Labels | None = Field(
        default=None,
        description="How people's preference page names the type, by locale; all in place of the present ones. Without "
        "any it shows the type's name.",
        examples=[EXAMPLE],
    )

    @property
    def values(self) -> dict[str, object]:
        """By column, those that are given."""
        if "labels" not in self.model_fields_set:
            return self.mail
        shown = {locale: each.model_dump(mode="json") for locale, each in (self.labels or {}).items()}
        return self.mail | {"labels": dump(shown) if shown else None}
