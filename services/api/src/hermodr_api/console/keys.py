"""`/console/keys`: API keys, for those who have one with the scope `admin`."""

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.api_keys.models import ApiKeyIn, ApiKeyPatch, MakerIn, RotateIn
from hermodr_api.api_keys.service import ApiKeys
from hermodr_api.console import pages
from hermodr_api.console.forms import Form, moment, whole
from hermodr_api.console.lists import older
from hermodr_api.console.sessions import Visitor
from hermodr_api.console.visiting import Administering, Page, PostedByAdmin, Who, back
from hermodr_api.errors import Refused
from hermodr_api.http.bodies import read
from hermodr_api.http.lists import NewestFirst
from hermodr_api.http.provided import provided
from hermodr_ledger.access.keys import ApiKey

router = APIRouter(prefix="/console/keys", include_in_schema=False, route_class=Page)

TheKeys = Annotated[ApiKeys, provided(ApiKeys)]
_HERE = "keys"
_SECRET = "It is shown this once: only its hash is kept. Store it where your application reads its secrets."
_LIMIT = ("requests", "seconds", "burst")


@router.get("")
async def keys(request: Request, visitor: Administering, keys: TheKeys, asked: NewestFirst) -> Response:
    """All of them, without their secrets."""
    found = await keys.page(visitor.caller.project_id, asked.page)
    makers = {UUID(each.made_by.id) for each in found.rows if each.made_by and each.made_by.kind == "key"}
    named = {str(each): name for each, name in (await keys.names(visitor.caller.project_id, makers)).items()}
    return pages.page(
        "keys", visitor, rows=found.rows, named=named, older=older(request, asked.cursor(found))
    )


@router.get("/new")
async def new(visitor: Administering) -> Response:
    """A form for a new one."""
    return _edited(visitor, Form({"scope.send": "yes", "scope.read": "yes"}), None)


@router.post("/new")
async def create(posted: PostedByAdmin, keys: TheKeys) -> Response:
    """Make a key, and show it this once."""
    form = Form(posted.fields)
    try:
        wanted = read(ApiKeyIn, {**_fields(form), "scopes": form.ticked("scope")})
        answer = await keys.create(posted.visitor.caller, wanted, form.key(_HERE))
    except Refused as refused:
        return _edited(posted.visitor, form.refused(refused), None)
    secret = orjson.loads(answer.body)["key"]
    return pages.secret(posted.visitor, _HERE, "The new API key", _SECRET, secret, "/console/keys")


@router.get("/revoke")
async def ask_all(visitor: Administering, keys: TheKeys, actor_id: Who) -> Response:
    """Whether all keys that a person made are to be revoked."""
    person = await keys.person(visitor.caller.project_id, actor_id)
    says = [
        f"All keys that {person.name or person.id} made are refused from now on, and those that were made with them,"
        " and so on.",
        "Sessions of the console that began with them end, and the person's own: they can log in again for as long as"
        " the identity provider lets them in.",
    ]
    page = f"/console/keys/revoke?{urlencode({'actor_id': actor_id})}"
    return pages.question(visitor, _HERE, "Revoke all their keys?", says, page, "Revoke all", "/console/keys")


@router.post("/revoke")
async def revoke_all(posted: PostedByAdmin, keys: TheKeys, actor_id: Who) -> Response:
    """Revoke them."""
    await keys.revoke_of(posted.visitor.caller, read(MakerIn, {"actor_id": actor_id}), None)
    return back("/console/keys")


@router.get("/{key_id}/edit")
async def edit(visitor: Administering, keys: TheKeys, key_id: UUID) -> Response:
    """A form with what is known."""
    found = await keys.read(visitor.caller.project_id, key_id)
    return _edited(visitor, Form.changing(_known(found)), found)


@router.post("/{key_id}/edit")
async def change(posted: PostedByAdmin, keys: TheKeys, key_id: UUID) -> Response:
    """Change name, rate and end."""
    caller = posted.visitor.caller
    found = await keys.read(caller.project_id, key_id)
    known = _known(found)
    form = Form(posted.fields).merged(known)
    try:
        if changes := form.changes(_fields, known):
            await keys.change(caller, key_id, read(ApiKeyPatch, changes))
    except Refused as refused:
        return _edited(posted.visitor, form.refused(refused), found)
    return back("/console/keys")


@router.get("/{key_id}/rotate")
async def ask_rotate(visitor: Administering, keys: TheKeys, key_id: UUID) -> Response:
    """How long both are to hold."""
    found = await keys.read(visitor.caller.project_id, key_id)
    return _rotating(visitor, Form({"overlap": "24h"}), found)


@router.post("/{key_id}/rotate")
async def rotate(posted: PostedByAdmin, keys: TheKeys, key_id: UUID) -> Response:
    """Replace a key by a new one like it, which is shown this once."""
    form, caller = Form(posted.fields), posted.visitor.caller
    found = await keys.read(caller.project_id, key_id)
    try:
        given = {"overlap": form.value("overlap").strip(), "expires_at": moment(form.value("expires_at"))}
        answer = await keys.rotate(caller, key_id, read(RotateIn, given), form.key(f"keys/{key_id}/rotate"))
    except Refused as refused:
        return _rotating(posted.visitor, form.refused(refused), found)
    secret = orjson.loads(answer.body)["key"]
    return pages.secret(posted.visitor, _HERE, "The new API key", _SECRET, secret, "/console/keys")


@router.get("/{key_id}/revoke")
async def ask(visitor: Administering, keys: TheKeys, key_id: UUID) -> Response:
    """Whether it is to be revoked."""
    found = await keys.read(visitor.caller.project_id, key_id)
    says = [
        f"{found.name or found.hint} is refused from now on, and sessions of the console that it began end."
    ]
    if key_id == visitor.caller.key_id:
        says.append("It is the key that you are here with: you will be logged out.")
    page = f"/console/keys/{key_id}/revoke"
    return pages.question(visitor, _HERE, "Revoke this key?", says, page, "Revoke", "/console/keys")


@router.post("/{key_id}/revoke")
async def revoke(posted: PostedByAdmin, keys: TheKeys, key_id: UUID) -> Response:
    """Revoke it."""
    await keys.revoke(posted.visitor.caller, key_id)
    return back("/console/keys")


def _known(found: ApiKey) -> dict[str, object]:
    shown: dict[str, object] = {"name": found.name, "expires_at": found.expires_at}
    if found.limit is not None:
        shown |= {f"rate_limit.{name}": getattr(found.limit, name) for name in _LIMIT}
    return shown


def _fields(form: Form) -> dict[str, Any]:
    limit = {name: whole(form.value(f"rate_limit.{name}"), f"rate_limit.{name}") for name in _LIMIT}
    limit = {name: number for name, number in limit.items() if number is not None}
    return {
        "name": form.value("name").strip(),
        "rate_limit": limit or None,
        "expires_at": moment(form.value("expires_at")),
    }


def _edited(visitor: Visitor, form: Form, key: ApiKey | None) -> Response:
    return pages.page("key_form", visitor, form.status, here=_HERE, form=form, key=key)


def _rotating(visitor: Visitor, form: Form, key: ApiKey) -> Response:
    return pages.page("key_rotate", visitor, form.status, here=_HERE, form=form, key=key)
