"""The Jinja environment for untrusted templates: what stands after a dot is a key of the data; data has no methods."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import islice
from typing import Any, cast

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, Undefined, UndefinedError, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.filters import _GroupTuple
from jinja2.lexer import TOKEN_FLOAT, Lexer, Token
from jinja2.runtime import BlockReference, Context, LoopContext, Macro, TemplateReference
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace, missing
from jinja2.visitor import NodeTransformer
from markupsafe import escape

from hermodr_templates.decimals import computed, divisible, even, odd, of_text, signed, whole
from hermodr_templates.filters import (
    CHARGE,
    CONCAT,
    MAX_RANGE,
    SIZED,
    TURNS,
    WHOLE,
    allowed_filters,
    dumps,
    small,
)
from hermodr_templates.formats import formatted
from hermodr_templates.language import instead_of
from hermodr_templates.limits import TemplateLimitExceeded, check_size, check_text, current, watched
from hermodr_templates.mistakes import Mistake, Told
from hermodr_templates.printing import printed

MAX_SOURCE = 512 * 1024
UNSUBSCRIBE_URL = "unsubscribe_url"
PREFERENCES_URL = "preferences_url"
SUPPLIED = {UNSUBSCRIBE_URL: "", PREFERENCES_URL: ""}
"""Names that every template may use, with the values they have where nothing better is supplied."""
_PREFERENCES = "#preferences"
"""The part of the recipient's page that is about all types."""
BRAND = frozenset(
    {"brand_name", "brand_color", "brand_on_color", "brand_link_color", "brand_link_color_dark", "brand_logo"}
)
"""Names that are supplied with what the project says of itself, see `branding`."""
_SHORT = 80
# Jinja's own objects: `loop.index`, `self.footer`, `ns.total`, a macro's `name`. `groupby` makes named tuples.
_JINJAS = (LoopContext, Macro, Namespace, TemplateReference, BlockReference)


def supplied(page_url: str, unsubscribes: bool) -> dict[str, str]:
    """What a mail's template is given of its recipient's page."""
    there = {PREFERENCES_URL: page_url + _PREFERENCES}
    return there | {UNSUBSCRIBE_URL: page_url} if unsubscribes else there


class MissingVariable(StrictUndefined):
    """Fails when it is printed or computed with, naming itself. As a condition it is false, and it equals nothing."""

    __slots__ = ()
    __eq__ = Undefined.__eq__  # type: ignore[assignment]
    __ne__ = Undefined.__ne__  # type: ignore[assignment]
    __bool__ = Undefined.__bool__  # type: ignore[assignment]
    __hash__ = StrictUndefined.__hash__  # type: ignore[assignment]

    @property
    def _undefined_message(self) -> str:
        name = self._undefined_name
        if name is None:  # from filters: `[]|first`
            return Told("an item of an empty list")
        return name if isinstance(name, Told) else str(name)

    def called(self) -> None:
        """Raises for `{{ name.upper() }}`; not if the name itself is missing."""
        advice = instead_of(str(self._undefined_name).rpartition(".")[2])
        if isinstance(self._undefined_obj, TemplateReference):
            raise Mistake("there is no such block")
        if self._undefined_exception is UndefinedError and self._undefined_obj is not missing:
            raise Mistake(f"data has no methods{advice}")


class _Code(CodeGenerator):
    """Prints and escapes every value, constants too, which Jinja would escape when it compiles."""

    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: Any) -> str:
        if not isinstance(node, nodes.TemplateData):
            raise nodes.Impossible
        return super()._output_child_to_const(node, frame, finalize)

    def visit_Const(self, node: nodes.Const, frame: Frame) -> None:  # noqa: N802 - named after the node
        if isinstance(node.value, Decimal):
            self.write(f"environment.decimal({str(node.value)!r})")
        else:
            super().visit_Const(node, frame)

    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:  # noqa: N802
        """Passes the expression on, so that what is missing can be named."""
        self.write("environment.getattr(")
        self.visit(node.node, frame)
        self.write(f", {node.attr!r}, {_expression(node)!r})")

    def visit_Getitem(self, node: nodes.Getitem, frame: Frame) -> None:  # noqa: N802
        """As above."""
        if isinstance(node.arg, nodes.Slice) or _is_key(node.arg):
            super().visit_Getitem(node, frame)
            return
        self.write("environment.getitem(")
        self.visit(node.node, frame)
        self.write(", ")
        self.visit(node.arg, frame)
        self.write(f", {_expression(node)!r})")

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        if frame.eval_ctx.volatile:
            super()._output_child_pre(node, frame, finalize)
        else:
            self.write(("environment.escaped(" if frame.eval_ctx.autoescape else "(") + (finalize.src or ""))


