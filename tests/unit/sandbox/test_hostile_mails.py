"""A mail is hostile input: nothing of it may run, leave its frame or break the sandbox."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_sandbox.domain.mail import display_header, parse, scan_header, text_of_html
from tests.support.smtp_dialogue import House

EVIL = (
    b'Subject: <script>alert(1)</script>\r\nFrom: "<img src=x onerror=alert(2)>" <e@x.org>\r\n'
    b"Content-Type: text/html\r\n\r\n<script>alert(3)</script><img src=https://tracker.example/x>\r\n"
)


async def test_html_of_a_mail_is_locked_in(house: House) -> None:
    await (await house.connect()).send("a@x.org", content=EVIL)
    for path in ("/v1/mails/1/html", "/v1/mails/1/html?display=true"):
        answer = await house.http.get(path)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; img-src data:;")
        sandboxed = re.search(r"sandbox([^;]*)$", policy)
        assert sandboxed is not None
        assert "allow-scripts" not in policy
        assert "allow-same-origin" not in policy
        assert "script-src" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


async def test_pictures_of_other_servers_are_loaded_only_when_asked_for(house: House) -> None:
    await (await house.connect()).send("a@x.org", content=EVIL)
    usual = (await house.http.get("/v1/mails/1/html?images=false")).headers["content-security-policy"]
    asked = (await house.http.get("/v1/mails/1/html?images=true")).headers["content-security-policy"]
    assert "img-src data:;" in usual
    assert asked == usual.replace("img-src data:", "img-src http: https: data:")
    assert (await house.http.get("/v1/mails/1/html?images=1")).status_code == 400


async def test_source_and_attachments_are_never_shown_as_html(house: House) -> None:
    await (await house.connect()).send(
        "a@x.org",
        content=b"Content-Type: text/html; name=x.html\r\n"
        b"Content-Disposition: attachment\r\n\r\n<script>1</script>\r\n",
    )
    source = await house.http.get("/v1/mails/1/source")
    assert source.headers["content-type"].startswith("text/plain")
    part = await house.http.get("/v1/mails/1/attachments/0")
    assert part.headers["content-type"] == "application/octet-stream"
    assert part.headers["content-disposition"].startswith("attachment;")
    for answer in (source, part):
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_file_names_cannot_forge_headers(house: House) -> None:
    await (await house.connect()).send(
        "a@x.org",
        content=b"Content-Disposition: attachment; filename*=utf-8''a%0d%0aSet-Cookie:%20x%22\r\n\r\nx\r\n",
    )
    part = await house.http.get("/v1/mails/1/attachments/0")
    assert part.status_code == 200
    assert "set-cookie" not in part.headers
    assert "%0D%0A" in part.headers["content-disposition"]


async def test_the_page_runs_its_own_scripts_only(house: House) -> None:
    for path in (
        "/",
        "/texts",
        "/assets/inbox.js",
        "/assets/mail.js",
        "/assets/timeline.js",
        "/assets/faults.js",
        "/assets/dom.js",
        "/assets/inbox.css",
        "/favicon.svg",
    ):
        answer = await house.http.get(path)
        assert answer.status_code == 200
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
        assert "unsafe" not in policy


def test_the_page_builds_text_never_markup_and_loads_nothing_from_elsewhere() -> None:
    page = files("hermodr_sandbox").joinpath("page")
    for asset in page.iterdir():
        content = asset.read_text()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", content), (
            asset.name
        )
        addresses = set(re.findall(r"https?://[^\s\"'<>)]+", content)) - {"http://www.w3.org/2000/svg"}
        assert not addresses, asset.name
    html = page.joinpath("inbox.html").read_text()
    assert not re.search(r"\son\w+=|\sstyle=|<script>", html)
    script = page.joinpath("mail.js").read_text()
    assert re.findall(r'sandbox: "([^"]*)"', script) == ["allow-popups allow-popups-to-escape-sandbox"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\r\n",
        b"no headers at all",
        b"Subject: =?nonsense?q?x?=\r\n\r\n",
        b"Subject: =?utf-8?b?!!!!?=\r\n\r\n",
        b"Subject: =?utf-7?q?+2AA-?=\r\n\r\n",
        b"Content-Type: text/plain; charset=hex\r\n\r\nzz",
        b'Content-Type: text/plain; charset="a\x00b"\r\n\r\nzz',
        b"Content-Type: text/plain; charset=utf-7\r\n\r\n+2AA-",
        b"Content-Type: text/html\r\n\r\n<![nonsense <p>hello",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n\r\n--x",
        b"Content-Transfer-Encoding: base64\r\n\r\n=====",
        b"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 666 x\r\n\xff\xff\r\n",
        b"Content-Disposition: attachment; filename*=bad''%ff%zz\r\n\r\nx",
        b"Subject: a\x0b\x0c\x1cb\xff\r\n\r\n\x00",
    ],
)
async def test_broken_mails_are_still_shown(house: House, content: bytes) -> None:
    await (await house.connect()).send("a@x.org", content=content + b"\r\n")
    assert (await house.http.get("/v1/mails/1")).status_code == 200
    assert (await house.http.get("/v1/mails?q=nothing&subject=x")).status_code == 200
    assert (await house.http.get("/v1/mails/1/source")).content == content + b"\r\n"


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    parsed = parse(raw)
    for name in (b"subject", b"from", b"message-id"):
        display_header(raw, name).encode()
    for value in (parsed.text, parsed.html):
        (value or "").encode()


_PIECES = st.sampled_from(
    [
        b"Content-Type: ", b"multipart/mixed; ", b"boundary=b", b"text/html; charset=", b"utf-7", b"idna", b"punycode",
        b"unicode_escape", b"Content-Transfer-Encoding: ", b"base64", b"quoted-printable", b"x-uuencode",
        b"Content-Disposition: attachment; filename*0*=", b"utf-8''%ff", b"=?utf-8?b?", b"?=", b"--b", b"--b--",
        b"\r\n", b"\r\n\r\n", b"\n", b"\r", b" ", b"\t", b"+2AA-", b"\\ud800", b"<!", b"<![", b"<p>",
        b"&#xd800;", b"\xff", b"\x00",
    ]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=25).map(b"".join))
def test_no_mail_like_nonsense_breaks_the_reader(raw: bytes) -> None:
    parsed = parse(raw)
    shown = [parsed.text or "", parsed.html or "", *(part.filename for part in parsed.attachments)]
    shown += [part.content_type + part.content_id for part in parsed.attachments]
    shown += [name + value for name, value in parsed.headers]
    for text in shown:
        text.encode()
    text_of_html(parsed.html or "").encode()
    scan_header(raw, b"content-type")
