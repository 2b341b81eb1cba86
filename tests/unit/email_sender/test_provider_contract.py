from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar, cast

from hermodr_delivery.provider import Provider
from hermodr_delivery.testing import Answer, ScriptedServer
from hermodr_delivery.testing.contract import CONCURRENCY
from hermodr_email_sender.domain import OutgoingEmail
from hermodr_email_sender.providers.dsns import build_providers
from tests.support.email_contract import ADDRESS, WORDS, EmailContract
from tests.support.mails import SENDER
from tests.support.scripted_smtp import Action, Cut, Hold, ScriptedSmtp, Stage
from tests.support.waiting import wait_until

PASSWORD = "s3cret-horse"
SCRIPT: dict[Answer, tuple[Stage, *tuple[Action, ...]]] = {
    Answer.BAD_ADDRESS: ("RCPT", f"550 5.1.1 <{ADDRESS}>: no such user jane.doe here"),
    Answer.BAD_MESSAGE: ("CONTENT", "554 5.6.0 message refused"),
    Answer.NOT_NOW: ("RCPT", f"451 4.3.0 <{ADDRESS}>: temporary failure"),
    Answer.THROTTLE: ("RCPT", f"450 4.7.1 <{ADDRESS}>: Greylisted, try again in 7 seconds"),
    Answer.DROP_BEFORE: ("RCPT", Cut()),
    Answer.DROP_AFTER: ("CONTENT", Cut()),
    Answer.HANG_BEFORE: ("CONNECT", *[Hold()] * 5),  # to who connects again, too
    Answer.HANG_AFTER: ("CONTENT", Hold()),
    Answer.NONSENSE: ("CONTENT", f"354 what of {ADDRESS}?"),
    Answer.WRONG_CREDENTIALS: ("AUTH", f"535 5.7.8 house: {PASSWORD} is wrong"),
    Answer.TOO_MUCH: ("CONNECT", "421 4.7.0 Error: too many connections from you"),
}


class Server:
    def __init__(self, smtp: ScriptedSmtp) -> None:
        self.smtp = smtp
        self._refused = 0

    @property
    def taken(self) -> Sequence[str]:
        keys = [re.search(rb"(?m)^Message-ID: (\S+)", each) for each in self.smtp.contents]
        return [each[1].decode() for each in keys if each is not None][
            self._refused :
        ]  # a lone dot is no mail

    @property
    def tried(self) -> int:
        return len(self.smtp.conversations)

    @property
    def most_at_once(self) -> int:
        return self.smtp.most_at_once

    def answer(self, answer: Answer) -> None:
        if answer is not Answer.ACCEPT:
            self.smtp.on(*SCRIPT[answer])
        self._refused += answer is Answer.BAD_MESSAGE  # once it came whole

    async def drop_idle(self) -> None:
        for conversation in self.smtp.conversations:
            if conversation.writer is not None:
                conversation.writer.write_eof()  # the client ends the connection as soon as it notices
        await wait_until(lambda: all(each.ended for each in self.smtp.conversations))


class TestSmtp(EmailContract):
    __test__ = True
    extensions: ClassVar[Sequence[str]] = ("PIPELINING", "8BITMIME", "SMTPUTF8", "AUTH PLAIN")
    secrets = (PASSWORD, *WORDS)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[ScriptedServer]:
        async with ScriptedSmtp(extensions=self.extensions).running() as smtp:
            yield Server(smtp)

    def provider(self, server: ScriptedServer, *, patience: float) -> Provider[OutgoingEmail]:
        waits = ("timeout", "greeting_timeout", "command_timeout", "data_timeout", "final_timeout")
        options = "&".join(f"{each}={patience}" for each in waits)
        (provider,) = build_providers(
            f"smtp://house:{PASSWORD}@127.0.0.1:{cast('Server', server).smtp.port}"
            f"?helo=test.example&concurrency={CONCURRENCY}&{options}",
            sender=SENDER,
            production=False,
        )
        return provider


class TestSmtpInTurn(TestSmtp):
    extensions = ("AUTH PLAIN",)


class TestSmtpInOneWrite(TestSmtp):
    extensions = ("PIPELINING", "CHUNKING", "AUTH PLAIN")
