"""What a template cannot do without: names of the data whose absence fails its rendering, whatever else is given."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from jinja2 import nodes

from hermodr_templates.checking import bound_names, parsed

RECIPIENT = "recipient"
"""The name under which a template reads its recipient, who is supplied with the data."""
SEVERAL = frozenset({"items", "total"})
"""The names under which a template reads the events that it shows."""
_ALLOWING = frozenset({"default", "d", "select", "reject", "selectattr", "rejectattr", "map", "batch"})
"""Filters that take a missing value, or do not look at it before their result is read."""


def needed(*sources: str) -> set[str]:
    """Names (`name`, `order.number`) without which one of the sources fails for sure. Not needed is what is only asked
    for by `default`, `is defined` or the condition of an `if`, and what is used in one branch or a loop's body only."""
    found: set[str] = set()
    for source in sources:
        tree = parsed(source)
        left_out = bound_names(tree) | {RECIPIENT}
        found |= {each for each in _of_body(tree.body) if each.partition(".")[0] not in left_out}
    return {each for each in found if not any(other.startswith(f"{each}.") for other in found)}


def _of_body(body: Iterable[nodes.Node]) -> set[str]:
    return set[str]().union(*(_of_statement(each) for each in body))


def _of_statement(node: nodes.Node) -> set[str]:
    match node:
        case nodes.Output():
            return _all(node.nodes)
        case nodes.If():
            branches = [node.body, *(each.body for each in node.elif_), node.else_]
            return _of_condition(node.test) | _in_each([_of_body(each) for each in branches])
        case nodes.For():
            return _used(node.iter)
        case nodes.Assign():
            return _of_condition(node.node)
        case nodes.AssignBlock() | nodes.FilterBlock() | nodes.Block() | nodes.Scope():
            return _of_body(node.body)
        case nodes.With():
            return _of_body(node.body).union(*(_of_condition(each) for each in node.values))
        case nodes.CallBlock():
            return _of_condition(node.call)
        case _:  # a macro is needed by nobody until it is called
            return set()


def _used(node: nodes.Node | None) -> set[str]:
    """What an expression needs whose value is printed or computed with."""
    match node:
        case nodes.Name():
            return {node.name}
        case nodes.Getattr() | nodes.Getitem():
            return {path} if (path := _path(node)) else _used(node.node)
        case nodes.Filter():
            return _of_condition(node.node) if node.name in _ALLOWING else _used(node.node)
        case _:
            return _of_condition(node)


def _of_condition(node: nodes.Node | None) -> set[str]:
    """What an expression needs that may turn out to be missing: it is asked whether it is there, or put aside."""
    match node:
        case nodes.CondExpr():
            return _of_condition(node.test) | _in_each([_used(node.expr1), _used(node.expr2)])
        case nodes.Compare():
            if node.ops[0].op in ("eq", "ne", "in", "notin"):
                return set()
            return _used(node.expr) | _used(node.ops[0].expr)
        case nodes.Not():
            return _of_condition(node.node)
        case nodes.And() | nodes.Or():
            return _of_condition(node.left)
        case nodes.BinExpr():
            return _used(node.left) | _used(node.right)
        case nodes.Concat():
            return _all(node.nodes)
        case nodes.UnaryExpr():
            return _used(node.node)
        case _:
            return set()


def _path(node: nodes.Node) -> str | None:
    """`order.address.city` as it is written; `None` where a part of it is computed."""
    match node:
        case nodes.Name():
            return node.name
        case nodes.Getattr():
            key = node.attr
        case nodes.Getitem(arg=nodes.Const(value=str() as key)) if key.isidentifier():
            pass
        case _:
            return None
    path = _path(node.node)
    return path and f"{path}.{key}"


def _all(parts: Iterable[nodes.Node]) -> set[str]:
    return set[str]().union(*(_used(each) for each in parts))


def _in_each(branches: list[set[str]]) -> set[str]:
    return reduce(set.intersection, branches)
