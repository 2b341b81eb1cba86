import io
import os
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from hermodr_cli import output
from hermodr_cli.lazy import Entry, LazyGroup
from hermodr_cli.refusal import Refusal

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

INTERRUPTED = 130


class Commands(LazyGroup):
    entries: ClassVar[Mapping[str, Entry]] = {
        "up": Entry(None, "Run every service in the foreground, until Ctrl-C."),
        "down": Entry(None, "Stop what was started here, and leave nothing behind."),
        "demo": Entry(
            None,
            "Send 200 real notifications through every service to a pretended mail server, and show what came of them.",
        ),
        "doctor": Entry(
            "hermodr_cli.commands.doctor:command",
            "Examine database, broker, services, providers and clock, and say what to do. Starts and changes nothing.",
        ),
        "migrate": Entry(
            "hermodr_cli.commands.schema:migrate_command",
            "Bring the database to the shape this version knows. Safe to run many times, and many at once.",
        ),
        "provision": Entry(
            "hermodr_cli.commands.provision:command",
            "Migrate, and let each service log in at the servers; its secrets go to a folder of its own. Safe to run "
            "many times, and many at once: secrets that are there already stay.",
        ),
        "roles": Entry(
            "hermodr_cli.commands.roles:command",
            "What each service may do in the database and at the broker, for servers that others administer. "
            "Changes nothing.",
        ),
        "topology": Entry("hermodr_cli.commands.schema:topology", "The exchanges and queues at the broker."),
        "keys": Entry("hermodr_cli.grouped:keys", "API keys."),
        "tokens": Entry("hermodr_cli.grouped:tokens", "Tokens of end users."),
        "send": Entry(
            "hermodr_cli.remote.sending:send_command",
            'Send a notification: hermodr send --to ada@example.com --subject Hello --text "It works." --wait',
        ),
        "simulate": Entry(
            "hermodr_cli.remote.simulating:simulate_command",
            "Tell what would become of a notification: the options are those of `send`. Nothing is sent.",
        ),
        "jobs": Entry("hermodr_cli.remote.jobs:app", "Follow jobs, cancel them, ask for them again."),
        "bulk-actions": Entry(
            "hermodr_cli.remote.bulk_actions:app",
            "What is done to all jobs that fit: `jobs retry --all` and `jobs cancel --all` begin it.",
        ),
        "dead-letters": Entry(
            "hermodr_cli.remote.dead_letters:app", "Look at dead letters, and send them on their way again."
        ),
        "queues": Entry(
            "hermodr_cli.remote.queues:app", "How full the queues are; stop a channel, and let it go on."
        ),
        "schedules": Entry("hermodr_cli.remote.schedules:app", "Jobs on a rule: any notification or task."),
        "tasks": Entry(
            "hermodr_cli.remote.tasks:app", "Background tasks: list them, run one, see how they fare."
        ),
        "project": Entry("hermodr_cli.remote.project:app", "What holds for all mails of the key's project."),
        "projects": Entry(
            "hermodr_cli.remote.projects:app",
            "All projects: what they may use, and do use. The key is an operator's.",
        ),
        "connections": Entry(
            "hermodr_cli.remote.databases:app",
            "Databases that tasks may read: their schemas, and exports of their data.",
        ),
        "senders": Entry(
            "hermodr_cli.remote.senders:app", "Whom mails may be from: verified addresses and domains."
        ),
        "webhooks": Entry(
            "hermodr_cli.remote.webhooks:app",
            "Endpoints that events are posted to, and what was sent to them.",
        ),
        "console": Entry(
            "hermodr_cli.remote.console:command",
            "Open the operators' pages in a browser. The link that is printed works once, within five minutes.",
        ),
        "audit": Entry(
            "hermodr_cli.remote.audit:app",
            "Who changed what, and who looked at contents. The key is an admin's.",
        ),
        "suppressions": Entry(
            "hermodr_cli.remote.suppressions:app",
            "Addresses that nothing is sent to: they bounced, complained, or you say so.",
        ),
        "recipients": Entry(
            "hermodr_cli.remote.recipients:app", "The address book: list it, bring it from a file."
        ),
        "templates": Entry(
            "hermodr_cli.remote.templates:app",
            "Templates: list them, preview them, keep them as files, bring the starters.",
        ),
        "providers": Entry("hermodr_cli.remote.providers:app", "What mails and messages are sent through."),
    }


app = typer.Typer(
    name="hermodr",
    cls=Commands,
    help="Notifications that are never lost, and background tasks.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _say_version(wanted: bool) -> None:
    if wanted:
        print(f"hermodr {version('hermodr-cli')}")
        raise typer.Exit


@app.callback()
def hermodr(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_say_version, help="Say the version, and end."),
    ] = False,
) -> None:
    """Notifications that are never lost, and background tasks."""


class Nowhere(io.FileIO):
    """Stands for an output that is closed. `asked`: something was to be written."""

    asked = False

    def write(self, octets: "ReadableBuffer", /) -> int:
        self.asked = True
        return super().write(octets)


def main() -> None:
    """Run the command line; what the user can mend is said in a sentence, without a stack trace."""
    nowhere = None
    if sys.stdout is None:  # closed by whoever started us: what is opened next would get its number
        nowhere = Nowhere(os.devnull, "w")
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(nowhere), encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - it is to last
    for name in ("stdout", "stderr"):
        if isinstance(stream := getattr(sys, name), io.TextIOWrapper):
            setattr(sys, name, output.ShownText(stream))
    # httpx loads a command line of its own, with a highlighter for every language, where it finds what that needs, and
    # does without where not: a seventh of what `hermodr jobs list` would load.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
    status = _flushed(_run())
    if nowhere is not None and nowhere.asked and not status:
        output.announce("standard output is closed: what was to be printed went nowhere")
        status = 1
    sys.exit(status)


def _run() -> int:
    try:
        if any("\udc80" <= letter <= "\udcff" for word in sys.argv for letter in word):
            raise Refusal("an argument is no text in UTF-8")
        app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except Refusal as error:
        output.announce(str(error))
        return error.status
    except OSError as error:  # a folder that is not ours, a full disk
        output.announce(str(error))
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _flushed(status: int) -> int:
    """Discards what a closed pipe no longer takes."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return status or 1
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not status:
            output.announce(f"standard output: {error}")
        return status or 1
    return status


if __name__ == "__main__":
    main()
