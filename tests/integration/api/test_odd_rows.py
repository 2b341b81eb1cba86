"""A corrupt job is shown as well as possible, and hides no other."""

import pytest

from tests.support.api import MAIL, ApiUnderTest

ODD = {
    "priority = 77": {"priority": "low"},
    "priority = -5": {"priority": "urgent"},
    "scheduled_for = '-infinity'": {"scheduled_for": "0001-01-01T00:00:00Z"},
    "scheduled_for = 'infinity', state = 'scheduled'": {"scheduled_for": "9999-12-31T23:59:59.999999Z"},
    "created_at = '0044-01-01 BC'": {"created_at": "0001-01-01T00:00:00Z"},
    "finished_at = '20000-01-01', processed_at = '-infinity'": {"processed_at": "0001-01-01T00:00:00Z"},
}
"""A change of a row, and how it is shown."""


async def three(api: ApiUnderTest) -> list[str]:
    answers = [await api.http.post("/v1/notifications", json=MAIL) for _ in range(3)]
    return [answer.json()["job_id"] for answer in answers]


async def listed(api: ApiUnderTest, **query: str) -> list[str]:
    found: list[str] = []
    cursor: str | None = None
    while cursor is not None or not found:
        params = query | {"limit": "1"} | ({"cursor": cursor} if cursor else {})
        answer = await api.http.get("/v1/jobs", params=params)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += [each["id"] for each in page["data"]]
        assert len(found) < 10
        cursor = page["next_cursor"]
        if cursor is None:
            break
    return found


@pytest.mark.parametrize("change", list(ODD))
async def test_it_is_shown_as_well_as_can_be(api: ApiUnderTest, change: str) -> None:
    ids = await three(api)
    await api.api.ledger.fetch(f"UPDATE hermodr.jobs SET {change} WHERE id = '{ids[1]}'")
    assert [each for each in await listed(api) if each in ids] == ids
    for path in ("", "/timeline"):
        assert (await api.http.get(f"/v1/jobs/{ids[1]}{path}")).status_code == 200
    shown = (await api.http.get(f"/v1/jobs/{ids[1]}")).json()["job"]
    assert {name: shown[name] for name in ODD[change]} == ODD[change]
    for sort in ("scheduled_for", "-scheduled_for", "processed_at", "-processed_at", "status"):
        assert {ids[0], ids[2]} <= set(await listed(api, sort=sort))


DEEP = "[" * 300 + "]" * 300
ODD_WORDS: dict[str, dict[str, object]] = {
    "state = 'resting'": {"status": "resting"},
    "kind = 'wish'": {"kind": "wish"},
    "metadata = '[1]'": {"metadata": {}},
    f"metadata = '{DEEP}'": {"metadata": {}},
    f"metadata = '{{\"a\": {DEEP}}}'": {"metadata": {}},
    "metadata = '{\"a\": 1e400}'": {"metadata": {"a": 10**400}},
    f"result = '{DEEP}'": {"result": None},
    f"result = '{'9' * 5000}'": {"result": "9" * 5000},
}


@pytest.mark.parametrize("change", list(ODD_WORDS))
async def test_words_and_documents_too(api: ApiUnderTest, change: str) -> None:
    ids = await three(api)
    await api.api.ledger.fetch(f"UPDATE hermodr.jobs SET {change} WHERE id = '{ids[1]}'")
    await api.api.ledger.fetch(
        f"INSERT INTO hermodr.events (job_id, kind, detail) VALUES ('{ids[1]}', 'odd', '[1]')"
    )
    answer = await api.http.get("/v1/jobs", params={"include": "metadata,result"})
    assert answer.status_code == 200, answer.text
    found = {each["id"]: each for each in answer.json()["data"]}
    assert set(ids) <= set(found)
    shown = (await api.http.get(f"/v1/jobs/{ids[1]}")).json()["job"]
    for each in (shown, found[ids[1]]):
        assert {name: each[name] for name in ODD_WORDS[change]} == ODD_WORDS[change]
    story = await api.http.get(f"/v1/jobs/{ids[1]}/timeline")
    assert story.status_code == 200, story.text


