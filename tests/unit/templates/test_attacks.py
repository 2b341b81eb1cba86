"""Templates by people who mean no good: none gets out, none takes long, none says what it must not."""

from __future__ import annotations

import sys
import time
from types import FrameType
from typing import Self

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hermodr_templates.bounded import MOST_TOKENS
from hermodr_templates.limits import QUICK
from hermodr_templates.rendering import Rendered, Renderer, RenderingFailed
from tests.support.templates import Version


def deep_list(depth: int) -> list[object]:
    return [deep_list(depth - 1)] if depth else []


LONG_PATH = "real." * 390 + "real"
DATA: dict[str, object] = {
    "x": "text", "n": 7, "big": "word " * 12_000, "xs": list(range(1500)), "d": {"k": "v"}, "nested": [[1], [2]],
    "zeros": [0] * 1900, "lists": [[i] * 10 for i in range(1500)], "rows": [{"a": {"b": i}} for i in range(1900)],
    "sharp": "ß" * 30_000, "as": "a" * 60_000, "other": "b" * 20_000 + "a", "deep": [deep_list(300)] * 60,
    "huge": 10**4299,
    # Python's hash of each is the same
    "alike": [i * (2**61 - 1) for i in range(1900)], "pairs": [[i * (2**61 - 1), 1] for i in range(1900)],
}  # fmt: skip


def outcome(renderer: Renderer, body_text: str, body_html: str | None = None) -> Rendered | RenderingFailed:
    try:
        return renderer.render(Version(body_text=body_text, body_html=body_html), DATA)
    except RenderingFailed as failure:
        return failure


@pytest.mark.parametrize(
    "expression",
    [
        "x.__class__",
        "x['__class__']",
        "x['__cl' ~ 'ass__']",
        "x[('__', 'class', '__')|join]",
        "x|attr('__class__')",
        "([x]|map(attribute='__class__')|list)[0].__mro__",
        "[x]|map('attr', '__class__')|list",
        "([x]|groupby('__class__')|list)[0][0].__mro__",
        "[x, x]|sort(attribute='__class__.__mro__')",
        "([d]|map(attribute='k.__class__')|list)[0].__mro__",
        "[x]|sum(attribute='__class__')",
        "'{0.__class__}'.format(x)",
        "'{x.__class__}'.format_map({'x': x})",
        "'%(a)s'.__mod__",
        "x.format",
        "range.__init__.__globals__",
        "dict.mro()",
        "dict.__subclasses__()",
        "namespace.__init__",
        "namespace().__init__.__globals__",
        "self.__init__",
        "self._TemplateReference__context",
        "cycler.__init__",
        "lipsum.__globals__",
        "joiner",
        "config",
        "x.upper.__self__",
        "x.encode('utf-16')",
        "xs.append(1)",
        "xs.sort()",
        "d.update(k=2)",
        "d.pop('k')",
        "(1).__class__.__base__",
        "x.__getattribute__('upper')",
        "xs.__len__()",
        "hermodr_turns",
    ],
)
@pytest.mark.parametrize("form", ["{{{{ {} }}}}", "{{% set y = {} %}}{{{{ y }}}}"])
def test_nothing_leads_out(expression: str, form: str) -> None:
    made = outcome(Renderer(), body_text=form.format(expression))
    assert isinstance(made, RenderingFailed)
    assert made.code in ("render_failed", "render_missing_variable")


@pytest.mark.parametrize(
    "block",
    [
        "{% macro m() %}{{ m.__code__ }}{% endmacro %}{{ m() }}",
        "{% macro m() %}{{ caller.__globals__ }}{% endmacro %}{% call m() %}{% endcall %}",
        "{% for i in xs %}{{ loop.__class__ }}{% endfor %}",
        "{% for i in xs %}{{ loop._iterator }}{% endfor %}",
        "{% set ns = namespace() %}{% set ns.__class__ = 1 %}{{ ns.__class__ }}",
        "{% block b %}{{ super.__init__ }}{% endblock %}",
        "{% block b %}{{ self.b.__globals__ }}{% endblock %}",
        "{% import 'os' as os %}",
        "{% include '/etc/passwd' %}",
        "{% extends '/etc/passwd' %}",
        "{% from 'x' import y %}",
        "{{ x|hermodr_turns(1)|list }}{{ x.__class__ }}",
    ],
)
def test_no_block_leads_out(block: str) -> None:
    made = outcome(Renderer(), body_text=block)
    assert isinstance(made, RenderingFailed)
    assert "/etc" not in str(made)


