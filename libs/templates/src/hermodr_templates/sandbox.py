"""The Jinja environment that templates of other people run in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import wraps
from itertools import islice
from typing import Any, Literal, cast

from jinja2 import StrictUndefined, Template, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.filters import FILTERS, do_batch, do_join, do_replace, do_round, do_tojson
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, markup_join, str_join
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import pass_eval_context
from jinja2.visitor import NodeTransformer
from markupsafe import Markup, escape

from hermodr_templates.language import ALLOWED_FILTERS
from hermodr_templates.limits import (
    TemplateLimitExceeded,
    check_items,
    check_size,
    check_text,
    current,
    turns,
)

MAX_SOURCE = 512 * 1024
MAX_RANGE = 10_000

# These can make a long string out of a short one, in one step.
_AMPLIFYING_METHODS = frozenset(
    {
        "center",
        "expandtabs",
        "format",
        "format_map",
        "join",
        "ljust",
        "replace",
        "rjust",
        "translate",
        "zfill",
    }
)
# These look at every item of what they are given, in one step that nobody can end, and a text has an item for each
# character. `map` and its like do so when somebody asks them for theirs.
_WALKING_FILTERS = frozenset(
    {
        "batch",
        "dictsort",
        "groupby",
        "join",
        "list",
        "map",
        "max",
        "min",
        "reject",
        "rejectattr",
        "select",
        "selectattr",
        "sort",
        "sum",
        "unique",
    }
)
_WALKED = (str, list, tuple, set, frozenset, dict, range)
# Bytes have the same methods, and are nothing a mail could show; and some codecs are quadratic.
_MAKING_BYTES = frozenset({"encode", "to_bytes"})
_WIDEST_INDENT = 8
_SHORT = 80
_TURNS, _CONCAT, _SIZED, _CHARGE = "hermodr_turns", "hermodr_concat", "hermodr_sized", "hermodr_charge"
_WIDE_FORMAT = re.compile(r"\*|\d{4}")


class MissingVariable(StrictUndefined):
    """Remembers its name, so that whoever wrote the template can be told."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        return str(self._undefined_name)


class _Code(CodeGenerator):
    """Has values escaped by `escaped` on their way into the text."""

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        if frame.eval_ctx.autoescape and not frame.eval_ctx.volatile:
            self.write("environment.escaped(" + (finalize.src or ""))
        else:
            super()._output_child_pre(node, frame, finalize)


def escaped(value: object) -> str:
    """What `markupsafe.escape` gives. Of a short text it makes no `Markup`, which takes longer than the escaping and is
    of no use to what is only joined."""
    if type(value) is not str or len(value) > _SHORT:
        return escape(value)
    value = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return value.replace("'", "&#39;").replace('"', "&#34;")


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """Jinja without loaders, without Python's internals and within `template_limits`; use inside a `Metered` block."""

    code_generator_class = _Code
    escaped = staticmethod(escaped)
    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, *, autoescape: bool) -> None:
        super().__init__(
            autoescape=autoescape,
            undefined=MissingVariable,
            finalize=_charged,
            keep_trailing_newline=True,
            optimized=False,  # folding constants at compile time is computing, too
            cache_size=0,
        )
        self.globals = {"range": _range, "dict": dict, "namespace": self.globals["namespace"]}
        self.filters = {name: _sized(FILTERS[name]) for name in ALLOWED_FILTERS}
        self.filters |= {"join": _sized(_join), "replace": _sized(_replace), "format": _format}
        self.filters |= {"batch": _sized(_batch), "round": _sized(_round), "tojson": _sized(_tojson)}
        self.filters |= {_TURNS: turns, _CONCAT: _sized(_concat), _SIZED: _sized(lambda value: value)}
        self.filters |= {name: _walking(self.filters[name]) for name in _WALKING_FILTERS}
        self.filters[_CHARGE] = _charge

    def has_more_tokens(self, source: str, number: int) -> bool:
        """Whether the source has more lexical tokens than that; looks no further. Raises `TemplateSyntaxError`."""
        return next(islice(self.lexer.tokeniter(source, None), number, None), None) is not None

    def template(self, source: str, name: str) -> Template:
        """The compiled template. `name` is what tracebacks call it. Raises `TemplateSyntaxError`."""
        if len(source) > MAX_SOURCE:
            raise TemplateLimitExceeded(f"more than {MAX_SOURCE // 1024} Ki characters of source")
        tree = self.parse(source, name, name)
        _Metering(self).visit(tree)
        code = self.compile(tree, name, name)
        return Template.from_code(self, cast(Any, code), dict(self.globals))

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if attr in _MAKING_BYTES or (isinstance(obj, str) and attr in _AMPLIFYING_METHODS):
            return False
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> None:  # noqa: ARG002 - Jinja's signature
        """Not even sandboxed: a format string can ask for any width. There is the filter `format`."""
        return

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        current().step()
        result = super().call(__context, __obj, *args, **kwargs)
        check_size(result)
        return result

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "%" and isinstance(left, str):
            return _format(left, *(right if isinstance(right, tuple) else (right,)))
        if operator == "*":
            _check_product(left, right)
        if operator == "**" and not (_small(left) and _small(right)):
            raise TemplateLimitExceeded("too large a number")
        result = super().call_binop(context, operator, left, right)
        check_size(result)
        return result


