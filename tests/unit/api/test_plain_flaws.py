"""What is wrong with a body is said in people's words: nothing of how pydantic calls it."""

from typing import Annotated, Literal

import pytest
from pydantic import AfterValidator, Field

from hermodr_api.errors import Refused
from hermodr_api.http.bodies import Body, read
from hermodr_api.http.fields import Locale, Type
from hermodr_api.notifications.delivery_times import DeliverAt


class _Asked(Body):
    limit: Annotated[int, Field(ge=1)] | Literal["off"] | None = None
    even: Annotated[int, AfterValidator(lambda value: value), Field(ge=1)] | Literal["off"] = "off"
    named: dict[Annotated[str, Field(max_length=2)], int] = Field(default={"a": 1}, min_length=1)
    both: Annotated[dict[Annotated[str, Field(max_length=2)], int], Field(default={})]


class _Patterned(Body):
    type: Type | None = None
    locale: Locale | None = None
    deliver_at: DeliverAt | None = None


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


@pytest.mark.parametrize(
    ("body", "flaw"),
    [
        ({"type": "two words"}, "has only letters (a to z), digits and . _ : - without blanks"),
        ({"locale": "english!"}, "is no language such as en or de-AT"),
        ({"deliver_at": "2020-01-01T09:00:00Z"}, 'such as {"local_time": "09:00", "days": [1, 2, 3]}'),
        ({"deliver_at": {"local_time": "9"}}, "is not a time of day such as 09:00"),
        ({"deliver_at": 9}, "must be an object"),
    ],
)
def test_what_a_pattern_means_is_said(body: dict[str, object], flaw: str) -> None:
    with pytest.raises(Refused) as caught:
        read(_Patterned, body)
    assert flaw in caught.value.flaws[0].msg
    assert "pattern" not in caught.value.flaws[0].msg
