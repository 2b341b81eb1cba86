"""The layout budget. Standard library only.

Functions up to 60 lines, files up to 400; no module named utils, common, helpers, base or misc; imports at the top;
no exception swallowed by a bare `pass`.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("libs", "services", "tests", "tools")
LONGEST_FUNCTION = 60
LONGEST_FILE = 400
NAMES_THAT_SAY_NOTHING = {"utils", "util", "common", "helpers", "helper", "base", "misc"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def modules() -> Iterator[Path]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not {".venv", "node_modules", "build"} & set(path.relative_to(ROOT).parts):
                yield path


def findings(path: Path) -> Iterator[tuple[int, str]]:
    """(line, complaint) for each violation."""
    text = path.read_text(encoding="utf-8")
    if NAMES_THAT_SAY_NOTHING & {path.stem, path.parent.name}:
        yield 1, "a module's name says what it is about; this one says nothing"
    if text.count("\n") > LONGEST_FILE:
        yield 1, f"{text.count(chr(10))} lines; a file has at most {LONGEST_FILE}"
    for node in ast.walk(ast.parse(text, str(path))):
        if isinstance(node, FUNCTIONS):
            yield from function_findings(node)
        elif isinstance(node, ast.ExceptHandler) and all(is_nothing(line) for line in node.body):
            yield (
                node.lineno,
                "an exception is swallowed; say what it means, or use contextlib.suppress with a reason",
            )


def function_findings(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[int, str]]:
    length = (function.end_lineno or function.lineno) - function.lineno + 1
    if length > LONGEST_FUNCTION:
        yield (
            function.lineno,
            f"{function.name} has {length} lines; a function has at most {LONGEST_FUNCTION}",
        )
    for node in ast.walk(function):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node.lineno, f"import inside {function.name}; imports stand at the top of the module"


def is_nothing(statement: ast.stmt) -> bool:
    """`pass`, `...` or a lone string."""
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def main() -> int:
    complaints = [
        f"{path.relative_to(ROOT)}:{line}: {complaint}"
        for path in modules()
        for line, complaint in sorted(set(findings(path)))
    ]
    print("\n".join(complaints), end="\n" if complaints else "")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
