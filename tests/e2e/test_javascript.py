"""The JavaScript client, packed and installed as its users do it, on Node."""

from pathlib import Path

from tests.support import javascript


def test_the_client_holds_on_node(tmp_path: Path) -> None:
    folder = javascript.installed(tmp_path / "user", "client")
    said = javascript.run_tests(folder, "client")
    assert "# fail 0" in said
