import socket
from pathlib import Path

from hermodr_cli.doctor.finding import State
from hermodr_cli.doctor.services import accounts

HOST = socket.gethostname()


def processes(folder: Path, **owners: int) -> Path:
    for name, owner in owners.items():
        place = folder / name.removeprefix("p")
        place.mkdir()
        (place / "status").write_text(
            f"Name:\tpython\nUid:\t{owner}\t{owner}\t{owner}\t{owner}\nGid:\t0\t0\t0\t0\n"
        )
    return folder


def test_services_that_are_root_are_named(tmp_path: Path) -> None:
    found = accounts(
        [("scheduler", f"{HOST}:7:aa"), ("api", f"{HOST}:8:bb"), ("worker", f"{HOST}:9:cc")],
        processes(tmp_path, p7=0, p8=0, p9=1000),
    )
    (one,) = found
    assert one.state is State.WARNING
    assert one.text.startswith("api, scheduler: root")
    assert "User=" in one.remedy


def test_nobody_is_root(tmp_path: Path) -> None:
    (one,) = accounts([("api", f"{HOST}:8:bb")], processes(tmp_path, p8=1000))
    assert one.state is State.OK


def test_processes_of_other_machines_and_past_ones_are_not_known(tmp_path: Path) -> None:
    instances = [("api", "elsewhere:8:bb"), ("worker", f"{HOST}:9:cc"), ("scheduler", "odd")]
    assert accounts(instances, processes(tmp_path, p8=0)) == []
