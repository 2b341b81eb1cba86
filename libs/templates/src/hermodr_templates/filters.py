"""Jinja's filters, within limits and for JSON values."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from functools import wraps
from typing import TYPE_CHECKING, Any

from jinja2 import Undefined
from jinja2.exceptions import FilterArgumentError
from jinja2.filters import (
    FILTERS,
    do_batch,
    do_join,
    do_replace,
    do_tojson,
    do_trim,
    do_unique,
    make_attrgetter,
)
from jinja2.nodes import EvalContext
from jinja2.runtime import markup_join, str_join
from jinja2.utils import pass_environment, pass_eval_context

from hermodr_templates.decimals import absolute, computed, rounded, to_float, to_int, whole
from hermodr_templates.formats import formatted
from hermodr_templates.language import ALLOWED_FILTERS
from hermodr_templates.limits import (
    TemplateLimitExceeded,
    check_items,
    check_size,
    check_text,
    current,
    gathered,
    turns,
    watched,
)
from hermodr_templates.mistakes import Mistake, in_words, kind_of
from hermodr_templates.printing import as_text, unprintable

if TYPE_CHECKING:
    from jinja2 import Environment

MAX_RANGE = 10_000
TURNS, CONCAT, SIZED, CHARGE = "hermodr_turns", "hermodr_concat", "hermodr_sized", "hermodr_charge"
WHOLE = "hermodr_whole"
# These look at every item in one uninterruptible step; a text has one item per character. `map` and its like do so when
# their result is iterated.
_WALKING = frozenset(
    (
        "batch", "dictsort", "groupby", "join", "list", "map", "max", "min", "reject", "rejectattr", "select",
        "selectattr", "sort", "sum", "unique",
    )
)  # fmt: skip
# These look at all items at once: iterators are collected into a list first.
_EAGER = frozenset(("batch", "groupby", "join", "list", "max", "min", "sort", "sum"))
# These turn their argument into text: the text that would be printed.
_OF_TEXT = frozenset(
    (
        "capitalize", "e", "escape", "forceescape", "lower", "replace", "safe", "string", "striptags", "title", "trim",
        "truncate", "upper", "wordcount",
    )
)  # fmt: skip
# For these, a missing value would count as some other value.
_OF_WHAT_IS_THERE = frozenset({"abs", "float", "int", "items", "round", "tojson"})
_WALKED = (str, list, tuple, set, frozenset, dict, range)
_WIDEST_INDENT = 8
_MOST_TRIMMED = 100
_PYTHONS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    FilterArgumentError,
    LookupError,
    TypeError,
    ValueError,
)
_MARKED = re.compile(r'"\\u0000(-?[0-9.]+)\\u0000"')


def allowed_filters() -> dict[str, Callable[..., Any]]:
    """By name; names with `hermodr_` are for the meter, not for authors."""
    own: dict[str, Callable[..., Any]] = {
        "join": _join, "replace": _replace, "batch": _batch, "round": rounded, "tojson": _tojson, "sum": _sum,
        "trim": _trim, "unique": _unique, "urlencode": _urlencode, "abs": absolute, "float": to_float, "int": to_int,
    }  # fmt: skip
    filters = {name: own.get(name, FILTERS[name]) for name in ALLOWED_FILTERS}
    filters |= {name: _of_text(filters[name]) for name in _OF_TEXT}
    filters |= {name: _of_what_is_there(filters[name]) for name in _OF_WHAT_IS_THERE}
    filters = {name: _told(_sized(function), name) for name, function in filters.items()}
    filters |= {name: _eager(filters[name]) for name in _EAGER}
    filters |= {name: _walking(filters[name]) for name in _WALKING}
    filters["format"] = _told(formatted, "format")
    filters |= {TURNS: turns, CONCAT: _sized(_concat), SIZED: _sized(lambda value: value)}
    filters |= {CHARGE: _charge, WHOLE: whole}
    return filters


def small(number: object) -> bool:
    """Whether the number is small enough for `**`."""
    return isinstance(number, int | Decimal) and -1000 <= number <= 1000


def _told(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """`function`, with its errors as a `Mistake` that names the filter."""

    @wraps(function)
    def telling(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except _PYTHONS as error:
            raise Mistake(f"|{name}: {in_words(error)}") from error

    return telling


def _sized(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` with its result checked; `wraps` keeps the marks by which Jinja knows what else to pass."""

    @wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        check_size(result)
        return result

    return checked