PATHS = [
    "xs|map(attribute='PATH')|list",
    "xs|sort(attribute='PATH')",
    "xs|groupby('PATH', default=1)",
    "xs|unique(attribute='PATH')|list",
    "xs|join('', attribute='PATH')",
    "xs|selectattr('PATH')|list",
    "xs|rejectattr('PATH')|list",
    "[xs|max(attribute='PATH')]",
    "[xs|sum(attribute='PATH')]",
    "rows|sort(attribute='" + "a," * 900 + "a')",
]
SHARED = [
    "sort",
    "unique|list",
    "groupby('k', default=1)",
    "max",
    "join",
    "list",
    "map('title')|list",
    "map('urlencode')|join",
    "list|tojson",
    "select('in', big)|list",
    "batch(3)|list",
    "sum(start='')",
]
"""Of a thousand items that are the same long text."""


@pytest.mark.parametrize(
    "template",
    [
        *(f"{{{{ {walk.replace('PATH', LONG_PATH)}|length }}}}" for walk in PATHS),
        *(f"{{{{ zeros|map('default', sharp, true)|{walk}|length }}}}" for walk in SHARED),
        "{{ zeros|groupby('k', default=sharp)|length }}",
        "{{ zeros|map('default', huge, true)|list|tojson|length }}",
        "{{ zeros|map('default', huge, true)|join|length }}",
        "{% for a in xs %}{{ huge }}{{ huge * 7 }}{{ '%d'|format(huge) }}{% endfor %}",
        "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
        "{% for a in xs %}{% set y = xs|sort(reverse=true)|list %}{% endfor %}",
        "{% for a in xs %}{% set y = big|wordcount %}{% endfor %}",
        "{% for a in xs %}{% set y = big|title %}{% endfor %}",
        "{% for a in xs %}{% set y = big|striptags %}{% endfor %}",
        "{% for a in xs %}{% set y = big|urlencode %}{% endfor %}",
        "{% for a in xs %}{% set y = big|tojson %}{% endfor %}",
        "{% for a in xs %}{{ big }}{% endfor %}",
        "{% for a in xs %}{% if 'words' in big %}{% endif %}{% endfor %}",
        "{% for a in xs %}{% set y = xs == xs[::-1] %}{% endfor %}",
        "{% for a in xs %}{% set y = xs|unique|list %}{% endfor %}",
        "{% for a in xs %}{% set y = xs|map('string')|join %}{% endfor %}",
        "{% for a in xs %}{% set y = xs|batch(3)|list %}{% endfor %}",
        "{% for a in xs %}{% set y = xs|groupby('real') %}{% endfor %}",
        "{{ zeros|map('default', alike, true)|map('unique')|map('list')|map('length')|sum }}",
        "{{ zeros|map('default', xs, true)|map('select', 'in', xs)|map('list')|map('length')|sum }}",
        "{{ alike|unique|list|length }}{{ alike|select('in', alike)|list|length }}",
        "{{ lists|select('in', lists)|list|length }}",
        "{{ dict(pairs)|length }}",
        "{{ as|trim(other)|length }}",
        "{% for a in xs %}{{ as|trim(other[:99])|length }}{% endfor %}",
        "{{ deep|tojson(indent=8)|length }}",
        "{{ rows|tojson(indent=8)|length }}",
        "{{ lists|sum(start=[])|length }}",
        "{{ " + "big|title|length + " * 60 + "1 }}",
        "{{ " + "(as|replace('a', 'a'))|length + " * 60 + "1 }}",
        "{% for a in xs %}{% set y = 999 ** 99 %}{% endfor %}",
        "{% macro f(n) %}{{ f(n) }}{{ f(n) }}{% endmacro %}{{ f(1) }}",
        "{% for a in nested recursive %}{{ loop(nested) }}{% endfor %}",
        "{% set ns = namespace(s='x') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
        "{% set ns = namespace(l=[]) %}{% for i in range(99) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
        "{{ 'x' * 10 ** 9 }}",
        "{{ 'ab'|replace('', 'x' * 9999)|replace('', 'x' * 9999) }}",
        "{{ '%099999999d' % 1 }}",
        "{{ " + "[" * 400 + "]" * 400 + "}}",
        "{% if x %}" * 400 + "{% endif %}" * 400,
        "{{ x" + "|upper" * MOST_TOKENS + " }}",
        "{{ " + "n + " * 450 + "1 }}",
        "{{ '" + "\\\\" * 60_000 + "' }}",
        "{{ 1" + "0" * 100_000 + " }}",
        "{#" * 50_000,
        "{{ '{{ ' " * 20_000,
        "{% raw %}" * 10_000,
        "{" * 120_000,
    ],
)
def test_nobody_waits_long_for_a_hostile_template(template: str) -> None:
    """In a sender's own thread, compiling included. The limit is 5 ms of rendering and 15 of compiling, give or take
    the last step; the test leaves room for a slow machine."""
    renderer = Renderer(QUICK, most_tokens=MOST_TOKENS)
    started = time.thread_time()
    outcome(renderer, body_text=template)
    assert time.thread_time() - started < 0.25


