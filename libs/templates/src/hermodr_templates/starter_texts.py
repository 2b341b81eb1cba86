"""Messages in the words of the starter templates, for projects that have no template of that name."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from uuid import UUID

from hermodr_templates.publishing import Source, publish
from hermodr_templates.rendering import Rendered, Renderer

_NO_ID = UUID(int=0)
LOCALES = ("en", "de")
"""Those of the starters; the first one is used where none fits."""


@dataclass(frozen=True, slots=True)
class _Text:
    """A `rendering.TemplateVersion`."""

    locale: str
    subject: str | None
    body_text: str
    body_html: str | None
    template_id: UUID = _NO_ID
    version: int = 1


def rendered(name: str, channel: str, locale: str, data: Mapping[str, object]) -> Rendered:
    """The message that the starter `name` makes of the data, on `email` or `sms`. `locale` is one of `LOCALES`. Takes
    some milliseconds. Raises `FileNotFoundError`, and `RenderingFailed` if the data has not what it needs."""
    return Renderer(kept=1).render(_text(name, channel, locale), data)


@cache
def _text(name: str, channel: str, locale: str) -> _Text:
    folder = files("hermodr_templates") / "starters" / name
    text = (folder / f"{channel}.{locale}.txt").read_text("utf-8")
    if channel != "email":
        return _Text(locale, None, text, None)
    subject = tomllib.loads((folder / "template.toml").read_text("utf-8"))[channel][locale]["subject"]
    mjml = (folder / f"{channel}.{locale}.mjml").read_text("utf-8")
    return _Text(locale, subject, text, publish(Source(subject, text, None, mjml)).compiled_html)
