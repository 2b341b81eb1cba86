import subprocess
import sys

from hermodr_devkit.backing import ports


def test_no_port_is_given_out_twice_not_even_to_another_process() -> None:
    base = ports.free_base([0, 3])
    mine = {base, base + 3, *ports.free(20)}
    assert len(mine) == 22
    assert all(ports.is_free(port) for port in mine)
    code = (
        f"from hermodr_devkit.backing import ports; print([ports._keep([port]) for port in {sorted(mine)}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == str([False] * 22), done.stderr
