from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mjml import mjml2html

from hermodr_templates.html_text import html_to_text
from hermodr_templates.limits import QUICK, Limits, TemplateLimitExceeded


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
            "one <https://x.example/1> two <https://x.example/2>\n",
        ),
        ("&#" + "9" * 5000 + ";", "\ufffd\n"),
    ],
)
def test_html_to_text(html: str, text: str) -> None:
    assert html_to_text(html) == text


@pytest.mark.parametrize(
    ("href", "target"),
    [
        (
            "https://x.example/?a=1&currency=EUR&copy=2&lt=3",
            "https://x.example/?a=1&currency=EUR&copy=2&lt=3",
        ),
        ("https://x.example/?a=1&amp;copy;=2&notit;&para", "https://x.example/?a=1&copy;=2&notit;\u00b6"),
        ("sms:+431?body=hi", "sms:+431?body=hi"),
        ("SMS:+43 1", "SMS:+431"),
        ("myapp://open/1?x=1", "myapp://open/1?x=1"),
        ("whatsapp://send?text=a b", "whatsapp://send?text=a%20b"),
        ("itms-apps://x.example/app", "itms-apps://x.example/app"),
        ("mailto:a@x.example?subject=Hi", "mailto:a@x.example?subject=Hi"),
        ("mailto:a@x.example", "a@x.example"),
        ("tel:+43 1 234", "+431234"),
        ("//x.example/a", "https://x.example/a"),
        (" https://x.example/\n<a> ", "https://x.example/%3Ca%3E"),
        ("#top", None),
        ("/relative", None),
        ("javascript:x()", None),
        ("java\nscript:x()", None),
        ("data:text/html,x", None),
        ("cid:logo", None),
        ("mailto:", None),
        ("", None),
    ],
)
def test_link_targets(href: str, target: str | None) -> None:
    made = html_to_text(f'<a href="{href}">go</a>')
    assert made == ("go\n" if target is None else f"go <{target}>\n")


