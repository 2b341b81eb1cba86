"""Texts in templates, and what is rendered, are made of characters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hermodr_templates.publishing import Source, publish
from hermodr_templates.rendering import Renderer, RenderingFailed
from tests.support.templates import Version

SURROGATE = "holds half of a surrogate pair, as of a cut emoji, which is no character"
NUL = "must not contain a null byte (U+0000)"


def version(part: str, text: str) -> Version:
    texts: dict[str, Any] = {part: text}
    return replace(Version(subject=None), **texts)


@pytest.mark.parametrize("part", ["subject", "body_text", "body_html"])
@pytest.mark.parametrize(
    ("text", "line", "column", "reason"),
    [
        ('a\n {{ "\\ud83d" }}', 2, 5, SURROGATE),
        ('{{ "\\ud83d" ~ x }}', 1, 4, SURROGATE),
        ('{{ "\\ud83d"|urlencode }}', 1, 4, SURROGATE),
        ('{{ x|replace("x", "\\udc00") }}', 1, 19, SURROGATE),
        ('{{ data["\\ud83d"] }}', 1, 9, SURROGATE),
        ('{% macro m(a="\\ud83d") %}{{ a }}{% endmacro %}', 1, 14, SURROGATE),
        ('s{{ "\\x00" }}', 1, 5, NUL),
        ('{% set a = {"\\u0000": 1} %}', 1, 13, NUL),
    ],
)
def test_texts_in_quotes_have_the_limits_of_data(
    part: str, text: str, line: int, column: int, reason: str
) -> None:
    (flaw,) = publish(Source(**{part: text})).flaws  # type: ignore[arg-type]
    assert (flaw.part, flaw.line, flaw.column) == (part, line, column)
    assert flaw.reason == f"the text in quotes {reason}"


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ('{{ "%c"|format(55357) }}', SURROGATE),
        ("{{ '%c' % 56832 }}", SURROGATE),
        ('{{ "\\ud83d" ~ "x" }}', SURROGATE),
        ('{{ "%c"|format(0) }}', NUL),
    ],
)
@pytest.mark.parametrize("part", ["subject", "body_text", "body_html"])
def test_what_is_rendered_can_be_sent(part: str, template: str, reason: str) -> None:
    with pytest.raises(RenderingFailed) as caught:
        Renderer().render(version(part, template), {})
    assert (caught.value.code, caught.value.detail) == ("render_failed", f"{part}: what comes of it {reason}")


@pytest.mark.parametrize("part", ["subject", "body_text", "body_html"])
def test_a_cut_leaves_characters_whole(part: str) -> None:
    text = "{{ x[:1] }}{{ x|truncate(1, true, '') }}{{ x[::-1] }}"
    made = Renderer().render(version(part, text), {"x": "😀é"})
    assert getattr(made, part.removeprefix("body_")).startswith("😀😀é")
