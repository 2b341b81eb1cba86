"""Write docs/openapi.json, which a test compares with the code, so that changes of the API are made on purpose."""

import sys

import snapshot
from hermodr_api.app import Api
from hermodr_api.settings import ApiSettings

SNAPSHOT = snapshot.DOCS / "openapi.json"


def described() -> str:
    return snapshot.laid_out(Api(ApiSettings()).description())


def main() -> int:
    return snapshot.write(SNAPSHOT, described())


if __name__ == "__main__":
    sys.exit(main())
