"""The fleet and its watch, with dummy services."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hermodr_devkit import processes
from hermodr_devkit.supervisor import Fleet, NotReady, ServiceSpec
from hermodr_devkit.supervisor.fleet import private_ports
from hermodr_devkit.supervisor.services import ALL
from hermodr_devkit.supervisor.up import CannotStart, check_ports
from hermodr_devkit.supervisor.watch import Misconfigured, Watch
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[3]
ONE = ServiceSpec("one", "tests.support.dummy_service", 0)
TWO = ServiceSpec("two", "tests.support.dummy_service", 1)


@pytest.fixture
def fleet(tmp_path: Path) -> Callable[..., Fleet]:
    def make(manner: str = "serve", **variables: str) -> Fleet:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "HERMODR_DUMMY": manner,
            **variables,
        }
        return Fleet(private_ports(environment, (ONE, TWO)), tmp_path / "logs", specs=(ONE, TWO))

    return make


async def test_a_fleet_is_ready_when_all_services_are_and_ends_in_peace(fleet: Callable[..., Fleet]) -> None:
    async with fleet() as running:
        assert all(service.running for service in running.services.values())
        assert await running.stop() == {"one": 0, "two": 0}
    assert "serving" in running.log_tail("one")


async def test_a_service_that_ends_while_starting_is_named_with_its_last_words(
    fleet: Callable[..., Fleet],
) -> None:
    with pytest.raises(NotReady, match=r"(one|two): ended with status 2") as caught:
        async with fleet("misconfigured"):
            pytest.fail("it must not be ready")
    assert "HERMODR_DUMMY: must not be misconfigured" in str(caught.value)


async def test_killed_and_restarted_by_name(fleet: Callable[..., Fleet]) -> None:
    async with fleet() as running:
        before = running["one"].pid
        running.signal("one", signal.SIGKILL)
        assert await running["one"].wait() == -signal.SIGKILL
        await running.restart("one")
        assert running["one"].pid != before
        assert running["two"].starts == 1


async def test_one_that_outlasts_the_grace_period_is_killed(fleet: Callable[..., Fleet]) -> None:
    running = fleet("stubborn")
    await running.start()
    await running.wait_ready()
    assert await running["one"].stop(grace=0.1) == -signal.SIGKILL
    await running.kill()


async def test_the_watch_starts_again_who_died_and_says_so(
    fleet: Callable[..., Fleet], tmp_path: Path
) -> None:
    failures = tmp_path / "failures"
    failures.write_text("1\n2\n3", encoding="utf-8")
    running = fleet("flaky", HERMODR_DUMMY_FAILURES=str(failures))
    said: list[str] = []
    stop = asyncio.Event()
    await running.start()
    watching = asyncio.create_task(Watch(running, said.append, first_pause=0.01).run(stop))
    await wait_until(lambda: failures.read_text(encoding="utf-8") == "" and len(said) >= 3)
    await wait_until(lambda: all(service.running for service in running.services.values()))
    await running.wait_ready()
    assert "ended with status 1; starting it again in 0.01 s" in said[0]
    stop.set()
    await watching
    assert set((await running.stop()).values()) == {0}


async def test_pauses_grow(fleet: Callable[..., Fleet], tmp_path: Path) -> None:
    failures = tmp_path / "failures"
    failures.write_text("1\n2\n3\n4\n5\n6\n7\n8", encoding="utf-8")
    running = Fleet(
        private_ports(fleet("flaky", HERMODR_DUMMY_FAILURES=str(failures)).environment, (ONE,)),
        tmp_path / "logs",
        specs=(ONE,),
    )
    said: list[str] = []
    stop = asyncio.Event()
    await running.start()
    watching = asyncio.create_task(Watch(running, said.append, first_pause=0.01).run(stop))
    await wait_until(lambda: len(said) >= 4)
    stop.set()
    await watching
    await running.kill()
    assert [line.rpartition(" in ")[2] for line in said[:4]] == ["0.01 s", "0.02 s", "0.04 s", "0.08 s"]


async def test_a_wrong_configuration_is_not_tried_again(fleet: Callable[..., Fleet]) -> None:
    running = fleet("misconfigured")
    await running.start()
    with pytest.raises(Misconfigured, match="refuses its configuration"):
        await Watch(running, lambda _text: None).run(asyncio.Event())
    assert [service.starts for service in running.services.values()] == [1, 1]
    await running.kill()


async def test_lines_of_any_length_reach_the_sink_whole(tmp_path: Path) -> None:
    (tmp_path / "chatter.py").write_text("print('x' * 300_000)\nprint('end', end='')\n", encoding="utf-8")
    lines: list[str] = []
    spec = ServiceSpec("chatter", "chatter", 0)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)}
    running = Fleet(environment, specs=(spec,), sinks={"chatter": lines.append})
    await running.start()
    assert await running["chatter"].wait() == 0
    assert lines == ["x" * 300_000, "end"]


HOLDER = """
import subprocess, sys, time
left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print(left.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_its_end_is_noticed_though_another_process_holds_its_output(
    tmp_path: Path, how: signal.Signals
) -> None:
    (tmp_path / "holder.py").write_text(HOLDER, encoding="utf-8")
    lines: list[str] = []
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)}
    running = Fleet(environment, specs=(ServiceSpec("holder", "holder", 0),), sinks={"holder": lines.append})
    said: list[str] = []
    stop = asyncio.Event()
    await running.start()
    watching = asyncio.create_task(Watch(running, said.append, first_pause=0.01).run(stop))
    try:
        await wait_until(lambda: len(lines) == 1)
        running.signal("holder", how)
        await wait_until(lambda: len(lines) == 2)
        stop.set()
        await watching
        async with asyncio.timeout(10):
            assert await running.stop() == {"holder": -signal.SIGTERM}
        assert said == [f"holder was killed by signal {how.value}; starting it again in 0.01 s"]
    finally:
        for pid in map(int, lines):
            os.kill(pid, signal.SIGKILL)


