"""Templates: what they give, what they may not, and how their mistakes are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment
from markupsafe import Markup, escape

from hermodr_templates import sandbox
from hermodr_templates.language import ALLOWED_FILTERS
from hermodr_templates.limits import MAX_STEPS, Limits, Meter, TemplateLimitExceeded
from hermodr_templates.rendering import Rendered, Renderer, RenderingFailed, as_given
from hermodr_templates.sandbox import TemplateEnvironment
from tests.support.clocks import FakeClock

TEMPLATE = UUID(int=1)


@dataclass(frozen=True)
class Version:
    template_id: UUID = TEMPLATE
    version: int = 1
    locale: str = "en"
    subject: str | None = "Hello"
    body_text: str | None = "Hello\n"
    body_html: str | None = None


def rendered(data: Mapping[str, object] | None = None, **parts: str | None) -> Rendered:
    return Renderer().render(replace(Version(), **parts), data or {})  # type: ignore[arg-type]


def failure(data: Mapping[str, object] | None = None, **parts: str | None) -> RenderingFailed:
    with pytest.raises(RenderingFailed) as caught:
        rendered(data, **parts)
    assert not caught.value.passing
    return caught.value


def test_the_sender_has_the_filters_that_the_api_lets_in() -> None:
    filters = TemplateEnvironment(autoescape=False).filters
    assert {name for name in filters if not name.startswith("hermodr_")} == ALLOWED_FILTERS


def test_html_is_escaped_and_nothing_else() -> None:
    content = rendered(
        {"name": "<Jané & co>"},
        subject="For {{ name }}",
        body_text="Hi {{ name }}\n",
        body_html="<p>{{ name }}</p>",
    )
    assert content == Rendered("For <Jané & co>", "Hi <Jané & co>\n", "<p>&lt;Jané &amp; co&gt;</p>")


@given(
    st.text() | st.text("&<>'\"#39;a", max_size=200) | st.integers() | st.none() | st.text("<&").map(Markup)
)
def test_values_are_escaped_as_markupsafe_does(value: object) -> None:
    assert sandbox.escaped(value) == str(escape(value))


@pytest.mark.parametrize(
    "source",
    [
        "{% macro m(x) %}<i>{{ x }}</i>{% endmacro %}{{ m(a) }}{{ m(a)|upper }}",
        "{% macro m() %}<i>{{ caller() }}</i>{% endmacro %}{% call m() %}{{ a }}{% endcall %}",
        "{% set b %}<b>{{ a }}</b>{% endset %}{{ b }}{{ b ~ a }}{{ b|length }}",
        "{% set b = a %}{{ b }}{{ 1.5 }}{{ '<' }}",
        "{% filter upper %}{{ a }}<{% endfilter %}{{ a|e }}{{ a|escape|e }}{{ [a]|join('<') }}",
        "{% autoescape false %}{{ a }}{% endautoescape %}{{ a }}",
        "{% set on = true %}{% autoescape on %}{{ a }}{{ '<' ~ a }}{% endautoescape %}",
        "{% set on = false %}{% autoescape on %}{{ a }}{% endautoescape %}",
    ],
)
def test_html_is_what_jinja_makes_of_it(source: str) -> None:
    name = "<a href='x'>\"&\"</a>"
    assert rendered({"a": name}, body_html=source).html == Environment(autoescape=True).from_string(
        source
    ).render(a=name)


def test_what_templates_are_made_of_works() -> None:
    content = rendered(
        {"rows": [{"n": "b", "p": 2.345}, {"n": "a", "p": 1}], "flag": True, "tree": [{"c": [{"c": []}]}]},
        body_text=(
            "{% for r in rows|sort(attribute='n') %}{{ loop.index }}/{{ loop.length }} {{ r.n|upper }} "
            "{{ '%.2f'|format(r.p) }}{{ ', ' if not loop.last }}{% else %}none{% endfor %}; "
            "{{ rows|map(attribute='n')|join('+') }}; {{ 'a' ~ 1 ~ 'b' }}; {{ '%s!' % 'x' }}; {{ 'ab' * 2 }}; "
            "{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m(1) }}{{ m(2) }}; {% set t = (1, 2) %}{{ t[1] }}; "
            "{{ missing|default('d') }}; {{ 'yes' if flag and nothing is not defined }}; {{ range(3)|list|sum }}; "
            "{% set ns = namespace(n=0) %}{% for i in range(4) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}; "
            "{% for x in tree recursive %}[{{ loop(x.c) }}]{% endfor %}; {% for k, v in {'k': 1}|items %}{{ k }}{{ v }}"
            "{% endfor %}; {{ 'a-b'|replace('-', '+') }}; {{ 2 ** 8 }}"
        ),
    )
    assert content.text == (
        "1/2 A 1.00, 2/2 B 2.35; b+a; a1b; x!; abab; <1><2>; 2; d; yes; 3; 6; [[]]; k1; a+b; 256"
    )


def test_markup_survives_what_the_limits_replace() -> None:
    content = rendered(
        {"x": "<"},
        body_html="{{ '<b>'|safe ~ x }} {{ ['<i>'|safe, x]|join(' ') }} {{ '<u>%s</u>'|safe|format(x) }}",
    )
    assert content.html == "<b>&lt; <i> &lt; <u>&lt;</u>"


def test_the_subject_is_one_line() -> None:
    assert rendered({"x": "a\r\nBcc: b"}, subject=" {{ x }}\n\n  end\t\u2028 ").subject == "a Bcc: b end"


def test_a_missing_text_is_derived_from_the_html() -> None:
    content = rendered(
        {"x": "<1>"}, body_text=None, body_html='<p>{{ x }}</p><a href="https://x.example">go</a>'
    )
    assert content.text == "<1>\n\ngo <https://x.example>\n"
    assert rendered(body_text=None, body_html=None).text == ""


def test_given_content_is_not_a_template() -> None:
    given = as_given("{{ 1 }}\nx", "{{ 2 }}", "<p>{{ 3 }}</p>")
    assert given == Rendered("{{ 1 }}\nx", "{{ 2 }}", "<p>{{ 3 }}</p>")
    assert as_given(None, None, "<p>{{ 3 }}</p>") == Rendered("", "{{ 3 }}\n", "<p>{{ 3 }}</p>")


@pytest.mark.parametrize(
    ("template", "detail"),
    [
        ("{{ first_name }}", "body_text, line 1: first_name is missing"),
        ("\n\n{{ user.first_name }}", "body_text, line 3: user.first_name is missing"),
        ("{{ the_customers_preferred_first_name }}", "the_customers_preferred_first_name is missing"),
        ("{% for x in xs %}{% endfor %}", "xs is missing"),
        ("{% if x > 1 %}{% endif %}", "x is missing"),
        ("{{ xs|join }}", "xs is missing"),
    ],
)
def test_a_missing_variable_is_named(template: str, detail: str) -> None:
    error = failure({"user": {"email": "jane@example.org"}}, body_text=template)
    assert error.code == "render_missing_variable"
    assert detail in error.detail


def test_a_value_is_not_named() -> None:
    assert "jane" not in str(failure({"x": "jane@example.org"}, body_text="{{ {}[x] }}"))
    assert "jane" not in str(failure({"x": "jane"}, body_text="{{ x + 1 }}"))


@pytest.mark.parametrize(
    ("parts", "detail"),
    [
        ({"subject": "{{"}, "subject, line 1"),
        ({"body_text": "a\n{% if %}"}, "body_text, line 2"),
        ({"body_html": "a\n\n{{ 1 / 0 }}"}, "body_html, line 3: a division by zero"),
        ({"body_text": "{{ 'x'|nosuchfilter }}"}, "nosuchfilter"),
        ({"body_text": "{% include 'other' %}"}, "body_text, line 1"),
        ({"body_text": "{{ xs.append(1) }}"}, "data has no methods"),
        ({"body_text": "a\n{{ '{0.__class__}'.format(1) }}"}, "body_text, line 2: data has no methods"),
        ({"body_text": "{{ '{:999999999}'.format_map(xs) }}"}, "data has no methods"),
        ({"body_text": "{{ 'a'.encode() }}"}, "data has no methods"),
        ({"body_text": "{{ (1).to_bytes(999999999, 'big') }}"}, "data has no methods"),
        ({"body_text": "{{ loop_of.x() }}{% for x in xs %}{% endfor %}"}, "data has no methods"),
    ],
)
def test_other_mistakes_are_told_with_their_line(parts: dict[str, str], detail: str) -> None:
    error = failure({"xs": [], "loop_of": {}}, **parts)
    assert error.code == "render_failed"
    assert detail in error.detail


@pytest.mark.parametrize(
    "template",
    [
        "{% for a in range(10000) %}{% for b in range(10000) %}{% endfor %}{% endfor %}",
        "{% for a in xs %}{% for b in xs %}{% for c in xs %}{% endfor %}{% endfor %}{% endfor %}",
        "{{ range(10**9) }}",
        "{{ 'x' * 10**9 }}",
        "{{ 10**9 * 'x' }}",
        "{{ [1] * 1000 }}",
        "{{ 10**10**10 }}",
        "{% set ns = namespace(n=1000) %}{% for i in range(99) %}{% set ns.n = ns.n * ns.n %}{% endfor %}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '%*d' % (1000000000, 1) }}",
        "{{ '%1000000000d'|format(1) }}",
        "{{ '%s' * 1000 % ('x' * 1000000) }}",
        "{% set ns = namespace(x='x' * 99) %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
        "{% set ns = namespace(x='x' * 99) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = {1: ns.x, 2: ns.x} %}{% endfor %}",
        "{{ ('a' * 9999)|replace('a', 'b' * 9999) }}",
        "{{ ('a' * 9999)|join('b' * 9999) }}",
        "{{ 'a'" + "|tojson" * 60 + " }}",
        "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f() %}"
        + "x" * 99_999
        + "{% endmacro %}{% for i in range(9999) %}{% set y = f() %}{% endfor %}",
        "{% set y %}{% for i in range(9999) %}" + "x" * 99_999 + "{% endfor %}{% endset %}",
        "{% for i in range(9999) %}{{ 'x' * 999 }}{% endfor %}",
        "{{ [1]|batch(10**9, 'x') }}",
        "{{ 1|round(10**9, 'ceil') }}",
        "{{ [1]|tojson(indent=10**9) }}",
        "{{ " + "(" * 9999 + "1" + ")" * 9999 + " }}",
        "x" * 600_000,
    ],
)
def test_a_hostile_template_is_stopped(template: str) -> None:
    assert failure({"xs": list(range(1000))}, body_text=template).code == "render_limit"


@pytest.mark.parametrize(
    "step",
    [
        "{% set b = xs|sort %}",
        "{% if 1 in xs %}{% endif %}",
        "{% if 1 is in xs %}{% endif %}",
        "{% set b = xs[::-1] %}",
    ],
)
def test_computing_is_bounded_without_a_loop(step: str) -> None:
    version = Version(body_text=step * 10)
    with pytest.raises(RenderingFailed) as caught:
        Renderer(Limits(cpu_seconds=-1.0)).render(version, {"xs": [3, 2, 1]})
    assert caught.value.code == "render_limit"


def test_computing_is_bounded_by_the_threads_own_time() -> None:
    wall, own = FakeClock(), FakeClock()
    meter = Meter(cpu_time=own.monotonic, wall_time=wall.monotonic)
    own.advance(0.5)
    wall.advance(5)
    meter.step()  # a busy machine, or one that slept
    own.advance(0.6)
    meter.step()  # no thread computes for longer than passes on the wall
    wall.advance(0.6)
    with pytest.raises(TemplateLimitExceeded, match="computing"):
        meter.step()


def test_the_threads_own_time_is_not_asked_for_in_vain() -> None:
    wall, asked = FakeClock(), []

    def own() -> float:
        asked.append(1)
        return 0.0

    meter = Meter(cpu_time=own, wall_time=wall.monotonic)
    for _ in range(1000):
        wall.advance(0.0005)
        meter.time()
    assert len(asked) == 1


def test_one_rendering_does_not_pay_for_another() -> None:
    renderer = Renderer()
    version = Version(body_text="{% for i in range(9000) %}{% endfor %}ok")
    for _ in range(MAX_STEPS // 9000 + 2):
        assert renderer.render(version, {}).text == "ok"


def test_compiled_templates_are_kept_up_to_a_number() -> None:
    renderer = Renderer(kept=2)
    one, two, three = (Version(version=number, body_text=f"v{number}") for number in (1, 2, 3))
    assert [renderer.render(each, {}).text for each in (one, two, one, three)] == ["v1", "v2", "v1", "v3"]
    # A kept version is not compiled again, whatever its text; versions are immutable, so this shows only here.
    assert renderer.render(replace(one, body_text="changed"), {}).text == "v1"
    assert renderer.render(replace(two, body_text="changed"), {}).text == "changed"
    assert renderer.render(replace(one, locale="de", body_text="deutsch"), {}).text == "deutsch"


def test_a_subject_is_no_body() -> None:
    long = Version(subject="{{ x }}")
    assert len(Renderer().render(long, {"x": "x " * 4_000}).subject) == 7_999
    with pytest.raises(RenderingFailed) as caught:
        Renderer().render(long, {"x": "x" * 10_001})
    assert (caught.value.code, caught.value.detail) == ("render_limit", "subject: more than 10000 characters")
