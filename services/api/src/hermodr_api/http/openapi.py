"""What `/openapi.json` says beyond what the framework finds out by itself."""

from collections.abc import Sequence
from typing import Any, Literal

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from hermodr_api.errors import CAUSES, KINDS
from hermodr_api.http.auth import Needs
from hermodr_api.http.bodies import Body
from hermodr_api.http.problems import MEDIA_TYPE

_REF = "#/components/schemas/"
_TITLES = {
    status: " / ".join(k.title for k in KINDS if k.status == status)
    for status in {kind.status for kind in KINDS}
}

_PROBLEM = {
    "title": "Problem",
    "description": "What went wrong (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "detail", "errors", "request_id"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:hermodr:problem:invalid-request"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["loc", "msg"],
                "properties": {
                    "loc": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
                    "msg": {"type": "string"},
                },
            },
        },
        "request_id": {"type": "string"},
        "job_id": {
            "type": "string",
            "format": "uuid",
            "description": "singleton-taken: the job that has the key",
        },
        "cause": {
            "type": "string",
            "enum": list(CAUSES),
            "description": "unavailable (503): why. "
            + "; ".join(f"`{name}`: {why}" for name, why in CAUSES.items()),
        },
    },
}

_DESCRIPTION = (
    "Notifications: what is accepted is committed, sent and tracked. If nobody can know whether a mail was sent, its "
    "delivery is `unknown`, and `on_unknown` decides what happens."
)
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key with the same body returns the first answer again, for 48 hours.",
    "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"},
}
_REPLAYED = {
    "Idempotent-Replayed": {
        "description": "`true` when this is the answer an earlier request with the same key got.",
        "schema": {"type": "string", "enum": ["true"]},
    }
}
_RETRY_AFTER = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}


def problem(status: int) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": f"{_REF}Problem"}}}
    headers = _RETRY_AFTER if status in (429, 503) else {}
    return {"description": _TITLES[status], "content": content} | ({"headers": headers} if headers else {})


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route: its problems beyond those of every route of its kind (`describe`)."""
    return {each: problem(each) for each in statuses}


def describe(route: APIRoute, needs: Needs | None, body: type[Body] | None) -> None:
    """Completes a route's description. The first paragraph of its docstring is the summary."""
    method = min(route.methods or ())
    summary, _, rest = route.description.partition("\n\n")
    route.summary = route.response_description = " ".join(summary.split()).removesuffix(".")
    scope, users = (needs.scope, needs.users) if needs is not None else (None, False)
    route.description = "\n\n".join(filter(None, (rest, _who(scope, users))))
    route.responses = refusals(*_statuses(method, scope, body)) | route.responses
    route.openapi_extra = _extra(method, scope, users, body) | (route.openapi_extra or {})
    if method == "POST" and scope:
        route.responses.setdefault(route.status_code or 200, {})["headers"] = _REPLAYED


def _statuses(method: str, scope: str | None, body: type[BaseModel] | None) -> list[int]:
    statuses = {422, 431, 500} | ({401, 403, 429, 503} if scope else set())
    if body is not None:
        statuses |= {400, 408, 413, 415}
    if method == "POST":
        statuses |= {409}
    return sorted(statuses)


def _extra(method: str, scope: str | None, users: bool, body: type[BaseModel] | None) -> dict[str, Any]:
    callers: list[dict[str, list[str]]] = [{"apiKey": []}] if scope else []
    extra: dict[str, Any] = {"security": [*callers, {"userToken": []}] if users else callers}
    if method == "POST" and scope:
        extra["parameters"] = [_IDEMPOTENCY_KEY]
    if body is not None and (example := _example(body)) is not None:
        extra["requestBody"] = {"content": {"application/json": {"example": example}}}
    return extra


def _example(body: type[BaseModel]) -> object:
    extra = body.model_config.get("json_schema_extra")
    examples = extra.get("examples") if isinstance(extra, dict) else None
    return examples[0] if isinstance(examples, list) else None


def documented(
    summary: str,
    *,
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"],
    scope: str | None,
    status: int = 200,
    answer: type[BaseModel] | None = None,
    body: type[BaseModel] | None = None,
    example: dict[str, Any] | None = None,
    problems: Sequence[int] = (),
    users: bool = False,
) -> dict[str, Any]:
    """Arguments of `add_api_route` for a route whose body the framework does not see."""
    statuses = sorted({*_statuses(method, scope, body), 503, *problems})
    good: dict[str, Any] = {"description": summary} | ({"model": answer} if answer is not None else {})
    extra = _extra(method, scope, users, None)
    if method == "POST" and scope:
        good["headers"] = _REPLAYED
    if body is not None:
        content: dict[str, Any] = {"schema": {"$ref": _REF + body.__name__}}
        if example is not None:
            content["example"] = example
        extra["requestBody"] = {"required": True, "content": {"application/json": content}}
    return {
        "methods": [method],
        "summary": summary,
        "status_code": status,
        "response_model": None,
        "responses": {status: good} | refusals(*statuses),
        "openapi_extra": extra,
        "description": _who(scope, users),
    }


def _who(scope: str | None, users: bool) -> str | None:
    key = f"Needs the scope `{scope}`" if scope else None
    if users:
        return f"{key}; an end user gets at what is theirs." if key else "For end users."
    return f"{key}." if key else None


def install(app: FastAPI, version: str, hot: Sequence[type[BaseModel]]) -> None:
    """Completes `app.openapi`, which builds the document once. `hot`: the bodies that the framework does not see."""

    def build() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _build(app, version, hot)
        return app.openapi_schema

    app.openapi = build  # type: ignore[method-assign]


def _build(app: FastAPI, version: str, hot: Sequence[type[BaseModel]]) -> dict[str, Any]:
    schema = get_openapi(
        title="Hermodr",
        version=version,
        openapi_version="3.1.0",
        description=_DESCRIPTION,
        routes=app.routes,
    )
    components = schema.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    _, definitions = models_json_schema(
        [(model, "validation") for model in (*hot, *_bodies(app))], ref_template=_REF + "{model}"
    )
    schemas |= definitions["$defs"]
    schemas["Problem"] = _PROBLEM
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    components["securitySchemes"] = {
        "apiKey": {"type": "http", "scheme": "bearer", "description": "An API key, `hk_…`."},
        "userToken": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "An end user's token: `sub` is the user's id, `project` the project's name or id.",
        },
    }
    return schema


def _bodies(app: FastAPI) -> list[type[BaseModel]]:
    """The bodies of all routes; the framework's schemas of them omit null defaults."""
    fields = [getattr(each, "body_field", None) for each in iter_route_contexts(app.routes)]
    return list(dict.fromkeys(field.field_info.annotation for field in fields if field is not None))
