import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hermodr_cli import state


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HERMODR_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def test_a_record_comes_back_as_written_and_is_for_its_owner_only(folder: Path) -> None:
    state.write("backing.json", {"password": "x"})
    assert state.read("backing.json") == {"password": "x"}
    assert stat.S_IMODE((folder / "backing.json").stat().st_mode) == 0o600


def test_an_empty_record_is_no_file(folder: Path) -> None:
    state.write("up.json", {"pid": 1})
    state.write("up.json", {})
    assert not (folder / "up.json").exists()


@pytest.mark.parametrize("content", ["", "{", "[]", "null"])
def test_a_damaged_record_counts_as_none(folder: Path, content: str) -> None:
    folder.mkdir()
    (folder / "up.json").write_text(content, encoding="utf-8")
    assert state.read("up.json") == {}


def test_two_state_folders_have_two_identities(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first = state.identity()
    monkeypatch.setenv("HERMODR_STATE_DIR", str(tmp_path / "other"))
    assert state.identity() != first


def test_a_lock_shuts_out_other_processes_and_ends_with_its_holder() -> None:
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys\nfrom hermodr_cli import state\nwith state.locked('x'):\n print(flush=True)\n sys.stdin.read()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout
    holder.stdout.readline()
    taker = subprocess.Popen(
        [sys.executable, "-c", "from hermodr_cli import state\nwith state.locked('x'): print('in')"],
        stdout=subprocess.PIPE,
    )
    assert taker.poll() is None
    holder.kill()
    output, _ = taker.communicate(timeout=20)
    assert output == b"in\n"
    holder.communicate()
