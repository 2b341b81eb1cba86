from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from hermodr_api.http.bodies import Body
from hermodr_api.http.fields import EmailAddress
from hermodr_contracts.addresses import email_address, mailbox
from hermodr_ledger.access.senders import ADDRESS, DOMAIN, Sender

RECORD = "_hermodr"
"""The label below a domain whose TXT record verifies it."""


def _sender(text: str) -> str:
    """`Name <address>` or an address, as given. Raises `ValueError`."""
    mailbox(text)
    return text


def _domain(text: str) -> str:
    """As it is stored. Raises `ValueError`."""
    try:
        return email_address(f"a@{text}").partition("@")[2]
    except ValueError:
        raise ValueError("is not a domain such as example.com") from None


From = Annotated[
    str,
    Field(min_length=3, max_length=560, examples=["Shop <shop@example.com>"]),
    AfterValidator(_sender),
]


class MailDefaultsIn(Body):
    """What mails say that do not say it themselves. `null` and `[]` take a default away."""

    sender: From | None = Field(
        default=None, alias="from", description="Whom mails are from: a verified sender of the project."
    )
    reply_to: Annotated[list[EmailAddress], Field(max_length=10)] | None = Field(
        default=None, description="Where answers go.", examples=[["help@example.com"]]
    )

    @property
    def mail(self) -> dict[str, object]:
        """By column, those that are given."""
        given = {"sender": ("mail_from", self.sender), "reply_to": ("reply_to", self.reply_to or None)}
        return dict(given[name] for name in given if name in self.model_fields_set)


class MailDefaultsView(BaseModel):
    model_config = ConfigDict(from_attributes=True, populate_by_name=True)

    sender: str | None = Field(
        default=None,
        validation_alias=AliasChoices("mail_from", "from"),
        serialization_alias="from",
        description="Whom mails are from that do not say it themselves.",
    )
    reply_to: list[str] = Field(default_factory=list, description="Where answers to such mails go.")


class SenderIn(Body):
    """An address, or a domain with all its addresses."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"address": "Shop <shop@example.com>"}]})

    address: From | None = Field(
        default=None, description="`Name <address>` or an address. A token is mailed to it."
    )
    domain: Annotated[str, Field(max_length=253), AfterValidator(_domain)] | None = Field(
        default=None,
        description="A domain; the answer has the TXT record that verifies it.",
        examples=["example.com"],
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> "SenderIn":
        if (self.address is None) == (self.domain is None):
            raise ValueError("needs exactly one of address, domain")
        return self


class VerifyIn(Body):
    """The token that was mailed to an address; nothing for a domain; or the word of an operator."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"token": "k3JvQ0bGm2uXr8Yw"}]})

    token: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="The token of the mail; a domain has none."
    )
    by: Literal["operator"] | None = Field(
        default=None,
        description="Verified without mail or DNS, on the word of an operator, who may do this for any project "
        "(a key with the scope `admin`, of the operators' project).",
    )

    @model_validator(mode="after")
    def _one_proof(self) -> "VerifyIn":
        if self.by is not None and self.token is not None:
            raise ValueError("by an operator there is no token")
        return self


class DnsRecordView(BaseModel):
    """The record that verifies a domain."""

    name: str
    type: str
    value: str


_EXAMPLE: JsonDict = {
    "id": "01a2018c-e359-7702-8eb3-8dd0fbf20000",
    "address": None,
    "name": None,
    "domain": "example.com",
    "verified": False,
    "verified_at": None,
    "dns_record": {"name": "_hermodr.example.com", "type": "TXT", "value": "hermodr-verify=k3JvQ0bGm2uXr8Yw"},
    "created_at": "2026-11-22T09:00:00Z",
    "updated_at": "2026-11-22T09:00:00Z",
}


class SenderView(BaseModel):
    """A sender. `dns_record`: of a domain."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID
    address: str | None
    name: str | None
    domain: str | None
    verified: bool
    verified_at: datetime | None
    dns_record: DnsRecordView | None
    created_at: datetime
    updated_at: datetime

    @model_validator(mode="before")
    @classmethod
    def _of_a_row(cls, given: object) -> object:
        return _fields(given) if isinstance(given, Sender) else given


def _fields(of: Sender) -> dict[str, object]:
    record = None
    if of.kind == DOMAIN:
        record = DnsRecordView(name=f"{RECORD}.{of.value}", type="TXT", value=of.token)
    return {
        "id": of.id,
        "address": of.value if of.kind == ADDRESS else None,
        "name": of.name,
        "domain": of.value if of.kind == DOMAIN else None,
        "verified": of.verified_at is not None,
        "verified_at": of.verified_at,
        "dns_record": record,
        "created_at": of.created_at,
        "updated_at": of.updated_at,
    }


class SenderList(BaseModel):
    """A page of senders."""

    data: list[SenderView]
    next_cursor: str | None
