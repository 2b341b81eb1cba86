"""What is typed into forms, and what becomes of it."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_api.console.fields import fields_in
from hermodr_api.console.forms import Form, document, moment, numbered, whole, words
from hermodr_api.errors import FORBIDDEN, Flaw, Refused, invalid

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=b"


def test_fields_of_a_form() -> None:
    assert fields_in(b"a=1&a=2&empty=&text=x%0D%0Ay&%C3%A4=%C3%B6", URLENCODED) == {
        "a": "2",
        "text": "x\ny",
        "ä": "ö",
    }


def test_files_are_text() -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n1\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.csv"\r\nContent-Type: text/csv\r\n\r\n'
        b"\xef\xbb\xbfaddress\r\n\xc3\xa4@example.com\r\n\r\n--b--\r\n"
    )
    assert fields_in(body, MULTIPART) == {"csrf": "1", "file": "address\nä@example.com\n"}


def test_pictures_are_urls() -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.gif"\r\nContent-Type: image/gif\r\n\r\n'
        b"\xff\0\r\n--b\r\n"
        b'Content-Disposition: form-data; name="none"; filename=""\r\nContent-Type: image/gif\r\n\r\n\r\n--b--\r\n'
    )
    assert fields_in(body, MULTIPART) == {"file": "data:image/gif;base64,/wA="}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"a=%00", URLENCODED),
        (b"%00=a", URLENCODED),
        (b"a=1&" * 3000, URLENCODED),
        (b'--b\r\nContent-Disposition: form-data; name="f"\r\n\r\n\xff\r\n--b--', MULTIPART),
        (b"--b\r\nContent-Disposition: form-data" + b";" * 15_500 + b"\r\n\r\n1\r\n--b--", MULTIPART),
        (
            b'--b\r\nContent-Disposition: form-data; name="a"; x=' + b"(" * 15_000 + b"\r\n\r\n1\r\n--b--",
            MULTIPART,
        ),
        (b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 2_001 + b"--b--", MULTIPART),
        (b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nnot ended', MULTIPART),
        (b"--b\r\nX: y\r\n\r\n1\r\n--b--", MULTIPART),
        (b"rubbish", MULTIPART),
        (b"rubbish", "multipart/form-data"),
        (b"rubbish", "multipart/form-data; boundary=\u00fc"),
        (b"rubbish", "multipart/form-data; boundary=" + "(" * 15_000),
    ],
)
def test_what_no_browser_sends_is_refused(body: bytes, content_type: str) -> None:
    with pytest.raises(Refused) as refused:
        fields_in(body, content_type)
    assert refused.value.kind.status == 422


def test_rubbish_has_no_fields() -> None:
    assert fields_in(b"\r\n\r\nrubbish", "") == {}


@given(
    st.dictionaries(
        st.text(
            st.characters(exclude_characters="\0\\", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20
        ),
        st.text(st.characters(exclude_characters="\0\r\ufeff", exclude_categories=["Cs"]), min_size=1),
        min_size=1,
    )
)
def test_what_was_typed_is_read(typed: dict[str, str]) -> None:
    files = [(name, (None, value)) for name, value in typed.items()]
    posted = httpx.Request("POST", "http://console/", files=files)
    assert fields_in(posted.read(), posted.headers["content-type"]) == typed


def test_rows_are_numbered_anew_without_those_that_are_empty() -> None:
    form = Form(
        {"caps.0.overflow": "defer", "caps.7.max": "3", "caps.x.max": "1", "caps.99999.max": "1", "name": "a"}
    )
    rows = form.rows("caps", lambda row: row.get("max"))
    assert rows == [{"max": "3"}]
    assert form.with_rows("caps", rows).fields == {"name": "a", "caps.0.max": "3"}
    assert numbered("caps", [{"max": 3, "types": None}]) == {"caps.0.max": "3", "caps.0.types": ""}


def test_flaws_stand_at_their_fields() -> None:
    form = Form({"email": "x"}).refused(invalid(Flaw(("body", "quiet_hours", "start"), "is wrong")))
    assert (form.status, form.flaws) == (422, {"quiet_hours.start": "is wrong"})
    assert form.value("email") == "x"
    with pytest.raises(Refused):
        form.refused(Refused(FORBIDDEN, "no"))


def test_a_form_is_done_once() -> None:
    once = "01a2018c-e359-7702-8eb3-8dd0fbf20000"
    form = Form({"once": once, "csrf": "1", "name": "Ada"})
    key, other = form.key("recipients"), Form({"once": once, "csrf": "2", "name": "Ada"}).key("recipients")
    assert key is not None
    assert key == other
    assert key != Form({"once": once, "name": "Grace"}).key("recipients")
    assert key != form.key("groups")
    assert Form({"once": "x"}).key("recipients") is None
    assert Form().key("recipients") is None


def test_what_is_typed_is_read() -> None:
    assert moment("2030-01-01T00:00") == "2030-01-01T00:00:00Z"
    assert moment("2030-01-01T00:00:05") == "2030-01-01T00:00:05Z"
    assert moment("2030-01-01T00:00:00+02:00") == "2030-01-01T00:00:00+02:00"
    assert moment("") is None
    assert words(" a, ,b ,") == ["a", "b"]
    assert words(",") is None
    assert whole(" 17 ", "n") == 17
    assert whole("", "n") is None
    assert document(None, "attributes") == {}
    for read in (
        lambda: whole("1.5", "n"),
        lambda: whole("9" * 19, "n"),
        lambda: document("{", "attributes"),
    ):
        with pytest.raises(Refused):
            read()
