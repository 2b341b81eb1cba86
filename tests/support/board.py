import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from hermodr_delivery.testing import Answer

SAYS = {
    Answer.BAD_ADDRESS: "nobody at {to}",
    Answer.BAD_MESSAGE: "no",
    Answer.NOT_NOW: "later",
    Answer.THROTTLE: "wait 7",
    Answer.NONSENSE: "perhaps {to}",
    Answer.WRONG_CREDENTIALS: "who is {password}?",
}
_TAKEN = (Answer.ACCEPT, Answer.NONSENSE, Answer.DROP_AFTER, Answer.HANG_AFTER)


class Board:
    def __init__(self) -> None:
        self.port = 0
        self.tried = 0
        self.most_at_once = 0
        self.notes: list[tuple[str, str, str]] = []
        self._at_once = 0
        self._script: deque[Answer] = deque()

    @property
    def taken(self) -> Sequence[str]:
        return [key for key, _, _ in self.notes]

    def answer(self, answer: Answer) -> None:
        self._script.append(answer)

    async def drop_idle(self) -> None: ...

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Board"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answer = self._script.popleft() if self._script else Answer.ACCEPT
        self.tried += 1
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await self._converse(answer, reader, writer)
        finally:
            self._at_once -= 1
            writer.close()

    async def _converse(
        self, answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if answer is Answer.HANG_BEFORE:
            await reader.read()
        if answer is Answer.TOO_MUCH:
            writer.write(b"full\n")
        if answer in (Answer.HANG_BEFORE, Answer.TOO_MUCH, Answer.DROP_BEFORE):
            return
        writer.write(b"hello\n")
        password, _, note = (await reader.readline()).decode().rstrip("\n").partition(" ")
        key, to, text = (*note.split(" ", 2), "", "", "")[:3]
        if key and answer in _TAKEN:
            self.notes.append((key, to, text))
        if answer is Answer.HANG_AFTER:
            await reader.read()
        if answer in (Answer.HANG_AFTER, Answer.DROP_AFTER):
            return
        says = SAYS.get(answer, f"ok {len(self.notes)}").format(to=to, password=password)
        writer.write(f"{says}\n".encode())
