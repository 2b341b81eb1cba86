"""What a killed session leaves behind is found by the next, and nobody else's."""

import os
from pathlib import Path

from hermodr_devkit import processes
from tests.support import servers


def home(place: Path, name: str, says: str | None) -> Path:
    path = place / f"{servers.PREFIX}{name}"
    (path / "postgres").mkdir(parents=True)
    if says is not None:
        servers.owner(path).write_text(says, encoding="ascii")
    return path


def test_homes_of_the_dead_go_and_all_others_stay(tmp_path: Path) -> None:
    me = processes.find(os.getpid())
    assert me is not None
    alive = home(tmp_path, "alive", f"{me.pid} {me.started}")
    dead = home(tmp_path, "dead", "4194305 17")
    number_used_again = home(tmp_path, "again", f"{me.pid} {me.started - 1}")
    nobodys = home(tmp_path, "nobody", None)
    assert set(servers.sweep(tmp_path)) == {dead, number_used_again}
    assert sorted(tmp_path.iterdir()) == sorted([alive, servers.owner(alive), nobodys])
