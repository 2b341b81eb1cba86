"""The options of a command that requests a notification, or asks what would become of it."""

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from hermodr_cli.remote import mail_parts, moments
from hermodr_client import To
from hermodr_client.models.notifications import DeliverAt, Escalate
from hermodr_contracts import json_values

STDIN = "-"

ToOption = Annotated[str | None, typer.Option(help="An email address, or a phone number that begins with +.")]
RecipientOption = Annotated[str | None, typer.Option(help="Instead of --to: a recipient's id.")]
ExternalIdOption = Annotated[str | None, typer.Option(help="Instead of --to: what your system calls them.")]
GroupOption = Annotated[
    str | None, typer.Option(help="Instead of --to: a group's id; everybody who is in it now.")
]
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
DeliverAtOption = Annotated[
    str | None, typer.Option(help="A time of day by the recipient's clock, such as 09:00.")
]
DayOption = Annotated[
    list[int] | None,
    typer.Option(min=1, max=7, help="With --deliver-at, only on this day: 1 (Monday) to 7. Repeatable."),
]
ExpiresOption = Annotated[str | None, typer.Option(help="Not after: a moment, as of --at.")]
MaxRetriesOption = Annotated[int | None, typer.Option(min=0, help="Tried again so often at most.")]
CancelKeyOption = Annotated[str | None, typer.Option(help="What `jobs cancel --cancel-key` cancels it by.")]
DigestKeyOption = Annotated[
    str | None, typer.Option(help="Waits for others with this key, and is sent with them as one message.")
]
DigestWindowOption = Annotated[str | None, typer.Option(help="With --digest-key, how long: 90s, 10m, 24h.")]
DigestMaxOption = Annotated[
    str | None,
    typer.Option("--digest-max-window", help="Each puts the message off, to at most this after the first."),
]
EscalateOption = Annotated[
    list[str] | None,
    typer.Option(
        "--escalate-after",
        help="The channels one after another, each so long after the one before (1h), until somebody looked. "
        "Repeatable: one for each channel but the first.",
    ),
]
DigestFirstOption = Annotated[
    str | None,
    typer.Option(help="now: the first is sent at once, by itself; wait (the default): with the others."),
]
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


class Group(NamedTuple):
    """Everybody in it."""

    id: str


class Wanted(NamedTuple):
    """Whom to, and the fields that were given."""

    to: To | str | Group
    content: dict[str, Any]


def wanted(
    to: ToOption = None,
    recipient: RecipientOption = None,
    external_id: ExternalIdOption = None,
    group: GroupOption = None,
    type: TypeOption = None,
    data: DataOption = None,
    subject: SubjectOption = None,
    text: TextOption = None,
    html: HtmlOption = None,
    channel: ChannelOption = None,
    priority: PriorityOption = None,
    at: AtOption = None,
    delay: DelayOption = None,
    deliver_at: DeliverAtOption = None,
    day: DayOption = None,
    expires_at: ExpiresOption = None,
    max_retries: MaxRetriesOption = None,
    cancel_key: CancelKeyOption = None,
    singleton_key: SingletonKeyOption = None,
    digest_key: DigestKeyOption = None,
    digest_window: DigestWindowOption = None,
    digest_max_window: DigestMaxOption = None,
    digest_first: DigestFirstOption = None,
    escalate_after: EscalateOption = None,
    sender: FromOption = None,
    reply_to: ReplyToOption = None,
    cc: CcOption = None,
    bcc: BccOption = None,
    header: HeaderOption = None,
    attach: AttachOption = None,
) -> Wanted:
    """As `Notifications.send` and `send_to_group` take it."""
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
        "deliver_at": _time_of_day(deliver_at, day),
        "expires_at": moments.moment(expires_at, "--expires-at"),
        "max_retries": max_retries,
        "cancel_key": cancel_key,
        "singleton_key": singleton_key,
        "digest": _digest(digest_key, digest_window, digest_max_window, digest_first),
        "escalate": _escalate(escalate_after or []),
        **mail_parts.fields(sender, reply_to, cc, bcc, header, attach),
    }
    given = {name: value for name, value in content.items() if value not in (None, {}, [])}
    return Wanted(_target(to, recipient, external_id, group), given)


def requesting(command: Callable[..., None]) -> Callable[..., None]:
    """The command, whose first parameter is what is `wanted`, with the options of that in its place."""
    of_request = inspect.signature(wanted).parameters
    _, *own = inspect.signature(command).parameters.values()

    def with_options(**given: Any) -> None:
        request = wanted(**{name: given.pop(name) for name in of_request})
        command(request, **given)

    with_options.__signature__ = inspect.Signature([*of_request.values(), *own])  # type: ignore[attr-defined]
    with_options.__annotations__ = {each.name: each.annotation for each in (*of_request.values(), *own)}
    with_options.__doc__, with_options.__name__ = command.__doc__, command.__name__
    return with_options


def _time_of_day(local_time: str | None, days: list[int] | None) -> DeliverAt | None:
    if local_time is None:
        if days:
            raise typer.BadParameter("goes with --deliver-at", param_hint="--day")
        return None
    return {"local_time": local_time, "days": days} if days else {"local_time": local_time}


def _digest(key: str | None, window: str | None, longest: str | None, first: str | None) -> dict[str, str]:
    given = {"key": key, "window": window, "max_window": longest, "first": first}
    found = {name: value for name, value in given.items() if value is not None}
    if found and (key is None or window is None):
        missing = "--digest-key" if key is None else "--digest-window"
        raise typer.BadParameter(f"{missing} is missing", param_hint="--digest-key")
    return found


def _escalate(after: list[str]) -> Escalate | dict[str, Any]:
    return {"after": after[0] if len(after) == 1 else after} if after else {}


def _target(
    to: str | None, recipient: str | None, external_id: str | None, group: str | None
) -> To | str | Group:
    given = [each for each in (to, recipient, external_id, group) if each]
    if len(given) != 1:
        raise typer.BadParameter("give one of --to, --recipient, --external-id, --group", param_hint="--to")
    if group:
        return Group(group)
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
