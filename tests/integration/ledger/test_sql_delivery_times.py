"""Notifications requested in SQL for a time of day of their recipient, by the rules of the door for HTTP."""

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
MORNING: dict[str, Any] = {"local_time": "09:00"}


def as_sql(given: Any) -> str:
    return "'" + json.dumps(given) + "'"


def over_http(given: Any) -> NotificationIn:
    return read(NotificationIn, {"type": "x", "to": {"email": "a@example.com"}, "deliver_at": given})


@pytest.mark.parametrize("given", [MORNING, {"local_time": "23:59", "days": [5, 1]}])
def test_it_is_stored_as_over_http(producer: Psql, house: House, admin: Psql, given: dict[str, Any]) -> None:
    wanted = over_http(given).deliver_at
    assert wanted is not None
    queue = (
        "SELECT hermodr.queue_notification('magic_link', 'ann@example.com', '{\"nth\": 1}',"
        f" deliver_at => {as_sql(given)})"
    )
    for call in (house.enqueue(**TEMPLATE, deliver_at=as_sql(given)), queue):
        job = producer.one(SHOP, call)
        found = json.loads(admin.one(f"SELECT deliver_at FROM hermodr.jobs WHERE id = '{job}'"))
        assert found == json.loads(wanted.stored)


@pytest.mark.parametrize(
    "given",
    [
        [],
        "09:00",
        {},
        {"local_time": None},
        {"local_time": "24:00"},
        {"local_time": "9:00"},
        {"local_time": "09:00\n"},
        {"local_time": 900},
        {"days": [1]},
        MORNING | {"days": None},
        MORNING | {"days": []},
        MORNING | {"days": [0]},
        MORNING | {"days": [8]},
        MORNING | {"days": [1, 1]},
        MORNING | {"days": [1.5]},
        MORNING | {"days": ["1"]},
        MORNING | {"days": 1},
        MORNING | {"zone": "Europe/Berlin"},
    ],
)
def test_what_makes_no_sense_is_refused_by_both_doors(producer: Psql, house: House, given: Any) -> None:
    with pytest.raises(Refused, match="deliver_at: "):
        producer.one(SHOP, house.enqueue(**TEMPLATE, deliver_at=as_sql(given)))
    with pytest.raises(errors.Refused) as refused:
        over_http(given)
    assert {flaw.loc[1] for flaw in refused.value.flaws} == {"deliver_at"}


@pytest.mark.parametrize("beside", [{"delay_minutes": "5"}, {"scheduled_for": "now() + interval '1 hour'"}])
def test_it_stands_alone(producer: Psql, house: House, beside: dict[str, str]) -> None:
    with pytest.raises(Refused, match="deliver_at: cannot stand beside"):
        producer.one(SHOP, house.enqueue(**TEMPLATE, deliver_at=as_sql(MORNING), **beside))


def test_a_repeat_under_a_key_is_the_same_only_at_the_same_time(producer: Psql, house: House) -> None:
    call = {**TEMPLATE, "idempotency_key": "'morning-1'"}
    first = producer.one(SHOP, house.enqueue(**call, deliver_at=as_sql(MORNING)))
    assert producer.one(SHOP, house.enqueue(**call, deliver_at=as_sql(MORNING))) == first
    with pytest.raises(Refused, match="was used for another request"):
        producer.one(SHOP, house.enqueue(**call, deliver_at=as_sql({"local_time": "10:00"})))
