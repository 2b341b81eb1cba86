"""The fields of a posted form, as browsers write them."""

from base64 import b64encode
from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import parse_qs

from hermodr_api.errors import Flaw, Refused, invalid
from hermodr_api.http.intake import MIB

LONGEST = MIB
"""Bytes of a form, where nothing else is said."""
_MOST_FIELDS = 2000
_MULTIPART = "multipart/form-data"


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
    head = f"content-type: {content_type}\r\n\r\n".encode("latin-1")
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    fields: dict[str, str] = {}
    for part in message.iter_parts() if message.is_multipart() else ():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            picture = content and part.get_content_maintype() == "image"
            fields[name] = _url(part.get_content_type(), content) if picture else content.decode("utf-8-sig")
    return fields


def _url(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{b64encode(content).decode()}"


def _strange(reason: str) -> Refused:
    return invalid(Flaw(("form",), reason))
