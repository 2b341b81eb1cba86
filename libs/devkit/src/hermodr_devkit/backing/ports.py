"""Free TCP ports on the loopback interface."""

import random
import socket

LOOPBACK = "127.0.0.1"

# Below the range the kernel takes outgoing connections' ports from, so that a server that is down for a moment
# (a test restarts it) finds its port free again.
LOWEST, HIGHEST = 20_000, 31_000


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def answers(port: int, timeout: float = 0.5) -> bool:
    """Something accepts connections there."""
    try:
        socket.create_connection((LOOPBACK, port), timeout).close()
    except OSError:
        return False
    return True


def free(count: int) -> list[int]:
    """That many different ports, free now."""
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(LOWEST, HIGHEST)  # two clones should not try the same ones first
        if port not in found and is_free(port):
            found.append(port)
    return found


def free_base(offsets: list[int]) -> int:
    """A port base at which base + offset is free for every offset."""
    while True:
        base = random.randrange(LOWEST, HIGHEST, 50)
        if all(is_free(base + offset) for offset in offsets):
            return base