@pytest.mark.parametrize(
    "end", ["\r\n", "\n", "\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
)
def test_a_subject_brings_no_header(end: str) -> None:
    version = Version(body_text="t", subject="Hi {{ name }}" + end + "X-Two: 2")
    made = Renderer().render(version, {"name": f"Ada{end}Bcc: eve@example.org"})
    assert made.subject.splitlines() == ["Hi Ada Bcc: eve@example.org X-Two: 2"]


_atoms = st.sampled_from(
    [
        "x",
        "n",
        "xs",
        "d",
        "big",
        "nested",
        "1",
        "'a'",
        "[]",
        "{}",
        "range(99)",
        "nothing",
        "loop",
        "zeros",
        "alike",
        "lists",
        "rows",
    ]
)
_filters = st.sampled_from(
    [
        "upper",
        "list",
        "sort",
        "join",
        "first",
        "length",
        "map('upper')",
        "batch(2)",
        "tojson",
        "replace('a', 'bb')",
        "e",
        "map('default', big, true)",
        "map('default', xs, true)",
        "map('unique')",
        "unique",
        "select('in', xs)",
        "groupby('a.b', default=big)",
        "sum(attribute='real.real.real')",
        "trim(big)",
        "tojson(indent=8)",
    ]
)
_expressions = st.recursive(
    _atoms,
    lambda inner: st.one_of(
        st.tuples(inner, _filters).map("|".join),
        st.tuples(inner, st.sampled_from(["+", "*", "~", "==", "in", "**", "%", "and"]), inner).map(
            lambda e: f"({' '.join(e)})"
        ),
        st.tuples(inner, inner).map(lambda e: f"{e[0]}[{e[1]}]"),
        st.tuples(inner, st.sampled_from(["__class__", "real", "k", "format", "items()"])).map(".".join),
        st.lists(inner, max_size=3).map(lambda e: f"[{', '.join(e)}]"),
    ),
    max_leaves=6,
)
_templates = st.recursive(
    _expressions.map(lambda e: f"{{{{ {e} }}}}"),
    lambda inner: st.one_of(
        st.tuples(_expressions, inner).map(lambda e: f"{{% for i in {e[0]} %}}{e[1]}{{% endfor %}}"),
        st.tuples(_expressions, inner).map(lambda e: f"{{% if {e[0]} %}}{e[1]}{{% else %}}-{{% endif %}}"),
        st.tuples(_expressions, inner).map(lambda e: f"{{% set x = {e[0]} %}}{e[1]}"),
        st.tuples(inner, inner).map("".join),
    ),
    max_leaves=5,
)


class _Work:
    """Counts the calls and returns of functions, Python's and C's, in its block: the same on a slow machine."""

    def __init__(self) -> None:
        self.events = 0

    def __enter__(self) -> Self:
        self._before = sys.getprofile()
        sys.setprofile(self._count)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(self._before)

    def _count(self, _frame: FrameType, _event: str, _argument: object) -> None:
        self.events += 1


MOST_EVENTS = 300_000
"""Of compiling and rendering a few lines twice. Sorting sixty thousand letters is more than twice as much."""


@settings(max_examples=200, deadline=None)
@example("{{ big|sort }}")
@example("{{ big|unique|list }}")
@example("{{ xs|sum(attribute='" + LONG_PATH + "') }}")
@example("{{ zeros|map('default', xs, true)|map('select', 'in', xs)|map('list')|list|length }}")
@given(_templates)
def test_whatever_a_template_does_it_ends_soon_and_well(template: str) -> None:
    renderer = Renderer(QUICK, most_tokens=MOST_TOKENS)
    with _Work() as work:
        made = outcome(renderer, body_text=template, body_html=template)
    assert work.events < MOST_EVENTS
    if isinstance(made, Rendered):
        for name in ("<class", "object at 0x", "<built-in", "None", "True", "False"):
            assert name not in made.text


@pytest.mark.parametrize(
    "walk",
    [
        "sort", "list", "unique|first", "map('upper')|list", "join('-')", "min", "max", "groupby('real')", "batch(2)",
        "select|first", "sum", "reject|first", "selectattr('real')|first", "rejectattr('real')|first",
    ],
)  # fmt: skip
def test_no_filter_walks_over_a_long_text(walk: str) -> None:
    made = outcome(Renderer(QUICK), body_text="{{ big|" + walk + " }}")
    assert isinstance(made, RenderingFailed)
    assert made.detail.endswith("too many items")
