from __future__ import annotations

import re

import pytest
from css_inline import CSSInliner
from hypothesis import given, settings
from hypothesis import strategies as st
from mjml import mjml2html

from hermodr_templates.flaws import Flaw
from hermodr_templates.language import ALLOWED_FILTERS
from hermodr_templates.publishing import Published, Source, publish
from hermodr_templates.rendering import Renderer
from tests.support.templates import Version

MAIL = "<mjml><mj-body>{}</mj-body></mjml>"
COLUMN = "<mj-section><mj-column>{}</mj-column></mj-section>"


def rendered(html: str, data: dict[str, object]) -> str:
    made = Renderer().render(Version(body_text="t", body_html=html), data).html
    assert made is not None
    return made


def html_of(**source: object) -> str:
    published = publish(Source(**source))  # type: ignore[arg-type]
    assert published.flaws == []
    assert published.compiled_html is not None
    return published.compiled_html


def flaw_of(**source: object) -> Flaw:
    published = publish(Source(**source))  # type: ignore[arg-type]
    assert published.compiled_html is None
    (flaw,) = published.flaws
    return flaw


def test_html_without_rules_is_sent_as_written() -> None:
    assert publish(Source("Hi", None, "<P>{{ a }}", None)) == Published(variables=["a"], required=["a"])
    assert (
        publish(Source("Hi", None, "<style>p{color:red}</style><p>x", None, inline_css=False)) == Published()
    )


def test_rules_become_attributes_and_the_others_stay() -> None:
    html = html_of(
        body_html="<style>p{color:{{ ink }}} a:hover{color:red} @media print{p{color:black}}</style>"
        '<p>{{ name }}</p><a href="{{ link }}?a=1&amp;b=2">go</a>'
    )
    assert '<p style="color: {{ ink }};">{{ name }}</p>' in html
    assert '<a href="{{ link }}?a=1&amp;b=2">go</a>' in html
    assert "a:hover" in html
    assert "@media print" in html


def test_nothing_is_loaded() -> None:
    html = html_of(
        body_html='<link rel="stylesheet" href="file:///etc/passwd"><link rel="stylesheet" href="http://127.0.0.1:9/">'
        '<style>@import url("file:///etc/passwd"); p{color:red}</style><p>x</p>'
    )
    assert "root:" not in html
    assert '<p style="color: red;">x</p>' in html
    for path in ("/etc/passwd", "file:///etc/passwd", "http://127.0.0.1:9/"):
        flaw = flaw_of(body_mjml=MAIL.format(f'<mj-include path="{path}" />'))
        assert "mj-include" in flaw.reason


def test_loops_between_rows_stay_where_they_are() -> None:
    html = html_of(
        body_html="<style>td{color:red}</style><table>{% for r in rows %}<tr><td>{{ r }}</td></tr>{% endfor %}</table>"
    )
    table = "<table><tbody>" + '<tr><td style="color: red;">{}</td></tr>' * 2 + "</tbody></table>"
    assert table.format("&lt;1&gt;", 2) in rendered(html, {"rows": ["<1>", 2]})
    assert "<table><tbody></tbody></table>" in rendered(html, {"rows": []})


def test_literal_braces_stay_literal() -> None:
    html = html_of(
        body_html="<style>p{color:red}</style><p title='&#123;% x'>&#123;&#123; a }}{% raw %}{{ b }}{% endraw %}</p>"
    )
    assert '<p title="{% x" style="color: red;">{{ a }}{{ b }}</p>' in rendered(html, {})


def test_statements_in_attributes_stay_together() -> None:
    source = '{% if a %}{{ a }}{% else %}say "x"{% endif %}'
    html = html_of(body_html=f"<style>p{{color:red}}</style><p title='{source}'>x</p>")
    assert 'title="say &quot;x&quot;"' in rendered(html, {"a": ""})
    assert 'title="&lt;"' in rendered(html, {"a": "<"})


def test_style_that_is_computed_is_left_alone() -> None:
    html = html_of(
        body_html="<style>{% if dark %}p{color:red}{% endif %}</style><style>p{margin:0}</style><p>x</p>"
    )
    assert "<style>{% if dark %}p{color:red}{% endif %}</style>" in html
    assert '<p style="margin: 0;">x</p>' in html


