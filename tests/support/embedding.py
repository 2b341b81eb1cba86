"""Pages of somebody else's: the examples of clients/js, served from an origin that is not the api's."""

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

EXAMPLES = Path(__file__).parents[2] / "clients/js/examples"


def policy(api: str) -> str:
    """As strict as it can be for a page that embeds the inbox, as the guide says it."""
    return (
        f"default-src 'none'; script-src 'self' {api}; connect-src {api}; style-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
    )


@contextmanager
def embedder(api: str, folder: Path = EXAMPLES / "html", *, strict: bool = True) -> Iterator[str]:
    """The origin of the pages in the folder, under that policy if `strict`. Ends with the block."""

    class Pages(http.server.SimpleHTTPRequestHandler):
        extensions_map = {  # noqa: RUF012 - the standard library's
            **http.server.SimpleHTTPRequestHandler.extensions_map,
            ".jsx": "text/javascript",
        }

        def end_headers(self) -> None:
            if strict:
                self.send_header("content-security-policy", policy(api))
            self.send_header("cache-control", "no-store")
            super().end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    handler = functools.partial(Pages, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            serving.join()


def address(origin: str, api: str, token: str, jobs: tuple[str, ...] = (), **attributes: str) -> str:
    """Of the example page, for a user; `attributes` are those of its `<hermodr-inbox>`."""
    given = [("api", api), ("token", token), *attributes.items(), *(("job", each) for each in jobs)]
    return f"{origin}/#{urlencode(given)}"
