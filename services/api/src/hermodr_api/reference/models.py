from pydantic import BaseModel


class IndexView(BaseModel):
    """The entry points of the API; `routes` are grouped."""

    name: str
    version: str
    openapi: str
    docs: str
    health: str
    routes: dict[str, list[str]]
