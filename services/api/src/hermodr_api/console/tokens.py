"""`/console/tokens`: what end users' tokens are signed with, what they must be, and whose are revoked."""

from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.console import pages
from hermodr_api.console.forms import Form
from hermodr_api.console.lists import older
from hermodr_api.console.sessions import Visitor
from hermodr_api.console.visiting import Administering, Page, PostedByAdmin, back
from hermodr_api.errors import Refused
from hermodr_api.http.bodies import read
from hermodr_api.http.durations import written as spoken
from hermodr_api.http.lists import Asked, NewestFirst
from hermodr_api.http.provided import provided
from hermodr_api.user_tokens.models import RevokedUserIn, RotateSigningKeyIn, SigningKeyIn, TokenRulesPatch
from hermodr_api.user_tokens.service import UserTokens
from hermodr_ledger.access.signing_keys import SigningKey
from hermodr_ledger.access.trust import Rules

router = APIRouter(prefix="/console/tokens", include_in_schema=False, route_class=Page)

TheTokens = Annotated[UserTokens, provided(UserTokens)]
_HERE = "tokens"
_SECRET = "Your backend signs users' tokens with it (HS256), with the key's id as kid. It is shown this once."


@router.get("")
async def tokens(request: Request, visitor: Administering, tokens: TheTokens, asked: NewestFirst) -> Response:
    """Keys, rules, and a form to revoke somebody's tokens."""
    return await _shown(request, visitor, tokens, asked)


@router.post("/rules")
async def change_rules(
    request: Request, posted: PostedByAdmin, tokens: TheTokens, asked: NewestFirst
) -> Response:
    """Change what tokens must be."""
    caller = posted.visitor.caller
    known = _known(await tokens.rules(caller.project_id))
    form = Form(posted.fields).merged(known)
    try:
        if changes := form.changes(_rules, known):
            await tokens.change_rules(caller, read(TokenRulesPatch, changes))
    except Refused as refused:
        return await _shown(request, posted.visitor, tokens, asked, rules=form.refused(refused))
    return back("/console/tokens")


@router.post("/revoked-users")
async def revoke_user(
    request: Request, posted: PostedByAdmin, tokens: TheTokens, asked: NewestFirst
) -> Response:
    """Revoke the tokens that somebody has got so far."""
    form, revoked = Form(posted.fields), None
    try:
        wanted = read(RevokedUserIn, {"user_id": form.value("user_id").strip()})
        await tokens.revoke_user(posted.visitor.caller, wanted, form.key("tokens/revoked-users"))
        form, revoked = Form(), wanted.user_id
    except Refused as refused:
        form = form.refused(refused)
    return await _shown(request, posted.visitor, tokens, asked, user=form, revoked=revoked)


@router.get("/keys/new")
async def new(visitor: Administering) -> Response:
    """A form for a new signing key."""
    return _edited(visitor, Form(), None)


@router.post("/keys/new")
async def create(posted: PostedByAdmin, tokens: TheTokens) -> Response:
    """Make a signing key, and show its secret this once."""
    form = Form(posted.fields)
    try:
        given = {"name": form.value("name").strip(), "public_key": _pem(form)}
        wanted, key = read(SigningKeyIn, given), form.key("tokens/keys")
        answer = await tokens.create(posted.visitor.caller, wanted, key)
    except Refused as refused:
        return _edited(posted.visitor, form.refused(refused), None)
    return _made(posted.visitor, answer.body)


@router.get("/keys/{signing_key_id}/rotate")
async def ask_rotate(visitor: Administering, tokens: TheTokens, signing_key_id: UUID) -> Response:
    """How long both are to hold."""
    return _edited(visitor, Form(), await tokens.read(visitor.caller.project_id, signing_key_id))


@router.post("/keys/{signing_key_id}/rotate")
async def rotate(posted: PostedByAdmin, tokens: TheTokens, signing_key_id: UUID) -> Response:
    """Replace a signing key by a new one."""
    form, caller = Form(posted.fields), posted.visitor.caller
    found = await tokens.read(caller.project_id, signing_key_id)
    try:
        given = {**form.given("overlap"), "public_key": _pem(form)}
        key = form.key(f"tokens/keys/{signing_key_id}/rotate")
        answer = await tokens.rotate(caller, signing_key_id, read(RotateSigningKeyIn, given), key)
    except Refused as refused:
        return _edited(posted.visitor, form.refused(refused), found)
    return _made(posted.visitor, answer.body)


@router.get("/keys/{signing_key_id}/revoke")
async def ask(visitor: Administering, tokens: TheTokens, signing_key_id: UUID) -> Response:
    """Whether it is to be revoked."""
    found = await tokens.read(visitor.caller.project_id, signing_key_id)
    says = (
        f"Tokens that are signed with {found.name or found.id} are refused within five seconds, everywhere. "
        "To replace it without cutting anybody short, rotate it.",
    )
    page = f"/console/tokens/keys/{signing_key_id}/revoke"
    return pages.question(visitor, _HERE, "Revoke this signing key?", says, page, "Revoke", "/console/tokens")


@router.post("/keys/{signing_key_id}/revoke")
async def revoke(posted: PostedByAdmin, tokens: TheTokens, signing_key_id: UUID) -> Response:
    """Revoke it."""
    await tokens.revoke(posted.visitor.caller, signing_key_id)
    return back("/console/tokens")


def _known(now: Rules) -> dict[str, object]:
    return {"lifetime": spoken(now.lifetime), "issuer": now.issuer, "audience": now.audience}


def _rules(form: Form) -> dict[str, Any]:
    return form.given("lifetime", "issuer", "audience")


def _pem(form: Form) -> str | None:
    text = form.value("public_key").strip()
    return f"{text}\n" if text else None


def _made(visitor: Visitor, body: bytes) -> Response:
    made = orjson.loads(body)
    if made["public_key"] is not None:
        return back("/console/tokens")
    return pages.secret(visitor, _HERE, "The new signing key", _SECRET, made["secret"], "/console/tokens")


def _edited(visitor: Visitor, form: Form, key: SigningKey | None) -> Response:
    return pages.page("signing_key_form", visitor, form.status, here=_HERE, form=form, key=key)


async def _shown(
    request: Request,
    visitor: Visitor,
    tokens: UserTokens,
    asked: Asked,
    *,
    rules: Form | None = None,
    user: Form | None = None,
    revoked: str | None = None,
) -> Response:
    project = visitor.caller.project_id
    found = await tokens.page(project, asked.page)
    if rules is None:
        rules = Form.changing(_known(await tokens.rules(project)))
    user = user or Form()
    values: dict[str, Any] = {
        "rows": found.rows,
        "older": older(request, asked.cursor(found)),
        "rules": rules,
        "user": user,
        "revoked": revoked,
    }
    return pages.page("tokens", visitor, max(rules.status, user.status), **values)
