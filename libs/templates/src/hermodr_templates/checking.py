"""Checks when a template is saved whether its source can be rendered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from math import isfinite

from jinja2 import TemplateSyntaxError, nodes
from jinja2.exceptions import TemplateError

from hermodr_contracts.json_values import flaw_of_text
from hermodr_templates.calls import impossible_calls
from hermodr_templates.flaws import SourceFlawed
from hermodr_templates.limits import TemplateLimitExceeded
from hermodr_templates.sandbox import BRAND, NumberLexer, TemplateEnvironment

_LINE_END = re.compile(r"\r\n?")
_OTHER_TEMPLATES = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)


class Place(int):
    """A line number that also knows its offset: Jinja passes it on to errors, which so have columns."""

    offset: int

    @classmethod
    def at(cls, line: int, offset: int) -> Place:
        place = cls(line)
        place.offset = offset
        return place


class _PlacingLexer(NumberLexer):
    def tokeniter(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> Iterator[tuple[int, str, str]]:
        position = 0
        try:
            for line, token, value in super().tokeniter(source, name, filename, state):
                # The lexer drops blanks before a `{%-`: what follows begins a little later.
                position = max(position, source.find(value, position))
                yield Place.at(line, position), token, value
                position += len(value)
        except TemplateSyntaxError as error:
            error.lineno = Place.at(error.lineno, position)
            raise


class SourceEnvironment(TemplateEnvironment):
    """The rendering environment, with offsets in place of line numbers."""

    def __init__(self) -> None:
        super().__init__(autoescape=True)
        self._placing = _PlacingLexer(self)

    @property
    def lexer(self) -> NumberLexer:
        return self._placing


_ENVIRONMENT = SourceEnvironment()


def with_plain_line_ends(source: str) -> str:
    """`source` with the line ends that Jinja works with."""
    return _LINE_END.sub("\n", source)


def check(source: str) -> None:
    """Raises `SourceFlawed` for what no sender could render. `source` has plain line ends. Nothing of it is run."""
    try:
        tree = _ENVIRONMENT.parse(source)
        _check_names(tree)
        _ENVIRONMENT.template(source, "template")
    except TemplateSyntaxError as error:
        raise SourceFlawed(_offset(error.lineno, source), error.message or "cannot be read") from None
    except TemplateLimitExceeded as error:
        raise SourceFlawed(0, str(error)) from None
    except (TemplateError, RecursionError, SyntaxError, ValueError, MemoryError) as error:
        # Python refuses the code that Jinja generated
        raise SourceFlawed(0, f"cannot be compiled: {type(error).__name__}") from None


def tokens(source: str) -> Iterator[tuple[int, str, str]]:
    """Offset, kind and text of the source's tokens. Raises `SourceFlawed`."""
    try:
        for place, kind, value in _ENVIRONMENT.lexer.tokeniter(source, None):
            yield _offset(place, source), kind, value
    except TemplateSyntaxError as error:
        raise SourceFlawed(_offset(error.lineno, source), error.message or "cannot be read") from None


def parsed(source: str) -> nodes.Template:
    """The tree of a source. Raises `SourceFlawed` for one that `check` does not accept."""
    try:
        return _ENVIRONMENT.parse(source)
    except TemplateSyntaxError as error:
        raise SourceFlawed(_offset(error.lineno, source), error.message or "cannot be read") from None


def variables(source: str) -> set[str]:
    """The names the source takes from the data, also those it only tests with `is defined`."""
    tree = parsed(source)
    read = {each.name for each in tree.find_all(nodes.Name) if each.ctx == "load"}
    return read - bound_names(tree)


def bound_names(tree: nodes.Template) -> set[str]:
    """The names that do not come from the data: the template or the language gives them a value."""
    bound = {each.name for each in tree.find_all(nodes.Name) if each.ctx in ("store", "param")}
    bound |= {each.name for each in tree.find_all(nodes.Macro)}
    return bound | {"loop", "self", "caller", "varargs", "kwargs"} | set(_ENVIRONMENT.globals) | BRAND


def _offset(line: int, source: str) -> int:
    """The offset of a `Place`; for a plain line number, that of the line's beginning."""
    if isinstance(line, Place):
        return line.offset
    return sum(len(each) + 1 for each in source.split("\n")[: line - 1])


def _check_names(tree: nodes.Template) -> None:
    """Checks what Jinja would report only at sending: filters and tests inside an `if`, other templates, calls."""
    found: list[tuple[int, str]] = []
    waiting: list[nodes.Node] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, nodes.Filter) and (
            node.name not in _ENVIRONMENT.filters or node.name.startswith("hermodr_")
        ):
            found.append((node.lineno, f"No filter named {node.name!r}."))
        elif isinstance(node, nodes.Test) and node.name not in _ENVIRONMENT.tests:
            found.append((node.lineno, f"No test named {node.name!r}."))
        elif (
            isinstance(node, nodes.Const)
            and isinstance(node.value, Decimal)
            and not isfinite(float(node.value))
        ):
            found.append((node.lineno, "too large a number"))
        elif (
            isinstance(node, nodes.Const)
            and isinstance(node.value, str)
            and (why := flaw_of_text(node.value))
        ):
            found.append((node.lineno, f"the text in quotes {why}"))
        elif isinstance(node, _OTHER_TEMPLATES):
            found.append((node.lineno, "There are no other templates to include, import or extend."))
        waiting.extend(node.iter_child_nodes())
    found += impossible_calls(tree)
    if found:
        line, reason = min(found)
        raise TemplateSyntaxError(reason, line)
