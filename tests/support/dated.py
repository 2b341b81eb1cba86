"""Which tests touch dates, found by their code, so that none is forgotten.

A test does if its code asks for the time, or uses a helper, fixture or constant of its module that does. SQL's
`now()` does not count. Others say `@pytest.mark.dates`.
"""

import ast
import re
from collections.abc import Iterable
from pathlib import Path

MARK = "dates"
_ASKS = re.compile(r"\.(now|today|utcnow|localtime)\(|\btime\.time\(|mark\.dates\b")


def dated_files(folders: Iterable[Path]) -> list[Path]:
    files = (file for folder in folders for file in folder.rglob("test_*.py"))
    return sorted(file for file in files if dated_tests(file.read_text(encoding="utf-8")))


def dated_tests(source: str) -> set[str]:
    if not _ASKS.search(source):
        return set()
    lines = source.splitlines()
    named: dict[str, set[str]] = {}
    dated = set()
    for node in ast.parse(source).body:
        first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
        asks = _ASKS.search("\n".join(lines[first - 1 : node.end_lineno]))
        for name in _defined(node):
            named[name] = _names(node)
            if asks:
                dated.add(name)
    while more := {name for name, used in named.items() if name not in dated and used & dated}:
        dated |= more
    return {name for name in dated if name.startswith("test_")}


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return [each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)]
    return []


def _names(node: ast.AST) -> set[str]:
    found = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Name):
            found.add(each.id)
        elif isinstance(each, ast.arg):
            found.add(each.arg)
    return found
