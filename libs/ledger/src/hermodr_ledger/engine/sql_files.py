"""Statements that stand in a file of their own beside the module that runs them."""

from importlib.resources import files


def statement(package: str, name: str) -> str:
    """The text of `name.sql` in the package, without the comment it begins with."""
    lines = (files(package) / f"{name}.sql").read_text("utf-8").splitlines(keepends=True)
    begin = next(number for number, line in enumerate(lines) if not line.startswith("--"))
    return "".join(lines[begin:])
