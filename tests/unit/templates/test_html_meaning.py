"""What raised, lowered, struck, hidden and relative things of an HTML mail become in its text."""

from __future__ import annotations

import pytest

from hermodr_templates.html_text import html_to_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("10<sup>2</sup> m<sup>2</sup>", "10² m²"),
        ("10<sup>-3</sup>", "10⁻³"),
        ("CO<sub>2</sub>, H<sub>2</sub>O", "CO₂, H₂O"),
        ("2<sup>x</sup> 2<sup>n+1</sup> 2<sup>64.5</sup>", "2^x 2ⁿ⁺¹ 2^(64.5)"),
        ("A<sub>ij</sub> and v<sub>x1</sub>", "Aij and vₓ₁"),
        ("1<sup>st</sup>, n<sup>o</sup> 7, Acme<sup>TM</sup><sup>®</sup> new<sup>*</sup>", "1st, no 7, AcmeTM® new*"),
        ("<sub>Terms of 2026 apply.</sub>", "Terms of 2026 apply."),
        ("<del>a <s>b</s> c</del> <s>d</s>", "~~a b c~~ ~~d~~"),
        ("note<sup><a href='https://x.example/n'>1</a></sup>", "note1 <https://x.example/n>"),
        ("a<sup></sup>b<sub> </sub>c", "ab c"),
        ("10<sup style='font-size:9px'>2</sup>", "10²"),
        ("<del>19.99</del> <ins>14.99</ins> EUR", "~~19.99~~ 14.99 EUR"),
        ("<s>19.99</s><b>14.99</b>", "~~19.99~~14.99"),
        ("<strike> 19.99 </strike>14.99", "~~19.99~~ 14.99"),
        ("<span style='text-decoration: line-through'>19.99</span> 14.99", "~~19.99~~ 14.99"),
        ("<span style='text-decoration-line:line-through'>19.99</span>", "~~19.99~~"),
        ("<p>a</p><del><p>b</p><p>c</p></del><p>d</p>", "a\n\n~~b~~\n\n~~c~~\n\nd"),
        ("a <del style='display:block'>b</del>c", "a\n~~b~~\nc"),
        ("<a href='https://x.example/'><del>old</del></a>", "~~old~~ <https://x.example/>"),
        ("<del></del><del hidden>1</del>x", "x"),
    ],
)  # fmt: skip
def test_letters_keep_their_meaning(html: str, text: str) -> None:
    assert html_to_text(html) == text + "\n"


@pytest.mark.parametrize(
    ("base", "href", "target"),
    [
        ("https://x.example/shop/", "orders/7?a=1&amp;b=2", "https://x.example/shop/orders/7?a=1&b=2"),
        ("https://x.example/shop/", "/pay", "https://x.example/pay"),
        ("https://x.example/shop/", "../up", "https://x.example/up"),
        ("https://x.example/shop/", "?q=1", "https://x.example/shop/?q=1"),
        ("https://x.example/shop/", "//y.example/z", "https://y.example/z"),
        ("https://x.example/shop/", "https://y.example/", "https://y.example/"),
        ("https://x.example/shop/", "mailto:a@b.example", "a@b.example"),
        ("https://x.example/shop/", "#top", None),
        ("https://x.example/shop/", "javascript:x()", None),
        ("/shop/", "orders", None),
        ("javascript:x//", "orders", None),
        ("https://[x/", "orders", None),
    ],
)
def test_relative_links_have_a_base(base: str, href: str, target: str | None) -> None:
    late = "<base href='https://late.example/'>"
    html = f"<html><head><BASE target=_blank href='{base}'>{late}</head><a href='{href}'>Go</a>"
    assert html_to_text(html) == ("Go\n" if target is None else f"Go <{target}>\n")


@pytest.mark.parametrize(
    "style",
    [
        "position:absolute;left:-9999px",
        "position: fixed; top:-10000em",
        "position:relative;right:-200%",
        "text-indent:-9999px",
        "margin-left:-9999px",
        "margin:0 0 0 -99999px",
        "position:absolute;clip:rect(0 0 0 0)",
        "position:absolute; clip: rect(1px, 1px, 1px, 1px)",
        "clip-path:inset(50%)",
        "color:transparent",
        "color:rgba(0,0,0,0)",
        "color: RGBA(255, 255, 255, 0.0) !important",
        "color:rgb(0 0 0 / 0%)",
        "color:#ffffff00",
        "color:#fff0",
        "opacity:0",
        "font-size:0",
        "max-height:0;overflow:hidden",
    ],
)
def test_what_is_hidden_by_style_goes(style: str) -> None:
    assert html_to_text(f"<div style='{style}'>Look <b>inside</b></div><p>Hello</p>") == "Hello\n"


@pytest.mark.parametrize(
    "html",
    [
        "<div style='position:absolute;left:-9px'>seen</div>",
        "<div style='left:-9999px'>seen</div>",
        "<div style='margin:-20px 0'>seen</div>",
        "<div style='color:rgb(0,0,0)'>seen</div>",
        "<div style='color:rgb(255, 255, 0)'>seen</div>",
        "<div style='color:rgba(0,0,0,.9)'>seen</div>",
        "<div style='color:rgb(0 0 0 / 100%)'>seen</div>",
        "<div style='color:#000'>seen</div>",
        "<div style='color:#000000'>seen</div>",
        "<div style='color:transparent'>not<b style='color:#111'>seen</b></div>",
        "<div style='color:transparent;font-size:0'>not<b style='color:#111;font-size:12px'>seen</b></div>",
        "<div style='color:transparent'><img alt=seen></div>",
        "<div style='position:absolute;clip:rect(0 99px 99px 0)'>seen</div>",
    ],
)
def test_what_is_seen_stays(html: str) -> None:
    assert html_to_text(html) == "seen\n"
