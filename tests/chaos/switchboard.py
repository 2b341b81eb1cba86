"""The process of all wires, so that many producers cannot slow them down.

    python -m tests.chaos.switchboard        takes a line of JSON, answers with one, runs until its input ends

`{"do": "open", "wire": "api/ledger", "host": "127.0.0.1", "port": 5432}` answers `{"port": 40123}`. Everything else
is done to an open wire: see `Proxy`. `{"do": "lag"}` answers how late this process was, at most and in sum.
"""

import asyncio
import json
import sys
from dataclasses import asdict
from typing import Any

import uvloop

from tests.chaos.lags import Lags
from tests.support.proxies import Proxy


class Switchboard:
    def __init__(self) -> None:
        self._wires: dict[str, Proxy] = {}
        self._lags = Lags()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        watching = asyncio.create_task(self._lags.watch())
        while line := await reader.readline():
            answer = await self._do(json.loads(line))
            print(json.dumps(answer), flush=True)
        watching.cancel()
        await asyncio.gather(*(wire.close() for wire in self._wires.values()))

    async def _do(self, order: dict[str, Any]) -> dict[str, Any]:
        what = order["do"]
        if what == "lag":
            return asdict(self._lags.late())
        if what == "open":
            wire = self._wires[order["wire"]] = Proxy(order["host"], order["port"])
            await wire.mend()
            return {"port": wire.port}
        wire = self._wires[order["wire"]]
        if what == "mend":
            await wire.mend()
        elif what == "block":
            await wire.block()
        elif what == "cut":
            wire.cut()
        elif what == "hold":
            wire.hold()
        elif what == "mute":
            wire.mute()
        elif what == "slow":
            wire.slow(delay=order["delay"], rate=order["rate"])
        else:
            raise ValueError(f"nothing to be done with a wire: {what}")
        return {}


if __name__ == "__main__":
    uvloop.run(Switchboard().run())
