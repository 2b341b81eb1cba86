"""What is wrong with a body is said in people's words: nothing of how pydantic calls it."""

from typing import Annotated, Literal

import pytest
from pydantic import AfterValidator, Field

from hermodr_api.errors import Refused
from hermodr_api.http.bodies import Body, read


class _Asked(Body):
    limit: Annotated[int, Field(ge=1)] | Literal["off"] | None = None
    even: Annotated[int, AfterValidator(lambda value: value), Field(ge=1)] | Literal["off"] = "off"
    named: dict[Annotated[str, Field(max_length=2)], int] = Field(default={"a": 1}, min_length=1)
    both: Annotated[dict[Annotated[str, Field(max_length=2)], int], Field(default={})]


@pytest.mark.parametrize(
    ("body", "flaws"),
    [
        ({"limit": 0}, [(("body", "limit"), "input should be greater than or equal to 1, or 'off'")]),
        ({"even": 0}, [(("body", "even"), "input should be greater than or equal to 1, or 'off'")]),
        ({"named": {}}, [(("body", "named"), "must have at least 1 item, not 0")]),
        (
            {"named": {"abc": 1}},
            [(("body", "named", "abc"), "as a name: string should have at most 2 characters")],
        ),
        (
            {"both": {"abc": None}},
            [
                (("body", "both", "abc"), "as a name: string should have at most 2 characters"),
                (("body", "both", "abc"), "must be a whole number"),
            ],
        ),
        (
            {"limit": "x", "even": "y"},
            [
                (("body", "limit"), "must be a whole number, or 'off'"),
                (("body", "even"), "must be a whole number, or 'off'"),
            ],
        ),
    ],
)
def test_flaws(body: object, flaws: list[tuple[tuple[str, ...], str]]) -> None:
    with pytest.raises(Refused) as refused:
        read(_Asked, body)
    assert [(flaw.loc, flaw.msg) for flaw in refused.value.flaws] == flaws
