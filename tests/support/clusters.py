"""Three RabbitMQ nodes of this machine, in a cluster that tests may break."""

import secrets
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from hermodr_devkit.backing import EmbeddedRabbit, ports
from hermodr_devkit.backing.rabbit import USER, RabbitPorts
from tests.support import servers

SIZE = 3
EPMD = "epmd"
FORMATION = """\
cluster_partition_handling = pause_minority
cluster_formation.peer_discovery_backend = classic_config
cluster_formation.classic_config.nodes.1 = {first}
cluster_formation.randomized_startup_delay_range.min = 0
cluster_formation.randomized_startup_delay_range.max = 1
cluster_name = hermodr
"""

_CONNECTS_WITH = """\
Others = [{names}], Global = whereis(global_name_server),
[erlang:set_cookie(Other, '{cookie}') || Other <- Others],
erlang:suspend_process(Global),
[erlang:disconnect_node(Other) || Other <- Others],
erlang:resume_process(Global).
"""
"""From all at once, as a network does: if Erlang's `global` saw one go before the other, it would tell the other, which
would leave the first as well (`prevent_overlapping_partitions`): three nodes alone, none of them a majority."""


class Member(EmbeddedRabbit):
    """A node that joins the first one when it starts."""

    def __init__(self, home: Path, numbers: RabbitPorts, cookie: str, first: int) -> None:
        super().__init__(home, numbers, servers.PASSWORD)
        self._cookie = cookie
        self._first = _name(first)
        self.name = _name(numbers.amqp)

    def cut_off(self, others: Sequence["Member"]) -> None:
        """From the others of the cluster, not from clients."""
        self._connects_with(others, "wrong")

    def heal(self, others: Sequence["Member"]) -> None:
        self._connects_with(others, self._cookie)

    def leads(self) -> bool:
        """Whether it leads a queue."""
        return any(queue.get("leader") == self.name for queue in self._console_says("/api/queues"))

    def whole(self) -> bool:
        """Whether all nodes run, and are members of all quorum queues."""
        nodes = [node["name"] for node in self._console_says("/api/nodes") if node["running"]]
        queues = [queue for queue in self._console_says("/api/queues") if queue.get("type") == "quorum"]
        return len(nodes) == SIZE and all(len(queue.get("online", [])) == SIZE for queue in queues)

    def _console_says(self, path: str) -> Any:
        answer = httpx.get(
            f"{self.management_url.rstrip('/')}{path}",
            auth=(USER, servers.PASSWORD),
            timeout=10,
            trust_env=False,
        )
        return answer.raise_for_status().json()

    def _connects_with(self, others: Sequence["Member"], cookie: str) -> None:
        names = ", ".join(f"'{other.name}'" for other in others)
        servers.control(self, "eval", _CONNECTS_WITH.format(names=names, cookie=cookie))

    def _write_configuration(self) -> None:
        super()._write_configuration()
        with (self.home / "rabbitmq.conf").open("a", encoding="utf-8") as configuration:
            configuration.write(FORMATION.format(first=self._first))
        cookie = self.home / ".erlang.cookie"
        cookie.chmod(0o600)
        cookie.write_text(self._cookie, encoding="utf-8")
        cookie.chmod(0o400)


@contextmanager
def cluster() -> Iterator[list[Member]]:
    """Running, and whole. What names have which ports is told by an epmd that outlives every node."""
    epmd, *free = ports.free(1 + 3 * SIZE)
    cookie = secrets.token_hex(20)
    with ExitStack() as stack:
        members = []
        for amqp, management, distribution in zip(free[::3], free[1::3], free[2::3], strict=True):
            numbers = RabbitPorts(amqp=amqp, management=management, distribution=distribution, epmd=epmd)
            home = stack.enter_context(servers.private_home())
            members.append(Member(home, numbers, cookie, free[0]))
            stack.callback(members[-1].remove)
        names = subprocess.Popen([EPMD, "-port", str(epmd), "-address", ports.LOOPBACK])
        stack.callback(names.wait)
        stack.callback(names.terminate)
        members[0].start()
        with ThreadPoolExecutor() as pool:
            list(pool.map(Member.start, members[1:]))
        yield members


def _name(port: int) -> str:
    return f"hermodr-{port}@localhost"
