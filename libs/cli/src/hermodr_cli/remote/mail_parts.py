"""Headers and files of a mail, as the command line names them."""

import mimetypes
from pathlib import Path
from typing import Any

import typer

from hermodr_client.models.notifications import Attachment


def fields(
    sender: str | None,
    reply_to: list[str] | None,
    cc: list[str] | None,
    bcc: list[str] | None,
    header: list[str] | None,
    attach: list[Path] | None,
) -> dict[str, Any]:
    """The fields of a notification."""
    files = [_attachment(each) for each in attach or []]
    return {
        "from_": sender,
        "reply_to": reply_to,
        "cc": cc,
        "bcc": bcc,
        "headers": _headers(header or []),
        "attachments": files,
    }


def _headers(given: list[str]) -> dict[str, str]:
    """Of `Name: value`."""
    found: dict[str, str] = {}
    for each in given:
        name, colon, value = each.partition(":")
        if not colon or not name.strip():
            raise typer.BadParameter(f"{each[:40]!r} is not of the form 'Name: value'", param_hint="--header")
        found[name.strip()] = value.strip()
    return found


def _attachment(path: Path) -> Attachment:
    """The file, its type guessed by its name."""
    kind, packed = mimetypes.guess_type(path.name)
    if kind is None or packed is not None:
        kind = "application/octet-stream"
    try:
        return {"filename": path.name, "content_type": kind, "content": path.read_bytes()}
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}", param_hint="--attach") from None