def _walking(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, refused for more items than a container may have."""

    @wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        for given in (*args, *kwargs.values()):
            if isinstance(given, _WALKED):
                check_items(len(given))
        return function(*args, **kwargs)

    return checked


def _eager(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, given a list in place of an iterator."""
    at = 1 if hasattr(function, "jinja_pass_arg") else 0

    @wraps(function)
    def of_a_list(*args: Any, **kwargs: Any) -> Any:
        if len(args) > at and isinstance(args[at], Iterator):
            args = (*args[:at], gathered(args[at]), *args[at + 1 :])
        return function(*args, **kwargs)

    return of_a_list


def _of_text(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, with its first argument turned into text; Jinja's own argument (environment, context) is left out."""
    at = 1 if hasattr(function, "jinja_pass_arg") else 0

    @wraps(function)
    def given_text(*args: Any, **kwargs: Any) -> Any:
        if len(args) > at and not isinstance(args[at], str):
            args = (*args[:at], as_text(args[at]), *args[at + 1 :])
        return function(*args, **kwargs)

    return given_text


def _of_what_is_there(function: Callable[..., Any]) -> Callable[..., Any]:
    at = 1 if hasattr(function, "jinja_pass_arg") else 0

    @wraps(function)
    def given_something(*args: Any, **kwargs: Any) -> Any:
        if len(args) > at and isinstance(args[at], Undefined):
            str(args[at])  # raises
        return function(*args, **kwargs)

    return given_something


def _charge(length: int) -> None:
    current().text(length)


@pass_eval_context
def _concat(context: EvalContext, parts: list[object]) -> str:
    texts = list(map(as_text, parts))
    check_text(sum(map(len, texts)))
    return markup_join(texts) if context.autoescape else str_join(texts)


@pass_eval_context
def _join(
    context: EvalContext, value: Iterable[object], d: str = "", attribute: str | int | None = None
) -> str:
    get = make_attrgetter(context.environment, attribute) if attribute is not None else None
    texts = [as_text(item if get is None else get(item)) for item in watched(value)]
    d = as_text(d)
    check_text(sum(map(len, texts)) + len(texts) * len(d))
    joined: str = do_join(context, texts, d)
    return joined


@pass_environment
def _sum(
    environment: Environment, iterable: Iterable[Any], attribute: str | int | None = None, start: Any = 0
) -> Any:
    get = make_attrgetter(environment, attribute) if attribute is not None else None
    for item in iterable:
        value = item if get is None else get(item)
        exact = computed("+", start, value)
        start = start + value if exact is None else exact
        check_size(start)
    return start


@pass_eval_context
def _replace(context: EvalContext, s: str, old: object, new: object, count: int | None = None) -> str:
    old, new = as_text(old), as_text(new)
    check_text(len(s) + (str(s).count(old) + 1) * len(new))
    return do_replace(context, s, old, new, count)


def _batch(value: Iterable[object], linecount: int, fill_with: object = None) -> list[list[object]]:
    if linecount > MAX_RANGE:
        raise TemplateLimitExceeded(f"a batch of more than {MAX_RANGE}")
    return list(do_batch(value, linecount, fill_with))


@pass_environment
def _unique(
    environment: Environment,
    value: Iterable[object],
    case_sensitive: bool = False,
    attribute: str | int | None = None,
) -> Iterator[object]:
    """Watches the clock per item: keys can be chosen so that each collides with all before it."""
    kept: Iterator[object] = do_unique(environment, watched(value), case_sensitive, attribute)
    return kept


def _trim(value: str, chars: str | None = None) -> str:
    """Limits `chars`: each character at the ends is compared with all of them."""
    if chars is not None and len(chars) > _MOST_TRIMMED:
        raise TemplateLimitExceeded(f"more than {_MOST_TRIMMED} characters to trim")
    return do_trim(value, chars)


@pass_eval_context
def _tojson(context: EvalContext, value: object, indent: int | None = None) -> str:
    if indent is not None and indent > _WIDEST_INDENT:
        raise TemplateLimitExceeded("too wide an indent")
    check_size(value)  # a deeply nested value is mostly indentation
    return do_tojson(context, value, indent)


def dumps(value: object, **kwargs: Any) -> str:
    """`json.dumps` with decimals as numbers: `json` cannot write them, so they are first written as marked texts."""
    return _MARKED.sub(r"\1", json.dumps(value, default=_marked, **kwargs))


def _marked(value: object) -> str:
    if not isinstance(value, Decimal):
        if why := unprintable(value):
            raise Mistake(f"|tojson: {why}")
        raise Mistake(f"|tojson: {kind_of(value)} is not of JSON; write |list before it if it is a list")
    return f"\0{as_text(value)}\0"


def _urlencode(value: object) -> str:
    """A text for a path; an object or a list of pairs for a query string."""
    quote = FILTERS["urlencode"]
    if isinstance(value, Mapping):
        value = value.items()
    if isinstance(value, str) or not isinstance(value, Iterable) or isinstance(value, Undefined):
        return str(quote(as_text(value)))
    return str(quote([(as_text(key), as_text(each)) for key, each in value]))
