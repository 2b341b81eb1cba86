import secrets
from collections.abc import Mapping

from hermodr_cli import state

VARIABLE = "HERMODR_JWT_SECRET"
RECORD = "jwt.json"


def secret(environment: Mapping[str, str]) -> str | None:
    """The secret of `environment`; else, outside production and without an identity provider, this clone's own, made
    if missing. `None`: tokens are not ours to sign."""
    if given := environment.get(VARIABLE):
        return given
    if environment.get("HERMODR_ENV") == "production" or environment.get("HERMODR_JWKS_URL"):
        return None
    with state.locked("jwt"):
        kept = state.read(RECORD).get("secret")
        if not isinstance(kept, str):
            kept = secrets.token_urlsafe(48)
            state.write(RECORD, {"secret": kept})
    return kept