class _Metering(NodeTransformer):
    """Sends every loop, `~`, comparison, slice, container and macro of a template through the meter."""

    def __init__(self, environment: TemplateEnvironment) -> None:
        self._environment = environment

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - named after the node
        text = _constant_text(node.body)
        self.generic_visit(node)
        node.iter = self._filter(cast(nodes.Expr, node.iter), _TURNS, nodes.Const(text))
        return node

    def visit_Macro(self, node: nodes.Macro) -> nodes.Node:  # noqa: N802
        return self._charge_body(node)

    def visit_CallBlock(self, node: nodes.CallBlock) -> nodes.Node:  # noqa: N802
        return self._charge_body(node)

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return self._filter(nodes.List(node.nodes, lineno=node.lineno), _CONCAT)

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return self._filter(node, _SIZED)

    def visit_Test(self, node: nodes.Test) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return self._filter(node, _SIZED)

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return self._filter(node, _SIZED) if isinstance(node.arg, nodes.Slice) else node

    def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return self._filter(node, _SIZED)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return self._filter(node, _SIZED)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return self._filter(node, _SIZED) if node.ctx == "load" else node

    def _charge_body(self, node: nodes.Macro | nodes.CallBlock) -> nodes.Node:
        text = nodes.Const(_constant_text(node.body), lineno=node.lineno)
        self.generic_visit(node)
        node.body.insert(0, nodes.ExprStmt(self._filter(text, _CHARGE), lineno=node.lineno))
        return node

    def _filter(self, node: nodes.Expr, name: str, *arguments: nodes.Expr) -> nodes.Filter:
        made = nodes.Filter(node, name, list(arguments), [], None, None, lineno=node.lineno)
        made.set_environment(self._environment)
        return made


def _constant_text(body: Iterable[nodes.Node]) -> int:
    return sum(len(data.data) for node in body for data in node.find_all(nodes.TemplateData))


def _sized(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, its result checked; keeps the marks by which Jinja knows what else to pass."""

    @wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        check_size(result)
        return result

    return checked


def _walking(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, which is not begun on more items than a container may have."""

    @wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        for given in (*args, *kwargs.values()):
            if isinstance(given, _WALKED):
                check_items(len(given))
        return function(*args, **kwargs)

    return checked


def _charged(value: object) -> object:
    """Called for every value on its way into the text."""
    kind = type(value)
    if kind is not str and kind is not Markup:
        check_size(value)
    if isinstance(value, str):
        current().text(len(value))
    return value


def _charge(length: int) -> None:
    current().text(length)


def _range(*args: int) -> range:
    numbers = range(*args)
    if len(numbers) > MAX_RANGE:
        raise TemplateLimitExceeded(f"a range of more than {MAX_RANGE}")
    return numbers


def _small(number: object) -> bool:
    return isinstance(number, int | float) and abs(number) <= 1000


def _check_product(left: object, right: object) -> None:
    """Text may be repeated within limits; containers not at all."""
    for repeated, times in ((left, right), (right, left)):
        if isinstance(repeated, str) and isinstance(times, int):
            check_text(len(repeated) * times)
        if isinstance(repeated, list | tuple):
            raise TemplateLimitExceeded("a repeated list")


@pass_eval_context
def _concat(context: EvalContext, parts: list[object]) -> str:
    check_text(sum(len(str(part)) for part in parts))
    return markup_join(parts) if context.autoescape else str_join(parts)


@pass_eval_context
def _join(
    context: EvalContext, value: Iterable[object], d: str = "", attribute: str | int | None = None
) -> str:
    items = list(value)
    check_text(sum(len(str(item)) for item in items) + len(items) * len(d))
    joined: str = do_join(context, items, d, attribute)
    return joined


@pass_eval_context
def _replace(context: EvalContext, s: str, old: str, new: str, count: int | None = None) -> str:
    check_text(len(s) + (str(s).count(old) + 1) * len(new))
    return do_replace(context, s, old, new, count)


def _batch(value: Iterable[object], linecount: int, fill_with: object = None) -> list[list[object]]:
    if linecount > MAX_RANGE:
        raise TemplateLimitExceeded(f"a batch of more than {MAX_RANGE}")
    return list(do_batch(value, linecount, fill_with))


def _round(value: float, precision: int = 0, method: Literal["common", "ceil", "floor"] = "common") -> float:
    if not _small(precision):
        raise TemplateLimitExceeded("too large a number")
    return do_round(value, precision, method)


@pass_eval_context
def _tojson(context: EvalContext, value: object, indent: int | None = None) -> str:
    if indent is not None and indent > _WIDEST_INDENT:
        raise TemplateLimitExceeded("too wide an indent")
    return do_tojson(context, value, indent)


def _format(value: str, *args: object, **kwargs: object) -> str:
    """printf-style. Named values by keyword, as in Jinja."""
    if args and kwargs:
        raise TypeError("format takes positional or named values, not both")
    if _WIDE_FORMAT.search(value):
        raise TemplateLimitExceeded("too wide a format")
    longest = max((len(str(each)) for each in (*args, *kwargs.values())), default=0)
    check_text(len(value) + value.count("%") * (longest + 1000))
    return value % (kwargs or args)
