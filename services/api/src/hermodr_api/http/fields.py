import re
from typing import Annotated

from pydantic import AfterValidator, Field

from hermodr_api.http.bodies import LANGUAGE_PATTERN, TYPE_PATTERN
from hermodr_contracts.addresses import email_address
from hermodr_contracts.locales import language_tag
from hermodr_contracts.names import one_line_name
from hermodr_contracts.phones import phone_number

_BETWEEN_DIGITS = re.compile(r"[ ()./-]")
_E164_DIGITS = re.compile(r"[1-9][0-9]{6,14}")
_SUBJECT_LENGTH = 998  # RFC 5322 §2.1.1


def _one_line(text: str) -> str:
    if "\r" in text or "\n" in text:
        raise ValueError("must be a single line")
    return text


Type = Annotated[str, Field(pattern=rf"^{TYPE_PATTERN}$")]
Subject = Annotated[str, Field(min_length=1, max_length=_SUBJECT_LENGTH), AfterValidator(_one_line)]
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(one_line_name)]
Locale = Annotated[
    str,
    Field(pattern=rf"^{LANGUAGE_PATTERN}$", max_length=35, examples=["de-AT"]),
    AfterValidator(language_tag),
]


def as_stored(text: str) -> str:
    """The form in which an address is stored: its domain in lower case. Other text is unchanged."""
    try:
        return email_address(text)
    except ValueError:
        return text


def sought(text: str) -> str:
    """The stored form of an email address or phone number that is searched for. A number may be written with blanks
    and hyphens, and its `+`, a blank in a query string, may be missing. Raises `ValueError`."""
    if "@" in text:
        return email_address(text.strip())
    digits = _BETWEEN_DIGITS.sub("", text).removeprefix("+").removeprefix("00")
    if not _E164_DIGITS.fullmatch(digits):
        raise ValueError("is neither an email address nor a phone number such as +15550100123")
    return f"+{digits}"


EmailAddress = Annotated[
    str, Field(max_length=320, json_schema_extra={"format": "email"}), AfterValidator(email_address)
]
AnyAddress = Annotated[
    str, Field(min_length=3, max_length=320, examples=["ada@example.com"]), AfterValidator(sought)
]
"""To search for."""
PhoneNumber = Annotated[
    str,
    Field(pattern=r"^\+[1-9][0-9]{6,14}$", description="E.164, such as +15550100123"),
    AfterValidator(phone_number),
]
