import os
import signal
import subprocess
import sys

from hermodr_devkit import processes

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_a_zombie_is_not_alive() -> None:
    child = subprocess.Popen(SLEEPER)
    found = processes.find(child.pid)
    assert found
    assert found.alive()
    processes.end([found], signal.SIGKILL, 10)
    assert not found.alive()  # though nobody has reaped it yet
    child.wait()


def test_a_later_process_with_the_same_number_is_another() -> None:
    me = processes.find(os.getpid())
    assert me
    earlier = processes.Process(me.pid, me.started - 1, me.parent)
    assert not earlier.alive()


def test_processes_are_found_by_their_mark() -> None:
    child = subprocess.Popen(SLEEPER, env=os.environ | {"HERMODR_TEST_MARK": "one"})
    other = subprocess.Popen(SLEEPER, env=os.environ | {"HERMODR_TEST_MARK": "other"})
    try:
        assert [found.pid for found in processes.marked("HERMODR_TEST_MARK=one")] == [child.pid]
    finally:
        for process in (child, other):
            process.kill()
            process.wait()


def test_descendants_include_grandchildren() -> None:
    script = f"import subprocess, time; subprocess.Popen({SLEEPER!r}); print(flush=True); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert child.stdout
    child.stdout.readline()
    me = processes.find(os.getpid())
    found = processes.find(child.pid)
    assert me
    assert found
    family = processes.descendants(me)
    grandchildren = [process for process in family if process.parent == child.pid]
    assert found in family
    assert len(grandchildren) == 1
    processes.end([found, *grandchildren], signal.SIGKILL, 10)
    child.communicate()


def test_one_who_ignores_sigterm_is_killed() -> None:
    script = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert child.stdout
    child.stdout.readline()
    found = processes.find(child.pid)
    assert found
    processes.end([found], signal.SIGTERM, 0.1)
    child.communicate()
    assert child.returncode == -signal.SIGKILL
