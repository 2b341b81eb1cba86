import itertools
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from hermodr_cli import output
from hermodr_cli.refusal import Refusal
from hermodr_cli.remote import columns, moments
from hermodr_cli.remote.columns import Column
from hermodr_cli.remote.connection import MOST_OF_A_PAGE, AsJson, Key, Limit, Url, calling
from hermodr_cli.remote.showing import plain, show_document, since, state, taken
from hermodr_client.models.webhooks import CreatedEndpoint, Endpoint, EndpointDelivery

app = typer.Typer(help="Endpoints that events are posted to, and what was sent to them.")

EndpointId = Annotated[str, typer.Argument(metavar="ID", help="The endpoint's id.")]
MessageId = Annotated[str, typer.Argument(metavar="MESSAGE", help="The message's id (header webhook-id).")]
Events = Annotated[
    list[str] | None, typer.Option("--event", help="Only this event, such as delivery.bounced; repeatable.")
]


@app.callback(invoke_without_command=True)
def group(context: typer.Context) -> None:
    """Endpoints that events are posted to, and what was sent to them. Alone: list."""
    if context.invoked_subcommand is None:
        list_command()


@app.command("list")
def list_command(limit: Limit = 20, url: Url = None, key: Key = None, as_json: AsJson = False) -> None:
    """The project's endpoints, the newest first."""
    with calling(url, key) as hermodr:
        rows = hermodr.webhooks.list(sort="-created_at", page_size=min(limit, MOST_OF_A_PAGE))
        found = list(itertools.islice(rows, limit))
    none = "there are no endpoints: hermodr webhooks create https://…"
    columns.show_list(found, _columns, none=none, as_json=as_json)


