"""What a template may call: macros and a few functions. Data is JSON and has no methods."""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import nodes

from hermodr_templates.language import instead_of

_LOOPS_OWN = frozenset({"cycle", "changed"})
_CALLABLE = frozenset({"range", "dict", "namespace", "caller", "loop", "super"})


def impossible_calls(tree: nodes.Template) -> Iterator[tuple[int, str]]:
    """Line and reason of every call that fails whatever the data."""
    bound = {each.name for each in tree.find_all(nodes.Name) if each.ctx in ("store", "param")}
    bound |= {each.name for each in tree.find_all(nodes.Macro)} | _CALLABLE
    blocks = {each.name for each in tree.find_all(nodes.Block)}
    kept = set(_namespaces(tree))
    for call in tree.find_all(nodes.Call):
        called = call.node
        if isinstance(called, nodes.Name) and called.name not in bound:
            yield (
                called.lineno,
                f"there is no function {called.name}(): data has none, and no macro has this name",
            )
        elif isinstance(called, nodes.Getattr) and _is_self(called):
            if called.attr not in blocks:
                yield called.lineno, f"there is no block named {called.attr}"
        elif isinstance(called, nodes.Getattr) and not _jinjas(called, bound, kept):
            yield called.lineno, _no_method(called.attr)
        elif isinstance(called, nodes.Getitem) and isinstance(called.arg, nodes.Const):
            yield called.lineno, _no_method(str(called.arg.value))


def _is_self(called: nodes.Getattr) -> bool:
    return isinstance(called.node, nodes.Name) and called.node.name == "self"


def _namespaces(tree: nodes.Template) -> Iterator[str]:
    for each in tree.find_all(nodes.Assign):
        made = each.node
        if (
            isinstance(made, nodes.Call)
            and isinstance(made.node, nodes.Name)
            and made.node.name == "namespace"
        ):
            yield from (target.name for target in each.find_all(nodes.Name) if target.ctx == "store")


def _jinjas(called: nodes.Getattr, bound: set[str], namespaces: set[str]) -> bool:
    owner = called.node
    if not isinstance(owner, nodes.Name):
        return False
    if owner.name == "loop":
        return called.attr in _LOOPS_OWN
    return owner.name in namespaces or (owner.name in bound and not instead_of(called.attr))


def _no_method(name: str) -> str:
    return f"data has no methods{instead_of(name) or f': there is no .{name}() to call'}"