@pytest.mark.parametrize(
    ("label", "href", "text"),
    [
        ("+43 1 234", "tel:+431234", "+43 1 234\n"),
        ("https://x.example", "https://x.example/", "https://x.example\n"),
        ("x.example", "https://x.example/", "x.example <https://x.example/>\n"),
        ("(<b>go</b>)", "https://x.example/", "(go) <https://x.example/>\n"),
        (
            "<table><tr><td><p>Read more</p></td></tr></table>",
            "https://x.example/",
            "Read more <https://x.example/>\n",
        ),
        ("<img src=x>", "https://x.example/", "https://x.example/\n"),
    ],
)
def test_labels_that_say_it_themselves(label: str, href: str, text: str) -> None:
    assert html_to_text(f'<a href="{href}">{label}</a>') == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<head><title>t</title><style>p{}</style><p>after</p>", "after\n"),
        ("<html><head><meta charset=utf-8>words", "words\n"),
        ("<p>a</p></body></html><p>b", "a\n\nb\n"),
        ("<title>t</title><noscript>seen</noscript><template>x</template><iframe>x</iframe>", "seen\n"),
        ("Hello<img alt=World>!", "Hello World!\n"),
        ("(<img alt=Logo>) <img alt=''>x<img>y", "(Logo) xy\n"),
        ("<figure><img alt=Tea><figcaption>Green</figcaption></figure>x", "Tea\nGreen\nx\n"),
        ("<table><caption>Cap</caption><tr><td>a<td>b</table>", "Cap\na b\n"),
        ("<a href='https://a.example'>A</a><a href='https://b.example'>B</a>.", "A <https://a.example> B <https://b.example>.\n"),
        ("<map><area href='https://x.example/1' alt=A><area href='//x.example/2' alt=B>", "A <https://x.example/1> B <https://x.example/2>\n"),
        ("<button>Yes</button><button>No</button><input type=submit value=Go><input value=x>", "Yes No Go\n"),
        ("<fieldset><legend>L</legend>x</fieldset><details><summary>S</summary>d</details>", "L\nx\nS\nd\n"),
        ("x <q>y</q> z", 'x "y" z\n'),
        ("<!--[if mso]>no<![endif]--><!--[if !mso]><!-->yes<!--<![endif]--><![if !mso]>, too<![endif]>", "yes, too\n"),
        ("<span style='display:block'>a</span><span style='display:block'>b</span>", "a\nb\n"),
        ("<li style='display:inline-block'>Home</li><li style='display:inline'>About</li>", "Home About\n"),
        ("<p style='margin:0'>a</p><p style='margin: 0 0 0px'>b</p>", "a\nb\n"),
        ("<p style='white-space:pre-line'>a\n  b\n\nc</p>", "a\nb\n\nc\n"),
        ("<p style='white-space: pre-wrap'>  a\n  b</p>", "  a\n  b\n"),
        ("<select><option>A<option>B</select>", "A\nB\n"),
        ("&Auml;rzte: 10&nbsp;&euro; &ndash; &szlig;&bdquo;x&ldquo;", "Ärzte: 10\u00a0€ \u2013 ß„x“\n"),
        ("<p dir=rtl>שלום <b>עולם</b>&rlm;!</p>", "שלום עולם\u200f!\n"),
        ("a\ud83db\0", "ab\n"),
    ],
)  # fmt: skip
def test_what_a_reader_sees(html: str, text: str) -> None:
    assert html_to_text(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<ol start=5><li>a<li value=9>b<li>c</ol>", "5. a\n9. b\n10. c\n"),
        ("<ol reversed><li>a<li>b<li>c</ol>", "3. a\n2. b\n1. c\n"),
        ("<ol reversed start=2><li>a<li>b<li>c</ol>", "2. a\n1. b\n0. c\n"),
        ("<ol start=-1><li>a<li>b</ol>", "-1. a\n0. b\n"),
        ("<ol start=' 7x'><li>c</ol><ol start=x><li>d</ol>", "7. c\n\n1. d\n"),
        ("<ol start=99999999999><li>a</ol>", "1. a\n"),
        ("<ol type=a start=26><li>a<li>b</ol>", "z. a\naa. b\n"),
        ("<ol type=I><li>x<li type=1>y<li value=4>z</ol>", "I. x\n2. y\nIV. z\n"),
        ("<ol><li>a<ol><li>b<li>c</ol><li>d</ol>", "1. a\n  1. b\n  2. c\n2. d\n"),
        ("<ol><li>a<ul><li>b</ul><ol start=3><li>c</ol></ol>", "1. a\n  - b\n  3. c\n"),
        ("<ul style='list-style:none'><li>a<li>b</ul>", "a\nb\n"),
        ("<ol style='list-style-type: lower-roman'><li>a<li hidden>b<li>c</ol>", "i. a\nii. c\n"),
        ("<ol><li><p>a</p></li><li><p>b</p><p>c</p></li></ol>", "1. a\n\n2. b\n\nc\n"),
        ("<menu><li>a</menu><li>b", "- a\n\n- b\n"),
    ],
)  # fmt: skip
def test_list_numbers(html: str, text: str) -> None:
    assert html_to_text(html) == text


@pytest.mark.parametrize(
    "style",
    [
        "display:none",
        "DISPLAY: None !important; mso-hide:all",
        "max-height:0;overflow:hidden",
        "max-height:0px; max-width:0; opacity:0; overflow:hidden; font-size:1px; color:#fff",
        "visibility:hidden",
        "font-size:0",
        "font-size: 0px; line-height:0",
        "font:0/0 a",
        "font-size:1px;line-height:1px",
        "opacity:0",
        "height:0;overflow:hidden",
    ],
)
def test_preheaders_go(style: str) -> None:
    assert html_to_text(f"<div style='{style}'>Look <b>inside</b></div><p>Hello</p>") == "Hello\n"


