"""docs/guarantees.md names tests as proof: they have to be there."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[2]
DOCUMENT = TESTS.parent / "docs" / "guarantees.md"


def test_every_proof_exists() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    files = {path.relative_to(TESTS).as_posix() for path in TESTS.rglob("test_*.py")}
    named = set(re.findall(r"`((?:unit|integration|e2e)/[\w/]+\.py)", text))
    assert len(named) > 10
    assert named <= files
    missing: list[str] = []
    current = ""
    for path, proof in re.findall(r"`((?:unit|integration|e2e)/[\w/]+\.py|…)::(test_\w+)", text):
        current = current if path == "…" else path
        if f"def {proof}(" not in (TESTS / current).read_text(encoding="utf-8"):
            missing.append(f"{current}::{proof}")
    assert missing == []
