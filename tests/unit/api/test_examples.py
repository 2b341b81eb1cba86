from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from hermodr_api.app import Api
from hermodr_api.http.bodies import Body
from hermodr_api.settings import ApiSettings


def _models(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for each in kind.__subclasses__():
        yield each
        yield from _models(each)


def _examples() -> Iterator[tuple[type[BaseModel], Any]]:
    for model in dict.fromkeys(_models(BaseModel)):
        extra = model.model_config.get("json_schema_extra")
        if model.__module__.startswith("hermodr_api.") and isinstance(extra, dict):
            for example in extra.get("examples", ()):  # type: ignore[union-attr]
                yield model, example


@pytest.mark.parametrize(
    ("model", "example"), [pytest.param(*each, id=each[0].__name__) for each in _examples()]
)
def test_an_example_is_what_it_is_an_example_of(model: type[BaseModel], example: Any) -> None:
    read = model.model_validate(example)
    if not issubclass(model, Body):
        assert read.model_dump(mode="json", by_alias=True) == example


def test_every_request_and_most_answers_have_one() -> None:
    shown = {model.__name__ for model, _ in _examples()}
    operations = [
        operation
        for path in Api(ApiSettings()).description()["paths"].values()
        for operation in path.values()
    ]
    bodies = [
        next(iter(each["requestBody"]["content"].values()))
        for each in operations
        if "requestBody" in each and each["security"]  # others are what somebody else signed
    ]
    assert len(bodies) > 20
    assert all("example" in each for each in bodies)
    assert {"GroupView", "JobHistoryView", "RecipientView", "TemplateView", "PausedView"} <= shown
