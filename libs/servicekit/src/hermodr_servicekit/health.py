"""`python -m hermodr_servicekit.health`: is the service of this machine ready? Ends with 0, else with 1 and says why.

For containers' health checks, so that an image needs no curl. Standard library only: it starts at once.
"""

import os
import sys
from http.client import HTTPConnection, HTTPException

PORT = "HERMODR_HTTP_PORT"
PATH = "/health/ready"
SECONDS = 8.0
LONGEST_ANSWER = 2000


def complaint(host: str, port: int, path: str = PATH) -> str | None:
    """What keeps the service on this port from working; `None` when nothing does."""
    connection = HTTPConnection(host, port, timeout=SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        said = answer.read(LONGEST_ANSWER).decode(errors="replace")
    except (OSError, HTTPException) as error:
        return f"no answer on port {port} ({type(error).__name__})"
    finally:
        connection.close()
    return None if answer.status == 200 else f"{answer.status}: {said}"


def main() -> int:
    given = os.environ.get(PORT, "")
    if not given.isdigit():
        print(f"{PORT} is to say where the service listens", file=sys.stderr)
        return 2
    why = complaint("127.0.0.1", int(given))
    if why is not None:
        print(why, file=sys.stderr)
    return 0 if why is None else 1


if __name__ == "__main__":
    sys.exit(main())
