import random
import socket

LOOPBACK = "127.0.0.1"

# Below the range the kernel takes outgoing connections' ports from, so that a server that is down for a moment
# (a test restarts it) finds its port free again.
LOWEST, HIGHEST = 20_000, 31_000

_kept: list[socket.socket] = []
"""UDP sockets on the ports given out, so that no other process is given them before the server listens."""


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def answers(port: int, timeout: float = 0.5) -> bool:
    try:
        socket.create_connection((LOOPBACK, port), timeout).close()
    except OSError:
        return False
    return True


def free(count: int) -> list[int]:
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(LOWEST, HIGHEST)  # two clones should not try the same ones first
        if is_free(port) and _keep([port]):
            found.append(port)
    return found


def free_base(offsets: list[int]) -> int:
    """A port base at which base + offset is free for every offset."""
    while True:
        base = random.randrange(LOWEST, HIGHEST, 50)
        wanted = [base + offset for offset in offsets]
        if all(is_free(port) for port in wanted) and _keep(wanted):
            return base


def _keep(numbers: list[int]) -> bool:
    taken: list[socket.socket] = []
    for port in numbers:
        mark = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        taken.append(mark)
        try:
            mark.bind((LOOPBACK, port))
        except OSError:
            for each in taken:
                each.close()
            return False
    _kept.extend(taken)
    return True