@app.command("create")
def create_command(
    endpoint_url: Annotated[str, typer.Argument(metavar="URL", help="Where events are posted.")],
    event: Events = None,
    description: Annotated[str | None, typer.Option(help="For people.")] = None,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Add an endpoint. Its secret is shown this once."""
    with calling(url, key) as hermodr:
        made = hermodr.webhooks.create(endpoint_url, events=event or None, description=description)
    _show_secret(made, as_json)


@app.command("show")
def show_command(endpoint_id: EndpointId, url: Url = None, key: Key = None, as_json: AsJson = False) -> None:
    """One endpoint, with its URL if the key may change it."""
    with calling(url, key) as hermodr:
        found = hermodr.webhooks.get(endpoint_id)
    if as_json:
        show_document(found)
        return
    print(f"{found.id} {plain(found.url or found.origin)} {_state(found)}")
    print(f"events: {plain(', '.join(found.events)) if found.events is not None else 'all'}")
    if found.description:
        print(plain(found.description))
    if found.failing_since is not None:
        output.announce(f"no attempt has succeeded since {found.failing_since:%Y-%m-%dT%H:%M:%SZ}")


@app.command("deliveries")
def deliveries_command(
    endpoint_id: EndpointId,
    event: Annotated[str | None, typer.Option(help="Only this event.")] = None,
    state: Annotated[
        str | None, typer.Option(help="Only waiting, sending, delivered, failed or discarded.")
    ] = None,
    after: Annotated[str | None, typer.Option("--since", help="Made since: 2h, 7d, or a moment.")] = None,
    limit: Limit = 20,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """What was sent to an endpoint, the newest first, with the last answer."""
    with calling(url, key) as hermodr:
        rows = hermodr.webhooks.deliveries(
            endpoint_id,
            event=event,
            state=state,
            created_after=moments.since(after),
            sort="-created_at",
            page_size=min(limit, MOST_OF_A_PAGE),
        )
        found = list(itertools.islice(rows, limit))
    columns.show_list(
        found,
        _sent,
        none="nothing like that was sent to it" if event or state or after else "nothing was sent to it",
        as_json=as_json,
    )


@app.command("redeliver")
def redeliver_command(
    endpoint_id: EndpointId, message_id: MessageId, url: Url = None, key: Key = None, as_json: AsJson = False
) -> None:
    """Send a message again: the same body with the same webhook-id."""
    with calling(url, key) as hermodr:
        found = hermodr.webhooks.redeliver(endpoint_id, message_id)
    if as_json:
        show_document(found)
    else:
        print(f"{found.id} {plain(found.event)} is {plain(found.state)}, to be sent now")


@app.command("recover")
def recover_command(
    endpoint_id: EndpointId,
    after: Annotated[str, typer.Option("--since", help="Made since: 2h, 7d, or a moment.")],
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Send again all that failed or was discarded since a time."""
    moment = moments.since(after)
    if moment is None:
        raise Refusal("--since is missing")
    count = 0
    with calling(url, key) as hermodr:
        more = True
        while more:
            found = hermodr.webhooks.recover(endpoint_id, moment)
            count, more = count + found.recovered, found.more
    if as_json:
        show_document({"recovered": count})
    else:
        print(f"{count} messages are sent again")


@app.command("rotate")
def rotate_command(
    endpoint_id: EndpointId, url: Url = None, key: Key = None, as_json: AsJson = False
) -> None:
    """A new secret, shown this once; the former one signs as well for 24 hours."""
    with calling(url, key) as hermodr:
        made = hermodr.webhooks.rotate_secret(endpoint_id)
    _show_secret(made, as_json)


@app.command("test")
def try_command(endpoint_id: EndpointId, url: Url = None, key: Key = None, as_json: AsJson = False) -> None:
    """Send the event webhook.test to an endpoint."""
    with calling(url, key) as hermodr:
        found = hermodr.webhooks.test(endpoint_id)
    if as_json:
        show_document(found)
    else:
        print(f"{found.id} is on its way: hermodr webhooks deliveries {endpoint_id}")


@app.command("enable")
def enable_command(endpoint_id: EndpointId, url: Url = None, key: Key = None) -> None:
    """It gets what happens from now on; `recover` sends again what failed or was discarded before it was disabled."""
    _switch(endpoint_id, url, key, enabled=True)


@app.command("disable")
def disable_command(endpoint_id: EndpointId, url: Url = None, key: Key = None) -> None:
    """It gets nothing any more."""
    _switch(endpoint_id, url, key, enabled=False)


@app.command("delete")
def delete_command(endpoint_id: EndpointId, url: Url = None, key: Key = None) -> None:
    """Delete an endpoint, and what was sent to it."""
    with calling(url, key) as hermodr:
        hermodr.webhooks.delete(endpoint_id)
    print(f"{endpoint_id} is deleted")


def _switch(endpoint_id: str, url: str | None, key: str | None, *, enabled: bool) -> None:
    with calling(url, key) as hermodr:
        found = hermodr.webhooks.update(endpoint_id, enabled=enabled)
    print(f"{found.id} is {_state(found)}")


def _show_secret(made: CreatedEndpoint, as_json: bool) -> None:
    if as_json:
        show_document(made)
        return
    output.announce(f"the secret of endpoint {made.id}, shown this once:")
    print(made.secret or "")


def _state(endpoint: Endpoint) -> str:
    if endpoint.enabled:
        return "failing" if endpoint.failing_since is not None else "enabled"
    return f"disabled ({endpoint.disabled_reason})"


def _columns(found: Sequence[Endpoint]) -> list[Column]:
    return [
        Column("id", [Text(str(each.id)) for each in found], whole=True),
        Column("to", [plain(each.origin) for each in found], whole=True),
        Column("events", [plain(", ".join(each.events or ["all"])) for each in found], folds=True),
        Column("description", [plain(each.description or "") for each in found], leaves=1),
        Column("state", [Text(_state(each)) for each in found]),
        Column("since", [Text(since(each.disabled_at or each.failing_since)) for each in found], leaves=2),
    ]


def _sent(found: Sequence[EndpointDelivery]) -> list[Column]:
    last = [each.attempts[-1] if each.attempts else None for each in found]
    answers = ["" if each is None else str(each.status or each.error or each.outcome) for each in last]
    return [
        Column("message", [Text(str(each.id)) for each in found], whole=True),
        Column("event", [plain(each.event) for each in found], whole=True),
        Column("made", [Text(since(each.created_at)) for each in found], leaves=2),
        Column("state", [state(each.state) for each in found]),
        Column("attempts", [Text(str(len(each.attempts))) for each in found], right=True),
        Column("answer", [plain(each) for each in answers]),
        Column("took", [Text("" if each is None else taken(each.duration_ms)) for each in last], leaves=1),
        Column("next", [Text(since(each.next_attempt_at)) for each in found], leaves=2),
    ]
