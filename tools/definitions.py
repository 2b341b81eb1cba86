"""Write deploy/rabbitmq/definitions.json: exchanges, queues, users and policies of an installation with every
channel and the usual ladders. A test compares it with the code."""

import json
import sys

from hermodr_contracts.broker_policies import definitions
from hermodr_contracts.broker_rights import whole
from packages import ROOT

SNAPSHOT = ROOT / "deploy" / "rabbitmq" / "definitions.json"
PREFIX = "hermodr"


def described() -> str:
    return json.dumps(definitions(whole(PREFIX)), indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    SNAPSHOT.write_text(described(), encoding="utf-8")
    print(f"wrote {SNAPSHOT.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
