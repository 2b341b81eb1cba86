"""The fields of a posted form, as browsers write them."""

import re
from base64 import b64encode
from urllib.parse import parse_qs

from hermodr_api.errors import Flaw, Refused, invalid
from hermodr_api.http.intake import MIB

LONGEST = MIB
"""Bytes of a form, where nothing else is said."""
_MOST_FIELDS = 2000
_MULTIPART = "multipart/form-data"
_LONGEST_HEAD = 2000
"""Bytes before a part's content."""
_BOUNDARY = re.compile(r"""boundary="?([0-9A-Za-z'()+_,./:=? -]{1,70})"?\s*(?:;|$)""", re.IGNORECASE)
_NAME = re.compile(
    rb"""^content-disposition: ?form-data; ?name="([^"\r\n]*)\"""", re.IGNORECASE | re.MULTILINE
)
_KIND = re.compile(rb"^content-type: ?(image/[a-z0-9.+-]+)", re.IGNORECASE | re.MULTILINE)
_ESCAPED = {"%22": '"', "%0D": "\r", "%0A": "\n"}
"""As browsers write names (WHATWG HTML, multipart/form-data encoding algorithm)."""


def fields_in(body: bytes, content_type: str) -> dict[str, str]:
    """Of each the last one, those left empty as if they were not there; files as text, pictures as
    `data:` URLs. Raises `Refused` (422)."""
    try:
        if content_type.partition(";")[0].strip().lower() == _MULTIPART:
            fields = _parts(body, content_type)
        else:
            text = body.decode("utf-8", "replace")
            fields = {
                name: values[-1] for name, values in parse_qs(text, max_num_fields=_MOST_FIELDS).items()
            }
    except UnicodeDecodeError:
        raise _strange("has a file that is not UTF-8 text") from None
    except ValueError:
        raise _strange("cannot be read") from None
    if any("\0" in text for pair in fields.items() for text in pair):
        raise _strange("holds a NUL")
    return {name: value.replace("\r\n", "\n") for name, value in fields.items() if value}


def _parts(body: bytes, content_type: str) -> dict[str, str]:
    """In time that grows with the body, whatever is in it: what is not as browsers write it is refused."""
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise ValueError("no boundary")
    parts = (b"\r\n" + body).split(b"\r\n--" + boundary[1].encode(), _MOST_FIELDS + 1)
    if len(parts) < 2 or not parts[-1].startswith(b"--"):
        raise ValueError("not ended, or too many fields")
    fields: dict[str, str] = {}
    for part in parts[1:-1]:
        head, separator, content = part.partition(b"\r\n\r\n")
        name = _NAME.search(head) if len(head) <= _LONGEST_HEAD else None
        if name is None or not separator:
            raise ValueError("a part that no browser writes")
        kind = _KIND.search(head)
        text = _url(kind[1].decode(), content) if kind and content else content.decode("utf-8-sig")
        fields[_unescaped(name[1].decode())] = text
    return fields


def _unescaped(name: str) -> str:
    for written, meant in _ESCAPED.items():
        name = name.replace(written, meant)
    return name


def _url(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{b64encode(content).decode()}"


def _strange(reason: str) -> Refused:
    return invalid(Flaw(("form",), reason))
