import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from hermodr_cli import output
from hermodr_cli.addresses import port_base
from hermodr_cli.refusal import Refusal
from hermodr_client import (
    Forbidden,
    Hermodr,
    HermodrError,
    Invalid,
    MalformedAnswer,
    NoAnswer,
    NotConfigured,
    NotFound,
    RateLimited,
    Retries,
    Unauthenticated,
    Unavailable,
)
from hermodr_client.configuration import base_of

URL_VARIABLE = "HERMODR_API_URL"
KEY_VARIABLE = "HERMODR_API_KEY"
ANSWER_SECONDS = 8.0
"""The API reports an absent ledger within 4.5 s; longer silence means something else."""
MISSING = "is the id right, and of this key's project?"
MANY_SECONDS = 35.0
"""Where the API itself takes up to 30 s for many rows."""
PATIENCE = Retries(attempts=4, total_seconds=ANSWER_SECONDS)

Url = Annotated[
    str | None,
    typer.Option(
        "--url", envvar=URL_VARIABLE, help="The API; by default this machine's, at HERMODR_PORT_BASE."
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key", help=f"The API key; better in {KEY_VARIABLE}, where no list of processes shows it."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
MOST_LISTED = 100_000
MOST_OF_A_PAGE = 200
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=MOST_LISTED, help="How many at most.")]


def api_url(url: str | None) -> str:
    """The option, the environment's, or this machine's own API. Raises `Refusal`, naming the variable."""
    try:
        own = f"http://127.0.0.1:{port_base(os.environ)}"
    except ValueError as error:
        raise Refusal(str(error)) from None
    return base_of(url or os.environ.get(URL_VARIABLE) or own)


@contextmanager
def calling(
    url: str | None, key: str | None, seconds: float = ANSWER_SECONDS, *, missing: str = MISSING
) -> Iterator[Hermodr]:
    """A client with this timeout; its failures end the command with a line and status 1. `missing`: advice for 404."""
    if not (key or os.environ.get(KEY_VARIABLE)):
        made = "`hermodr keys create --project NAME` makes one"
        output.announce(f"no API key: give --key, or set {KEY_VARIABLE}; {made}")
        raise typer.Exit(1)
    at = api_url(url)
    try:
        with Hermodr(at, key, timeout=seconds, retries=PATIENCE) as client:
            yield client
    except HermodrError as error:
        output.announce(explained(error, at, missing))
        raise typer.Exit(1) from None


def explained(error: HermodrError, at: str, missing: str = MISSING) -> str:
    """What happened when the API `at` this address was asked, and what to do."""
    line = " ".join(str(error).split())
    advice = next((text for kind, text in _ADVICE if isinstance(error, kind)), "")
    if isinstance(error, NotFound):
        advice = missing
    elif isinstance(error, NoAnswer | MalformedAnswer):
        line = f"{at}: {line}"
    return f"{line}; {advice}" if advice else line


_ADVICE: tuple[tuple[type[HermodrError], str], ...] = (
    (NotConfigured, ""),
    (NoAnswer, f"is the API running there (`hermodr up`)? {URL_VARIABLE} or --url says where it is"),
    (MalformedAnswer, f"{URL_VARIABLE} or --url says where it is"),
    (
        Unauthenticated,
        f"set {KEY_VARIABLE} to a key of this installation (`hermodr keys create --project NAME`)",
    ),
    (Forbidden, "use a key with that scope (`hermodr keys create --project NAME --scopes …`)"),
    (RateLimited, "wait, and try again"),
    (Unavailable, "see `hermodr doctor`"),
    (Invalid, ""),
)
