"""The text form of an HTML mail."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_templates.html_text import html_to_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("plain", "plain\n"),
        ("<p>One</p><p>Two\n   words</p>", "One\n\nTwo words\n"),
        ("<div>One</div><div>Two</div>", "One\nTwo\n"),
        ("a<br>b<br/>c<br><br>d", "a\nb\nc\n\nd\n"),
        ("<h1>Title</h1>Text", "Title\n\nText\n"),
        ("<b>bold</b> and <i>it</i>alic", "bold and italic\n"),
        ("&lt;tag&gt; &amp; &eacute;&#x2603;", "<tag> & é☃\n"),
        ("<style>p {}</style><script>x()</script><title>t</title>ok", "ok\n"),
        ("<head><meta charset=utf-8><title>t</title></head><body>ok</body>", "ok\n"),
        ("<!-- no --><p>yes</p>", "yes\n"),
        ("<ul><li>one</li><li>two</li></ul>after", "- one\n- two\n\nafter\n"),
        ("<ol><li>one<li>two</ol>", "1. one\n2. two\n"),
        ("<ul><li>one<ul><li>in</li></ul></li><li>two</li></ul>", "- one\n  - in\n- two\n"),
        ('<a href="https://x.example/a?b=1&amp;c=2">Open</a>!', "Open <https://x.example/a?b=1&c=2>!\n"),
        ('<a href="https://x.example/">https://x.example/</a>', "https://x.example/\n"),
        ('<a href="mailto:a@b.example">a@b.example</a>', "a@b.example\n"),
        ('<a href="https://x.example"><img src=x alt="Logo"></a>', "Logo <https://x.example>\n"),
        ('<a href="https://x.example"><img src=x></a>', "https://x.example\n"),
        ('<a href="#top">Top</a> <a href="javascript:x()">Run</a> <a>none</a>', "Top Run none\n"),
        ("<p><a href='https://x.example'>\n  Pay now\n</a></p>", "Pay now <https://x.example>\n"),
        (
            "<table><tr><td>Seat</td><td>12A</td></tr><tr><td>Gate</td><td>7</td></tr></table>",
            "Seat 12A\nGate 7\n",
        ),
        ("<pre>a\n  b</pre>", "a\n  b\n"),
        ("a<hr>b", "a\n\n--------------------\n\nb\n"),
        ("<p>unclosed <b>tags <p>everywhere", "unclosed tags\n\neverywhere\n"),
        ("</p></a></ul></style>stray", "stray\n"),
        ("<div><div><p>deep</p></div></div><div>next</div>", "deep\n\nnext\n"),
        ("<p title='a>b' data-x=it's>don't</p>", "don't\n"),
        ("<!DOCTYPE html><![CDATA[x]]><?php ?><p>ok</p><!-- never closed", "ok\n"),
        ("<script>if (a<b) '</p>'</script>ok<style>never closed", "ok\n"),
        (
            '<a href="https://x.example/1">one<a href="https://x.example/2">two</a>',
            "one <https://x.example/1>two <https://x.example/2>\n",
        ),
        ("&#" + "9" * 5000 + ";", "&#" + "9" * 5000 + ";\n"),
    ],
)
def test_html_to_text(html: str, text: str) -> None:
    assert html_to_text(html) == text


PIECES = [
    "<p>",
    "</p>",
    "<a/href=https://x>",
    "</a>",
    "<ul>",
    "<ol>",
    "<li>",
    "</ul>",
    "<pre>",
    "</pre>",
    "<br>",
    "x",
    "\n",
    "&",
    "<",
]


@given(st.lists(st.sampled_from(PIECES)))
def test_broken_html_never_raises(pieces: list[str]) -> None:
    text = html_to_text("".join(pieces))
    assert text == "" or text.endswith("\n")
    assert "\n\n\n" not in text or "<pre>" in pieces


@pytest.mark.parametrize(
    "html",
    [
        "<a " * 200_000,
        "<a " * 200_000 + ">",
        "<!--" * 200_000 + ">",
        "<![" * 200_000,
        "</a " * 200_000,
        "<a b='" * 200_000,
        "<a>" * 100_000 + "<br>" * 100_000,
        "<ul>" * 100_000 + "<li>x" * 100_000,
        "<a href=http://x>" * 50_000 + "x<i>" * 50_000 + "</a>" * 50_000,
        "<script></scrip" * 50_000,
    ],
    ids=lambda html: html[:12],
)
def test_hostile_html_costs_what_other_html_costs(html: str) -> None:
    started = time.process_time()
    text = html_to_text(html)
    assert (
        time.process_time() - started < 5
    )  # read once it is a fraction of a second; read again and again, minutes
    assert len(text) < 4 * len(html)
