"""Connections to databases."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StrictBool, model_validator
from pydantic.config import JsonDict

from hermodr_api.http.bodies import Body, Label
from hermodr_api.http.fields import Name
from hermodr_ledger.connections.kept import Connection
from hermodr_servicekit.guard.targets import Refused, read_host

MOST_OF_A_NAME = 63
"""Bytes of an identifier of PostgreSQL."""
PLACE = ("host", "port", "user", "sslmode")
"""Whoever changes one of these says the password again, so that it is sent to nobody who was not given it."""


def _host(text: str) -> str:
    try:
        return read_host(text)[0]
    except Refused as refused:
        raise ValueError(str(refused)) from None


def _identifier(text: str) -> str:
    if len(text.encode()) > MOST_OF_A_NAME:
        raise ValueError(f"has more than {MOST_OF_A_NAME} bytes")
    return text


Host = Annotated[str, Field(min_length=1, max_length=253), AfterValidator(_host)]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]
Identifier = Annotated[str, Field(min_length=1, max_length=MOST_OF_A_NAME), AfterValidator(_identifier)]
Password = Annotated[SecretStr, Field(min_length=1, max_length=1000)]
SslMode = Literal["disable", "prefer", "require", "verify-full"]

_GIVEN: JsonDict = {
    "name": "warehouse",
    "host": "db.example.com",
    "port": 5432,
    "database": "warehouse",
    "user": "reader",
    "sslmode": "verify-full",
    "owner": "user-17",
}


class ConnectionIn(Body):
    """A PostgreSQL database that tasks may read. Its host must be on the public internet, unless more is allowed here.
    A user that may only read is enough."""

    model_config = ConfigDict(json_schema_extra={"examples": [_GIVEN | {"password": "p9vX2cQm"}]})

    name: Name = Field(description="For people.")
    host: Host = Field(description="A name or an address.")
    port: Port = Field(default=5432, description="Of the server.")
    database: Identifier = Field(description="Its name.")
    user: Identifier = Field(description="Of the database.")
    password: Password = Field(description="Kept encrypted, and never shown.")
    sslmode: SslMode = Field(
        default="prefer",
        description="`verify-full`: TLS with a certificate of this host. `require`: TLS with whoever answers. "
        "`prefer`: TLS if the server speaks it.",
    )
    owner: Label | None = Field(default=None, description="The end user who may see and use it.")


class ConnectionPatch(Body):
    """The changes. With another `host`, `port`, `user` or `sslmode` the `password` is given again."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "the warehouse"}]})

    name: Name | None = Field(default=None, description="For people.")
    host: Host | None = Field(default=None, description="A name or an address.")
    port: Port | None = Field(default=None, description="Of the server.")
    database: Identifier | None = Field(default=None, description="Its name.")
    user: Identifier | None = Field(default=None, description="Of the database.")
    password: Password | None = Field(default=None, description="Kept encrypted, and never shown.")
    sslmode: SslMode | None = Field(default=None, description="How TLS is spoken.")
    owner: Label | None = Field(default=None, description="Null: nobody.")

    @model_validator(mode="after")
    def _not_null(self) -> "ConnectionPatch":
        for name in self.model_fields_set - {"owner"}:
            if getattr(self, name) is None:
                raise ValueError(f"{name} cannot be null")
        return self


_EXAMPLE: JsonDict = {
    "id": "01a2018c-e359-7702-8eb3-8dd0fbf20000",
    **_GIVEN,
    "created_at": "2026-11-22T09:00:00Z",
    "updated_at": "2026-11-22T09:00:00Z",
}


class ConnectionView(BaseModel):
    """A connection, without its password."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID
    name: str
    host: str
    port: int
    database: str
    user: str
    sslmode: str
    owner: str | None
    created_at: datetime
    updated_at: datetime

    @model_validator(mode="before")
    @classmethod
    def _of_a_row(cls, given: object) -> object:
        if not isinstance(given, Connection):
            return given
        return {
            "id": given.id,
            "name": given.name,
            "host": given.host,
            "port": given.port,
            "database": given.database,
            "user": given.username,
            "sslmode": given.sslmode,
            "owner": given.owner,
            "created_at": given.created_at,
            "updated_at": given.updated_at,
        }


class RebuildIn(Body):
    """Which reading is wanted."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"force": True}]})

    force: StrictBool = Field(default=False, description="Also if nothing has changed since the last one.")


_SCHEMA: JsonDict = {
    "connection_id": "01a2018c-e359-7702-8eb3-8dd0fbf20000",
    "tables": 1,
    "columns": 1,
    "indexes": 0,
    "changed_at": "2026-11-22T09:00:00Z",
    "checked_at": "2026-11-29T09:00:00Z",
    "schemas": [{"name": "public", "tables": [{"name": "orders", "kind": "table"}], "views": []}],
}


class SchemaView(BaseModel):
    """What the last reading found. `changed_at`: the first one that found it so; `checked_at`: the last one. `schemas`:
    each with `tables` and `views`, and these with `columns`, `indexes`, `keys`, `comment`; `rows` is the server's
    estimate of that reading."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SCHEMA]})

    connection_id: UUID
    tables: int
    columns: int
    indexes: int
    changed_at: datetime
    checked_at: datetime
    schemas: list[dict[str, Any]]


class ConnectionList(BaseModel):
    """A page of connections."""

    data: list[ConnectionView]
    next_cursor: str | None
