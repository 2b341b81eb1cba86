"""What is generated in clients/js: types of the API from docs/openapi.json, declarations from each package's sources.

javascript.py           makes what is not fresh (Node and npm needed; `npm ci` at first use)
javascript.py --check   says what is not fresh; needs neither

Beside a package's declarations lies what they were made from, as hashes. Nothing is written for sources in which
TypeScript finds a mistake, so fresh declarations also say that the sources are sound.
"""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OPENAPI = ROOT / "docs" / "openapi.json"
WORKSPACE = ROOT / "clients" / "js"
TOOLCHAIN = WORKSPACE / "package-lock.json"
RECORD = "made-from.json"
API = "openapi.d.ts"
HOW = "run `make javascript`, and look at the diff before you commit it"


def packages() -> list[Path]:
    return sorted(path.parent for path in WORKSPACE.glob("packages/*/tsconfig.json"))


def api_types(package: Path) -> Path:
    return package / "types" / API


def has_api_types(package: Path) -> bool:
    """Only the client has them; other packages take them from it."""
    return package.name == "client"


def described() -> str:
    """What callers write and read: the API's description without examples and refusals, which are errors.js's."""
    document = json.loads(OPENAPI.read_text(encoding="utf-8"))
    for methods in document["paths"].values():
        for operation in methods.values():
            operation["responses"] = {
                status: _without_headers(answer)
                for status, answer in operation["responses"].items()
                if status.startswith("2")
            }
            operation["parameters"] = [
                each for each in operation.get("parameters", []) if each["in"] in ("path", "query")
            ]
    return json.dumps(_without_examples(document))


def _without_headers(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "headers"}


def _without_examples(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _without_examples(each)
            for name, each in value.items()
            if not (name in ("examples", "example") and isinstance(each, dict | list))
        }
    return [_without_examples(each) for each in value] if isinstance(value, list) else value


def made_from(package: Path) -> dict[str, str]:
    """Hashes of what the declarations come from, and of themselves."""
    types = package / "types"
    sources = [*(package / "src").rglob("*.*"), *package.rglob("tests/*.ts"), package / "tsconfig.json"]
    api = {"api": digest([described()])} if has_api_types(package) else {}
    return api | {
        "toolchain": digest([TOOLCHAIN.read_text(encoding="utf-8")]),
        "sources": digest(_texts([*sources, WORKSPACE / "tsconfig.json"])),
        "types": digest(_texts(types.glob("**/*.d.ts"))),
    }


def _texts(paths: Iterable[Path]) -> list[str]:
    return [part for path in sorted(paths) for part in (path.name, path.read_text(encoding="utf-8"))]


def digest(texts: Iterable[str]) -> str:
    whole = hashlib.sha256()
    for text in texts:
        whole.update(hashlib.sha256(text.encode()).digest())
    return whole.hexdigest()


def stale(package: Path) -> list[str]:
    """Which of its hashes are others than when its declarations were made."""
    try:
        recorded = json.loads((package / "types" / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        recorded = {}
    now = made_from(package)
    return [name for name in sorted(now.keys() | recorded.keys()) if now.get(name) != recorded.get(name)]


def make(package: Path) -> None:
    types = package / "types"
    types.mkdir(exist_ok=True)
    for declaration in types.glob("**/*.d.ts"):
        if declaration != api_types(package):
            declaration.unlink()
    if has_api_types(package):
        text = npm("exec", "--", "openapi-typescript", "--default-non-nullable=false", given=described())
        api_types(package).write_text(text, encoding="utf-8")
    for project in (package, package / "tests"):
        if (project / "tsconfig.json").exists():
            npm("exec", "--", "tsc", "--project", str(project / "tsconfig.json"))
    record = json.dumps(made_from(package), indent=1) + "\n"
    (types / RECORD).write_text(record, encoding="utf-8")
    print(f"wrote the types of {package.name}: look at the diff before you commit them")


def npm(*arguments: str, given: str | None = None) -> str:
    program = shutil.which("npm")
    if program is None:
        raise SystemExit(
            "the types of clients/js are made by npm, which is not installed (apt-get install npm)"
        )
    done = subprocess.run(
        [program, "--silent", *arguments], cwd=WORKSPACE, input=given, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"npm {arguments[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def install_toolchain() -> None:
    installed = WORKSPACE / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < TOOLCHAIN.stat().st_mtime:
        npm("ci")


def main(arguments: list[str]) -> int:
    outdated = {package: names for package in packages() if (names := stale(package))}
    if "--check" in arguments:
        for package, names in outdated.items():
            print(f"{package.relative_to(ROOT)}/types is not fresh ({', '.join(names)} changed): {HOW}")
        return 1 if outdated else 0
    if outdated:
        install_toolchain()
    for package in outdated:
        make(package)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
