import re
from datetime import timedelta
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import NoDecode

from hermodr_api.access.tokens import LEAST_SECRET_BYTES
from hermodr_api.console import roles
from hermodr_api.console.identity import Client, is_safe
from hermodr_api.console.roles import Role
from hermodr_api.http import durations
from hermodr_contracts.rates import Limit, parse
from hermodr_servicekit.settings import ServiceSettings


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value().encode()) < LEAST_SECRET_BYTES:
        raise ValueError(f"must have at least {LEAST_SECRET_BYTES} bytes")
    return secret


def _limit(text: object) -> object:
    return parse(text) if isinstance(text, str) else text


def _origins(text: object) -> object:
    """Separated by spaces or commas."""
    return tuple(re.split(r"[ ,]+", text.strip())) if isinstance(text, str) else text


def _roles(text: object) -> object:
    return roles.parse(text) if isinstance(text, str) else text


Origin = Annotated[str, Field(pattern=r"^(\*|https?://[A-Za-z0-9.\[\]:-]{1,255})$")]
_Span = Annotated[timedelta, BeforeValidator(durations.read)]


class ApiSettings(ServiceSettings):
    service: ClassVar[str] = "api"
    port_offset: ClassVar[int] = 0
    required_in_production: ClassVar[tuple[str | tuple[str, ...], ...]] = (
        *ServiceSettings.required_in_production,
        ("secret_key", "jwks_url", "jwt_secret"),  # end users have to be recognised
    )

    email_providers: str = "smtp://127.0.0.1:1025"
    """As the senders have it; read for the `events` of its DSNs, which sign receipts."""
    jwt_secret: Annotated[SecretStr, AfterValidator(_long_enough)] | None = None
    """Verifies tokens (HS256) of the operators' project, with `jwt_shared` those of every project."""
    jwt_shared: bool | None = None
    """By default in development only."""
    jwks_url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")] | None = None
    """The JWK Set of the identity provider: RS256, ES256, EdDSA."""
    api_rate_limit: Annotated[Limit | None, NoDecode, BeforeValidator(_limit)] = None
    """For API keys without a limit of their own: `600/m`, `50/s,burst=200`, `off`."""
    user_rate_limit: Annotated[Limit | None, NoDecode, BeforeValidator(_limit)] = Limit(50, 1, 200)
    """For each end user."""
    user_task_limit: Annotated[Limit | None, NoDecode, BeforeValidator(_limit)] = Limit(60, 3600, 60)
    """Of the tasks that each end user starts."""
    cors_origins: Annotated[tuple[Origin, ...] | None, NoDecode, BeforeValidator(_origins)] = None
    """Of pages that may call: `https://app.example.com`, several, or `*`; unset: those of this origin."""
    socket_ping_interval: _Span = timedelta(seconds=25)
    socket_ping_timeout: _Span = timedelta(seconds=60)
    """After a ping without an answer a connection of an end user is taken for dead."""
    email_from: str = "Hermodr <hermodr@localhost>"
    """Its address counts as a verified sender of every project; as the email sender has it."""
    oidc_issuer: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")] | None = None
    """The identity provider that people log in to the console at; with `oidc_client_id`, `_client_secret` and
    `_roles`."""
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    oidc_roles: Annotated[tuple[Role, ...], NoDecode, BeforeValidator(_roles)] = ()
    """`admins=shop:admin; support=shop:read,send`: the value of the claim, a project, scopes."""
    oidc_roles_claim: str = "groups"
    """With dots for what is nested: `realm_access.roles`."""
    oidc_scope: str = "openid email profile"
    """What the provider is asked for."""
    oidc_name: Annotated[str, Field(min_length=1, max_length=60)] = "single sign-on"
    """On the page to log in."""
    jwt_audience: str | None = None
    jwt_issuer: str | None = None

    @model_validator(mode="after")
    def _whole_provider(self) -> Self:
        wanted = ("oidc_issuer", "oidc_client_id", "oidc_client_secret", "oidc_roles")
        missing = [f"HERMODR_{name.upper()}" for name in wanted if not getattr(self, name)]
        if missing and len(missing) < len(wanted):
            raise ValueError(f"an identity provider also needs {', '.join(missing)}")
        if self.oidc_issuer is not None and not is_safe(self.oidc_issuer):
            raise ValueError("HERMODR_OIDC_ISSUER has to be https, but on this machine")
        return self

    @property
    def oidc(self) -> Client | None:
        """What we are to the identity provider, if there is one."""
        if self.oidc_issuer is None or self.oidc_client_id is None or self.oidc_client_secret is None:
            return None
        return Client(
            issuer=self.oidc_issuer,
            client_id=self.oidc_client_id,
            client_secret=self.oidc_client_secret.get_secret_value(),
            redirect_uri=f"{self.own_url.rstrip('/')}/console/oidc/callback",
            roles=self.oidc_roles,
            claim=self.oidc_roles_claim,
            scope=self.oidc_scope,
            label=self.oidc_name,
            left_uri=f"{self.own_url.rstrip('/')}/console/login",
        )

    @property
    def tokens_shared(self) -> bool:
        """Whether `jwt_secret` verifies tokens of every project."""
        return self.jwt_shared if self.jwt_shared is not None else self.env == "development"
