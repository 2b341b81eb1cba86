"""The mails with which providers of email are held to the contract."""

from __future__ import annotations

from hermodr_delivery.testing import ProviderContract
from hermodr_email_sender.domain import OutgoingEmail
from tests.support.mails import mail

ADDRESS = "jane.doe@example.org"
WORDS = ("jane.doe", "magic.example", "Your key")
"""Of the mails, which no log and no failure may hold."""


class EmailContract(ProviderContract[OutgoingEmail]):
    __test__ = False

    def message(self, number: int) -> OutgoingEmail:
        return mail(
            message_id=f"<{number}@hermodr.example>",
            to_address=ADDRESS,
            subject="Your key",
            text="https://magic.example/token",
        )

    def unsendable(self) -> OutgoingEmail:
        return mail(to_address=ADDRESS, subject="Your key\r\nBcc: everybody@example.org")

    def key(self, message: OutgoingEmail) -> str:
        return message.message_id