def test_what_is_hidden_by_attribute_goes() -> None:
    assert (
        html_to_text("<div hidden>a</div><span aria-hidden='true'>b</span><p aria-hidden=false>c</p>")
        == "c\n"
    )


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<div style='font-size:0px'><div style='font-size:13px'>seen</div>not</div>", "seen\n"),
        (
            "<div style='font-size:0'>not <a href='https://x.example/'><img alt='Seen'></a><a href='https://x'>n</a></div>",
            "Seen <https://x.example/>\n",
        ),
        ("<div style='visibility:hidden'>a<b style='visibility:visible'>seen</b></div>", "seen\n"),
        ("<a href='https://x.example/' style='mso-hide:all'>seen</a>", "seen <https://x.example/>\n"),
        (
            "<div style='max-height:0'>seen</div><div style='opacity:0.5;overflow:hidden'>too</div>",
            "seen\ntoo\n",
        ),
        ("<div style='font-size:0.9em'>seen</div><div style='font:12px/0 Arial'>too</div>", "seen\ntoo\n"),
    ],
)
def test_what_is_seen_stays(html: str, text: str) -> None:
    assert html_to_text(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("Hi" + "&zwnj;&nbsp;" * 80 + "there", "Hi there\n"),
        ("<div>Hi" + "&#847; &zwnj; &nbsp; &#8199; &shy; " * 40 + "</div>there", "Hi\nthere\n"),
        ("<div>" + "&#8203;&#65279;" * 9 + "</div>x", "x\n"),
        ("<div>&#8203;</div>x", "x\n"),
        ("Donau&shy;dampf&shy;schiff", "Donaudampfschiff\n"),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f468\u200d\U0001f469\u200d\U0001f467\n"),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645\n"),
    ],
)  # fmt: skip
def test_fillers_go_and_joiners_stay(html: str, text: str) -> None:
    assert html_to_text(html) == text


def test_a_mail_of_mjml() -> None:
    mjml = (
        "<mjml><mj-head><mj-title>T</mj-title><mj-preview>Look inside</mj-preview></mj-head><mj-body><mj-section>"
        "<mj-column><mj-image src='x' alt='Acme' href='https://x.example/'/></mj-column></mj-section><mj-section>"
        "<mj-column><mj-text>Hello Ada,</mj-text><mj-table><tr><td>Tea</td><td>3.00 &euro;</td></tr></mj-table>"
        "<mj-button href='https://x.example/t?id=1&amp;currency=EUR'>Track</mj-button></mj-column></mj-section>"
        "<mj-section><mj-column><mj-text>Left</mj-text></mj-column><mj-column><mj-text>Right</mj-text></mj-column>"
        "</mj-section></mj-body></mjml>"
    )
    assert html_to_text(mjml2html(mjml, fonts={})) == (
        "Acme <https://x.example/>\nHello Ada,\nTea 3.00 \u20ac\nTrack <https://x.example/t?id=1&currency=EUR>\nLeft\nRight\n"
    )


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


@given(st.text("<>/ab=\"' -!&;\n", max_size=200) | st.text())
def test_no_text_is_too_strange(html: str) -> None:
    text = html_to_text(html)
    assert text == "" or text.endswith("\n")


HOSTILE = {
    "unclosed": "<a " * 9_000,
    "formats": "".join(f"<b a{number}>" for number in range(290)) + "<p>x" * 300,
    "deep": "<div>" * 3_000,
    "lists": "<ul><li>" * 2_000,
    "links": "<a href=http://x>" * 900,
    "attributes": "<p " + " ".join(f"a{number}" for number in range(2_900)) + ">",
    "quoted": "<p " + "".join(f"a{number}=''" for number in range(1_700)) + ">",
    "blanks": "\u00a0" * 16_000 + "\u200b",
    "fillers": "\u200b\u00a0" * 8_000,
    "styles": ("<p style='" + "a:b;" * 100 + "'>x") * 38,
    "reversed": "<ol reversed>" + "<li>x" * 599,
    "references": "&nbsp" * 3_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_nobody_waits_long_for_hostile_html(name: str) -> None:
    """In a sender's own thread. What takes longer goes elsewhere, where it can be ended."""
    times = []
    for _ in range(3):
        started = time.process_time()
        with contextlib.suppress(TemplateLimitExceeded):
            html_to_text(HOSTILE[name], QUICK)
        times.append(time.process_time() - started)
    assert min(times) < 0.25


def test_what_is_too_much_for_a_sender_is_told() -> None:
    for html in ("<p>x</p>" * 3_000, "<div>" * 3_000, HOSTILE["attributes"], HOSTILE["quoted"]):
        with pytest.raises(TemplateLimitExceeded, match="derive the text"):
            html_to_text(html, QUICK)
    assert html_to_text("<p>x</p>" * 3_000).count("x") == 3_000
    with pytest.raises(TemplateLimitExceeded, match="too many elements"):
        html_to_text("<p>x" * 500, Limits(nodes=700))
