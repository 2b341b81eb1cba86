"""Reads recipients out of a CSV, by the rules of `PUT /v1/recipients` (a test compares them)."""

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from hermodr_contracts import json_values
from hermodr_contracts.addresses import email_address
from hermodr_contracts.locales import language_tag
from hermodr_contracts.names import one_line_name
from hermodr_contracts.phones import phone_number
from hermodr_recurrence import zone_named

MOST_ATTRIBUTES = 16 * 1024
_LONGEST_CELL = 20_000
_MOST_FLAWS = 5


def _zone(name: str) -> str:
    zone_named(name)
    return name


def _object(text: object) -> object:
    if not isinstance(text, str):
        return text
    try:
        document = json_values.read(text)
    except ValueError:
        raise ValueError("is no JSON") from None
    for at, reason in json_values.settle(document, most=1):
        raise ValueError(f"{'.'.join(map(str, at))} {reason}".strip())
    return document


def _not_large(attributes: dict[str, Any]) -> dict[str, Any]:
    if len(_written(attributes).encode("utf-8", "surrogatepass")) > MOST_ATTRIBUTES:
        raise ValueError(f"has more than {MOST_ATTRIBUTES // 1024} KiB as JSON")
    return attributes


def _written(attributes: dict[str, Any]) -> str:
    return json.dumps(attributes, ensure_ascii=False, separators=(",", ":"))


_Label = Annotated[str, Field(min_length=1, max_length=200)]
_Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(one_line_name)]


class RecipientRow(BaseModel):
    """What a line may say of a recipient."""

    model_config = ConfigDict(extra="forbid")

    external_id: _Label
    user_id: _Label | None = None
    name: _Name | None = None
    email: Annotated[str, Field(max_length=320), AfterValidator(email_address)] | None = None
    phone: Annotated[str, Field(pattern=r"^\+[1-9][0-9]{6,14}$"), AfterValidator(phone_number)] | None = None
    locale: (
        Annotated[
            str,
            Field(pattern=r"^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*$", max_length=35),
            AfterValidator(language_tag),
        ]
        | None
    ) = None
    timezone: Annotated[str, Field(max_length=64), AfterValidator(_zone)] | None = None
    relationship: _Name | None = None
    attributes: Annotated[dict[str, Any], BeforeValidator(_object), AfterValidator(_not_large)] | None = None

    def given(self) -> dict[str, str | None]:
        """The fields that were given, as the ledger takes them."""
        fields = {name: getattr(self, name) for name in self.model_fields_set}
        if self.attributes is not None:
            fields["attributes"] = _written(self.attributes)
        return fields


class Line(NamedTuple):
    """Of a CSV. `number`: of its last line in the file. `flaw`: why it is not taken."""

    number: int
    cells: Sequence[str]
    recipient: RecipientRow | None
    flaw: str = ""


def columns_of(path: Path) -> list[str]:
    """The header's names."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return _header(csv.reader(file, strict=True))


def lines(path: Path) -> Iterator[Line]:
    """All but the header and empty ones. Raises `csv.Error` and `UnicodeDecodeError`."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, strict=True)
        names = _header(rows)
        for row in rows:
            if row:
                yield _line(rows.line_num, names, row)


def _header(rows: Iterator[list[str]]) -> list[str]:
    return [each.strip().lower() for each in next(rows, [])]


def _line(number: int, names: Sequence[str], row: Sequence[str]) -> Line:
    if len(row) > len(names):
        return Line(number, row, None, f"has {len(row)} fields; the header has {len(names)}")
    given = {name: _raw(cell.strip()) for name, cell in zip(names, row, strict=False) if cell.strip()}
    if any(len(value) > _LONGEST_CELL for value in given.values()):
        return Line(number, row, None, f"has a field of more than {_LONGEST_CELL} characters")
    if any("\0" in value for value in given.values()):
        return Line(number, row, None, "holds a NUL")
    try:
        return Line(number, row, RecipientRow.model_validate(given))
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)[:_MOST_FLAWS]
        said = [f"{each['loc'][0]}: {each['msg'].removeprefix('Value error, ')}" for each in found]
        return Line(number, row, None, "; ".join(said))


def _raw(cell: str) -> str:
    """Without the apostrophe that an export puts before what would be a formula."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in tuple("=+-@＝＋－＠") else cell
