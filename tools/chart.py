"""Renders a Helm chart that keeps to a part of Helm's language: what a chart of ours needs, and no more.

Known are `if`, `else`, `range $key, $value :=`, `with`, `define`, variables, parentheses, pipelines, and `FUNCTIONS`.
Anything else raises `ChartError`, so that a template cannot mean something else to Helm unnoticed.
https://helm.sh/docs/chart_template_guide/ · https://pkg.go.dev/text/template
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_ACTION = re.compile(r"\{\{(-\s)?\s*(.*?)\s*(\s-)?\}\}", re.DOTALL)
_WORD = re.compile(r'\s*(:=|[|(),]|"(?:[^"\\]|\\.)*"|-?\d+|\$?\w*(?:\.\w+)+|\$\w*|\.|\w+)')


class ChartError(Exception):
    """The chart says what we do not render."""


@dataclass(frozen=True)
class Node:
    """`word` is `text`, `show`, `set`, or the word of a block; a block's `rest` is what comes after `else`."""

    word: str
    says: str
    names: tuple[str, ...] = ()
    body: tuple["Node", ...] = ()
    rest: tuple["Node", ...] = ()


@dataclass
class Scope:
    dot: Any
    variables: dict[str, Any]

    def inside(self, dot: Any, **variables: Any) -> "Scope":
        return Scope(dot, {**self.variables, **variables})


@dataclass
class Chart:
    """A folder with `Chart.yaml`, `values.yaml` and `templates/`."""

    folder: Path
    defined: dict[str, tuple[Node, ...]] = field(default_factory=dict)

    def render(self, values: Mapping[str, Any], release: str = "hermodr") -> list[dict[str, Any]]:
        """The documents of all templates, in the order of Helm's files. `values` replace those of the chart's own
        `values.yaml`, mappings member by member."""
        about = yaml.safe_load((self.folder / "Chart.yaml").read_text())
        own = yaml.safe_load((self.folder / "values.yaml").read_text())
        top = {
            "Values": _over(own, values),
            "Chart": {"Name": about["name"], "Version": about["version"], "AppVersion": about["appVersion"]},
            "Release": {"Name": release, "Namespace": "hermodr"},
        }
        parsed = {
            path.name: _parse(path.read_text()) for path in sorted((self.folder / "templates").iterdir())
        }
        for nodes in parsed.values():
            self.defined.update({node.says: node.body for node in nodes if node.word == "define"})
        documents = []
        for name, nodes in parsed.items():
            if name.endswith(".yaml"):
                text = self._shown(nodes, Scope(top, {"$": top}))
                documents += [each for each in yaml.safe_load_all(text) if each]
        return documents

    def _shown(self, nodes: Sequence[Node], scope: Scope) -> str:
        return "".join(piece for node in nodes for piece in self._pieces(node, scope))

    def _pieces(self, node: Node, scope: Scope) -> Iterator[str]:
        match node.word:
            case "text":
                yield node.says
            case "show":
                yield _printed(self._value(node.says, scope))
            case "set":
                scope.variables[node.names[0]] = self._value(node.says, scope)
            case "if":
                chosen = node.body if self._value(node.says, scope) else node.rest
                yield self._shown(chosen, scope.inside(scope.dot))
            case "with":
                if value := self._value(node.says, scope):
                    yield self._shown(node.body, scope.inside(value))
                else:
                    yield self._shown(node.rest, scope)
            case "range":
                for key, value in _members(self._value(node.says, scope)):
                    named = dict(zip(reversed(node.names), (value, key), strict=False))
                    yield self._shown(node.body, scope.inside(value, **named))

    def _value(self, text: str, scope: Scope) -> Any:
        words = _words(text)
        value = self._pipeline(words, scope)
        if words:
            raise ChartError(f"not understood in {text!r}: {words[0]}")
        return value

    def _pipeline(self, words: list[str], scope: Scope) -> Any:
        value = self._command(words, scope)
        while words and words[0] == "|":
            words.pop(0)
            value = self._command(words, scope, value)
        return value

    def _command(self, words: list[str], scope: Scope, *piped: Any) -> Any:
        function = words.pop(0) if words and re.fullmatch(r"[a-zA-Z]\w*", words[0]) else None
        arguments = []
        while words and words[0] not in ("|", ")"):
            arguments.append(self._operand(words, scope))
        arguments.extend(piped)
        if function in ("true", "false"):
            return function == "true"
        if function == "include":
            name, dot = arguments
            return self._shown(self.defined[name], Scope(dot, {"$": dot}))
        if function is not None:
            if function not in FUNCTIONS:
                raise ChartError(f"no such function: {function}")
            return FUNCTIONS[function](*arguments)
        if len(arguments) != 1:
            raise ChartError(f"one value expected, not {len(arguments)}")
        return arguments[0]

    def _operand(self, words: list[str], scope: Scope) -> Any:
        word = words.pop(0)
        if word == "(":
            value = self._pipeline(words, scope)
            if not words or words.pop(0) != ")":
                raise ChartError("a parenthesis is not closed")
            while words and re.fullmatch(r"(\.\w+)+", words[0]) and words[0] != ".":
                value = _reached(value, words.pop(0))
            return value
        if word.startswith('"'):
            return json.loads(word)
        if re.fullmatch(r"-?\d+", word):
            return int(word)
        if word in ("true", "false"):
            return word == "true"
        if word.startswith("$"):
            name, dot, path = word.partition(".")
            return _reached(scope.variables[name], dot + path)
        if word.startswith("."):
            return _reached(scope.dot, "" if word == "." else word)
        raise ChartError(f"not understood: {word}")


