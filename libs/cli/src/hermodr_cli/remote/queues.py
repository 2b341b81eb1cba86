from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.text import Text

from hermodr_cli import output
from hermodr_cli.remote import columns
from hermodr_cli.remote.columns import Column
from hermodr_cli.remote.connection import AsJson, Key, Url, calling
from hermodr_cli.remote.showing import plain, show_document, since, span
from hermodr_client.models.operations import ChannelQueues, Lane, Pausing, QueuesReport

app = typer.Typer(help="How full the queues are; stop a channel, and let it go on.")

Channel = Annotated[str, typer.Argument(metavar="CHANNEL", help="email, …")]
Reason = Annotated[str | None, typer.Option(help="For the people who wonder.")]
_CHANNELS = "`hermodr queues list` shows those that there are"
UNKNOWN = "?"
"""What only the broker knows, while it is away."""


@app.callback(invoke_without_command=True)
def group(context: typer.Context) -> None:
    """How full the queues are; stop a channel, and let it go on. Alone: list."""
    if context.invoked_subcommand is None:
        list_command()


@app.command("list")
def list_command(url: Url = None, key: Key = None, as_json: AsJson = False) -> None:
    """Every channel's lanes with what waits, who reads and how fast."""
    with calling(url, key) as hermodr:
        found = hermodr.queues.get()
    if as_json:
        show_document(found)
        return
    columns.show(_columns(found))
    now = datetime.now(UTC)
    for channel in found.data:
        if channel.paused:
            output.announce(_paused(channel, now))
    if found.waiting_tasks:
        waiting = f"{output.counted(found.waiting_tasks, 'task')} waiting for a worker"
        output.announce(waiting)
    if not found.broker_connected:
        output.announce("the broker cannot be reached: see `hermodr doctor`")


@app.command("pause")
def pause_command(
    channel: Channel, reason: Reason = None, url: Url = None, key: Key = None, as_json: AsJson = False
) -> None:
    """Stop a channel, of every project: nothing is sent, nothing is lost. The key needs the scope admin."""
    with calling(url, key, missing=_CHANNELS) as hermodr:
        _tell(hermodr.queues.pause, channel, reason, as_json=as_json)


@app.command("resume")
def resume_command(
    channel: Channel, reason: Reason = None, url: Url = None, key: Key = None, as_json: AsJson = False
) -> None:
    """Let a channel go on. The key needs the scope admin."""
    with calling(url, key, missing=_CHANNELS) as hermodr:
        _tell(hermodr.queues.resume, channel, reason, as_json=as_json)


def _tell(
    act: Callable[[str, str | None], Pausing], channel: str, reason: str | None, *, as_json: bool
) -> None:
    answer = act(channel, reason)
    if as_json:
        show_document(answer)
        return
    did, already = ("is paused", "was paused already") if answer.paused else ("goes on", "was not paused")
    print(f"{answer.channel} {did if answer.changed else already}")


def _columns(found: QueuesReport) -> list[Column]:
    lanes: Sequence[tuple[str, Lane, ChannelQueues | None]] = [
        *((channel.channel, lane, channel) for channel in found.data for lane in channel.lanes),
        *(("(to decide)", lane, None) for lane in found.dispatch),
    ]
    extra = [lane.model_extra or {} for _, lane, _ in lanes]
    return [
        Column("channel", [_name(name, channel) for name, _, channel in lanes], whole=True),
        Column("lane", [plain(lane.lane) for _, lane, _ in lanes]),
        Column("waiting", [Text(str(lane.waiting)) for _, lane, _ in lanes], right=True),
        Column("oldest", [Text(_age(lane.oldest_seconds)) for _, lane, _ in lanes], leaves=6, right=True),
        Column("later", [Text(_number(each.get("later", ""))) for each in extra], leaves=2, right=True),
        Column("sending", [Text(_number(each.get("sending", ""))) for each in extra], leaves=4, right=True),
        Column(
            "sent/s", [Text(_number(each.get("sent_per_second", ""))) for each in extra], leaves=5, right=True
        ),
        Column(
            "failed/s",
            [Text(_number(each.get("failed_per_second", ""))) for each in extra],
            leaves=3,
            right=True,
        ),
        Column("ready", [Text(_number(lane.ready)) for _, lane, _ in lanes], leaves=1, right=True),
        Column("consumers", [_consumers(lane) for _, lane, _ in lanes], leaves=7, right=True),
    ]


def _name(name: str, channel: ChannelQueues | None) -> Text:
    return Text(f"{name} (paused)", "bold yellow") if channel is not None and channel.paused else plain(name)


def _age(seconds: float | None) -> str:
    return span(timedelta(seconds=seconds)) if seconds is not None else ""


def _number(value: object) -> str:
    if value is None:
        return UNKNOWN
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def _consumers(lane: Lane) -> Text:
    return Text("none", "bold red") if lane.consumers == 0 else Text(_number(lane.consumers))


def _paused(channel: ChannelQueues, now: datetime) -> str:
    why = f" ({' '.join(channel.reason.split())})" if channel.reason else ""
    name = channel.channel
    return f"{name} was paused {since(channel.paused_at, now)}{why}; `hermodr queues resume {name}`"
