"""The command line as a process."""

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

COMMAND = (sys.executable, "-m", "hermodr_cli.main")


@dataclass
class Shell:
    environment: Mapping[str, str]

    async def begin(self, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *COMMAND,
            *arguments,
            env=dict(self.environment),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def run(self, *arguments: str, status: int = 0) -> str:
        """Its output; it has to end with `status`, and with one line of complaint if that is not 0."""
        process = await self.begin(*arguments)
        said, complaint = await process.communicate()
        assert process.returncode == status, complaint.decode()
        assert len(complaint.splitlines()) == (1 if status else 0), complaint.decode()
        return said.decode()

    async def json(self, *arguments: str) -> Any:
        return json.loads(await self.run(*arguments, "--json"))
