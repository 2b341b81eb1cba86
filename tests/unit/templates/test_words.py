"""What is wrong is told to authors in their words: no names of Python's, no values of the data."""

from __future__ import annotations

import re

import pytest

from hermodr_templates.publishing import Source, publish
from hermodr_templates.rendering import Renderer, RenderingFailed
from tests.support.templates import Version

DATA: dict[str, object] = {
    "n": 1, "t": "s3cret", "f": 1.5, "l": [1, 2], "o": {"a": 1}, "z": None, "b": True, "k": "s3cret",
    "rows": [{"p": 1}, {}],
}  # fmt: skip
MACRO = "{% macro m(a) %}{{ a }}{% endmacro %}"


def failure(template: str) -> RenderingFailed:
    with pytest.raises(RenderingFailed) as caught:
        Renderer().render(Version(body_text=template), DATA)
    return caught.value


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ n + t }}", "a number + a text cannot be computed"),
        ("{{ t + n }}", "a text + a number cannot be computed; ~ joins texts"),
        ("{{ z + 1.5 }}", "null + a number cannot be computed"),
        ("{{ t * t }}", "a text * a text cannot be computed"),
        ("{{ -t }}", "a text has no sign"),
        ("{{ n / 0 }}", "a division by zero"),
        ("{{ f // 0 }}", "a division by zero"),
        ("{{ n % 0.0 }}", "a division by zero"),
        ("{{ 0 ** -1 }}", "a division by zero"),
        ("{{ n is divisibleby 0 }}", "a division by zero"),
        ("{{ (0 - 8) ** 0.5 }}", "a negative number has no such power"),
        ("{{ 1 < t }}", "a number and a text cannot be compared by <"),
        ("{{ f >= l }}", "a number and a list cannot be compared by >="),
        ("{{ [1, 'a']|sort|join }}", "|sort: a text and a number cannot be compared by <"),
        ("{{ t|round }}", "|round wants a number, not a text"),
        ("{{ z|abs }}", "|abs wants a number, not null"),
        ("{{ n|join }}", "|join: a number is no list"),
        ("{{ z|length }}", "|length: null has no length"),
        ("{{ l|dictsort }}", "|dictsort: a list cannot be used here"),
        ("{{ t|truncate(1) }}", "|truncate: the length is less than that of the end"),
        ("{{ t|filesizeformat }}", "|filesizeformat: a text that is no number"),
        ("{{ t|replace('a') }}", "|replace: the argument 'new' is wanted"),
        ("{{ t|upper(1) }}", "|upper: there are too many arguments"),
        ("{{ t|round(x=1) }}", "|round: there is no argument named 'x'"),
        ("{{ l|map(k)|join }}", "there is no such filter"),
        ("{% for x in n %}{% endfor %}", "a number is no list"),
        ("{% for a, b in l %}{% endfor %}", "a number has no parts to give several names to"),
        ("{% for a, b in ['abc'] %}{% endfor %}", "there are more names than parts, or fewer"),
        ("{{ t in n }}", "nothing can be `in` a number"),
        ("{{ '%d'|format(t) }}", "%d wants a number, not a text; |float makes one of it"),
        ("{{ '%d %d'|format(1) }}", "the format has more places than values"),
        ("{{ '%d' % (1, 2) }}", "the format has fewer places than values"),
        ("{{ '%(a)s'|format(b=1) }}", "the format lacks the value a"),
        ("{{ '100%'|format }}", "what stands after a % of the format is none; write %% for a percent sign"),
        ("{{ '%e'|format('1e999'|float) }}", "%e has no form for this value"),
        ("{{ {1.5: 2}|tojson }}", "|tojson: the keys of an object are texts"),
        ("{{ range(f) }}", "a whole number is wanted"),
        ("{{ t[:f] }}", "the places of a cut are whole numbers"),
        (MACRO + "{{ m(1, 2) }}", "macro 'm' takes not more than 1 argument(s)"),
        ("{% set o.a = 1 %}", "only a namespace() can be changed"),
        ('{{ "\\ud83d"|urlencode }}', "|urlencode: a text with half of a surrogate pair"),
    ],
)
def test_mistakes_are_told_in_words(template: str, words: str) -> None:
    error = failure(template)
    assert (error.code, error.detail) == ("render_failed", f"body_text, line 1: {words}")
    assert not re.search(r"Error|Exception|Decimal|NoneType|\bint\b|s3cret", error.detail)


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ("1 + gone", "gone"),
        ("gone + 1", "gone"),
        ("-gone", "gone"),
        ("gone|float", "gone"),
        ("gone|int", "gone"),
        ("gone is odd", "gone"),
        ("'%d'|format(gone)", "gone"),
        ("rows|sum('p')", "p"),
        ("rows|map(attribute='last-name')|join", "last-name"),
        ("o[k]", "o[k]"),
        ("o['last-name']", "o['last-name']"),
        ("l[7]", "l[7]"),
        ("l[n + 7]", "l[…]"),
        ("rows[1].p", "rows[1].p"),
        ("[]|first", "an item of an empty list"),
        ("[]|max", "an item of an empty list"),
    ],
)
def test_what_is_missing_is_named(expression: str, name: str) -> None:
    error = failure(f"{{{{ {expression} }}}}")
    assert (error.code, error.detail) == ("render_missing_variable", f"body_text, line 1: {name} is missing")


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ self.items() }}", "there is no block named items"),
        ("{{ items.items() }}", "data has no methods: instead of .items() write `|items`"),
    ],
)
def test_calls_of_what_is_not_there(template: str, reason: str) -> None:
    assert [flaw.reason for flaw in publish(Source(body_text=template)).flaws] == [reason]


@pytest.mark.parametrize(
    "template",
    [
        "{% block items %}x{% endblock %}{{ self.items() }}",
        MACRO + "{% set ns = namespace() %}{% set ns.items = m %}x{{ ns.items('x') }}",
    ],
)
def test_calls_of_blocks_and_of_macros_in_namespaces(template: str) -> None:
    published = publish(Source(body_text=template))
    assert (published.flaws, published.variables) == ([], [])
    assert Renderer().render(Version(body_text=template), {}).text == "xx"
