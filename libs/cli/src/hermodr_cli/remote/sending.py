import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from hermodr_cli.remote import job_views, mail_parts, moments
from hermodr_cli.remote.connection import AsJson, Key, Url, calling
from hermodr_cli.remote.showing import console, show_document, state
from hermodr_client import Accepted, Hermodr, StillUnfinished, To
from hermodr_client.models.jobs import JobDetail, Timeline
from hermodr_contracts import json_values

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
DelayOption = Annotated[float | None, typer.Option(min=0, callback=moments.finite, help="Seconds from now.")]
ExpiresOption = Annotated[str | None, typer.Option(help="Not after: a moment, as of --at.")]
MaxRetriesOption = Annotated[int | None, typer.Option(min=0, help="Tried again so often at most.")]
CancelKeyOption = Annotated[str | None, typer.Option(help="What `jobs cancel --cancel-key` cancels it by.")]
SingletonKeyOption = Annotated[str | None, typer.Option(help="Only one unfinished job has it.")]
IdempotencyKeyOption = Annotated[str | None, typer.Option(help="Makes the command safe to repeat.")]
FromOption = Annotated[
    str | None, typer.Option("--from", help="Whom the mail is from: one of `hermodr senders`.")
]
ReplyToOption = Annotated[list[str] | None, typer.Option(help="Where answers go. Repeatable.")]
CcOption = Annotated[list[str] | None, typer.Option(help="Gets the mail too, and stands in it. Repeatable.")]
BccOption = Annotated[list[str] | None, typer.Option(help="Gets the mail too, unseen. Repeatable.")]
HeaderOption = Annotated[
    list[str] | None, typer.Option(help="A header of the mail, such as 'X-Order: 17'. Repeatable.")
]
AttachOption = Annotated[
    list[Path] | None,
    typer.Option(help="A file to attach. Repeatable.", exists=True, dir_okay=False, readable=True),
]
WaitOption = Annotated[bool, typer.Option("--wait", help="Wait for the end; status 1 unless it completed.")]
TimeoutOption = Annotated[
    float, typer.Option(min=0, callback=moments.finite, help="Seconds to wait at most.")
]


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
    expires_at: ExpiresOption = None,
    max_retries: MaxRetriesOption = None,
    cancel_key: CancelKeyOption = None,
    singleton_key: SingletonKeyOption = None,
    idempotency_key: IdempotencyKeyOption = None,
    sender: FromOption = None,
    reply_to: ReplyToOption = None,
    cc: CcOption = None,
    bcc: BccOption = None,
    header: HeaderOption = None,
    attach: AttachOption = None,
    wait: WaitOption = False,
    timeout: TimeoutOption = 60.0,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Send one notification: hermodr send --to ada@example.com --subject Hello --text "It works." --wait"""
    content: dict[str, Any] = {
        "type": type,
        "data": data_of(data or []),
        "subject": subject,
        "body_text": _read(text, "--text"),
        "body_html": _read(html, "--html"),
        "channels": channel,
        "priority": priority,
        "scheduled_for": moments.moment(at, "--at"),
        "delay_seconds": delay,
        "expires_at": moments.moment(expires_at, "--expires-at"),
        "max_retries": max_retries,
        "cancel_key": cancel_key,
        "singleton_key": singleton_key,
        **mail_parts.fields(sender, reply_to, cc, bcc, header, attach),
    }
    given = {name: value for name, value in content.items() if value not in (None, {}, [])}
    target = _target(to, recipient, external_id)
    with calling(url, key) as hermodr:
        accepted = hermodr.send(target, idempotency_key=idempotency_key, **given)
        if not wait:
            if as_json:
                show_document(accepted)
            else:
                print(f"{accepted.job_id} {accepted.status}")
            return
        found, timeline = _end(hermodr, accepted, timeout)
    _show(accepted, found, timeline, as_json)


def _show(accepted: Accepted, found: JobDetail, timeline: Timeline, as_json: bool) -> None:
    """Ends with status 1 unless it was completed."""
    if as_json:
        show_document(found)
    else:
        screen = console()
        screen.print(str(accepted.job_id), state(found.job.status), soft_wrap=True)
        screen.print(job_views.story(timeline), soft_wrap=True)
    if found.job.status != "completed":
        raise typer.Exit(1)


def _end(hermodr: Hermodr, accepted: Accepted, timeout: float) -> tuple[JobDetail, Timeline]:
    try:
        found = hermodr.jobs.wait(accepted.job_id, timeout)
    except StillUnfinished as error:
        found = error.last
    return found, hermodr.jobs.timeline(accepted.job_id)


def _target(to: str | None, recipient: str | None, external_id: str | None) -> To | str:
    given = [each for each in (to, recipient, external_id) if each]
    if len(given) != 1:
        raise typer.BadParameter("give one of --to, --recipient, --external-id", param_hint="--to")
    if to:
        if "@" not in to and not to.startswith("+"):
            reason = "is neither an email address, with an @, nor a phone number, with a leading +"
            raise typer.BadParameter(
                f"{reason}; for the address book give --recipient or --external-id", param_hint="--to"
            )
        return to
    return {"recipient_id": recipient} if recipient else {"external_id": given[0]}


def data_of(pairs: list[str]) -> dict[str, Any]:
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
        found[name[:-1]] = _json(name[:-1], value)
    return found


def _json(name: str, text: str) -> Any:
    try:
        holder = {name: json_values.read(text)}
    except ValueError:
        raise typer.BadParameter(f"the value of {name} is not JSON", param_hint="--data") from None
    for at, reason in json_values.settle(holder):
        raise typer.BadParameter(f"{'.'.join(map(str, at))[:80]} {reason}", param_hint="--data")
    return holder[name]


def _read(text: str | None, option: str) -> str | None:
    """`-` reads standard input. Raises typer.BadParameter for what is no text."""
    if text != STDIN:
        return text
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError:
        raise typer.BadParameter("standard input is no text in UTF-8", param_hint=option) from None
