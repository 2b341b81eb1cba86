"""How the index is shown."""

from pydantic import BaseModel


class IndexView(BaseModel):
    """Where to go from here. `routes` are by group."""

    name: str
    version: str
    openapi: str
    docs: str
    health: str
    routes: dict[str, list[str]]
