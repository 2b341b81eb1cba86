"""`hermodr send`: one notification, from a shell."""

import json
import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from hermodr_cli.remote import job_views
from hermodr_cli.remote.connection import AsJson, Key, Url, calling
from hermodr_cli.remote.showing import console, state
from hermodr_client import StillUnfinished, To

STDIN = "-"


ToOption = Annotated[str | None, typer.Option(help="An email address, or a phone number that begins with +.")]
RecipientOption = Annotated[str | None, typer.Option(help="Instead of --to: a recipient's id.")]
ExternalIdOption = Annotated[str | None, typer.Option(help="Instead of --to: what your system calls them.")]
TypeOption = Annotated[str | None, typer.Option("--type", help="The template's name.")]
DataOption = Annotated[
    list[str] | None,
    typer.Option(help="A variable of the template: name=text, or name:=JSON. Repeatable."),
]
SubjectOption = Annotated[str | None, typer.Option(help="Instead of a template: the subject.")]
TextOption = Annotated[
    str | None, typer.Option(help="With it, the plain text; - reads it from standard input.")
]
HtmlOption = Annotated[str | None, typer.Option(help="And the HTML; - reads it from standard input.")]
ChannelOption = Annotated[list[str] | None, typer.Option(help="Only by this channel. Repeatable.")]
PriorityOption = Annotated[str | None, typer.Option(help="urgent, normal or low.")]
AtOption = Annotated[str | None, typer.Option(help="When: 2026-11-22T09:00, else with an offset.")]
DelayOption = Annotated[float | None, typer.Option(min=0, help="Seconds from now.")]
SingletonKeyOption = Annotated[str | None, typer.Option(help="Only one unfinished job has it.")]
IdempotencyKeyOption = Annotated[str | None, typer.Option(help="Makes the command safe to repeat.")]
WaitOption = Annotated[bool, typer.Option("--wait", help="Wait for the end; status 1 unless it completed.")]
TimeoutOption = Annotated[float, typer.Option(min=0, help="Seconds to wait at most.")]


def send_command(
    to: ToOption = None,
    recipient: RecipientOption = None,
    external_id: ExternalIdOption = None,
    type: TypeOption = None,
    data: DataOption = None,
    subject: SubjectOption = None,
    text: TextOption = None,
    html: HtmlOption = None,
    channel: ChannelOption = None,
    priority: PriorityOption = None,
    at: AtOption = None,
    delay: DelayOption = None,
    singleton_key: SingletonKeyOption = None,
    idempotency_key: IdempotencyKeyOption = None,
    wait: WaitOption = False,
    timeout: TimeoutOption = 60.0,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Send one notification: hermodr send --to ada@example.com --subject Hello --text "It works." --wait"""
    content: dict[str, Any] = {
        "type": type,
        "data": _data(data or []),
        "subject": subject,
        "body_text": _read(text),
        "body_html": _read(html),
        "channels": channel,
        "priority": priority,
        "scheduled_for": _moment(at),
        "delay_seconds": delay,
        "singleton_key": singleton_key,
    }
    given = {name: value for name, value in content.items() if value not in (None, {}, [])}
    target = _target(to, recipient, external_id)
    with calling(url, key) as hermodr:
        accepted = hermodr.send(target, idempotency_key=idempotency_key, **given)
        if not wait:
            print(accepted.model_dump_json() if as_json else f"{accepted.job_id} {accepted.status}")
            return
        try:
            found = hermodr.jobs.wait(accepted.job_id, timeout)
        except StillUnfinished as error:
            found = error.last
        timeline = hermodr.jobs.timeline(accepted.job_id)
    if as_json:
        print(found.model_dump_json())
    else:
        screen = console()
        screen.print(str(accepted.job_id), state(found.job.status))
        screen.print(job_views.story(timeline))
    if found.job.status != "completed":
        raise typer.Exit(1)


def _target(to: str | None, recipient: str | None, external_id: str | None) -> To | str:
    given = [each for each in (to, recipient, external_id) if each]
    if len(given) != 1:
        raise typer.BadParameter("give one of --to, --recipient, --external-id", param_hint="--to")
    if to:
        return to
    return {"recipient_id": recipient} if recipient else {"external_id": given[0]}


def _data(pairs: list[str]) -> dict[str, Any]:
    """`name=text` and `name:=JSON`. Raises typer.BadParameter."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.rstrip(":"):
            raise typer.BadParameter(
                f"{pair[:40]!r} is neither name=text nor name:=JSON", param_hint="--data"
            )
        if not name.endswith(":"):
            found[name] = value
            continue
        try:
            found[name[:-1]] = json.loads(value)
        except ValueError:
            raise typer.BadParameter(f"the value of {name[:-1]} is not JSON", param_hint="--data") from None
    return found


def _read(text: str | None) -> str | None:
    return sys.stdin.read() if text == STDIN else text


def _moment(text: str | None) -> datetime | None:
    """A moment; without its offset it is this machine's time."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise typer.BadParameter("is no moment such as 2026-11-22T09:00", param_hint="--at") from None