@pytest.mark.parametrize(
    ("body", "column"),
    [
        ("{% if a %}<p>{% else %}<p class=b>{% endif %}x</p>", 43),
        ("<table>{% if a %}<p>x</p>{% endif %}<tr><td>1</td></tr></table>", 37),
        ("<{{ tag }}>x</{{ tag }}>", 30),
    ],
)
def test_what_inlining_would_break_is_refused(body: str, column: int) -> None:
    flaw = flaw_of(body_html=f"<style>p {{color: red}}</style>{body}")
    assert (flaw.part, flaw.line, flaw.column) == ("body_html", 1, column)
    assert publish(Source(body_html=f"<style>p {{color: red}}</style>{body}", inline_css=False)).flaws == []


@pytest.mark.parametrize(
    ("body", "line", "column", "words"),
    [
        ("\n <mj-bogus/>", 2, 2, "no element <mj-bogus>"),
        ("<mj-section>\n</mj-column>", 2, 1, "stands where <mj-section> of line 1 is open"),
        ("\n\n  <mj-text>a < b</mj-text>", 3, 14, "&lt;"),
        ("\n<mj-text color=red>a</mj-text>", 2, 10, "quotes"),
        ("\n<mj-text {% if a %}color='red'{% endif %}>a</mj-text>", 2, 10, "among attributes"),
        (
            "\n<mj-section><mj-column width='{{ w }}'></mj-column></mj-section>",
            2,
            31,
            "when the template is saved",
        ),
        ("\n<mj-include path='x'/>", 2, 1, "no files"),
        ("\n<mj-text>{{ a | nope }}</mj-text>", 2, 17, "No filter named 'nope'"),
        ("\n<mj-text>{{ a ~ }}</mj-text>", 2, 17, "end of print statement"),
        ("<div>" * 600, 1, 2506, "500 deep"),
    ],
)
def test_flaws_of_mjml_have_a_place(body: str, line: int, column: int, words: str) -> None:
    flaw = flaw_of(body_mjml=MAIL.format(body))
    assert (flaw.part, flaw.line, flaw.column) == ("body_mjml", line, column)
    assert words in flaw.reason


def test_what_is_no_mjml_is_told() -> None:
    for source in ("hello", "<p>x</p>", "<mjml>"):
        assert flaw_of(body_mjml=source).part == "body_mjml"


def test_every_text_with_a_flaw_is_named() -> None:
    flaws = publish(Source("{{ x", "{% if %}", "{{ a|nope }}\n{{ b|nope }}")).flaws
    assert [(flaw.part, flaw.line, flaw.column) for flaw in flaws] == [
        ("subject", 1, 4),
        ("body_text", 1, 7),
        ("body_html", 1, 6),
    ]


@pytest.mark.parametrize(
    "source",
    [
        "{{ ",
        "{% for %}",
        "{{ a | nothing }}",
        "{% endif %}",
        "{{ " + "(" * 3000 + ")" * 3000 + " }}",
        "{{ f(a=1,a=2) }}",
        "{% for a in b %}" * 21 + "{% endfor %}" * 21,
        "{% include 'x' %}",
        "{{ a is nothing }}",
    ],
)
def test_what_cannot_be_compiled_is_told(source: str) -> None:
    assert flaw_of(body_text=source).part == "body_text"


@pytest.mark.parametrize(
    ("source", "column"),
    [
        ("Hello\n{{ a | center(9) }}", 8),
        ("Hello\n{% if a %}{{ a | lower | center(9) }}{% endif %}", 26),
        ("Hello\r\n{% filter center(9) %}{{ a | upper }}{% endfilter %}", 11),
    ],
)
def test_what_no_sender_renders_is_refused(source: str, column: int) -> None:
    flaw = flaw_of(body_text=source)
    assert (flaw.line, flaw.column, flaw.reason) == (2, column, "No filter named 'center'.")


def test_what_senders_render_is_accepted() -> None:
    source = "".join("{{ a | " + name + " }}" for name in ALLOWED_FILTERS)
    assert publish(Source(body_text=source)).variables == ["a"]


def test_saving_a_template_does_not_run_it() -> None:
    source = "{{ 9 ** 9 ** 9 ** 9 }}{{ 'a' * 10 ** 12 }}"
    assert publish(Source(body_text=source)).flaws == []


