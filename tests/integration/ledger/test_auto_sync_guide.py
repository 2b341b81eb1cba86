"""Every example of docs/guides/auto-syncs.md, as printed but for the ids."""

import json
import re
from pathlib import Path

from tests.support.api import api_over
from tests.support.auto_syncs import Crew
from tests.support.psql import Psql
from tests.support.sql_house import House

GUIDE = (Path(__file__).parents[3] / "docs/guides/auto-syncs.md").read_text(encoding="utf-8")


def test_the_examples_in_sql(producer: Psql, house: House) -> None:
    (example,) = re.findall(r"^```sql\n-- as hermodr_producer\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    organizer, group = re.findall(r"'([0-9a-f-]{36})'", example)
    ids = house.ids["shop"]
    rows = producer.run(
        example.replace(organizer, str(ids["ada"])).replace(group, str(ids["group"]))
        + "SELECT status FROM hermodr.auto_syncs;\nSELECT status FROM hermodr.auto_sync_jobs_pending;\n"
    )
    assert [row[1] for row in rows[1:-1]] == ["reminder_24h"]
    assert rows[-1] == ["paused"]


async def test_the_examples_over_http(database_url: str) -> None:
    (body,) = re.findall(r"post auto-syncs '(\{.*?\})' \|", GUIDE, re.DOTALL)
    async with api_over(database_url) as api:
        crew = await Crew.of(api, 1)
        written = body.replace("'$ORGANIZER'", crew.organizer_id).replace("'$GROUP'", crew.group_id)
        made = await api.http.post("/v1/auto-syncs", json=json.loads(written))
        assert made.status_code == 201, made.text
        for column in re.findall(r"^\| `POST …/(\w+)` \|", GUIDE, re.MULTILINE):
            answer = await api.http.post(f"/v1/auto-syncs/{made.json()['id']}/{column}")
            assert answer.is_success, (column, answer.text)
