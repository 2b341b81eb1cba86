"""`make profile ROLE=email-sender`: where a role spends its time during bulk. Writes a flame graph and prints the
hottest functions, by py-spy."""

import asyncio
import os
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvloop
from rich.console import Console

from tests.benchmarks import bulk, installed, report
from tests.benchmarks.accounting import load_average
from tests.benchmarks.mailbox import mailbox
from tests.benchmarks.servers import Servers, folder, servers
from tests.benchmarks.site import ROLES, say, site

RATE = "500"
SHOWN = 30
_LINE = re.compile(r":\d+\)$")
MAILS = 5_000 if os.environ.get("QUICK") else 20_000


@asynccontextmanager
async def _recording(program: str, pid: int, form: str, path: Path) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *(program, "record", "--pid", str(pid), "--rate", RATE, "--format", form, "--output", str(path)),
        *("--duration", "3600", "--nonblocking"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await process.wait()
    if not path.exists():
        raise SystemExit(
            "py-spy wrote nothing: it may look at other processes only as root or with CAP_SYS_PTRACE"
        )


def hottest(raw: str) -> list[list[str]]:
    """Table rows: the share of samples in and below each function. `raw` has lines `outer;…;inner COUNT`, where a
    frame is `function (file:line)`."""
    own: Counter[str] = Counter()
    below: Counter[str] = Counter()
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = [_LINE.sub(")", frame) for frame in stack.split(";")]
        own[frames[-1]] += int(count)
        for frame in set(frames):
            below[frame] += int(count)
    total = own.total() or 1
    return [
        [frame, f"{count / total:.1%}", f"{below[frame] / total:.1%}"]
        for frame, count in own.most_common(SHOWN)
    ]


async def record(role: str, place: Servers, program: str) -> tuple[Path, str]:
    """The flame graph's path, and the raw samples of a second run."""
    graph, raw = (folder() / f"profile-{role}.{end}" for end in ("svg", "raw"))
    async with mailbox() as box, site(place, box) as here:
        for form, path in (("flamegraph", graph), ("raw", raw)):
            path.unlink(missing_ok=True)
            async with _recording(program, here.pids()[role], form, path):
                run = await bulk.measure(here, MAILS)
            say(f"{run.rate:,.0f} mails/s while looked at, load average {load_average():.1f}")
    return graph, raw.read_text(encoding="utf-8")


def main() -> None:
    role = os.environ.get("ROLE") or "email-sender"
    if role not in (known := [spec.name for spec in ROLES]):
        raise SystemExit(f"ROLE: one of {', '.join(known)}")
    program = installed.python("py-spy", ("py-spy==0.4.3",), say).with_name("py-spy")
    with servers(say) as place:
        graph, raw = uvloop.run(record(role, place, str(program)))
    title = f"{role}: share of samples in the function itself, and in what it called"
    report.show(Console(), title, ["function", "itself", "with callees"], hottest(raw))
    print(f"flame graph: {graph}")


if __name__ == "__main__":
    main()
