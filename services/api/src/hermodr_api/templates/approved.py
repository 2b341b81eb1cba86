"""Templates that Meta approved, as contents on `whatsapp` name them."""

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hermodr_api.errors import Flaw
from hermodr_api.http.bodies import Part
from hermodr_contracts.approved_templates import ApprovedTemplate, language_of
from hermodr_contracts.vocabulary import Channel

_LONGEST = 4096
_MOST_PARAMETERS = 50
_MOST_BUTTONS = 10

_Source = Annotated[str, Field(min_length=1, max_length=_LONGEST)]


class ApprovedIn(Part):
    """A template that Meta approved: `parameters`, `header` and `buttons` are Jinja2, rendered like the texts."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,512}$")] = Field(
        description="Its name at WhatsApp.", examples=["order_ready"]
    )
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(_[A-Z]{2})?$")] | None = Field(
        default=None,
        description="WhatsApp's code of its language, such as `de` or `pt_BR`; by default that of the locale.",
        examples=["en_US"],
    )
    parameters: Annotated[list[_Source], Field(max_length=_MOST_PARAMETERS)] = Field(
        default_factory=list,
        description="What fills `{{1}}`, `{{2}}` and so on of its body, in order.",
        examples=[["{{ name }}", "{{ order.number }}"]],
    )
    header: _Source | None = Field(default=None, description="What fills `{{1}}` of a text header.")
    buttons: Annotated[list[_Source | None], Field(max_length=_MOST_BUTTONS)] = Field(
        default_factory=list,
        description="For each of its buttons, in order, the variable end of its URL, or its code; `null` for a button "
        "without a variable.",
        examples=[["{{ code }}"]],
    )

    def written(self, locale: str) -> str:
        """As it is kept. Without a language of its own or of the locale it has an empty one (`approved_flaws`)."""
        language = self.language or language_of(locale) or ""
        buttons = tuple(self.buttons)
        return ApprovedTemplate(self.name, language, tuple(self.parameters), self.header, buttons).written()


class ApprovedView(BaseModel):
    """A template that Meta approved."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    language: str
    parameters: list[str]
    header: str | None
    buttons: list[str | None]

    @model_validator(mode="before")
    @classmethod
    def _kept(cls, value: Any) -> Any:
        return ApprovedTemplate.read(value) if isinstance(value, str) else value


def approved_flaws(channel: str, document: str, at: tuple[str, ...]) -> Iterator[Flaw]:
    if channel != Channel.WHATSAPP:
        yield Flaw(at, f"only whatsapp has approved templates, not {channel}")
    elif not ApprovedTemplate.read(document).language:
        locale = at[-2]
        yield Flaw((*at, "language"), f"WhatsApp has no language for the locale {locale}: name one")
