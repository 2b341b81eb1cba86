"""docs/guarantees.md and docs/threat-model.md name tests as proof: they have to be there."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
DOCUMENTS = TESTS.parent / "docs"
TIERS = "unit|contracts|integration|e2e"


@pytest.mark.parametrize("document", ["guarantees.md", "threat-model.md"])
def test_every_proof_exists(document: str) -> None:
    text = (DOCUMENTS / document).read_text(encoding="utf-8")
    files = {path.relative_to(TESTS).as_posix() for path in TESTS.rglob("test_*.py")}
    named = set(re.findall(rf"`((?:{TIERS})/[\w/]+\.py)", text))
    assert len(named) > 10
    assert named <= files
    missing: list[str] = []
    current = ""
    for path, proof in re.findall(rf"`((?:{TIERS})/[\w/]+\.py|…)::(test_\w+)", text):
        current = current if path == "…" else path
        if f"def {proof}(" not in (TESTS / current).read_text(encoding="utf-8"):
            missing.append(f"{current}::{proof}")
    assert missing == []
