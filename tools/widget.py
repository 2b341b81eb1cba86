"""The inbox for pages as one file: the modules of clients/js/packages/inbox, joined, for the api to serve.

widget.py           writes it
widget.py --check   says if it is not fresh

Joined means: each module after those it imports, without imports, exports, comments and indentation, and one `export`
at the end. Nothing is renamed, so names at the top of modules must differ; what is joined otherwise is refused.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "clients" / "js" / "packages" / "inbox" / "src"
ENTRIES = ("element.js", "index.js")
JOINED = ROOT / "services" / "api" / "src" / "hermodr_api" / "widget" / "hermodr-inbox.js"
_HEAD = (
    "// Hermodr's inbox for pages, Apache-2.0. Made from clients/js/packages/inbox, where it can be read.\n"
)

_FROM = re.compile(r'^(?:import|export) \{([^}]*)\} from "\./([a-z]+\.js)";\n', re.MULTILINE)
_IMPORT = re.compile(r'^import \{[^}]*\} from "[^"]+";\n', re.MULTILINE)
_LIST = re.compile(r'^export \{([^}]*)\}(?: from "[^"]+")?;\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:class|const|let|function))", re.MULTILINE)
_TOP = re.compile(r"^(?:async )?(?:class|const|let|function\*?) (\w+)", re.MULTILINE)
_COMMENT = re.compile(r"/\*\*.*?\*/", re.DOTALL)
_LINE_COMMENT = re.compile(r"(?:^|(?<=\s))//.*$", re.MULTILINE)
_LEFT = re.compile(r"^\s*(?:import|export)\b", re.MULTILINE)


def joined() -> str:
    """Raises ValueError for what cannot be joined."""
    modules: dict[str, str] = {}
    for entry in ENTRIES:
        _take(entry, modules)
    exports = [name for entry in ENTRIES for name in _exported(_text(entry))]
    plain = {name: _plain(text) for name, text in modules.items()}
    _refuse_twins(plain)
    return _HEAD + "".join(plain.values()) + f"export {{ {', '.join(exports)} }};\n"


def _text(name: str) -> str:
    return (SOURCES / name).read_text(encoding="utf-8")


def _take(name: str, modules: dict[str, str]) -> None:
    """Depth first: what a module imports stands before it."""
    if name in modules:
        return
    text = _text(name)
    for found in _FROM.finditer(text):
        if " as " in found[1]:
            raise ValueError(f"{name} renames what it imports: {found[0]}")
        _take(found[2], modules)
    modules[name] = text


def _exported(text: str) -> list[str]:
    return [name.strip() for found in _LIST.finditer(text) for name in found[1].split(",") if name.strip()]


def _plain(text: str) -> str:
    text = _COMMENT.sub("", text)
    for pattern in (_IMPORT, _LIST, _EXPORT, _LINE_COMMENT):
        text = pattern.sub("", text)
    if left := _LEFT.search(text):
        raise ValueError(f"this cannot be joined: {text[left.start() :].splitlines()[0]}")
    lines = (line.strip() for line in text.splitlines())
    return "".join(f"{line}\n" for line in lines if line)


def _refuse_twins(modules: dict[str, str]) -> None:
    seen: dict[str, str] = {}
    for module in modules:
        for name in _TOP.findall(_EXPORT.sub("", _COMMENT.sub("", _text(module)))):
            if name in seen:
                raise ValueError(f"{module} and {seen[name]} both have {name}")
            seen[name] = module


def main(arguments: list[str]) -> int:
    text = joined()
    fresh = JOINED.exists() and JOINED.read_text(encoding="utf-8") == text
    if "--check" in arguments:
        if not fresh:
            print(f"{JOINED.relative_to(ROOT)} is not fresh: run `make javascript`")
        return 0 if fresh else 1
    if not fresh:
        JOINED.write_text(text, encoding="utf-8")
        print(f"wrote {JOINED.name}, {len(text.encode()):,} octets")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
