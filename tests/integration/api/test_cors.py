"""Pages of other origins: those that the installation names call with a user's token, others do not."""

import pytest

from tests.support.api import api_over

SHOP = "https://shop.example"
STRANGER = "https://stranger.example"
ASKS = {
    "access-control-request-method": "PATCH",
    "access-control-request-headers": "authorization,content-type",
}


@pytest.mark.parametrize(
    ("origins", "let_in"), [((SHOP,), SHOP), ((SHOP, "https://two.example"), SHOP), (("*",), "*")]
)
async def test_a_named_origin_may_call(database_url: str, origins: tuple[str, ...], let_in: str) -> None:
    async with api_over(database_url, cors_origins=origins) as api:
        asked = await api.http.options("/v1/inbox/read-all", headers={"origin": SHOP} | ASKS)
        assert asked.status_code == 200
        assert asked.headers["access-control-allow-origin"] == let_in
        assert "PATCH" in asked.headers["access-control-allow-methods"]
        assert "access-control-allow-credentials" not in asked.headers

        user = api.user("ada")
        answer = await user.get("/v1/inbox", headers={"origin": SHOP})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, let_in)
        assert "retry-after" in answer.headers["access-control-expose-headers"]
        refused = await user.get("/v1/inbox?limit=0", headers={"origin": SHOP})
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (422, let_in)


@pytest.mark.parametrize("origins", [None, (SHOP,)])
async def test_others_may_load_the_inbox_and_ask_nothing(
    database_url: str, origins: tuple[str, ...] | None
) -> None:
    async with api_over(database_url, cors_origins=origins) as api:
        asked = await api.http.options("/v1/inbox", headers={"origin": STRANGER} | ASKS)
        assert asked.status_code >= 400
        assert "access-control-allow-origin" not in asked.headers
        answer = await api.user("ada").get("/v1/inbox", headers={"origin": STRANGER})
        assert "access-control-allow-origin" not in answer.headers
        script = await api.http.get("/widget/hermodr-inbox.js", headers={"origin": STRANGER})
        assert (script.status_code, script.headers["access-control-allow-origin"]) == (200, "*")
