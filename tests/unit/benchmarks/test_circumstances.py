import re

import pytest

from tests.benchmarks import circumstances


def test_the_command_is_the_one_to_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in circumstances.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("QUICK", "1")
    monkeypatch.setenv("ONLY", "bulk")
    monkeypatch.setenv("PEERS", "")
    assert circumstances._command() == "make bench QUICK=1 ONLY=bulk"


def test_machine_and_commit_are_named() -> None:
    assert re.match(r"\d+ cores \(.+\), \d+ GB, Linux \S+, Python 3\.\d+\.\d+$", circumstances._machine())
    assert re.match(r"([0-9a-f]{7,}\+?)?$", circumstances._commit())
