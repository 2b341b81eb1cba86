"""What goes wrong with requests to the pretended HTTP providers, by the fault rules.

A fault's reply code is read as what it means: SMTP's as well as HTTP's, so that one rule, or one address tag, has the
same effect whichever way a mail comes.

401, 403, 530, 535                 the key is wrong
421, 429, 454                      too many requests
450–452, 503                       unavailable
550, 551, 553                      the address is no address
500–504 (but 503), other 5xx < 550 broken
all others                         the message is refused
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from enum import Enum, auto
from typing import NoReturn

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Send

from hermodr_sandbox.domain.faults import (
    Action,
    Drop,
    DropAfterData,
    DropBeforeAccept,
    Lie,
    Provider,
    Refuse,
    Reply,
    Stage,
    Throttle,
)
from hermodr_sandbox.service import Sandbox
from hermodr_servicekit.door import cut


class Wrong(Enum):
    """Why a request is refused."""

    KEY = auto()
    MISSING_KEY = auto()
    ADDRESS = auto()
    MESSAGE = auto()
    TOO_LARGE = auto()
    REUSED_KEY = auto()
    SAME_KEY_AT_ONCE = auto()
    PACE = auto()
    UNAVAILABLE = auto()
    BROKEN = auto()


class Refusal(Exception):
    """`field` is where in the body it is wrong, if it is there."""

    def __init__(self, wrong: Wrong, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.wrong = wrong
        self.detail = detail
        self.field = field


class Cut(Exception):
    """The connection ends without an answer; `stored`: once the mail is."""

    def __init__(self, *, stored: bool = False) -> None:
        super().__init__()
        self.stored = stored


class Lied(Refusal):
    """The answer to a mail that is stored."""

    stored = True


async def reply(request: Request, send: Send, answer: Awaitable[Response]) -> None:
    """Sends the answer; `Cut` ends the connection instead."""
    try:
        await (await answer)(request.scope, request.receive, send)
    except Cut:
        cut(send)
    except ClientDisconnect:
        return


async def bounded(request: Request, most: int) -> bytes | None:
    """The body; `None`: it is larger."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            return None
    return bytes(body)


def suffer(action: Action) -> NoReturn:
    match action:
        case Lie():
            raise Lied(_meaning(action.code), action.text or "A lie by a fault rule of the sandbox.")
        case Reply():
            raise Refusal(_meaning(action.code), action.text or "Refused by a fault rule of the sandbox.")
        case Throttle():
            raise Refusal(Wrong.PACE, action.text or "Too many requests.")
        case DropAfterData():
            raise Cut(stored=True)
        case Drop() | DropBeforeAccept() | Refuse():
            raise Cut
        case _:
            raise AssertionError(action)


def _meaning(code: int) -> Wrong:
    if code in (401, 403, 530, 535):
        return Wrong.KEY
    if code in (421, 429, 454):
        return Wrong.PACE
    if code in (450, 451, 452, 503):
        return Wrong.UNAVAILABLE
    if code in (550, 551, 553):
        return Wrong.ADDRESS
    return Wrong.BROKEN if 500 <= code < 550 else Wrong.MESSAGE


async def step(
    sandbox: Sandbox, provider: Provider, stage: Stage, sender: str = "", recipients: tuple[str, ...] = ()
) -> None:
    """Raises `Refusal` or `Cut` if a rule says so."""
    if stage is Stage.CONNECT and sandbox.faults.refusals(provider):
        raise Cut
    verdict = sandbox.judge(stage, sender, recipients, provider)
    if verdict is None:
        return
    if verdict.delay:
        await asyncio.sleep(verdict.delay)
    if verdict.action is not None:
        suffer(verdict.action)
