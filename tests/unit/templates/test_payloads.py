"""Templates of payloads are tried with made-up data when they are saved."""

import pytest

from hermodr_templates.payloads import UNSAFE
from hermodr_templates.publishing import Source, publish


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"name": {{ name|tojson }}}',
        '{"total": {{ order.total|tojson }}, "order": {{ order|tojson }}}',
        '{"items": {{ items|tojson }}, "first": {{ items[0].name|tojson }}}',
        '[{% for each in items %}{{ each.id|tojson }}{{ "," if not loop.last }}{% endfor %}]',
        '{"hello": {{ ("Hello, " ~ recipient.name)|tojson }}, "plan": {{ recipient.attributes.plan|tojson }}}',
        '{% if vip %}{"vip": true}{% else %}{"vip": false}{% endif %}',
        '{"when": {{ when|default(none)|tojson }}}',
        '"{{ 17 }}"',
    ],
)
def test_what_is_safe_passes_without_a_word(text: str) -> None:
    published = publish(Source(body_text=text, payload=True))
    assert (published.flaws, published.warnings) == ([], [])


@pytest.mark.parametrize(
    "text", ['{"name": "{{ name }}"}', '{"n": {{ n }}}', '{"{{ key }}": 1}', "{{ order.whole }}"]
)
def test_what_some_texts_break_is_warned_of(text: str) -> None:
    published = publish(Source(body_text=text, payload=True))
    assert (published.flaws, published.warnings) == ([], [UNSAFE])


@pytest.mark.parametrize(
    "text",
    ["Hello", "{'a': 1}", '{"a": {{ a|tojson }},}', "{{ a|tojson }} {{ b|tojson }}", '{"a": NaN}'],
)
def test_what_never_makes_json_is_a_flaw(text: str) -> None:
    (flaw,) = publish(Source(body_text=text, payload=True)).flaws
    assert flaw.part == "body_text"
    assert flaw.reason.startswith("what it makes is no JSON")
    assert publish(Source(body_text=text)).flaws == []
