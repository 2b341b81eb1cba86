"""The `hermodr` command: builds its parts, nothing else."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from aio_pika.exceptions import AMQPError

from hermodr_cli import backing, demo
from hermodr_cli.commands import keys as api_keys
from hermodr_cli.commands import schema, tokens
from hermodr_cli.commands.settings import installation
from hermodr_cli.doctor import report, run
from hermodr_cli.remote import dead_letters, jobs, sending
from hermodr_cli.remote.connection import AsJson, Url, api_url
from hermodr_cli.remote.showing import console
from hermodr_cli.supervisor import output, up
from hermodr_ledger import rates
from hermodr_ledger.engine import LedgerUnavailable
from hermodr_ledger.schema_version import SchemaMismatch
from hermodr_servicekit.outages import BrokerUnavailable

app = typer.Typer(
    name="hermodr",
    help="Notifications and background jobs that are never lost.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

topology = typer.Typer(help="The exchanges and queues at the broker.", no_args_is_help=True)
keys = typer.Typer(help="API keys.", no_args_is_help=True)
app.add_typer(topology, name="topology")
app.add_typer(keys, name="keys")
app.command("send")(sending.send_command)
app.add_typer(jobs.app, name="jobs")
app.add_typer(dead_letters.app, name="dead-letters")
tokens_app = typer.Typer(help="Tokens of end users, for development.", no_args_is_help=True)
app.add_typer(tokens_app, name="tokens")


@app.command("up")
def up_command() -> None:
    """Run every service in the foreground, until Ctrl-C."""
    raise typer.Exit(up.run(output.announce))


@app.command("down")
def down_command(
    keep: Annotated[bool, typer.Option("--keep", help="Keep what the servers stored.")] = False,
) -> None:
    """Stop what was started here, and leave nothing behind."""
    told: list[str] = []

    def say(text: str) -> None:
        told.append(text)
        output.announce(text)

    up.stop_running(say)
    demo.stop_running(say)
    backing.down(say, keep=keep)
    if not told:
        say("nothing runs")


@app.command("demo")
def demo_command(
    ci: Annotated[
        bool, typer.Option("--ci", help="End by itself; the status says whether all was well.")
    ] = False,
    picture: Annotated[
        Path | None, typer.Option(hidden=True, help="Write what is shown to this SVG.")
    ] = None,
) -> None:
    """Send 200 real notifications through every service to a pretended mail server, and show what came of them."""
    raise typer.Exit(demo.run(demo.Screen(), ci=ci, picture=picture))


@app.command("doctor")
def doctor_command(url: Url = None, as_json: AsJson = False) -> None:
    """Examine database, broker, services, providers and clock, and say what to do. Starts and changes nothing."""
    findings = run.examine(api_url(url))
    if as_json:
        print(report.document(findings))
    else:
        console().print(report.table(findings))
    raise typer.Exit(0 if run.healthy(findings) else 1)


@app.command("migrate")
def migrate_command() -> None:
    """Bring the database to the shape this version knows. Safe to run many times, and many at once."""
    revision = schema.migrate_database(installation(output.announce))
    output.announce(f"the database is at revision {revision}")


@topology.command("apply")
def topology_apply_command() -> None:
    """Declare every exchange and queue at the broker. Services do so themselves when they start."""
    applied = schema.apply_topology(installation(output.announce))
    output.announce(f"{len(applied.exchanges)} exchanges and {len(applied.queues)} queues are in place")


@keys.command("create")
def keys_create_command(
    project: Annotated[str, typer.Option(help="The project the key opens; made if it is new.")],
    scopes: Annotated[
        str, typer.Option(help="Of send, read, manage, admin, separated by commas.")
    ] = "send,read",
    name: Annotated[str, typer.Option(help="What people call the key.")] = "",
    rate: Annotated[
        str, typer.Option(help="How often it may call: 600/m, or 50/s,burst=200; off: the default.")
    ] = "off",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
) -> None:
    """Make an API key. It is shown once: only its hash is kept."""
    try:
        wanted = api_keys.parse_scopes(scopes)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--scopes") from None
    try:
        limit = rates.parse(rate)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--rate") from None
    if not project.strip():
        raise typer.BadParameter("must not be empty", param_hint="--project")
    created = api_keys.create(installation(output.announce), project.strip(), wanted, name, limit)
    record = created.record
    if as_json:
        answer = {
            "key": created.secret,
            "id": str(record.id),
            "project": created.project,
            "project_id": str(record.project_id),
            "name": record.name,
            "scopes": record.scopes,
        }
        print(json.dumps(answer))
        return
    output.announce(
        f"a key of project {created.project} with {', '.join(record.scopes)}; keep it, it is shown once"
    )
    print(created.secret)


@tokens_app.command("create")
def tokens_create_command(
    project: Annotated[str, typer.Option(help="The project the user belongs to: its name or id.")],
    user: Annotated[str, typer.Option(help="The user's id, as recipients have it in user_id.")],
    hours: Annotated[float, typer.Option(min=0.01, max=24 * 366, help="How long it holds.")] = 12.0,
) -> None:
    """Make a token for an end user, signed with HERMODR_JWT_SECRET or the secret `hermodr up` made up."""
    print(tokens.create(installation(output.announce), project.strip(), user.strip(), hours))


def main() -> None:
    """Run the command line; what the user can mend is said in a sentence, without a stack trace."""
    try:
        app()
    except (backing.BackingError, up.CannotStart, SchemaMismatch, tokens.CannotSign) as error:
        output.announce(str(error))
        sys.exit(1)
    except LedgerUnavailable as error:
        output.announce(f"the database of HERMODR_DATABASE_URL does not answer ({error})")
        sys.exit(1)
    except BrokerUnavailable as error:
        output.announce(f"the broker of HERMODR_AMQP_URL cannot be used ({error})")
        sys.exit(1)
    except (AMQPError, OSError) as error:
        output.announce(f"the broker of HERMODR_AMQP_URL does not answer ({type(error).__name__})")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
