"""Whether an address can be written to, told without asking the network."""

import re
from typing import Annotated

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from pydantic import AfterValidator, Field

# The everyday address, recognised in a microsecond: what it admits email-validator admits unchanged. Anything else
# (quoted parts, non-ASCII, capitals in the domain, special domains) goes the long way.
_EVERYDAY = re.compile(
    r"(?=.{3,254}\Z)(?=[^@]{1,64}@)"
    r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9]|-(?=[a-z0-9])(?<!--)){0,62}\.)+[a-z]{2,63}"
)
_MOST_LOCAL_OCTETS = 64
_SPECIAL = frozenset(name.rpartition(".")[2] for name in SPECIAL_USE_DOMAIN_NAMES) - {"test"}


def email_address(text: str) -> str:
    """The address in the form it is stored: local part as given, domain lower-case. Addresses with other letters
    (SMTPUTF8) are allowed, and so are the reserved domains of RFC 2606, which tests and demonstrations write to.
    Raises `ValueError` saying what is wrong."""
    if _EVERYDAY.fullmatch(text) and text.rpartition(".")[2] not in _SPECIAL:
        return text
    try:
        found = validate_email(text, check_deliverability=False, allow_smtputf8=True, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError(f"is not an email address: {error}") from None
    if len(found.local_part.encode()) > _MOST_LOCAL_OCTETS:
        raise ValueError(
            f"is not an email address: more than {_MOST_LOCAL_OCTETS} octets before the @-sign (RFC 5321)"
        )
    return found.normalized


EmailAddress = Annotated[
    str, Field(max_length=320, json_schema_extra={"format": "email"}), AfterValidator(email_address)
]
PhoneNumber = Annotated[
    str, Field(pattern=r"^\+[1-9][0-9]{6,14}$", description="E.164, such as +15550100123")
]
