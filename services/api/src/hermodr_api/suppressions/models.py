from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from hermodr_api.http.bodies import Body, Moment
from hermodr_contracts.addresses import email_address
from hermodr_contracts.names import one_line_name
from hermodr_contracts.phones import phone_number
from hermodr_contracts.vocabulary import SuppressionReason
from hermodr_ledger.people.suppressions import NewSuppression


def address(text: str) -> str:
    """An email address or phone number as it is stored. Raises `ValueError`."""
    if "@" in text:
        return email_address(text)
    if text.startswith("+"):
        return phone_number(text)
    raise ValueError("is neither an email address nor a phone number such as +15550100123")


Address = Annotated[str, Field(max_length=320, examples=["ada@example.com"]), AfterValidator(address)]
Note = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(one_line_name)]


class SuppressionIn(Body):
    """An address that nothing may be sent to. One that is suppressed already keeps the stronger reason (`complaint`
    before `bounce` before `manual` before `opt_out`) and the later end."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"address": "ada@example.com", "note": "asked by phone"}]}
    )

    address: Address = Field(description="An email address or a phone number (E.164).")
    reason: SuppressionReason = Field(default=SuppressionReason.MANUAL, description="Why.")
    note: Note | None = Field(default=None, description="Anything you want to know later.")
    expires_at: Moment | None = Field(
        default=None, description="When it ends; null: never.", examples=["2027-11-22T09:00:00Z"]
    )

    def of(self, project_id: UUID) -> NewSuppression:
        return NewSuppression(
            project_id, self.address, self.reason, note=self.note, expires_at=self.expires_at
        )


_EXAMPLE: JsonDict = {
    "id": "01a2018c-e359-7702-8eb3-8dd0fbf20000",
    "address": "ada@example.com",
    "reason": "bounce",
    "note": None,
    "delivery_id": "01a20187-12aa-7c41-b0d6-2f9e6a4c0001",
    "expires_at": None,
    "created_at": "2026-11-22T09:00:00Z",
    "updated_at": "2026-11-22T09:00:00Z",
}


class SuppressionView(BaseModel):
    """A suppressed address. `delivery_id`: what bounced or was complained about. `address` is null once its person was
    erased; the address stays suppressed and is still found by it."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID
    address: str | None
    reason: str
    note: str | None
    delivery_id: UUID | None
    expires_at: datetime | None
    created_at: datetime
    updated_at: datetime


class SuppressionList(BaseModel):
    """A page of suppressed addresses."""

    data: list[SuppressionView]
    next_cursor: str | None


class RejectedLine(BaseModel):
    """A line of the CSV that was not taken; the header is line 1."""

    line: int
    reason: str


class ImportView(BaseModel):
    """What became of the lines. `rejected` names the first hundred of those that were not taken."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "added": 998,
                    "known": 1,
                    "refused": 1,
                    "rejected": [{"line": 17, "reason": "address: is not an email address"}],
                }
            ]
        }
    )

    added: int
    known: int
    refused: int
    rejected: list[RejectedLine]
