"""Files that a notification's mail carries."""

import binascii
from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from hermodr_api.errors import Flaw
from hermodr_api.http.bodies import Part
from hermodr_contracts import attachments
from hermodr_ledger.jobs.attachments import File

At = tuple[str | int, ...]
_MIB = 1024 * 1024


class AttachmentIn(Part):
    """A file; with a `content_id` an image that `body_html` or the template names as `cid:…`."""

    filename: Annotated[
        str,
        Field(min_length=1, max_length=attachments.LONGEST_FILE_NAME, examples=["invoice.pdf"]),
        AfterValidator(attachments.file_name),
    ] = Field(description="The name that the reader sees, without a path.")
    content_type: Annotated[
        str,
        Field(max_length=attachments.LONGEST_CONTENT_TYPE, examples=["application/pdf"]),
        AfterValidator(attachments.content_type),
    ] = Field(description="Its media type; parameters are allowed.")
    content: Annotated[
        str,
        Field(min_length=1, json_schema_extra={"contentEncoding": "base64"}, examples=["JVBERi0xLjQ="]),
    ] = Field(description="The file in base64 (RFC 4648 §4), without line breaks.")
    content_id: Annotated[str, Field(pattern=attachments.CONTENT_ID, examples=["logo"])] | None = Field(
        default=None, description='Makes it an inline image: `<img src="cid:logo">`.'
    )


Attachments = Annotated[list[AttachmentIn], Field(max_length=attachments.MOST_FILES)]


def files_of(given: Sequence[AttachmentIn], at: At) -> tuple[File, ...] | list[Flaw]:
    """The decoded files."""
    flaws = list(_flaws(given, at))
    return flaws or tuple(
        File(each.filename, each.content_type, _decoded(each.content), each.content_id) for each in given
    )


def _flaws(given: Sequence[AttachmentIn], at: At) -> Iterator[Flaw]:
    octets = 0
    known: set[str] = set()
    for index, each in enumerate(given):
        here = (*at, "attachments", index)
        octets += len(each.content) * 3 // 4 - each.content[-2:].count("=")
        if octets > attachments.MOST_OCTETS:
            most = attachments.MOST_OCTETS // _MIB
            yield Flaw((*here, "content"), f"with it the attachments are larger than {most} MiB together")
            return
        try:
            _decoded(each.content)
        except ValueError:
            yield Flaw((*here, "content"), "is not base64 (RFC 4648 §4, with padding, without line breaks)")
        if each.content_id in known:
            yield Flaw((*here, "content_id"), "another attachment has it too")
        if each.content_id is not None:
            known.add(each.content_id)


def _decoded(content: str) -> bytes:
    """Raises `ValueError`."""
    return binascii.a2b_base64(content, strict_mode=True)