def test_no_font_is_fetched_from_elsewhere() -> None:
    assert "googleapis" not in html_of(body_mjml=MAIL.format(COLUMN.format("<mj-text>x</mj-text>")))


def test_inline_styles_of_mjml() -> None:
    source = (
        "<mjml><mj-head><mj-style inline='inline'>.b{color:{{ ink }}}</mj-style></mj-head><mj-body>"
        + COLUMN.format(
            '<mj-text>{% for x in xs %}<a class=\'b\' href="{{ x|default("&") }}">{{ x }}</a>{% endfor %}</mj-text>'
        )
        + "</mj-body></mjml>"
    )
    html = rendered(html_of(body_mjml=source), {"xs": ["1"], "ink": "red"})
    assert '<a class="b" href="1" style="color: red;">1</a>' in html


XHTML = '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">'


def test_inlining_leaves_doctype_and_conditionals_alone() -> None:
    office = (
        "<!--[if gte mso 9]><xml><o:OfficeDocumentSettings/></xml><style>p{color:red}</style><![endif]-->"
    )
    table = "<table><tbody><![if !mso]><tr><td>{% if a %}z{% endif %}</td></tr><![endif]></tbody></table>"
    revealed = "<!--[if !mso]><!--><p>{{ a }}</p><!--<![endif]-->"
    ghost = "<!--[if mso | IE]><table><tr><td width='{{ w }}'><![endif]-->"
    html = html_of(
        body_html=f'{XHTML}<html xmlns:v="urn:v"><head>{office}<style>p{{color:blue}}</style></head><body>'
        f"{revealed}{table}{ghost}</body></html>"
    )
    assert html == (
        f'{XHTML}<html xmlns:v="urn:v"><head>{office}</head><body>'
        + revealed.replace("<p>", '<p style="color: blue;">')
        + f"{table}{ghost}</body></html>"
    )
    assert html_of(
        body_html="<?xml version='1.0'?><!doctype HTML><style>p{color:red}</style><p>x"
    ).startswith("<?xml version='1.0'?><!doctype HTML><html>")


def test_styles_for_some_screens_stay_rules() -> None:
    kept = (
        "@media (prefers-color-scheme: dark) { p { color: #fff !important; } }",
        "[data-ogsc] p { color: #eee; }",
        "u + .body p { color: #123; }",
    )
    html = html_of(
        body_html='<style media="(max-width: 600px)">p{color:red}</style><style media=screen>p{margin:0}'
        + "".join(kept)
        + '</style><body class="body"><p>x</p>'
    )
    assert '<style media="(max-width: 600px)">p{color:red}</style>' in html
    assert '<p style="margin: 0;">x</p>' in html
    for rule in kept:
        assert rule.replace(" ", "") in html.replace(" ", "")


@pytest.mark.parametrize(
    ("html", "warned"),
    [
        ("<img src=x>", True),
        ("<div style='display:none'>preheader</div>{% if a %}<img src='{{ a }}'>{% endif %}{# note #}", True),
        ("<img src=x alt='Tea'>", False),
        ("<p>{{ a }}</p>", False),
        ("<style>p{display:none}</style><p>x</p>", True),
    ],
)
def test_html_without_words_is_warned_of(html: str, *, warned: bool) -> None:
    assert bool(publish(Source(body_html=html)).warnings) is warned
    assert publish(Source(body_html=html, body_text="x")).warnings == []


# What is rendered after compiling is what compiling makes of the rendered source.

_words = st.sampled_from(["x", "a &amp; b", "<b>bold</b>", "é漢", "<br/>", "<!-- note -->", "&nbsp;"])
_values = st.sampled_from(
    [
        "{{ name }}",
        "{{ name|upper }}",
        '{{ {"k": name}["k"] }}',
        "{% if yes %}y{% else %}n{% endif %}",
        "{# n #}",
    ]
)
_links = st.sampled_from(
    [
        "{{ link }}",
        "https://x.example/?a=1&amp;b={{ name|urlencode }}",
        "{% if no %}{% else %}{{ link }}{% endif %}",
    ]
)


