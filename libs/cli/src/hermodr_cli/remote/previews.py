"""What somebody would be sent, before anybody is."""

from typing import Annotated, Any

import typer

from hermodr_cli import output
from hermodr_cli.refusal import Refusal
from hermodr_cli.remote.connection import AsJson, Key, Url, calling
from hermodr_cli.remote.requesting import DataOption, RecipientOption, data_of
from hermodr_cli.remote.showing import plain, show_document
from hermodr_client.models.templates import Preview, TextCount


def preview_command(
    name: Annotated[str, typer.Argument(help="The template's name.")],
    data: DataOption = None,
    channel: Annotated[str | None, typer.Option(help="By default email, if it has texts.")] = None,
    locale: Annotated[str | None, typer.Option(help="The locale wanted.")] = None,
    to: Annotated[
        str | None, typer.Option(help="For an address, or a phone number that begins with +.")
    ] = None,
    recipient: RecipientOption = None,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Show a template filled in; of a text how many segments it has, and what they cost."""
    if to is not None and recipient is not None:
        raise typer.BadParameter("cannot stand beside --recipient", param_hint="--to")
    wanted: dict[str, Any] = {
        "data": data_of(data or []),
        "channel": channel,
        "locale": locale,
        "recipient_id": recipient,
        "recipient": None if to is None else {"phone" if to.startswith("+") else "email": to},
    }
    given = {each: value for each, value in wanted.items() if value not in (None, {})}
    with calling(url, key) as hermodr:
        template = hermodr.templates.find(name)
        if template is None:
            raise Refusal(f"there is no template named {name}")
        shown = hermodr.templates.preview(template.id, **given)
    if as_json:
        show_document(shown)
        return
    _show(shown)


def _show(shown: Preview) -> None:
    if shown.subject:
        print(plain(shown.subject).plain, end="\n\n")
    for line in shown.text.splitlines():
        print(plain(line).plain)
    if shown.sms is not None:
        print(f"\n{counted(shown.sms)}")
    for warning in shown.warnings:
        output.announce(plain(warning).plain)


def counted(text: TextCount) -> str:
    """`2 of at most 10 segments (GSM-7), 214 characters used, 92 left, DE: 0.16 EUR (twilio)`."""
    said = (
        f"{text.segments} of at most {text.most_segments} segments ({text.encoding}), "
        f"{text.used} characters used, {text.left} left"
    )
    if text.country is not None:
        said += f", {text.country}"
    if text.cost is not None:
        currency = f" {text.cost.currency}" if text.cost.currency else ""
        said += f": {text.cost.total}{currency} ({text.cost.provider})"
    return said
