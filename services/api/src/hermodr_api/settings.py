"""The API's settings."""

from typing import Annotated, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from hermodr_api.access.tokens import LEAST_SECRET_BYTES
from hermodr_ledger.access.rates import Limit, parse
from hermodr_servicekit.settings import ServiceSettings


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value().encode()) < LEAST_SECRET_BYTES:
        raise ValueError(f"must have at least {LEAST_SECRET_BYTES} bytes")
    return secret


def _limit(text: object) -> object:
    return parse(text) if isinstance(text, str) else text


class ApiSettings(ServiceSettings):
    """See DESIGN §6."""

    service: ClassVar[str] = "api"
    port_offset: ClassVar[int] = 0
    required_in_production: ClassVar[tuple[str | tuple[str, ...], ...]] = (
        *ServiceSettings.required_in_production,
        ("jwt_secret", "jwks_url"),  # end users have to be recognised
    )

    jwt_secret: Annotated[SecretStr, AfterValidator(_long_enough)] | None = None
    """Verifies end users' tokens signed with HS256."""
    jwks_url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")] | None = None
    """Where the identity provider publishes its keys: RS256, ES256, EdDSA."""
    api_rate_limit: Annotated[Limit | None, NoDecode, BeforeValidator(_limit)] = None
    """Of API keys that have none of their own: `600/m`, `50/s,burst=200`, `off`."""
    user_rate_limit: Annotated[Limit | None, NoDecode, BeforeValidator(_limit)] = None
    """Of each end user."""
    operator_project: Annotated[str, Field(min_length=1)] | None = None
    """The project whose admin keys alone may pause channels and see messages that belong to no project; unset, those of
    every project may."""
    jwt_audience: str | None = None
    jwt_issuer: str | None = None
