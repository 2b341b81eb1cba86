from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from hermodr_api.http.auth import Admin
from hermodr_api.http.intake import IdempotencyKey, respond
from hermodr_api.http.lists import Listing
from hermodr_api.http.openapi import refusals
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route
from hermodr_api.user_tokens.models import (
    CreatedSigningKeyView,
    RevokedUserIn,
    RevokedUserView,
    RotateSigningKeyIn,
    SigningKeyIn,
    SigningKeyList,
    SigningKeyView,
    TokenRulesPatch,
    TokenRulesView,
)
from hermodr_api.user_tokens.service import UserTokens
from hermodr_ledger.access.signing_keys import SigningKey
from hermodr_ledger.access.trust import Rules

router = APIRouter(prefix="/v1/projects/me", tags=["end users' tokens"], route_class=Route)

Service = Annotated[UserTokens, provided(UserTokens)]


@router.get("/signing-keys", name="list")
async def list_keys(caller: Admin, asked: Listing, tokens: Service) -> SigningKeyList:
    """List the keys that end users' tokens are signed with."""
    return asked.answer(SigningKeyList, SigningKeyView, await tokens.page(caller.project_id, asked.page))


@router.get("/signing-keys/{signing_key_id}", response_model=SigningKeyView, responses=refusals(404))
async def show(caller: Admin, tokens: Service, signing_key_id: UUID) -> SigningKey:
    """Show a signing key."""
    return await tokens.read(caller.project_id, signing_key_id)


@router.post("/signing-keys", status_code=201, response_model=CreatedSigningKeyView)
async def create(caller: Admin, tokens: Service, wanted: SigningKeyIn, key: IdempotencyKey) -> Response:
    """Make a signing key; its secret is shown this once."""
    return respond(await tokens.create(caller, wanted, key))


@router.post(
    "/signing-keys/{signing_key_id}/rotate",
    status_code=201,
    response_model=CreatedSigningKeyView,
    responses=refusals(404),
)
async def rotate(
    caller: Admin, tokens: Service, signing_key_id: UUID, wanted: RotateSigningKeyIn, key: IdempotencyKey
) -> Response:
    """Replace a signing key by a new one; tokens of both are taken for a while."""
    return respond(await tokens.rotate(caller, signing_key_id, wanted, key))


@router.delete("/signing-keys/{signing_key_id}", status_code=204, responses=refusals(404))
async def revoke(caller: Admin, tokens: Service, signing_key_id: UUID) -> None:
    """Revoke a signing key: its tokens are refused, within 5 s everywhere."""
    await tokens.revoke(caller, signing_key_id)


@router.get("/token-rules", response_model=TokenRulesView)
async def show_rules(caller: Admin, tokens: Service) -> Rules:
    """Show what end users' tokens must be."""
    return await tokens.rules(caller.project_id)


@router.patch("/token-rules", response_model=TokenRulesView)
async def change_rules(caller: Admin, tokens: Service, wanted: TokenRulesPatch) -> Rules:
    """Change what end users' tokens must be."""
    return await tokens.change_rules(caller, wanted)


@router.post("/revoked-users", status_code=201, response_model=RevokedUserView)
async def revoke_user(caller: Admin, tokens: Service, wanted: RevokedUserIn, key: IdempotencyKey) -> Response:
    """Revoke the tokens that an end user has got so far, within 5 s everywhere."""
    return respond(await tokens.revoke_user(caller, wanted, key))
