"""Statements in `.sql` files beside their modules."""

from importlib.resources import files


def statement(package: str, name: str) -> str:
    """The text of `name.sql` in the package, without its leading comment."""
    lines = (files(package) / f"{name}.sql").read_text("utf-8").splitlines(keepends=True)
    begin = next(number for number, line in enumerate(lines) if not line.startswith("--"))
    return "".join(lines[begin:])
