"""What is demanded of the data is what no rendering can do without."""

import pytest

from hermodr_templates.language import ALLOWED_FILTERS
from hermodr_templates.needs import needed
from hermodr_templates.publishing import Source, publish
from hermodr_templates.rendering import MISSING, Renderer, RenderingFailed
from tests.support.templates import Version


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("{{ name }}, {{ order.number }} {{ order['total'] }}", "name order.number order.total"),
        ("{{ order }}{{ order.address.city }}", "order.address.city"),
        ("{{ prices[key] }}{{ rows[0].x }}{{ code[:3] }}", "code prices rows"),
        ("{{ a|upper }}{{ b ~ c }}{{ d + 1 }}{{ -e }}{{ f|round|string }}", "a b c d e f"),
        ("{{ a|default('x') }}{{ b.c|d(e) }}{{ f|default('x')|upper }}", ""),
        ("{{ a is defined }}{% if b is not none %}{{ c }}{% endif %}", ""),
        ("{% if a %}{{ a }}{% endif %}{{ 'x' if b else 'y' }}{{ c or 'z' }}", ""),
        ("{% if plan == 'pro' %}{% elif n in numbers %}{% endif %}", ""),
        ("{% if n > limit %}{{ a }}{% endif %}", "limit n"),
        ("{% if a %}{{ b }}{{ c }}{% else %}{{ b }}{% endif %}", "b"),
        ("{% if a %}{{ b }}{% elif c %}{{ b }}{% endif %}{{ d if a else d }}", "d"),
        ("{% for item in items %}{{ item.name }}{{ currency }}{% else %}{{ a }}{% endfor %}", "items"),
        ("{% for k, v in prices|items %}{% endfor %}{% for x in xs|select %}{% endfor %}", "prices"),
        ("{% set x = a %}{{ x }}{% set y = b + 1 %}{{ loop }}{{ range }}", "b"),
        ("{% macro m(x) %}{{ x }}{{ a }}{% endmacro %}{{ m(b) }}", ""),
        ("{% with a = b ~ 'x' %}{{ a }}{{ c }}{% endwith %}{% block d %}{{ e }}{% endblock %}", "b c e"),
        ("{% filter upper %}{{ a }}{% endfilter %}{# {{ b }} #}{% raw %}{{ c }}{% endraw %}", "a"),
        ("{{ recipient.name }}{{ recipients }}{{ unsubscribe_url }}", "recipients"),
    ],
)
def test_needs(source: str, names: str) -> None:
    assert sorted(needed(source)) == names.split()


@pytest.mark.parametrize("name", sorted(ALLOWED_FILTERS - {"groupby"}))
@pytest.mark.parametrize("form", ["{{{{ x|{} }}}}", "{{% for a in x|{} %}}{{% endfor %}}"])
def test_what_a_filter_cannot_do_without_is_needed(name: str, form: str) -> None:
    source = form.format(name)
    code = None
    try:
        Renderer().render(Version(body_text=source), {})
    except RenderingFailed as failure:
        code = failure.code
    assert code is not None if needed(source) else code != MISSING


def test_a_nested_name_that_is_missing_fails_when_printed() -> None:
    with pytest.raises(RenderingFailed, match=r"render_missing_variable.*number is missing"):
        Renderer().render(Version(body_text="{{ order.number }}"), {"order": {"total": 1}})


def test_needs_are_those_of_the_texts_that_are_sent() -> None:
    text = "<mj-text>{{ a }}<!-- {{ b }} --></mj-text>"
    mjml = f"<mjml><mj-body><mj-section><mj-column>{text}</mj-column></mj-section></mj-body></mjml>"
    published = publish(Source("{{ s }} {{ recipient.name }}", "{{ t|d('') }}", None, mjml))
    assert published.required == sorted(needed(published.compiled_html or "") | {"s"})
    assert published.reads_recipient
    assert not publish(Source("x", "y")).reads_recipient


def test_texts_that_show_several_events_are_told_from_others() -> None:
    for text in ("{{ total }} comments", "{% for each in items %}{{ each.who }}{% endfor %}"):
        assert publish(Source("x", text)).reads_items
        assert publish(
            Source("x", f"{{% if items is defined %}}{text}{{% else %}}one{{% endif %}}")
        ).reads_items
    for text in ("{{ order.items|length }}", "{% set total = 1 %}{{ total }}", "items"):
        assert not publish(Source("x", text)).reads_items
