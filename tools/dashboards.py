"""Write deploy/grafana/dashboards, which a test compares with the code."""

import sys
from pathlib import Path
from typing import Any

import orjson
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

import snapshot
from grafana.channels import channels
from grafana.objective import objective
from grafana.overview import overview
from grafana.queues import queues
from grafana.tasks import tasks

FOLDER = Path(__file__).resolve().parent.parent / "deploy/grafana/dashboards"


def document(board: Dashboard) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(JSONEncoder(sort_keys=True).encode(board))
    return found


def described() -> dict[str, str]:
    """The text of each file, by its name."""
    boards = (overview(), channels(), queues(), tasks(), objective())
    found = {str(board.uid).removeprefix("hermodr-"): document(board) for board in boards}
    return {f"{name}.json": snapshot.laid_out(board) for name, board in found.items()}


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in described().items():
        snapshot.write(FOLDER / name, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
