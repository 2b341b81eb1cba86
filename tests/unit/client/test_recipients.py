"""Recipients by their external ids."""

import json

from tests.support.client import ACCEPTED, Either, Scripted, json_answer

ID = ACCEPTED["job_id"]


def test_one_is_put(either: Either) -> None:
    server = Scripted([json_answer({"id": ID, "external_id": "c-1"}, 201)])
    made = either.call(server, lambda h: h.recipients.upsert("c-1", name="Ada", email=None))
    assert str(made.id) == ID
    (request,) = server.requests
    assert (request.method, request.url.path) == ("PUT", "/v1/recipients")
    assert json.loads(request.content) == {"external_id": "c-1", "name": "Ada", "email": None}


def test_many_are_put_in_requests_of_ten_thousand(either: Either) -> None:
    first = {
        "created": 2,
        "updated": 0,
        "results": [{"index": 0, "external_id": "0", "id": ID, "status": "created"}],
        "rejected": [],
    }
    second = {
        "created": 0,
        "updated": 0,
        "results": [],
        "rejected": [{"index": 0, "errors": [{"loc": ["email"], "msg": "no"}]}],
    }
    server = Scripted([json_answer(first), json_answer(second)])
    people = ({"external_id": str(number)} for number in range(10_001))
    result = either.call(server, lambda h: h.recipients.upsert_many(people))
    assert [len(request.content.splitlines()) for request in server.requests] == [10_000, 1]
    assert (result.created, result.updated, len(result.ids)) == (2, 0, 10_001)
    assert [str(each) for each in result.ids[:2]] == [ID, "None"]
    assert [(each.index, str(each.errors[0])) for each in result.rejected] == [(10_000, "email: no")]


def test_one_that_json_cannot_say_is_rejected_and_refuses_no_others(either: Either) -> None:
    told = [{"index": at, "external_id": name, "id": ID, "status": "created"} for at, name in enumerate("ab")]
    server = Scripted([json_answer({"created": 2, "updated": 0, "results": told, "rejected": []})])
    people = [{"external_id": "a"}, {"x": {1}}, {"external_id": "b"}, {"x": {1}}]
    result = either.call(server, lambda h: h.recipients.upsert_many(people))
    assert [len(request.content.splitlines()) for request in server.requests] == [2]
    assert [each.index for each in result.rejected] == [1, 3]
    assert [each and str(each) for each in result.ids] == [ID, None, ID, None]
