"""Write docs/openapi.json, which a test compares with the code, so that changes of the API are made on purpose."""

import json
import sys
from pathlib import Path

from hermodr_api.app import Api
from hermodr_api.settings import ApiSettings

SNAPSHOT = Path(__file__).resolve().parent.parent / "docs" / "openapi.json"


def described() -> str:
    document = Api(ApiSettings()).description()
    return json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def main() -> int:
    SNAPSHOT.write_text(described(), encoding="utf-8")
    print(f"wrote {SNAPSHOT.name}: look at the diff before you commit it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
