"""A template's errors, in words for its author."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import InvalidOperation

from jinja2.runtime import LoopContext


class Mistake(Exception):
    """An operation that these values do not allow. The message is for the author, without values of the data."""


class Told(str):
    """The description of a missing value, for the author; holds no value of the data."""

    __slots__ = ()


_KINDS: dict[str, str] = {
    "a number": "int float Decimal",
    "a text": "str Markup",
    "null": "NoneType",
    "true or false": "bool",
    "a list": "list tuple set frozenset range generator _GroupTuple dict_items",
    "an object": "dict",
    "something missing": "MissingVariable Undefined",
}
_BY_NAME = {name: kind for kind, names in _KINDS.items() for name in names.split()}
_OTHER = "a part of the template language"
_NAME = r"""['"]?(?:\w+\.)*(\w+)['"]?"""
_SAID: list[tuple[str, str]] = [
    (
        rf"'(\S+)' not supported between instances of {_NAME} and {_NAME}",
        "{1} and {2} cannot be compared by {0}",
    ),
    (rf"unsupported operand type\(s\) for (\S+): {_NAME} and {_NAME}", "{1} {0} {2} cannot be computed"),
    (
        rf"(can) only concatenate \w+ \(not {_NAME}\) to {_NAME}",
        "{2} + {1} cannot be computed; ~ joins texts",
    ),
    (rf"(can't) multiply sequence by non-int of type {_NAME}", "a text * {1} cannot be computed"),
    (rf"(bad) operand type for unary \S+: {_NAME}", "{1} has no sign"),
    (rf"(argument) of type {_NAME} is not iterable", "nothing can be `in` {1}"),
    (rf"('in <string>') requires string as left operand, not {_NAME}", "{1} cannot be `in` a text"),
    (rf"(cannot) unpack non-iterable {_NAME} object", "{1} has no parts to give several names to"),
    (rf"(unhashable) type: {_NAME}", "{1} cannot be a key, nor be looked for"),
    (rf"(object) of type {_NAME} has no len\(\)", "{1} has no length"),
    (rf"(){_NAME} object is not (?:iterable|reversible)", "{1} is no list"),
    (rf"(){_NAME} object is not (?:subscriptable|an iterator)", "{1} has no parts"),
    (rf"(){_NAME} object is not callable", "{1} cannot be called"),
    (r"Decimal' object cannot be interpreted as an integer", "a whole number is wanted"),
    (rf"(){_NAME} object cannot be interpreted as an integer", "a whole number is wanted, not {1}"),
    (rf"(){_NAME} object has no attribute", "{1} cannot be used here"),
    (r"\w+ indices must be", "the places of a cut are whole numbers"),
    (r"values to unpack|is not a sequence$", "there are more names than parts, or fewer"),
    (r"unexpected keyword argument '(\w+)'", "there is no argument named {0!r}"),
    (r"missing \d+ required \S+ arguments?: '(\w+)'", "the argument {0!r} is wanted"),
    (r"positional arguments? but \d+ (?:was|were) given", "there are too many arguments"),
    (r"multiple values for argument '(\w+)'", "the argument {0!r} is given twice"),
    (r"item pairs from a mapping", "an object is wanted"),
    (r"(?:requires|missing) .*argument", "the name of a filter, test or attribute is wanted"),
    (r"expected length >= ", "the length is less than that of the end"),
    (r"could not convert string to float", "a text that is no number"),
    (r"cannot assign attribute on non-namespace", "only a namespace() can be changed"),
    (r"No (filter|test) named", "there is no such {0}"),
    (r"keys must be", "the keys of an object are texts"),
    (r"step cannot be zero|arg 3 must not be zero", "a step of zero"),
]
_MESSAGES = [(re.compile(said), words) for said, words in _SAID]


def kind_of(value: object) -> str:
    if isinstance(value, Iterator) and not isinstance(value, LoopContext):
        return "a list"
    return _BY_NAME.get(type(value).__name__, _OTHER)


def in_words(error: Exception) -> str:
    """A Python error in words for authors: without Python's type names and without values of the data."""
    if isinstance(error, ZeroDivisionError):  # also raised by decimals
        return "a division by zero"
    if isinstance(error, (OverflowError, InvalidOperation)):
        return "a number that cannot be computed"
    if isinstance(error, UnicodeError):
        return "a text with half of a surrogate pair"
    said = str(error)
    if isinstance(error, TypeError) and said.startswith("macro "):
        return said  # "macro 'm' takes not more than 1 argument(s)"
    for pattern, words in _MESSAGES:
        if found := pattern.search(said):
            written, *names = found.groups() or ("",)
            return words.format(written, *(_BY_NAME.get(each, _OTHER) for each in names))
    return "these values cannot be used so"
