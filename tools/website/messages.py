"""The page of what goes over the broker, from docs/asyncapi.json."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

HEAD = """# Messages between the services

{description}

Generated from [asyncapi.json](../asyncapi.json) (AsyncAPI {version}), which FastStream makes from the services' \
handlers and publishers. Queues and what they are for: [Topology](topology.md).
"""

Places = dict[str, dict[str, set[str]]]
"""Where a message is sent to and read from, each with the services that do."""


def page(document: dict[str, Any]) -> str:
    """The page in Markdown: a section per message with who sends it, where it arrives, and its body."""
    places: dict[str, Places] = defaultdict(lambda: {"send": defaultdict(set), "receive": defaultdict(set)})
    for operation in document["operations"].values():
        channel = _found(document, operation["channel"]["$ref"])
        for message in channel["messages"].values():
            schema = _found(document, message["$ref"])["payload"].get("$ref", "").rpartition("/")[2]
            service = unquote(operation["channel"]["$ref"]).rpartition(":")[2]
            places[schema][operation["action"]][_place(channel)].add(service)
    schemas = document["components"]["schemas"]
    parts = [HEAD.format(description=document["info"]["description"], version=document["asyncapi"])]
    bodies = [name for name in sorted(places) if name in schemas and name != "EmptyPayload"]
    parts += [_section(name, schemas[name], places[name]) for name in bodies]
    parts.append("## What bodies are made of\n")
    parts += [_model(name, schema) for name, schema in schemas.items() if name not in places]
    return "\n".join(parts)


def _found(document: dict[str, Any], reference: str) -> Any:
    """What a `$ref` of the document points to."""
    found: Any = document
    for step in reference.removeprefix("#/").split("/"):
        found = found[unquote(step).replace("~1", "/").replace("~0", "~")]
    return found


def _place(channel: dict[str, Any]) -> str:
    """An exchange with the routing key, or the queue that is read."""
    amqp = channel["bindings"]["amqp"]
    if amqp["is"] == "queue":
        return f"queue `{amqp['queue']['name']}`"
    return f"`{amqp['exchange']['name']}` with the key `{channel['address']}`"


def _section(name: str, schema: dict[str, Any], places: Places) -> str:
    lines = [f"## {name}", "", schema.get("description", "").strip(), ""]
    if sent := places["send"]:
        by = (f"- {place}, by {', '.join(sorted(sent[place]))}" for place in sorted(sent))
        lines += ["Published to:", "", *by, ""]
    if places["receive"]:
        lines += ["Read from:", "", *(f"- {place}" for place in sorted(places["receive"])), ""]
    return "\n".join([*lines, *_fields(schema)])


def _model(name: str, schema: dict[str, Any]) -> str:
    lines = [f"### {name}", "", schema.get("description", "").strip(), ""]
    if "enum" in schema:
        lines += [", ".join(f"`{value}`" for value in schema["enum"]), ""]
    return "\n".join([*lines, *_fields(schema)])


def _fields(schema: dict[str, Any]) -> Iterator[str]:
    if not schema.get("properties"):
        return
    yield "| field | type | |"
    yield "|---|---|---|"
    required = schema.get("required", [])
    for field, kind in schema["properties"].items():
        yield f"| `{field}` | {_kind(kind)} | {'' if field in required else 'may be left out'} |"
    yield ""


def _kind(kind: dict[str, Any]) -> str:
    if "$ref" in kind:
        name = kind["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in kind:
        return " or ".join(_kind(each) for each in kind["anyOf"])
    if kind.get("type") == "array":
        return f"list of {_kind(kind['items'])}, up to {kind.get('maxItems', 'any number')}"
    return " ".join(filter(None, (kind.get("type", "any"), kind.get("format"))))
