"""What pages with lists share."""

from urllib.parse import urlencode

from starlette.requests import Request


def older(request: Request, cursor: str | None) -> str | None:
    """Where the list goes on, with the filters that it has."""
    if cursor is None:
        return None
    filters = [each for each in request.query_params.multi_items() if each[0] != "cursor"]
    return f"{request.url.path}?{urlencode([*filters, ('cursor', cursor)])}"
