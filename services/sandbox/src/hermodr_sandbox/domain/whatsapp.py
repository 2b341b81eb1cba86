"""What Meta knows of a pretended WhatsApp account: approved templates, and when people wrote last."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

WINDOW = timedelta(hours=24)
NUMBER_ID = "100000000000001"
"""Of the phone number in the development DSN."""
_VARIABLE = re.compile(r"\{\{(\d{1,2})\}\}")
_MOST = 1000

_Text = Annotated[str, Field(min_length=1, max_length=1024)]


class TemplateSpec(BaseModel):
    """A template as Meta has it: `{{1}}`, `{{2}}` and so on are filled in by each message. `buttons` are their URLs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,512}$")]
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(_[A-Z]{2})?$")] = "en_US"
    body: _Text
    header: _Text | None = None
    buttons: Annotated[tuple[_Text, ...], Field(max_length=10)] = ()
    status: Literal["APPROVED", "PENDING", "REJECTED", "PAUSED", "DISABLED"] = "APPROVED"


HELLO = TemplateSpec(name="hello_world", body="Hello World! This is a template that every test account has.")


def variables(text: str | None) -> int:
    """How many values it wants."""
    return len(set(_VARIABLE.findall(text or "")))


def filled(text: str, values: Iterable[str]) -> str:
    given = list(values)

    def value(found: re.Match[str]) -> str:
        return given[int(found[1]) - 1] if 0 < int(found[1]) <= len(given) else found[0]

    return _VARIABLE.sub(value, text)


class WhatsAppBook:
    def __init__(self) -> None:
        self._templates: dict[tuple[str, str], TemplateSpec] = {}
        self._wrote: dict[tuple[str, str], datetime] = {}
        self.clear()

    def clear(self) -> None:
        """What every account has stays."""
        self._templates = {(HELLO.name, HELLO.language): HELLO}
        self._wrote = {}

    def put(self, template: TemplateSpec) -> bool:
        """`False`: there are too many."""
        key = (template.name, template.language)
        if key not in self._templates and len(self._templates) >= _MOST:
            return False
        self._templates[key] = template
        return True

    def template(self, name: str, language: str) -> TemplateSpec | None:
        return self._templates.get((name, language))

    def templates(self) -> list[TemplateSpec]:
        return [self._templates[key] for key in sorted(self._templates)]

    def wrote(self, number_id: str, phone: str, at: datetime) -> None:
        self._wrote[number_id, phone] = at

    def is_open(self, number_id: str, phone: str, now: datetime) -> bool:
        at = self._wrote.get((number_id, phone))
        return at is not None and now - at < WINDOW

    def close(self, phone: str) -> int:
        """As if the person had not written: how many windows there were."""
        theirs = [key for key in self._wrote if key[1] == phone]
        for key in theirs:
            del self._wrote[key]
        return len(theirs)
