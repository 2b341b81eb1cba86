from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from hermodr_api.access.public_keys import algorithm_of
from hermodr_api.http.bodies import Body
from hermodr_api.http.durations import Duration
from hermodr_api.http.fields import Name
from hermodr_ledger.access.signing_keys import Material

_LONGEST_PEM = 8192
_PEM = (
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
    "-----END PUBLIC KEY-----\n"
)


def _known_key(pem: str) -> str:
    algorithm_of(pem)
    return pem


PublicKey = Annotated[str, Field(min_length=1, max_length=_LONGEST_PEM), AfterValidator(_known_key)]


class _OfMaterial(Body):
    public_key: PublicKey | None = Field(
        default=None,
        description="In PEM: RSA of at least 2048 bits verifies RS256, P-256 ES256, Ed25519 EdDSA. The private key "
        "stays with the application. Null: a secret for HS256 is made here.",
        examples=[_PEM],
    )

    @property
    def material(self) -> Material:
        pem = self.public_key
        return Material(algorithm_of(pem), pem) if pem is not None else Material()


class SigningKeyIn(_OfMaterial):
    """A new key. Its id is what tokens name as their `kid`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "the shop's backend"}]})

    name: Annotated[str, Field(max_length=200)] = Field(
        default="", description="For people.", examples=["the shop's backend"]
    )


class RotateSigningKeyIn(_OfMaterial):
    """How long the present key holds beside the new one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"overlap": "24h"}]})

    overlap: Duration | None = Field(
        default=None,
        description="The present key ends after it, or when it would anyway; null: after the longest lifetime of a "
        "token, so that none is cut short.",
    )


_EXAMPLE: JsonDict = {
    "id": "01a2018c-e359-7702-8eb3-8dd0fbf20000",
    "name": "the shop's backend",
    "algorithm": "HS256",
    "public_key": None,
    "created_at": "2026-11-22T09:00:00Z",
    "expires_at": None,
    "revoked_at": None,
}


class SigningKeyView(BaseModel):
    """A key without its secret. `id` is the `kid` of its tokens; `algorithm` the only one it verifies."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID
    name: str
    algorithm: str
    public_key: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class CreatedSigningKeyView(SigningKeyView):
    """A new key. `secret` (`hsk_…`, as it stands the key of HS256) is shown this once; null in a replayed answer, and
    of a key with a public key."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [_EXAMPLE | {"secret": "hsk_ (and 43 more characters)"}]}
    )

    secret: str | None


class SigningKeyList(BaseModel):
    """A page of keys."""

    data: list[SigningKeyView]
    next_cursor: str | None


class TokenRulesPatch(Body):
    """The changes; fields left out stay."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"lifetime": "12h"}]})

    lifetime: Duration | None = Field(
        default=None, description="The longest from `iat` to `exp`; null: 24h.", examples=["12h"]
    )
    issuer: Name | None = Field(
        default=None,
        description="What `iss` must be; null: as the installation says.",
        examples=["https://id.example.com/"],
    )
    audience: Name | None = Field(
        default=None,
        description="What `aud` must have; null: as the installation says.",
        examples=["hermodr"],
    )

    @property
    def columns(self) -> dict[str, object]:
        """Those that are given."""
        given: dict[str, object] = {}
        if "lifetime" in self.model_fields_set:
            given["token_seconds"] = round(self.lifetime.total_seconds()) if self.lifetime else None
        if "issuer" in self.model_fields_set:
            given["token_issuer"] = self.issuer
        if "audience" in self.model_fields_set:
            given["token_audience"] = self.audience
        return given


class TokenRulesView(BaseModel):
    """What tokens of end users must be."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={"examples": [{"lifetime": "24h", "issuer": None, "audience": None}]},
    )

    lifetime: Duration
    issuer: str | None
    audience: str | None


class RevokedUserIn(Body):
    """Whose tokens."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"user_id": "ada"}]})

    user_id: Name = Field(description="The `sub` of the tokens.", examples=["ada"])


class RevokedUserView(BaseModel):
    """Tokens with an earlier `iat`, or without one, are refused."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"revoked_at": "2026-11-22T09:00:01Z"}]})

    revoked_at: datetime
