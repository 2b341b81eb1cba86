"""Events requested in SQL, by the rules of the door for HTTP."""

import json
from typing import Any

import pytest

from hermodr_api import errors
from hermodr_api.http.bodies import read
from hermodr_api.notifications.models import NotificationIn
from tests.support.psql import Psql, Refused
from tests.support.sql_house import House

SHOP = "SET hermodr.project = 'shop'"
TEMPLATE = {"notification_type": "'magic_link'", "content": """'{"nth": 1}'"""}
WINDOW: dict[str, Any] = {"key": "photo-1", "window": "10m"}


def stored(admin: Psql, job_id: str) -> Any:
    return json.loads(admin.one(f"SELECT digest FROM hermodr.jobs WHERE id = '{job_id}'"))


def as_sql(digest: Any) -> str:
    return "'" + json.dumps(digest).replace("'", "''") + "'"


@pytest.mark.parametrize(
    "digest",
    [WINDOW, WINDOW | {"max_window": "1h", "first": "now"}, WINDOW | {"window": "7d", "max_window": "1w"}],
)
def test_it_is_stored_as_over_http(producer: Psql, house: House, admin: Psql, digest: dict[str, Any]) -> None:
    over_http = NotificationIn.model_validate(
        {"type": "x", "to": {"email": "a@example.com"}, "digest": digest}
    ).digest
    assert over_http is not None
    queue = (
        "SELECT hermodr.queue_notification('magic_link', 'ann@example.com', '{\"nth\": 1}',"
        f" digest => {as_sql(digest)})"
    )
    for call in (house.enqueue(**TEMPLATE, digest=as_sql(digest)), queue):
        assert stored(admin, producer.one(SHOP, call)) == json.loads(over_http.stored)


@pytest.mark.parametrize(
    "digest",
    [
        [],
        {},
        {"key": "k"},
        {"window": "10m"},
        WINDOW | {"key": ""},
        WINDOW | {"key": "x" * 201},
        WINDOW | {"key": 7},
        WINDOW | {"window": "0s"},
        WINDOW | {"window": "8d"},
        WINDOW | {"window": "10"},
        WINDOW | {"window": 600},
        WINDOW | {"window": "1.5h"},
        WINDOW | {"max_window": "5m"},
        WINDOW | {"max_window": "999999999w"},
        WINDOW | {"first": "later"},
        WINDOW | {"more": 1},
    ],
)
def test_what_makes_no_sense_is_refused_by_both_doors(producer: Psql, house: House, digest: Any) -> None:
    with pytest.raises(Refused, match="digest: "):
        producer.one(SHOP, house.enqueue(**TEMPLATE, digest=as_sql(digest)))
    with pytest.raises(errors.Refused) as refused:
        read(NotificationIn, {"type": "x", "to": {"email": "a@example.com"}, "digest": digest})
    assert {flaw.loc[1] for flaw in refused.value.flaws} == {"digest"}


def test_names_that_hermodr_supplies_and_content_as_given_are_refused(producer: Psql, house: House) -> None:
    with pytest.raises(Refused, match="content: items and total are supplied"):
        producer.one(
            SHOP, house.enqueue(**TEMPLATE | {"content": "'{\"items\": []}'"}, digest=as_sql(WINDOW))
        )
    with pytest.raises(Refused, match="digest: needs a template"):
        producer.one(SHOP, house.enqueue(digest=as_sql(WINDOW)))


def test_a_repeat_under_a_key_is_the_same_only_with_the_same_window(producer: Psql, house: House) -> None:
    call = {**TEMPLATE, "idempotency_key": "'event-1'"}
    first = producer.one(SHOP, house.enqueue(**call, digest=as_sql(WINDOW)))
    assert producer.one(SHOP, house.enqueue(**call, digest=as_sql(WINDOW))) == first
    with pytest.raises(Refused, match="was used for another request"):
        producer.one(SHOP, house.enqueue(**call, digest=as_sql(WINDOW | {"window": "11m"})))
