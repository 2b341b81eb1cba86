"""Templates that WhatsApp approved, as Hermodr's templates name them: a name, a language, and what is filled in.

A document (JSON) is kept with the texts of a template; its `parameters`, `header` and `buttons` are Jinja2.
https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-message-templates
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_CODES = """
af sq ar ar_EG ar_AE ar_LB ar_MA ar_QA az be_BY bn bn_IN bg ca zh_CN zh_HK zh_TW hr cs da prs_AF nl nl_BE en en_GB
en_US en_AE en_AU en_CA en_GH en_IE en_IN en_JM en_MY en_NZ en_QA en_SG en_UG en_ZA et fil fi fr fr_BE fr_CA fr_CH
fr_CI fr_MA ka de de_AT de_CH el gu ha he hi hu id ga it ja kn kk rw_RW ko ky_KG lo lv lt mk ms ml mr nb ps_AF fa pl
pt_BR pt_PT pa ro ru sr si_LK sk sl es es_AR es_CL es_CO es_CR es_DO es_EC es_HN es_MX es_PA es_PE es_ES es_UY sw sv
ta te th tr uk ur uz vi zu
"""
LANGUAGES = frozenset(_CODES.split())
"""https://developers.facebook.com/docs/whatsapp/business-management-api/message-templates/supported-languages"""
_OTHERWISE = {
    "zh": "zh_CN",
    "zh_HANS": "zh_CN",
    "zh_HANT": "zh_TW",
    "zh_HANT_HK": "zh_HK",
    "pt": "pt_BR",
    "no": "nb",
    "be": "be_BY",
    "ky": "ky_KG",
    "si": "si_LK",
    "ps": "ps_AF",
    "rw": "rw_RW",
}


@dataclass(frozen=True, slots=True)
class ApprovedTemplate:
    """`parameters`: of the body, in order; `header`: the one of a text header; `buttons`: of each button in order, what
    the end of its URL or its code is, `None` for a button without. Sources, or what was made of them."""

    name: str
    language: str
    parameters: tuple[str, ...] = ()
    header: str | None = None
    buttons: tuple[str | None, ...] = ()

    @classmethod
    def read(cls, document: str) -> ApprovedTemplate:
        given: dict[str, Any] = json.loads(document)
        return cls(
            given["name"],
            given["language"],
            tuple(given.get("parameters", ())),
            given.get("header"),
            tuple(given.get("buttons", ())),
        )

    def written(self) -> str:
        given = {
            "name": self.name,
            "language": self.language,
            "parameters": list(self.parameters),
            "header": self.header,
            "buttons": list(self.buttons),
        }
        return json.dumps({name: value for name, value in given.items() if value is not None})

    def sources(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """What is filled in, each with its place in the document."""
        if self.header is not None:
            yield ("header",), self.header
        for index, source in enumerate(self.parameters):
            yield ("parameters", str(index)), source
        for index, button in enumerate(self.buttons):
            if button is not None:
                yield ("buttons", str(index)), button

    def filled(self, values: dict[tuple[str, ...], str]) -> ApprovedTemplate:
        """With the values instead of the sources, by their places."""
        return ApprovedTemplate(
            self.name,
            self.language,
            tuple(values["parameters", str(index)] for index in range(len(self.parameters))),
            values.get(("header",)),
            tuple(
                None if button is None else values["buttons", str(index)]
                for index, button in enumerate(self.buttons)
            ),
        )


def language_of(locale: str) -> str | None:
    """WhatsApp's code for the language of a locale (BCP 47): the same region if it has that; `None`: it has none."""
    first, *rest = locale.replace("-", "_").split("_")
    tag = "_".join([first.lower(), *(each.upper() for each in rest)])
    while tag:
        if tag in LANGUAGES:
            return tag
        if tag in _OTHERWISE:
            return _OTHERWISE[tag]
        tag = tag.rpartition("_")[0]
    return None
