import sys

import typer

from hermodr_cli.doctor import report, run
from hermodr_cli.remote.connection import AsJson, Url, api_url
from hermodr_cli.remote.showing import console
from hermodr_cli.screen import Screen


def command(url: Url = None, as_json: AsJson = False) -> None:
    """Examine database, broker, services, providers and clock, and say what to do. Starts and changes nothing."""
    address = api_url(url)
    with Screen(sys.stderr).status("examining; what does not answer is given a few seconds …"):
        findings = run.examine(address)
    if as_json:
        print(report.document(findings))
    else:
        screen = console()
        screen.print(report.table(findings, ascii_only=not screen.encoding.startswith("utf")))
    raise typer.Exit(0 if run.healthy(findings) else 1)