def _is_key(node: nodes.Expr) -> bool:
    return isinstance(node, nodes.Const) and isinstance(node.value, str) and node.value.isidentifier()


def _expression(node: nodes.Node) -> str:
    """The source of an expression as far as it leads to a value: `cart.items[n]`."""
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        return f"{_expression(node.node)}.{node.attr}"
    if isinstance(node, nodes.Getitem) and not isinstance(node.arg, nodes.Slice):
        return f"{_expression(node.node)}[{_expression(node.arg)}]"
    return repr(node.value) if isinstance(node, nodes.Const) and isinstance(node.value, str | int) else "…"


def escaped(value: object) -> str:
    """`markupsafe.escape`, but a short text stays a `str`: making a `Markup` takes longer than the escaping."""
    if type(value) is not str or len(value) > _SHORT:
        return escape(value)
    value = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return value.replace("'", "&#39;").replace('"', "&#34;")


class NumberLexer(Lexer):
    """Reads numbers with a fraction or an exponent as `Decimal`."""

    def wrap(
        self, stream: Iterable[tuple[int, str, str]], name: str | None = None, filename: str | None = None
    ) -> Iterator[Token]:
        numbers: deque[str] = deque()

        def noted() -> Iterator[tuple[int, str, str]]:
            for token in stream:
                if token[1] == TOKEN_FLOAT:
                    numbers.append(token[2].replace("_", ""))
                yield token

        for token in super().wrap(noted(), name, filename):
            if token.type != TOKEN_FLOAT:
                yield token
            elif (number := of_text(numbers.popleft())) is None:
                raise TemplateSyntaxError("a number beyond any sense", token.lineno, name, filename)
            else:
                yield Token(token.lineno, token.type, cast(Any, number))


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """Jinja without loaders, without Python's internals and within limits; use it inside a `Metered` block."""

    code_generator_class = _Code
    escaped = staticmethod(escaped)
    decimal = staticmethod(Decimal)
    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "**", "%"})
    intercepted_unops = frozenset({"+", "-"})

    def __init__(self, *, autoescape: bool) -> None:
        super().__init__(
            autoescape=autoescape,
            undefined=MissingVariable,
            finalize=printed,
            keep_trailing_newline=True,
            optimized=False,  # constant folding would compute outside the meter
            cache_size=0,
        )
        self.globals = {"range": _range, "dict": _dict, "namespace": self.globals["namespace"]} | SUPPLIED
        self.filters = allowed_filters()
        self.tests = {**self.tests, "divisibleby": divisible, "even": even, "odd": odd, "float": _is_fraction}
        self._lexer = NumberLexer(self)
        self.policies["json.dumps_function"] = dumps
        self.policies["json.dumps_kwargs"] = {"sort_keys": True, "allow_nan": False}

    @property
    def lexer(self) -> Lexer:
        return self._lexer

    def has_more_tokens(self, source: str, number: int) -> bool:
        """Whether the source has more than `number` tokens. Raises `TemplateSyntaxError`."""
        return next(islice(self.lexer.tokeniter(source, None), number, None), None) is not None

    def template(self, source: str, name: str) -> Template:
        """Compiles `source`. `name` stands in tracebacks. Raises `TemplateSyntaxError`, `TemplateLimitExceeded`."""
        if len(source) > MAX_SOURCE:
            raise TemplateLimitExceeded(f"more than {MAX_SOURCE // 1024} Ki characters of source")
        tree = self.parse(source, name, name)
        _Metering(self).visit(tree)
        code = self.compile(tree, name, name)
        return Template.from_code(self, cast(Any, code), dict(self.globals))

    def getattr(self, obj: Any, attribute: str, written: str | None = None) -> Any:
        """`{{ obj.attribute }}`: the key, or missing. `written` is the expression, for the error."""
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        if isinstance(obj, Undefined):
            return obj  # so that `a.b.c|default("x")` works; printing it raises
        if isinstance(obj, _JINJAS) or (isinstance(obj, _GroupTuple) and attribute in _GroupTuple._fields):
            return super().getattr(obj, attribute)
        return self.undefined(obj=obj, name=Told(written) if written else attribute)

    def getitem(self, obj: Any, argument: Any, written: str | None = None) -> Any:
        """`{{ obj[argument] }}`: the key, the item with this index, or missing. JSON keys are texts, so a number finds
        the key that is written like it. `written` is the expression, for the error. Checks the time: filters walk paths
        by this."""
        current().time()
        if isinstance(obj, Undefined):
            return obj
        name = Told(written) if written else argument
        try:
            return self.undefined(obj=obj, name=name) if isinstance(obj, type) else obj[argument]
        except (TypeError, LookupError):
            if isinstance(argument, Decimal) and argument == argument.to_integral_value():
                return self.getitem(obj, int(argument), written)
            if type(obj) is dict and type(argument) is int and str(argument) in obj:
                return obj[str(argument)]
        if isinstance(obj, _JINJAS) or (isinstance(obj, _GroupTuple) and argument in _GroupTuple._fields):
            return super().getitem(obj, argument)
        return self.undefined(obj=obj, name=name)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        current().step()
        if isinstance(__obj, MissingVariable):
            __obj.called()
        result = super().call(__context, __obj, *args, **kwargs)
        check_size(result)
        return result

    def call_test(self, *args: Any, **kwargs: Any) -> Any:
        result = super().call_test(*args, **kwargs)
        current().time()
        return result

    def call_unop(self, context: Context, operator: str, arg: Any) -> Any:
        result = signed(operator, arg)
        return super().call_unop(context, operator, arg) if result is None else result

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "%" and isinstance(left, str):
            if isinstance(right, dict):
                return formatted(left, **right)
            return formatted(left, *(right if isinstance(right, tuple) else (right,)))
        if operator == "*":
            left, right = (
                whole(left) if isinstance(right, str) else left,
                whole(right) if isinstance(left, str) else right,
            )
            _check_product(left, right)
        if operator == "**" and not (small(left) and small(right)):
            raise TemplateLimitExceeded("too large a number")
        result = computed(operator, left, right)
        if result is None:
            result = super().call_binop(context, operator, left, right)
        check_size(result)
        return result


