"""A channel of the tests' own: its server greets by `hello`, reads `password key to text`, and answers with a
line."""

import asyncio
import contextlib
import json
from functools import partial
from typing import NamedTuple

from hermodr_contracts.channels import AddressKind, ChannelSpec
from hermodr_contracts.ladder import parse_ladder
from hermodr_contracts.messages import SendSms
from hermodr_contracts.vocabulary import Channel, OnUnknown
from hermodr_delivery import failures
from hermodr_delivery.dsn import Dsn
from hermodr_delivery.provider import Accepted, Call
from hermodr_ledger.deliveries.attempts import Claim
from hermodr_ledger.templates.texts import CompiledTexts

LADDER, WHO, HOLD = parse_ladder("300ms,400ms"), AddressKind.PHONE, OnUnknown.HOLD
TOY = ChannelSpec(Channel.SMS, WHO, "toy-sender", SendSms, LADDER, HOLD, False, True, has_sender=True)
_CAUSES = {"who": failures.Cause.ACCESS, "full": failures.Cause.CONNECTIONS}


class Note(NamedTuple):
    key: str
    to: str
    text: str


class ToyComposer:
    def at_once(self, claim: Claim, texts: CompiledTexts | None) -> Note:
        text = texts.body_text if texts else json.loads(claim.content or "{}").get("body_text")
        return Note(str(claim.id), claim.address, text or "")

    async def slowly(self, claim: Claim, texts: CompiledTexts | None) -> Note:
        return self.at_once(claim, texts)

    def is_large(self, message: Note) -> bool:
        return False


class ToyProvider:
    def __init__(self, dsn: Dsn, name: str) -> None:
        self.name, self.place, self.options = name, f"{dsn.host}:{dsn.port}", dsn.options()
        self._dsn, self._seconds = dsn, float(dsn.take("timeout") or 10)
        self._room = asyncio.Semaphore(self.options.concurrency)

    def prepare(self, message: Note) -> Call:
        if "\n" in message.text:
            raise failures.PermanentError("line_break", "a note has one line")
        return partial(self._say, " ".join(message))

    async def check(self) -> str:
        return (await self._say("")).detail

    async def close(self) -> None: ...

    async def _say(self, line: str) -> Accepted:
        said, answer = False, ""
        with contextlib.suppress(OSError):  # a TimeoutError is one
            async with self._room, asyncio.timeout(self._seconds):
                reader, writer = await asyncio.open_connection(self._dsn.host, self._dsn.port)
                answer = (await reader.readline()).decode().strip()
                if said := answer == "hello":
                    writer.write(f"{self._dsn.password} {line}\n".encode())
                    answer = (await reader.readline()).decode().strip()
                writer.close()
        match answer.split():
            case ["ok", number]:
                return Accepted(number, "pinned")
            case ["nobody" | "no" as word, *_]:
                raise failures.PermanentError(word, bounced=word == "nobody")
            case ["wait", seconds]:
                raise failures.Throttled("wait", retry_after=float(seconds))
            case ["who" | "full" as word, *_]:
                raise failures.Refused(_CAUSES[word], word)
        if said and answer != "later":
            raise failures.OutcomeUnknown("no_answer")
        raise failures.TransientError(answer or "away")
