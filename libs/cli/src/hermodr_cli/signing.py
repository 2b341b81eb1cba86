import secrets
from collections.abc import Mapping

from hermodr_cli import state

VARIABLE = "HERMODR_JWT_SECRET"
LINK_VARIABLE = "HERMODR_LINK_SECRET"
KEY_VARIABLE = "HERMODR_SECRET_KEY"
RECORD = "jwt.json"


def link_secret(environment: Mapping[str, str]) -> str | None:
    """Of links in mails: that of `environment`; else, outside production, this clone's own, made if missing."""
    if given := environment.get(LINK_VARIABLE):
        return given
    return None if environment.get("HERMODR_ENV") == "production" else _own("links")


def secret_key(environment: Mapping[str, str]) -> str | None:
    """What secrets of webhooks and of users' tokens are derived from: that of `environment`; else, outside production,
    this clone's own, made if missing."""
    if given := environment.get(KEY_VARIABLE):
        return given
    return None if environment.get("HERMODR_ENV") == "production" else _own("key")


def forget() -> None:
    """Deletes this clone's own secrets: no token, link or signature made with them is good any more."""
    with state.locked("jwt"):
        state.write(RECORD, {})


def _own(name: str) -> str:
    with state.locked("jwt"):
        known = state.read(RECORD)
        kept = known.get(name)
        if not isinstance(kept, str):
            kept = secrets.token_urlsafe(48)
            state.write(RECORD, {**known, name: kept})
    return kept
