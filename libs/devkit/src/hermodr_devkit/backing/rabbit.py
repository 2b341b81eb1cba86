"""A private RabbitMQ node, run from the distribution's package, apart from its system service.

Ports (epmd's too), data folder, node name, Erlang cookie and log are its own. The package's wrappers in /usr/sbin
insist on the user `rabbitmq`, so the scripts behind them are called.
"""

import os
import secrets
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hermodr_devkit import processes
from hermodr_devkit.backing import ports, probe
from hermodr_devkit.backing.model import CONSOLE_USER, Unavailable
from hermodr_devkit.backing.postgres import reap_in_background, tail

MARK = "HERMODR_BACKING_HOME"
SCRIPTS = ("/usr/lib/rabbitmq/bin", "/opt/rabbitmq/sbin", "/usr/local/lib/rabbitmq/sbin")
START_SECONDS = 90.0
STOP_SECONDS = 60.0
USER = CONSOLE_USER

CONFIGURATION = """\
listeners.tcp.1 = 127.0.0.1:{amqp}
management.tcp.ip = 127.0.0.1
management.tcp.port = {management}
default_user = {user}
default_pass = {password}
default_user_tags.administrator = true
log.file.level = info
log.console = false
disk_free_limit.absolute = 200MB
vm_memory_high_watermark.absolute = 1GB
# the segment of the quorum queues' log that is kept in memory
raft.wal_max_size_bytes = 67108864
"""

# Two schedulers that sleep instead of spinning when idle, and distribution on the loopback interface only.
ERLANG = "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}"


@dataclass(frozen=True)
class RabbitPorts:
    amqp: int
    management: int
    distribution: int
    epmd: int


class EmbeddedRabbit:
    """One node with its data below `home`. It outlives the process that started it; another object with the same
    arguments finds it again."""

    def __init__(self, home: Path, numbers: RabbitPorts, password: str) -> None:
        self.home = (home / "rabbit").resolve()
        self.ports = numbers
        self.log = self.home / "log" / "broker.log"
        self._password = password
        self._mark = f"{MARK}={self.home}"
        self._launched: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The vhost `/`."""
        return f"amqp://{USER}:{self._password}@{ports.LOOPBACK}:{self.ports.amqp}/"

    @property
    def management_url(self) -> str:
        return f"http://{ports.LOOPBACK}:{self.ports.management}/"

    def start(self) -> None:
        """Returns when the node takes messages and its console answers. Raises Unavailable."""
        scripts = find_scripts()
        if self.node() is None:
            self._end_everything(signal.SIGKILL)  # what a killed node left: epmd, its shell, its helpers
            self._write_configuration()
            self._launch(scripts)
        why = probe.wait(lambda: probe.rabbit(self.url), self._starting, START_SECONDS)
        why = why or probe.wait(self._console, self._starting, START_SECONDS)
        if why:
            raise Unavailable(f"RabbitMQ: {why}\n{tail(self.home / 'output')}\n{tail(self.log)}")

    def stop(self) -> None:
        """Stops in order; messages in durable queues stay."""
        if node := self.node():
            processes.end([node], signal.SIGTERM, STOP_SECONDS)
        self._end_everything(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to the node."""
        self._end_everything(signal.SIGKILL)

    def remove(self) -> None:
        """Stops the node and deletes its data."""
        self.kill()
        shutil.rmtree(self.home, ignore_errors=True)

    def node(self) -> processes.Process | None:
        """The running Erlang machine of this node."""
        return next((found for found in processes.marked(self._mark) if _is_node(found)), None)

    def settled(self) -> bool:
        """Whether a kill would find every quorum queue again: RabbitMQ 3.10 writes their register (`names.dets`)
        about a second late; a queue declared just before a SIGKILL comes back without a leader, for good."""
        queues = [folder for folder in self.home.glob("data/*/quorum/*/*") if folder.is_dir()]
        return all(queue.name.encode() in (queue.parent / "names.dets").read_bytes() for queue in queues)

    async def _console(self) -> None:
        await probe.management(self.management_url, USER, self._password)

    def _starting(self) -> bool:
        if self._launched is None:
            return self.node() is not None
        return self._launched.poll() is None

    def _end_everything(self, number: signal.Signals) -> None:
        processes.end(processes.marked(self._mark), number, STOP_SECONDS)

    def _write_configuration(self) -> None:
        (self.home / "log").mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o700)
        text = CONFIGURATION.format(
            amqp=self.ports.amqp, management=self.ports.management, user=USER, password=self._password
        )
        (self.home / "rabbitmq.conf").write_text(text, encoding="utf-8")
        (self.home / "enabled_plugins").write_text("[rabbitmq_management].\n", encoding="utf-8")
        (self.home / "empty").touch()
        cookie = self.home / ".erlang.cookie"
        if not cookie.exists():
            cookie.touch(mode=0o600)
            cookie.write_text(secrets.token_hex(20), encoding="utf-8")
            cookie.chmod(0o400)

    def _environment(self) -> dict[str, str]:
        return {
            MARK: str(self.home),
            "HOME": str(self.home),
            "PATH": os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self.ports.epmd),
            "ERL_EPMD_ADDRESS": ports.LOOPBACK,
            "RABBITMQ_NODENAME": f"hermodr-{self.ports.amqp}@localhost",
            "RABBITMQ_NODE_PORT": str(self.ports.amqp),
            "RABBITMQ_NODE_IP_ADDRESS": ports.LOOPBACK,
            "RABBITMQ_DIST_PORT": str(self.ports.distribution),
            "RABBITMQ_MNESIA_BASE": str(self.home / "data"),
            "RABBITMQ_LOG_BASE": str(self.home / "log"),
            "RABBITMQ_LOGS": str(self.log),
            "RABBITMQ_CONFIG_FILE": str(self.home / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(self.home / "empty"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.home / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.home / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(self.home / "pid"),
            "ERL_CRASH_DUMP": "/dev/null",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": ERLANG,
        }

    def _launch(self, scripts: Path) -> None:
        with (self.home / "output").open("ab") as output:
            self._launched = subprocess.Popen(
                [str(scripts / "rabbitmq-server")],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.home,
                env=self._environment(),
                start_new_session=True,
            )
        reap_in_background(self._launched)


def find_scripts() -> Path:
    """RabbitMQ's scripts behind the wrappers. Raises Unavailable if it is not installed."""
    for place in SCRIPTS:
        if (Path(place) / "rabbitmq-server").exists():
            return Path(place)
    raise Unavailable("RabbitMQ is not installed")


def _is_node(process: processes.Process) -> bool:
    command = process.command()
    return bool(command) and Path(command[0]).name.startswith("beam")