ODD_ENDS = {
    "state = 'completed', finished_at = 'infinity', processed_at = '-infinity'": (200, 1),
    "state = 'failed', finished_at = '20000-01-01', processed_at = '0044-01-01 BC'": (202, 0),
    "state = 'resting', wake_at = '-infinity', scheduled_for = '-infinity'": (409, 0),
    "state = 'failed', finished_at = 'infinity', priority = 77, expires_at = 'infinity'": (202, 0),
    "scheduled_for = '0044-01-01 BC', deferred_until = 'infinity'": (409, 0),
}
"""A change of a row; the answer to a retry (200: none is tried), and whether it counts as completed."""


@pytest.mark.parametrize("change", list(ODD_ENDS))
async def test_it_can_be_counted_cancelled_and_asked_for_again(api: ApiUnderTest, change: str) -> None:
    ids = await three(api)
    status, completed = ODD_ENDS[change]
    await api.api.ledger.fetch(f"UPDATE hermodr.jobs SET {change} WHERE id = '{ids[1]}'")
    answer = await api.http.get("/v1/jobs/metrics")
    assert answer.status_code == 200, answer.text
    summary = answer.json()
    assert summary["summary"]["total_jobs"] == 3
    assert summary["status_counts"]["completed"] == completed
    assert summary["status_counts"].get("resting", 0) == ("resting" in change)
    if status != 200:
        again = await api.http.post(f"/v1/jobs/{ids[1]}/retry")
        assert again.status_code == status, again.text
    cancelled = await api.http.delete(f"/v1/jobs/{ids[1]}")
    assert cancelled.status_code == (409 if completed else 200), cancelled.text


async def test_its_batch_is_not_finished(api: ApiUnderTest) -> None:
    accepted = await api.http.post("/v1/notifications/bulk", json=[MAIL])
    batch = accepted.json()["batch_id"]
    await api.api.ledger.fetch(f"UPDATE hermodr.jobs SET state = 'resting' WHERE batch_id = '{batch}'")
    seen = (await api.http.get(f"/v1/batches/{batch}")).json()
    assert (seen["counts"], seen["finished"]) == ({"resting": 1}, False)


async def test_documents_of_others(api: ApiUnderTest) -> None:
    group = (await api.http.post("/v1/groups", json={"name": "g"})).json()["id"]
    update = (await api.http.post(f"/v1/groups/{group}/updates", json={"title": "t"})).json()["id"]
    person = (await api.recipient())["id"]
    for table, change, one in (
        ("groups", "metadata = '[1]'", group),
        ("updates", "metadata = '7'", update),
        ("recipients", "preferences = '{}', quiet_hours = '[1]'", person),
        ("recipients", "preferences = '[1, {\"enabled\": 3}]', quiet_hours = '{\"start\": 1}'", person),
    ):
        await api.api.ledger.fetch(f"UPDATE hermodr.{table} SET {change} WHERE id = '{one}'")
        for path in (
            "/v1/groups?include=metadata",
            f"/v1/groups/{group}",
            f"/v1/groups/{group}/updates?include=metadata",
            f"/v1/groups/{group}/updates/{update}",
            "/v1/recipients",
            f"/v1/recipients/{person}",
            f"/v1/recipients/{person}/export",
        ):
            answer = await api.http.get(path)
            assert answer.status_code == 200, (change, path, answer.text)


@pytest.mark.parametrize("change", list(ODD))
async def test_counts_and_exports_do_without_it(api: ApiUnderTest, change: str) -> None:
    ids = await three(api)
    answer = await api.http.post("/v1/recipients", json={"email": "jane@example.org"})
    recipient = answer.json()["id"]
    await api.api.ledger.fetch(
        f"UPDATE hermodr.jobs SET {change}, recipient_id = '{recipient}' WHERE id = '{ids[1]}'"
    )
    await api.api.ledger.fetch(
        f"UPDATE hermodr.recipients SET muted_until = '0044-01-01 BC' WHERE id = '{recipient}'"
    )
    person = f"/v1/recipients/{recipient}"
    for path in ("/v1/queues", "/v1/recipients", person, f"{person}/export"):
        assert (await api.http.get(path)).status_code == 200, path