PARENT = """
import asyncio, signal, sys
from hermodr_devkit.supervisor import Fleet, ServiceSpec
from hermodr_devkit.supervisor.fleet import private_ports

async def main():
    specs = (ServiceSpec("one", "tests.support.dummy_service", 0),)
    environment = private_ports({"PYTHONPATH": sys.argv[1], "HERMODR_DUMMY": sys.argv[2]}, specs)
    fleet = Fleet(environment, specs=specs, sinks={"one": print}, at_our_end=signal.Signals[sys.argv[3]])
    await fleet.start()
    print(fleet["one"].pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.parametrize(("how", "at_our_end"), [("serve", "SIGTERM"), ("stubborn", "SIGKILL")])
def test_services_end_when_we_are_killed(how: str, at_our_end: str) -> None:
    command = [sys.executable, "-c", PARENT, str(ROOT), how, at_our_end]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        service = processes.find(int(parent.stdout.readline()))
        assert service is not None
        parent.kill()
        parent.wait()
        assert processes.wait_gone([service], 10) == []


def test_hermodr_up_refuses_a_taken_port_and_names_the_variable(tmp_path: Path) -> None:
    environment = os.environ | {"HERMODR_STATE_DIR": str(tmp_path), "HERMODR_PORT_BASE": "not-a-port"}
    done = subprocess.run(
        [Path(sys.executable).parent / "hermodr", "up"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert "HERMODR_PORT_BASE" in done.stderr
    assert "Traceback" not in done.stderr
    assert not processes.marked(f"HERMODR_SUPERVISOR={tmp_path}")


def test_one_port_for_two_is_refused_before_anything_starts() -> None:
    with pytest.raises(
        CannotStart, match="port 18425 is wanted by sandbox, and by HERMODR_SANDBOX_SMTP_PORT"
    ):
        check_ports(ALL, {"HERMODR_PORT_BASE": "18400", "HERMODR_SANDBOX_SMTP_PORT": "18425"})


@pytest.mark.parametrize(("arguments", "kept"), [((), False), (("--keep",), True)])
def test_down_takes_the_secrets_that_up_made_unless_the_data_stays(
    tmp_path: Path, arguments: tuple[str, ...], kept: bool
) -> None:
    record = tmp_path / "jwt.json"
    record.write_text('{"secret": "s", "links": "l", "key": "k"}')
    environment = os.environ | {"HERMODR_STATE_DIR": str(tmp_path)}
    command = [str(Path(sys.executable).parent / "hermodr"), "down", *arguments]
    subprocess.run(command, env=environment, capture_output=True, timeout=60, check=True)
    assert record.exists() is kept
