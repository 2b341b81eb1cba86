import webbrowser
from typing import Annotated

import typer

from hermodr_cli import output
from hermodr_cli.remote.connection import AsJson, Key, Url, calling
from hermodr_cli.remote.showing import in_json


def command(
    open_it: Annotated[
        bool, typer.Option("--open/--no-open", help="Whether a browser is opened, too.")
    ] = True,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Open the operators' pages in a browser. The link that is printed works once, within five minutes."""
    with calling(url, key) as hermodr:
        link = hermodr.console.link()
    if as_json:
        in_json(link)
        return
    print(link.url)
    if open_it and not webbrowser.open(link.url):
        output.announce("no browser here: open the link in one, within five minutes; it works once")