def _parse(text: str) -> tuple[Node, ...]:
    pieces = list(_pieces_of(text))
    nodes, end = _block(pieces)
    if end is not None:
        raise ChartError(f"{{{{ {end} }}}} without a beginning")
    return nodes


def _pieces_of(text: str) -> Iterator[tuple[bool, str]]:
    """Texts (`False`) and actions (`True`), spaces trimmed where an action says so."""
    place, trimmed = 0, False
    for found in _ACTION.finditer(text):
        before = text[place : found.start()]
        before = before.lstrip() if trimmed else before
        yield False, before.rstrip() if found[1] else before
        yield True, found[2]
        place, trimmed = found.end(), bool(found[3])
    yield False, text[place:].lstrip() if trimmed else text[place:]


def _block(pieces: list[tuple[bool, str]]) -> tuple[tuple[Node, ...], str | None]:
    """Nodes up to an `end` or `else`, which is answered, too."""
    nodes: list[Node] = []
    while pieces:
        is_action, says = pieces.pop(0)
        word, _, rest = says.partition(" ")
        if not is_action:
            nodes.append(Node("text", says))
        elif word == "end" or word == "else":
            return tuple(nodes), says
        elif word in ("if", "with", "range", "define"):
            nodes.append(_opened(word, rest.strip(), pieces))
        elif found := re.fullmatch(r"(\$\w+)\s*:=\s*(.*)", says, re.DOTALL):
            nodes.append(Node("set", found[2], (found[1],)))
        elif not says.startswith("/*"):
            nodes.append(Node("show", says))
    return tuple(nodes), None


def _opened(word: str, says: str, pieces: list[tuple[bool, str]]) -> Node:
    names: tuple[str, ...] = ()
    if word == "range" and (found := re.fullmatch(r"((?:\$\w+)(?:\s*,\s*\$\w+)?)\s*:=\s*(.*)", says)):
        names, says = tuple(re.split(r"\s*,\s*", found[1])), found[2]
    if word == "define":
        says = json.loads(says)
    body, end = _block(pieces)
    rest: tuple[Node, ...] = ()
    if end is not None and end.startswith("else if "):
        rest = (_opened("if", end.removeprefix("else if "), pieces),)
    elif end == "else":
        rest, end = _block(pieces)
    if end is None:
        raise ChartError(f"{{{{ {word} {says} }}}} is not ended")
    return Node(word, says, names, body, rest)


def _words(text: str) -> list[str]:
    words, place = [], 0
    while place < len(text.rstrip()):
        found = _WORD.match(text, place)
        if found is None:
            raise ChartError(f"not understood: {text[place:]!r}")
        words.append(found[1])
        place = found.end()
    return words


def _reached(value: Any, path: str) -> Any:
    """As Go: a missing member is nothing, a member of nothing is a mistake."""
    for name in path.split(".")[1:]:
        if not isinstance(value, Mapping):
            raise ChartError(f"{path}: nothing has no {name}")
        value = value.get(name)
    return value


def _members(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        return sorted(value.items())
    return list(enumerate(value or ()))


def _over(own: Any, given: Any) -> Any:
    if isinstance(own, Mapping) and isinstance(given, Mapping):
        return {**own, **{name: _over(own.get(name), value) for name, value in given.items()}}
    return given


def _printed(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _yaml(value: Any) -> str:
    return (
        yaml.safe_dump(value, default_flow_style=False, width=10_000).removesuffix("\n").removesuffix("\n...")
    )


def _indented(spaces: int, text: str) -> str:
    return "\n" + "\n".join(" " * spaces + line for line in text.split("\n"))


def _dict(*given: Any) -> dict[str, Any]:
    return dict(zip(given[::2], given[1::2], strict=True))


def _and(*given: Any) -> Any:
    return next((each for each in given if not each), given[-1])


def _or(*given: Any) -> Any:
    return next((each for each in given if each), given[-1])


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "and": _and,
    "or": _or,
    "not": lambda given: not given,
    "eq": lambda given, *others: given in others,
    "ne": lambda one, other: one != other,
    "index": lambda value, *keys: value.get(keys[0]) if isinstance(value, Mapping) else value[keys[0]],
    "dict": _dict,
    "quote": lambda given: json.dumps(_printed(given), ensure_ascii=False),
    "toYaml": _yaml,
    "nindent": _indented,
}
