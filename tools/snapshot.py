"""Documents that are generated and committed: a test compares them with the code, so that changes are on purpose."""

import json
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent.parent / "docs"


def laid_out(document: dict[str, Any]) -> str:
    """As JSON to be read and compared."""
    return json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def write(snapshot: Path, text: str) -> int:
    """Exit status 0."""
    snapshot.write_text(text, encoding="utf-8")
    print(f"wrote {snapshot.name}: look at the diff before you commit it")
    return 0
