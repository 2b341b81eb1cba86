from typing import Any

import pytest

from tests.support.api import ApiUnderTest, client_of, problem

METHODS = ("get", "put", "patch", "post", "delete")
ID = "01a224bc-f7aa-7587-94b3-7ff26cb4c683"


async def described(api: ApiUnderTest) -> list[tuple[str, str, dict[str, Any]]]:
    paths = (await api.http.get("/openapi.json")).json()["paths"]
    return [
        (method, path, paths[path][method]) for path in paths for method in METHODS if method in paths[path]
    ]


def filled(path: str) -> str:
    for name, value in (("channel", "email"), ("version", "1")):
        path = path.replace(f"{{{name}}}", value)
    return "/".join(ID if part.startswith("{") else part for part in path.split("/"))


async def test_no_route_passes_over_a_parameter_it_does_not_know(api: ApiUnderTest) -> None:
    passed_over = []
    for method, path, operation in await described(api):
        for query in ("emial=ada@example.com", "emial", "%ed%a0%bd=1"):
            answer = await api.http.request(method, f"{filled(path)}?{query}")
            if answer.status_code != 422 or answer.json()["errors"][0]["loc"][0] != "query":
                passed_over.append((method, path, query, answer.status_code))
        assert "422" in operation["responses"], path
    assert not passed_over


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("/", "there are none here"),
        ("/v1/jobs/metrics", "there are hours, kind"),
        ("/v1/dead-letters/replay", "there are none here"),
        ("/v1/recipients", "there are limit, cursor, sort, external_id, user_id, email"),
    ],
)
async def test_those_that_there_are_are_named(api: ApiUnderTest, path: str, known: str) -> None:
    answer = await api.http.request("POST" if path.endswith("replay") else "GET", f"{path}?emial=x")
    assert answer.json()["errors"] == [
        {"loc": ["query", "emial"], "msg": f"there is no such parameter; {known}"}
    ]


async def test_whoever_has_no_key_learns_nothing_of_parameters(api: ApiUnderTest) -> None:
    async with client_of(api.api) as nobody:
        for method, path, operation in await described(api):
            if operation["security"]:
                problem(await nobody.request(method, f"{filled(path)}?emial=x"), 401, "unauthenticated")


async def test_every_known_parameter_is_taken_once(api: ApiUnderTest) -> None:
    for method, path, operation in await described(api):
        for parameter in operation.get("parameters", ()):
            if parameter["in"] != "query":
                continue
            name = parameter["name"]
            twice = await api.http.request(method, f"{filled(path)}?{name}=a&{name}=b")
            assert {"loc": ["query", name], "msg": "is given twice"} in problem(
                twice, 422, "invalid-request"
            )["errors"]
            odd = await api.http.request(method, f"{filled(path)}?{name}=%ed%a0%bd")
            assert {"loc": ["query", name], "msg": "is not UTF-8"} in odd.json()["errors"]


@pytest.mark.parametrize(
    "value",
    [
        "9999999999999999999999",
        "1_0",
        "%2B5",
        "+5",
        "5.0",
        "1e1",
        "٣",
        "%D9%A3",
        "0x5",
        "",
        "0",
        "-1",
        "201",
        "NaN",
    ],
)
async def test_a_limit_is_a_plain_number(api: ApiUnderTest, value: str) -> None:
    body = problem(await api.http.get(f"/v1/jobs?limit={value}"), 422, "invalid-request")
    assert [error["loc"] for error in body["errors"]] == [["query", "limit"]]
    assert "value error" not in str(body)
    for url in (f"/v1/jobs/metrics?hours={value}00000", f"/v1/recipients?limit={value}00"):
        problem(await api.http.get(url), 422, "invalid-request")


@pytest.mark.parametrize(
    "moment",
    [
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-11-22T23:59:60Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T09:00:00",
        "2026-11-22T09:00:00%2B24:00",
        "2026-11-22T09:00:00-24:00",
        "2026-11-22T09:00:00.1234567Z",
        "0001-01-01T00:00:00%2B00:01",
        "9999-12-31T23:59:59-00:01",
        "٢٠٢٦-11-22T09:00:00Z",
        "1e400",
        "1893456000",
        "now",
        "",
    ],
)
async def test_a_moment_is_one_of_the_calendar(api: ApiUnderTest, moment: str) -> None:
    body = problem(await api.http.get(f"/v1/jobs?created_after={moment}"), 422, "invalid-request")
    assert [error["loc"] for error in body["errors"]] == [["query", "created_after"]]


@pytest.mark.parametrize(
    "moment",
    [
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999Z",
        "2026-11-22T09:00:00.1234560000Z",
        "2026-11-22T09:00:00%2B23:59",
        "2024-02-29T00:00:00-12:00",
    ],
)
async def test_every_other_moment_is_asked_for(api: ApiUnderTest, moment: str) -> None:
    for url in (
        "/v1/jobs?created_before=",
        "/v1/jobs?created_after=",
        "/v1/dead-letters?created_after=",
        "/v1/audit-log?since=",
    ):
        assert (await api.http.get(url + moment)).status_code == 200


async def test_a_cursor_is_good_for_its_own_list_alone(api: ApiUnderTest) -> None:
    for number in range(2):
        await api.recipient(external_id=f"r{number}")
        await api.http.post("/v1/groups", json={"name": f"g{number}"})
    cursor = (await api.http.get("/v1/recipients?limit=1")).json()["next_cursor"]
    assert (await api.http.get(f"/v1/recipients?limit=200&cursor={cursor}")).status_code == 200
    for url in (
        "/v1/groups?",
        "/v1/recipients?sort=-created_at&",
        "/v1/recipients?external_id=r0&",
        "/v1/jobs?",
        "/v1/audit-log?",
        "/v1/dead-letters?",
    ):
        problem(await api.http.get(f"{url}cursor={cursor}"), 422, "invalid-request")
    for garbage in ("x", "%00", "é", "A" * 34, "/" * 34, "A" * 201, "", cursor[:-1], cursor + "A"):
        problem(await api.http.get(f"/v1/recipients?cursor={garbage}"), 422, "invalid-request")


@pytest.mark.parametrize(
    "query", ["&".join(f"x{n}={n}" for n in range(5_000)), "&" * 5_000, "type=" + "%41" * 10_000]
)
@pytest.mark.parametrize("path", ["/v1/jobs", "/health", "/v1/recipients", "/v1/nothing"])
async def test_a_query_has_a_size(api: ApiUnderTest, path: str, query: str) -> None:
    refused = problem(await api.http.get(f"{path}?{query}"), 422, "invalid-request")
    assert refused["errors"] == [{"loc": ["query"], "msg": "has at most 100 parameters and 16 KiB"}]