def _wrapped(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        inner.map(lambda x: f"{{% for i in three %}}{x}{{% endfor %}}"),
        inner.map(lambda x: f"{{% if yes %}}{x}{{% endif %}}"),
        inner.map(lambda x: f"{{% if no -%}} {x} {{%- endif %}}"),
        inner.map(lambda x: f"{{% set v = name %}}{x}{{{{ v }}}}"),
    )


_texts = st.lists(
    st.one_of(_words, _values, _wrapped(_words), _wrapped(_values)), min_size=1, max_size=4
).map("".join)
_elements = st.one_of(
    _texts.map(lambda x: f"<mj-text color='{{{{ ink }}}}'>{x}</mj-text>"),
    st.tuples(_links, _texts).map(lambda x: f'<mj-button href="{x[0]}">{x[1]}</mj-button>'),
    st.lists(_wrapped(_texts.map(lambda x: f"<tr><td>{x}</td></tr>")), min_size=1, max_size=2).map(
        lambda x: f"<mj-table>{''.join(x)}</mj-table>"
    ),
    _links.map(lambda x: f'<mj-image src="{x}" alt="{{{{ name }}}}" />'),
)
_sections = st.lists(st.one_of(_elements, _wrapped(_elements)), min_size=1, max_size=3).map(
    lambda x: COLUMN.format("".join(x))
)
_mails = st.lists(st.one_of(_sections, _wrapped(_sections)), min_size=1, max_size=3).map("".join)
DATA: dict[str, object] = {
    "name": "<Ada> & \"Co\" {{ x }}", "link": "https://x.example/?a=1&b=2", "ink": "#123", "yes": True, "no": False,
    "three": [1, 2, 3],
}  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(_mails)
def test_compiling_mjml_and_rendering_can_change_places(body: str) -> None:
    source = MAIL.format(body)
    made, expected = rendered(html_of(body_mjml=source), DATA), mjml2html(rendered(source, DATA), fonts={})
    # The rules in the head are for the columns there are; a column that was left out keeps its rule.
    assert made.partition("<body")[2] == expected.partition("<body")[2]


_rows = st.lists(st.one_of(_texts, _wrapped(_texts)), min_size=1, max_size=2).map(
    lambda x: "".join(f"<td class='c'>{y}</td>" for y in x)
)
_tables = st.lists(_wrapped(_rows.map(lambda x: f"<tr>{x}</tr>")), min_size=1, max_size=2).map(
    lambda x: f"<table>{''.join(x)}</table>"
)
_blocks = st.one_of(
    _tables,
    _texts.map(lambda x: f"<p class='c d'>{x}</p>"),
    st.tuples(_links, _texts).map(lambda x: f'<div><a href="{x[0]}" title="{{{{ name }}}}">{x[1]}</a></div>'),
)
_pages = st.lists(st.one_of(_blocks, _wrapped(_blocks)), min_size=1, max_size=4).map("".join)
_RULES = "<style>.c{color:red} .d{margin:0} a{color:{{ ink }}} td{padding:1px} a:hover{color:blue}</style>"


def _normal(html: str) -> str:
    again = CSSInliner(inline_style_tags=False, keep_style_tags=True, load_remote_stylesheets=False).inline(
        html
    )
    return re.sub(
        r"<!--(?!\[).*?-->|<style>.*?</style>|<tbody></tbody>",
        "",
        again[again.index("<body") :],
        flags=re.DOTALL,
    )


@settings(max_examples=40, deadline=None)
@given(_pages)
def test_inlining_css_and_rendering_can_change_places(page: str) -> None:
    source = _RULES + page
    first = CSSInliner(load_remote_stylesheets=False).inline(rendered(source, DATA))
    assert _normal(rendered(html_of(body_html=source), DATA)) == _normal(first)


_scraps = st.sampled_from(
    [
        *"<>/='\"{}%# &;a", "<p", "<style>", "{{ a }}", "{% if a %}", "{% endif %}", "<!--", "-->", "</p>", "<table>",
        "<tr>", "{% raw %}", "{% endraw %}", "mj-text", "<mj-text>", "</mj-text>",
    ]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(_scraps, max_size=30).map("".join))
def test_whatever_comes_is_published_or_told(text: str) -> None:
    for source in (
        Source(body_html="<style>p{color:red}</style>" + text),
        Source(body_mjml=MAIL.format(text)),
    ):
        published = publish(source)
        assert (published.compiled_html is None) == bool(published.flaws)
