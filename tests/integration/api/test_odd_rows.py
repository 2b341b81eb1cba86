"""A job that SQL by hand made odd is shown as well as can be, and takes no other from its project's lists."""

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
"""What is done to a row, and how it is shown."""


async def three(api: ApiUnderTest) -> list[str]:
    answers = [await api.http.post("/v1/notifications", json=MAIL) for _ in range(3)]
    return [answer.json()["job_id"] for answer in answers]


async def listed(api: ApiUnderTest, **query: str) -> list[str]:
    """All pages of one job each."""
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


@pytest.mark.parametrize("change", ["state = 'resting'", "metadata = '[1]'"])
async def test_one_that_cannot_be_shown_is_left_out(api: ApiUnderTest, change: str) -> None:
    ids = await three(api)
    await api.api.ledger.fetch(f"UPDATE hermodr.jobs SET {change} WHERE id = '{ids[1]}'")
    answer = await api.http.get("/v1/jobs", params={"include": "metadata"})
    assert answer.status_code == 200
    assert [each["id"] for each in answer.json()["data"] if each["id"] in ids] == [ids[0], ids[2]]


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
