"""In templates a name is a key of the data or missing, and what is printed is what a reader expects."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from hermodr_contracts.limits import DEEPEST, MOST_DIGITS
from hermodr_templates.flaws import Flaw
from hermodr_templates.publishing import Source, publish
from hermodr_templates.rendering import Renderer, RenderingFailed
from tests.support.templates import Version

METHODS = sorted(
    {name for kind in (dict, list, str, int, float) for name in dir(kind) if not name.startswith("_")}
    | {"__class__", "__init__", "__len__", "__doc__", "__dict__"}
)

BIG = 2**200
LONG = "1" + "0" * 22


def text(source: str, data: Mapping[str, object] | None = None, remarks: list[str] | None = None) -> str:
    """What it makes as plain text, and, but for escaping, as HTML."""
    made = Renderer().render(Version(body_text=source, body_html=source), data or {}, remarks)
    assert made.html is not None
    assert made.html.replace("&#39;", "'").replace("&#34;", '"').replace("&amp;", "&") == made.text
    return made.text


def failure(source: str, data: Mapping[str, object] | None = None) -> str:
    with pytest.raises(RenderingFailed) as caught:
        text(source, data)
    return f"{caught.value.code}: {caught.value.detail.removeprefix('body_text, line 1: ')}"


@pytest.mark.parametrize("name", METHODS)
def test_a_key_is_never_a_method(name: str) -> None:
    data: dict[str, object] = {"k": {name: {"v": "x"}}, "t": "text", "l": [1], "n": 1, "f": 1.5, "b": True}
    assert text(
        f"{{{{ k.{name}.v }}}}{{{{ k['{name}']['v'] }}}}{{{{ [k]|map(attribute='{name}.v')|join }}}}", data
    ) == ("xxx")
    values = (
        "t",
        "l",
        "n",
        "f",
        "b",
        "none",
        "{}",
        "[]",
        "'a'",
        "nothing",
        "range(2)",
        "dict(a=1)",
        "range",
        "dict",
    )
    asked = "".join(
        f"{{{{ ({each}).{name} is defined or ({each})['{name}'] is defined }}}} " for each in values
    )
    assert set(text(asked, data).split()) == {"false"}


def test_conditions_take_the_branch_of_the_data() -> None:
    source = "{% if cart.items %}{{ cart.items|length }}{% else %}empty{% endif %}"
    assert text(source, {"cart": {"items": [1, 2]}}) == "2"
    assert text(source, {"cart": {"items": []}}) == "empty"
    assert text(source, {"cart": {}}) == "empty"
    assert text("{{ 'x' if a and not b else '-' }}", {"a": 1}) == "x"
    assert text("{% if plan == 'pro' %}x{% elif plan != 'free' %}-{% endif %}") == "-"
    assert failure("{% if n > 3 %}{% endif %}") == "render_missing_variable: n is missing"


@pytest.mark.parametrize(
    ("source", "made"),
    [
        ("{{ cart.items|map(attribute='count')|join('+') }}", "3+1"),
        ("{{ cart.items|sum(attribute='price') }}", "0.3"),
        ("{{ cart.items|sort(attribute='count')|map(attribute='title')|join }}", "CakeTea"),
        ("{{ cart.items|selectattr('count', 'gt', 1)|map(attribute='title')|first }}", "Tea"),
        ("{% for g in cart.items|groupby('index') %}{{ g.grouper }}{{ g.list|length }}{% endfor %}", "72"),
        ("{% for n, l in cart.items|groupby('index') %}{{ n }}{{ l|length }}{% endfor %}", "72"),
        ("{{ (cart.items|max(attribute='count')).title }}", "Tea"),
        ("{% for k, v in cart|items %}{{ k }}={{ v|length }} {% endfor %}", "items=2 keys=1 "),
        ("{% for k, v in cart|dictsort %}{{ k }} {% endfor %}", "items keys "),
        ("{{ cart|list|join(' ') }}", "items keys"),
        (
            "{{ cart.items.0.title }} {{ cart.items[-1].title }} {{ cart['items'][0]['title'] }}",
            "Tea Cake Tea",
        ),
        ("{{ by_id.17 }} {{ by_id[17] }} {{ by_id['17'] }}", "yes yes yes"),
        ("{{ node.__typename }} {{ node._id }}", "Node 5"),
        ("{% set ns = namespace(items=1) %}{% set ns.keys = 2 %}{{ ns.items + ns.keys }}", "3"),
        ("{% for i in [1, 2] %}{{ loop.index }}{{ loop.cycle('a', 'b') }}{% endfor %}", "1a2b"),
        ("{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m.name }}{{ m.arguments|first }}", "mx"),
        ("{% set ns = namespace() %}{% macro m() %}!{% endmacro %}{% set ns.m = m %}{{ ns.m() }}", "!"),
        ("{% block b %}x{% endblock %}{{ self.b() }}", "xx"),
        ("{{ a.b.c|default('none') }} {{ a.b.c is defined }} {{ nothing.at.all|d('-') }}", "none false -"),
    ],
)
def test_look_ups(source: str, made: str) -> None:
    data = {
        "cart": {
            "items": [
                {"title": "Tea", "count": 3, "price": 0.1, "index": 7},
                {"title": "Cake", "count": 1, "price": 0.2, "index": 7},
            ],
            "keys": ["k"],
        },
        "by_id": {"17": "yes"},
        "node": {"__typename": "Node", "_id": 5},
        "a": {},
    }
    assert text(source, data) == made


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("{{ a.b.c }}", "a.b"),
        ("{{ z.b }}", "z.b"),
        ("{{ z.b.c }}", "z.b"),
        ("{{ x.y.z }}", "x"),
        ("{{ a.b.c|upper }}", "a.b"),
        ("{{ a.b.c ~ '' }}", "a.b"),
        ("{{ a['b']['c'] }}", "b"),
        ("{{ [a]|map(attribute='b.c')|join }}", "b"),
        ("{{ a.b.c|tojson }}", "a.b"),
        ("{{ '%s'|format(a.b) }}", "a.b"),
        ("{% for x in a.b.c %}{% endfor %}", "a.b"),
        ("{% for k, v in a.b|items %}{% endfor %}", "a.b"),
        ("{{ a.b|round }}{{ a.b|abs }}", "a.b"),
        ("{% if a.b.c < 1 %}{% endif %}", "a.b"),
        ("{{ a.b() }}", None),
    ],
)
def test_what_is_missing_is_told_when_it_is_used(source: str, name: str | None) -> None:
    made = failure(source, {"a": {}, "z": None})
    if name is None:
        assert made.startswith("render_failed: data has no methods")
    else:
        assert made == f"render_missing_variable: {name} is missing"


@pytest.mark.parametrize(
    ("source", "made"),
    [
        ("{{ z }}|{{ none }}|{{ z|upper }}|{{ z ~ 'a' }}|{{ '%s' % z }}|{{ z|string }}|{{ z|e }}", "|||a|||"),
        ("{{ yes }} {{ no }} {{ 1 < 2 }} {{ yes|string }} {{ yes ~ no }}", "true false true true truefalse"),
        ("{{ '%s %s' % (yes, z) }}|{{ '%s'|format(no) }}|{{ [yes, z, 1]|join('-') }}", "true |false|true--1"),
        ("{{ yes|replace('true', z) }}|{{ z|urlencode }}|{{ {'a': z, 'b': yes}|urlencode }}", "||a=&b=true"),
        ("{{ yes|tojson }} {{ z|tojson }} {{ [z, 1]|tojson }}", "true null [null, 1]"),
        ("{{ z|default('d') }}|{{ z|default('d', true) }}", "|d"),
        ("{{ 3 }} {{ -3 }} {{ 3.0 }} {{ 2.50 }} {{ big }} {{ big|string }}", f"3 -3 3.0 2.5 {BIG} {BIG}"),
        ("{{ 9400109205568123456789 }} {{ 2 ** 70 }}", "9400109205568123456789 1180591620717411303424"),
        ("{{ huge }} {{ tiny }} {{ huge ~ '' }} {{ '%s' % tiny }} {{ [huge]|join }}", f"{LONG} 0.0000001 " * 2 + LONG),
        ("{{ 0.1 + 0.2 }} {{ 19.99 * 3 }} {{ 1 - 0.9 }} {{ 0.3 / 0.1 }} {{ 10 / 4 }}", "0.3 59.97 0.1 3.0 2.5"),
        ("{{ [0.1, 0.2, 0.3]|sum }} {{ [1, 2]|sum }}", "0.6 3"),
        ("{{ '%.2f' % 2.5 }} {{ '%d' % 3.7 }} {{ '%5.1f'|format(2) }} {{ '%(a)s' % {'a': 1} }}", "2.50 3   2.0 1"),
    ],
)  # fmt: skip
def test_values_print_as_readers_expect(source: str, made: str) -> None:
    data = {"z": None, "yes": True, "no": False, "big": BIG, "huge": 1e22, "tiny": 1e-7}
    assert text(source, data) == made


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{{ xs }}", "a list cannot be printed"),
        ("{{ o }}", "an object cannot be printed"),
        ("{{ xs|upper }}", "a list cannot be printed"),
        ("{{ xs ~ '' }}", "a list cannot be printed"),
        ("{{ '%s' % [xs] }}", "a list cannot be printed"),
        ("{{ [xs]|join }}", "a list cannot be printed"),
        ("{{ o|string }}", "an object cannot be printed"),
        ("{{ o|e }}", "an object cannot be printed"),
        ("{{ (1, 2) }}", "a list cannot be printed"),
        ("{{ xs|map('string') }}", "a list cannot be printed"),
        ("{{ xs|reverse }}", "a list cannot be printed"),
        ("{{ range(3) }}", "a list cannot be printed"),
        ("{{ range }}", "range is a function"),
        ("{{ dict }}", "dict is a function"),
        ("{{ namespace }}", "namespace is a function"),
        ("{{ self }}", "self cannot be printed"),
        ("{{ [range]|join }}", "range is a function"),
        ("{{ range ~ '' }}", "range is a function"),
        ("{{ '%s' % range }}", "range is a function"),
        ("{{ range|string }}", "range is a function"),
        ("{{ {'a': range}|tojson }}", "range is a function"),
        ("{{ x|default(range) }}", "range is a function"),
        ("{{ namespace() }}", "a namespace cannot be printed"),
        ("{% macro m() %}{% endmacro %}{{ m }}", "m is a macro"),
        ("{% for x in xs %}{{ loop }}{% endfor %}", "loop cannot be printed"),
        ("{% for x in xs %}{{ loop.cycle }}{% endfor %}", "cycle is a function"),
        ("{% block b %}{% endblock %}{{ self.b }}", "self.b is a block"),
        ("{{ infinite }}", "not a finite number"),
        ("{{ infinite ~ '' }}", "not a finite number"),
    ],
)
def test_what_has_no_form_for_readers_is_refused(source: str, words: str) -> None:
    made = failure(source, {"xs": [1], "o": {"secret": "s3"}, "infinite": float("inf")})
    assert made.startswith("render_failed")
    assert words in made
    assert "s3" not in made


def test_what_the_author_may_not_have_meant_is_remarked_with_its_line() -> None:
    remarks: list[str] = []
    text(
        "{{ a }}\n{{ b|upper }}\n{% for x in c %}\n{{ x }}{% endfor %}",
        {"a": None, "b": True, "c": [False]},
        remarks,
    )
    assert list(dict.fromkeys(remarks)) == [
        "body_text, line 1: null is printed as nothing",
        "body_text, line 2: true is printed",
        "body_text, line 4: false is printed",
        "body_html, line 1: null is printed as nothing",
        "body_html, line 2: true is printed",
        "body_html, line 4: false is printed",
    ]


@pytest.mark.parametrize(
    ("source", "column", "words"),
    [
        ("Hello\n{{ name.upper() }}", 8, "instead of .upper() write `|upper`"),
        ("Hello\n{% for k, v in cart.items() %}{% endfor %}", 20, "instead of .items() write `|items`"),
        ("Hello\n{% if x %}{{ a['strip']() }}{% endif %}", 15, "instead of .strip() write `|trim`"),
        ("Hello\n{{ xs.append(1) }}", 6, "data cannot be changed"),
        ("Hello\n{{ day.strftime('%d') }}", 7, "as it is to be read"),
        ("Hello\n{{ x.frobnicate() }}", 5, "there is no .frobnicate() to call"),
        ("Hello\n{{ now() }}", 4, "there is no function now()"),
        ("Hello\n{{ 1e999 }}", 4, "too large a number"),
    ],
)
def test_calls_of_methods_are_told_when_saved(source: str, column: int, words: str) -> None:
    (flaw,) = publish(Source(body_text=source)).flaws
    assert (flaw.part, flaw.line, flaw.column) == ("body_text", 2, column)
    assert words in flaw.reason


def test_whatever_data_may_hold_can_be_printed() -> None:
    longest = int("9" * MOST_DIGITS)
    deepest: object = "found"
    for _ in range(DEEPEST):
        deepest = {"a": deepest}
    data = {"n": longest, "deep": deepest}
    assert text("{{ n }} {{ n - 1 }}", data) == f"{longest} {longest - 1}"
    assert "found" in text("{{ deep|tojson }}", data)
    with pytest.raises(RenderingFailed, match="too large a number"):
        text("{{ n + 1 }}", data)


def test_what_can_be_called_is_let_in() -> None:
    source = (
        "{% macro m(x) %}{{ caller() }}{% endmacro %}{% call m(1) %}{% endcall %}{{ range(3)|sum }}{{ dict(a=1).a }}"
        "{% set n = namespace(m=m) %}{{ n.m(1) }}"
        "{% for x in y recursive %}{{ loop(x) }}{{ loop.changed(x) }}{% endfor %}"
        "{% block b %}{% endblock %}{{ self.b() }}{% set k = m %}{{ k(1) }}{{ loop.cycle }}"
    )
    assert publish(Source(body_text=source)).flaws == list[Flaw]()
