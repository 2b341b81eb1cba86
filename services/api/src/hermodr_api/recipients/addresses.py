"""Addresses as fields of requests."""

from typing import Annotated

from pydantic import AfterValidator, Field

from hermodr_contracts.addresses import email_address


def as_stored(text: str) -> str:
    """What to look for when somebody looks for `text`: addresses are stored with their domain in lower case."""
    try:
        return email_address(text)
    except ValueError:
        return text


EmailAddress = Annotated[
    str, Field(max_length=320, json_schema_extra={"format": "email"}), AfterValidator(email_address)
]
PhoneNumber = Annotated[
    str, Field(pattern=r"^\+[1-9][0-9]{6,14}$", description="E.164, such as +15550100123")
]
