"""A service that only starts, is ready and ends, as `HERMODR_DUMMY` says.

serve          ready at once, ends with 0 on SIGTERM
misconfigured  ends with 2
stubborn       like serve, but SIGTERM is ignored
flaky          ends with 1 while the file HERMODR_DUMMY_FAILURES has lines left, then serves
"""

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType


class Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None: ...


def fail_while_told_to(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    if lines:
        file.write_text("\n".join(lines[1:]), encoding="utf-8")
        print("failing as told", flush=True)
        sys.exit(1)


def leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def main() -> None:
    manner = os.environ["HERMODR_DUMMY"]
    if manner == "misconfigured":
        print("HERMODR_DUMMY: must not be misconfigured", flush=True)
        sys.exit(2)
    if manner == "flaky":
        fail_while_told_to(Path(os.environ["HERMODR_DUMMY_FAILURES"]))
    signal.signal(signal.SIGTERM, signal.SIG_IGN if manner == "stubborn" else leave)
    print("serving", flush=True)
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["HERMODR_HTTP_PORT"])), Health).serve_forever()


if __name__ == "__main__":
    main()
