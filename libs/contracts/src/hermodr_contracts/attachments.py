"""What a mail may carry, the same at every entry. A content type may have parameters (`text/calendar;
method=REQUEST`); parts that are mails or multiparts themselves must not be base64 (RFC 2045 §6.4)."""

import re

from hermodr_contracts.names import one_line_name

MOST_OCTETS = 5 * 1024 * 1024
"""Of all files of a mail together, decoded."""
MOST_FILES = 20
LONGEST_FILE_NAME = 200
LONGEST_CONTENT_TYPE = 200
CONTENT_ID = r"^[A-Za-z0-9._@+-]{1,100}$"

_TOKEN = r"[A-Za-z0-9!#$&^_.+-]{1,80}"
_CONTENT_TYPE = re.compile(rf'{_TOKEN}/{_TOKEN}(?:; ?{_TOKEN}=(?:{_TOKEN}|"[ !#-\[\]-~]{{0,80}}"))*')
_CONTENT_ID = re.compile(CONTENT_ID)


def file_name(text: str) -> str:
    """The name as given. Raises `ValueError`."""
    if not text or len(text) > LONGEST_FILE_NAME:
        raise ValueError(f"must have 1 to {LONGEST_FILE_NAME} characters")
    if "/" in text or "\\" in text or text in (".", ".."):
        raise ValueError("must be a file's name, without a path")
    return one_line_name(text)


def content_type(text: str) -> str:
    """The type as given. Raises `ValueError`."""
    if len(text) > LONGEST_CONTENT_TYPE or not _CONTENT_TYPE.fullmatch(text):
        raise ValueError("is not a content type such as application/pdf")
    if text.lower().startswith(("multipart/", "message/")):
        raise ValueError("must not be multipart/… or message/…, which cannot be sent as base64")
    return text


def content_id(text: str) -> str:
    """The id as given, without angle brackets. Raises `ValueError`."""
    if not _CONTENT_ID.fullmatch(text):
        raise ValueError("must have 1 to 100 of A-Z a-z 0-9 . _ @ + -")
    return text
