"""What would become of a notification."""

from collections.abc import Sequence

import typer
from rich.text import Text

from hermodr_cli.remote import columns
from hermodr_cli.remote.columns import Column
from hermodr_cli.remote.connection import AsJson, Key, Url, calling
from hermodr_cli.remote.requesting import Group, Wanted, requesting
from hermodr_cli.remote.showing import plain, show_document
from hermodr_client.models.simulations import Foreseen


@requesting
def simulate_command(request: Wanted, url: Url = None, key: Key = None, as_json: AsJson = False) -> None:
    """Tell what would become of a notification: the options are those of `send`. Nothing is sent."""
    if isinstance(request.to, Group):
        raise typer.BadParameter("only one recipient at a time is simulated", param_hint="--group")
    with calling(url, key) as hermodr:
        found = hermodr.simulate(request.to, **request.content)
    if as_json:
        show_document(found)
    else:
        columns.show(_columns(found.channels))


def _columns(channels: Sequence[Foreseen]) -> list[Column]:
    return [
        Column("channel", [plain(each.channel or "none") for each in channels]),
        Column("verdict", [Text(each.verdict) for each in channels], whole=True),
        Column("reason", [plain(each.reason or "") for each in channels]),
        Column("at", [Text(_moment(each)) for each in channels], whole=True),
        Column("by", [plain(each.provider or "") for each in channels], leaves=1),
        Column("subject", [plain(each.subject or "") for each in channels], leaves=2, folds=True),
    ]


def _moment(each: Foreseen) -> str:
    return f"{each.send_at:%Y-%m-%d %H:%M:%S %Z}" if each.send_at is not None else ""
