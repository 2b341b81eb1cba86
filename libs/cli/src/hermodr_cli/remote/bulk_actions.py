"""Bulk actions, and the question before one begins."""

import itertools
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import typer
from rich.text import Text

from hermodr_cli import output
from hermodr_cli.refusal import Refusal
from hermodr_cli.remote import columns
from hermodr_cli.remote.columns import Column
from hermodr_cli.remote.connection import MOST_OF_A_PAGE, AsJson, Key, Limit, Url, calling
from hermodr_cli.remote.showing import console, plain, show_document, since, state
from hermodr_client import Hermodr
from hermodr_client.models.bulk_actions import BulkAction, BulkPlan

app = typer.Typer(
    help="What is done to all jobs that fit: `jobs retry --all` and `jobs cancel --all` begin it.",
    no_args_is_help=True,
)

Deed = Literal["retry", "cancel"]
Id = Annotated[str, typer.Argument(metavar="ID")]

_DONE: Mapping[str, str] = {"retry": "queued again", "cancel": "cancelled"}
_LOOK_SECONDS = 0.5
_INTERRUPTED = 130


@app.command("list")
def list_command(limit: Limit = 20, url: Url = None, key: Key = None, as_json: AsJson = False) -> None:
    """Bulk actions, the newest first; each for 90 days after its end."""
    with calling(url, key) as hermodr:
        rows = hermodr.bulk_actions.list(page_size=min(limit, MOST_OF_A_PAGE))
        found = list(itertools.islice(rows, limit))
    columns.show_list(found, _columns, none="there was none", as_json=as_json)


@app.command("show")
def show_command(
    action_id: Id,
    wait: Annotated[bool, typer.Option("--wait", help="Follow it until it has ended.")] = False,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """How far one has come, and why it left jobs as they are."""
    with calling(url, key) as hermodr:
        found = hermodr.bulk_actions.get(action_id)
        _show(_followed(hermodr, found) if wait else found, as_json=as_json)


@app.command("stop")
def stop_command(action_id: Id, url: Url = None, key: Key = None, as_json: AsJson = False) -> None:
    """Stop one that runs; what is done stays done."""
    with calling(url, key) as hermodr:
        _show(hermodr.bulk_actions.stop(action_id), as_json=as_json)


def begin(
    hermodr: Hermodr,
    deed: Deed,
    fits: Mapping[str, Any],
    *,
    dry_run: bool,
    yes: bool,
    wait: bool,
    as_json: bool,
) -> None:
    """Counts, asks, has it done to those that were counted, and follows it. `fits`: names as in `jobs.list`."""
    plan = hermodr.bulk_actions.plan(deed, fits)
    if dry_run and as_json:
        show_document(plan)
    elif dry_run:
        print(f"{_counted(plan)} fit; nothing was done (--dry-run)")
    elif not (plan.matched or plan.more) and as_json:
        show_document({"matched": 0})
    elif not (plan.matched or plan.more):
        output.announce("no job fits")
    elif yes or _meant(deed, plan):
        begun = hermodr.bulk_actions.create(deed, {"created_before": plan.at, **fits})
        _show(_followed(hermodr, begun) if wait else begun, as_json=as_json)


def _meant(deed: Deed, plan: BulkPlan) -> bool:
    """Raises `Refusal` where nobody can be asked."""
    if not _at_a_terminal():
        raise Refusal(f"{_fit(plan)}; say --yes to have it done without a question")
    verb = "Queue them again" if deed == "retry" else "Cancel them"
    if typer.confirm(f"{_fit(plan)}. {verb}?", err=True):
        return True
    output.announce("nothing was done")
    return False


def _at_a_terminal() -> bool:
    return sys.stdin.isatty()


def _fit(plan: BulkPlan) -> str:
    if plan.matched:
        return f"{_counted(plan)} jobs fit"
    return "none of the newest jobs fits, and not all were looked at: older ones may"


def _counted(plan: BulkPlan) -> str:
    return f"{plan.matched}{'+' if plan.more else ''}"


def _followed(hermodr: Hermodr, action: BulkAction) -> BulkAction:
    """Until it has ended. Ctrl-C ends the looking, not the action."""
    try:
        with console().status("") as line:
            while not action.finished:
                line.update(_said(action))
                time.sleep(_LOOK_SECONDS)
                action = hermodr.bulk_actions.get(action.id)
    except KeyboardInterrupt:
        shown = f"hermodr bulk-actions show {action.id}"
        output.announce(f"it goes on ({shown}); hermodr bulk-actions stop {action.id} stops it")
        raise typer.Exit(_INTERRUPTED) from None
    return action


def _said(action: BulkAction) -> str:
    """`1490 queued again, 10 left as they are (10 expired)`."""
    said = f"{action.done} {_DONE.get(action.action, 'done')}"
    if not action.finished:
        said += f" of {action.matched}{'+' if action.more else ''}"
    if action.left:
        reasons = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in action.reasons.items())
        said += f", {action.left} left as they are ({reasons})"
    return said


def _show(action: BulkAction, *, as_json: bool) -> None:
    if as_json:
        show_document(action)
        return
    console().print(str(action.id), state(action.status), plain(_said(action)), soft_wrap=True)


def _columns(actions: Sequence[BulkAction]) -> list[Column]:
    now = datetime.now(UTC)
    return [
        Column("id", [Text(str(each.id)) for each in actions], whole=True),
        Column("since", [Text(since(each.created_at, now)) for each in actions], leaves=3),
        Column("action", [plain(each.action) for each in actions]),
        Column("type", [plain(each.filter.get("type", "")) for each in actions], leaves=1),
        Column("status", [state(each.status) for each in actions]),
        Column("done", [Text(str(each.done)) for each in actions], right=True),
        Column("left", [Text(str(each.left)) for each in actions], right=True, leaves=2),
    ]
