"""Folders that tasks write files in: gone with the task, or found when its process was killed."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hermodr_worker.built_in import folders

_HOLDING = """
import asyncio
from hermodr_worker.built_in.folders import folder
async def hold():
    async with folder() as place:
        print(place, flush=True)
        await asyncio.sleep(600)
asyncio.run(hold())
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


async def test_it_goes_with_its_task_and_not_before(place: Path) -> None:
    async with folders.folder() as made:
        (made / "x").write_text("x")
        await asyncio.to_thread(folders.sweep)
        assert (made / "x").exists()
    assert list(place.iterdir()) == []


def test_that_of_a_killed_process_is_deleted_and_nothing_else(place: Path) -> None:
    (place / "theirs").mkdir()
    (place / f"{folders.PREFIX}new").mkdir()  # somebody is about to lock it
    with subprocess.Popen([sys.executable, "-c", _HOLDING], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        made = Path(process.stdout.readline().strip())
        folders.sweep()
        assert made.exists()
        os.kill(process.pid, signal.SIGKILL)
    folders.sweep()
    assert {each.name for each in place.iterdir()} == {"theirs", f"{folders.PREFIX}new"}