class _Metering(NodeTransformer):
    """Sends every loop, `~`, comparison, slice, container and macro through the meter."""

    def __init__(self, environment: TemplateEnvironment) -> None:
        self._environment = environment

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - named after the node
        text = _constant_text(node.body)
        self.generic_visit(node)
        node.iter = self._filter(cast(nodes.Expr, node.iter), TURNS, nodes.Const(text))
        return node

    def visit_Macro(self, node: nodes.Macro) -> nodes.Node:  # noqa: N802
        return self._charge_body(node)

    def visit_CallBlock(self, node: nodes.CallBlock) -> nodes.Node:  # noqa: N802
        return self._charge_body(node)

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return self._filter(nodes.List(node.nodes, lineno=node.lineno), CONCAT)

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return self._filter(node, SIZED)

    def visit_Test(self, node: nodes.Test) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return self._filter(node, SIZED)

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return self._filter(node, SIZED) if isinstance(node.arg, nodes.Slice) else node

    def visit_Slice(self, node: nodes.Slice) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        for name in ("start", "stop", "step"):
            place = getattr(node, name)
            if place is not None and not isinstance(place, nodes.Const):
                setattr(node, name, self._filter(place, WHOLE))
        return node

    def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return self._filter(node, SIZED)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return self._filter(node, SIZED)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return self._filter(node, SIZED) if node.ctx == "load" else node

    def _charge_body(self, node: nodes.Macro | nodes.CallBlock) -> nodes.Node:
        text = nodes.Const(_constant_text(node.body), lineno=node.lineno)
        self.generic_visit(node)
        node.body.insert(0, nodes.ExprStmt(self._filter(text, CHARGE), lineno=node.lineno))
        return node

    def _filter(self, node: nodes.Expr, name: str, *arguments: nodes.Expr) -> nodes.Filter:
        made = nodes.Filter(node, name, list(arguments), [], None, None, lineno=node.lineno)
        made.set_environment(self._environment)
        return made


def _constant_text(body: Iterable[nodes.Node]) -> int:
    return sum(len(data.data) for node in body for data in node.find_all(nodes.TemplateData))


def _is_fraction(value: object) -> bool:
    return isinstance(value, Decimal)


def _range(*args: int) -> range:
    places: list[Any] = [whole(each) for each in args]
    numbers = range(*places)
    if len(numbers) > MAX_RANGE:
        raise TemplateLimitExceeded(f"a range of more than {MAX_RANGE}")
    return numbers


def _dict(*args: Any, **kwargs: Any) -> dict[Any, Any]:
    """`dict`, with the clock watched: numbers can be chosen so that each collides with all before it."""
    return dict(*(each if isinstance(each, dict) else watched(each) for each in args), **kwargs)


def _check_product(left: object, right: object) -> None:
    """Text may be repeated within limits, containers not at all."""
    for repeated, times in ((left, right), (right, left)):
        if isinstance(repeated, str) and isinstance(times, int):
            check_text(len(repeated) * times)
        if isinstance(repeated, list | tuple):
            raise TemplateLimitExceeded("a repeated list")
