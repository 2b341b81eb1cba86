"""FastAPI routes with our own reading of bodies."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.http.auth import Needs
from hermodr_api.http.bodies import Body
from hermodr_api.http.intake import has_body, read_body
from hermodr_api.http.openapi import describe


class Route(APIRoute):
    """The framework would read a body of any size before authentication, accept duplicate keys and round numbers. Here
    it is read after authentication, within limits and in a thread, and every flaw is reported (`intake.read_body`)."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if options.get("status_code") == 204:
            options["response_class"] = Response  # no Content-Type without a body
        super().__init__(path, endpoint, **options)
        describe(self, self._needs(), self._body())

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        needs, body = self._needs(), self._body()
        if body is None:
            return handle
        required = self.body_field is not None and self.body_field.field_info.is_required()

        async def read_first(request: Request) -> Response:
            if needs is not None:
                await needs(request)
            taken = await read_body(request, body) if required or has_body(request) else None
            return await handle(_Taken(request, taken))

        return read_first

    def _needs(self) -> Needs | None:
        return next((each for each in _calls(self.dependant) if isinstance(each, Needs)), None)

    def _body(self) -> type[Body] | None:
        kind = self.body_field.field_info.annotation if self.body_field is not None else None
        return kind if isinstance(kind, type) and issubclass(kind, Body) else None


def _calls(dependant: Dependant) -> Iterator[object]:
    """What the route depends on, at whatever depth."""
    for each in dependant.dependencies:
        yield each.call
        yield from _calls(each)


class _Taken(Request):
    """A request whose body was read; `None`: there is none."""

    def __init__(self, request: Request, body: Body | None) -> None:
        super().__init__(request.scope, request.receive)
        self._taken = body

    async def body(self) -> Any:
        """The framework checks here whether there is a body."""
        return self._taken or b""

    async def json(self) -> Any:
        return self._taken
