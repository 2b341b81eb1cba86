"""What is posted to a recipient's own URL: a JSON text, made by a template or of the data."""

import json
from datetime import UTC, datetime
from typing import NoReturn

MOST_OCTETS = 256 * 1024


def usual_payload(type_name: str | None, at: datetime, data: str) -> str:
    """Of a template without texts for webhooks. `data`, a JSON object, is taken over as it is written."""
    moment = at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return f'{{"type":{json.dumps(type_name)},"timestamp":"{moment}","data":{data}}}'


def payload_flaw(text: str) -> str | None:
    """Why it cannot be sent, without any of its values."""
    if (octets := len(text.encode("utf-8", "surrogatepass"))) > MOST_OCTETS:
        return f"is too large: {octets} octets; at most {MOST_OCTETS} are sent"
    try:
        json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        return f"is no JSON: line {error.lineno}, column {error.colno}: {error.msg}"
    except RecursionError:
        return "is no JSON: it is nested too deeply"
    except ValueError as error:
        return f"is no JSON: {error}"
    return None


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"there is no {name} in it")
