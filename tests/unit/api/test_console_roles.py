import pytest

from hermodr_api.console import roles
from hermodr_api.console.roles import Role

ADMINS = Role("admins", "shop", frozenset(("admin",)))
SUPPORT = Role("cn=support,ou=eu", "shop", frozenset(("read", "send")))


def test_roles_are_read_in_their_order() -> None:
    assert roles.parse("admins=shop:admin; cn=support,ou=eu=shop:read,send;") == (ADMINS, SUPPORT)


@pytest.mark.parametrize(
    "text",
    ["", " ; ", "admins", "admins=shop", "=shop:read", "a=:read", "a=shop:", "a=shop:root", "a=shop:send"],
)
def test_what_is_no_role_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"role|scope|read"):
        roles.parse(text)


@pytest.mark.parametrize(
    ("claims", "path"),
    [
        ({"groups": ["x", "admins"]}, "groups"),
        ({"groups": "admins"}, "groups"),
        ({"realm_access": {"roles": ["admins"]}}, "realm_access.roles"),
        ({"https://shop.example/roles": ["admins"]}, "https://shop.example/roles"),
        ({"groups": ["cn=support,ou=eu", "admins"]}, "groups"),
    ],
)
def test_the_first_role_that_a_claim_has_is_held(claims: dict[str, object], path: str) -> None:
    assert roles.held((ADMINS, SUPPORT), claims, path) == ADMINS


@pytest.mark.parametrize(
    "claims", [{}, {"groups": None}, {"groups": [["admins"], {"admins": 1}, 7]}, {"groups": {"admins": True}}]
)
def test_anything_else_is_no_role(claims: dict[str, object]) -> None:
    assert roles.held((ADMINS,), claims, "groups") is None
