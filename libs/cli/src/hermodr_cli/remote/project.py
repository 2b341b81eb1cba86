import base64
import mimetypes
from pathlib import Path
from typing import Annotated, Any

import typer

from hermodr_cli.refusal import Refusal
from hermodr_cli.remote import columns
from hermodr_cli.remote.connection import AsJson, Key, Url, calling
from hermodr_cli.remote.quotas import columns_of
from hermodr_cli.remote.showing import console, plain, show_document
from hermodr_client.models.operations import Project

app = typer.Typer(help="What holds for all mails of the key's project.", no_args_is_help=True)


@app.command("show")
def show_command(url: Url = None, key: Key = None, as_json: AsJson = False) -> None:
    """The project, with the from and reply_to of mails that do not say it themselves, and its quotas."""
    with calling(url, key) as hermodr:
        found = hermodr.projects.me()
    _show(found, as_json)
    if not as_json:
        console().print()
        columns.show(columns_of(found.quotas, found.usage))


@app.command("set")
def set_command(
    sender: Annotated[
        str | None,
        typer.Option("--from", help="'Shop <shop@example.com>', a verified sender; '' takes it away."),
    ] = None,
    reply_to: Annotated[
        list[str] | None,
        typer.Option("--reply-to", help="Where answers go; several times; '' takes it away."),
    ] = None,
    cap: Annotated[
        list[str] | None,
        typer.Option(
            "--cap",
            help="At most so many for each recipient: 3/24h, or 1/7d,overflow=digest,types=news+offers; several times;"
            " '' takes all away.",
        ),
    ] = None,
    export_contents: Annotated[
        bool | None,
        typer.Option(
            "--users-export-contents/--no-users-export-contents",
            help="Whether exports that end users make of their data hold bodies and data.",
        ),
    ] = None,
    brand: Annotated[
        str | None, typer.Option("--brand", help="What people know the project by; '' takes it away.")
    ] = None,
    color: Annotated[str | None, typer.Option(help="Of its buttons: '#2456d6'; '' takes it away.")] = None,
    logo: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="A picture (PNG, JPEG, GIF, WebP) of at most 32 KiB; '' takes it away."
        ),
    ] = None,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Set whom mails are from and where answers go if they do not say it, caps, what end users export, and how people
    see the project on their preference page. What is not given stays."""
    fields: dict[str, Any] = {}
    if sender is not None:
        fields["sender"] = sender or None
    if reply_to:
        fields["reply_to"] = [each for each in reply_to if each]
    if cap:
        fields["caps"] = [_cap(each) for each in cap if each] or None
    if export_contents is not None:
        fields["users_export_contents"] = export_contents
    given = _brand(brand, color, logo)
    if not fields and not given:
        raise typer.BadParameter(
            "give --from, --reply-to, --cap, --brand, --color, --logo or --users-export-contents",
            param_hint="--from",
        )
    with calling(url, key) as hermodr:
        if given:
            seen = {**(hermodr.projects.me().brand or {}), **given}
            fields["brand"] = seen if any(seen.values()) else None
        _show(hermodr.projects.change(**fields), as_json)


def _brand(name: str | None, color: str | None, logo: str | None) -> dict[str, Any]:
    """What is given of it, as the API has it; `None` is to go. What may be in it, the API knows."""
    picture = _picture(Path(logo)) if logo else logo
    given = {"name": name, "color": color, "logo": picture}
    return {part: value or None for part, value in given.items() if value is not None}


def _picture(path: Path) -> str:
    """A data URL of the file. Raises `Refusal` if it cannot be read."""
    kind, _ = mimetypes.guess_type(path.name)
    try:
        content = base64.b64encode(path.read_bytes()).decode()
    except OSError as error:
        raise Refusal(f"{path}: {error.strerror}") from None
    return f"data:{kind};base64,{content}"


def _cap(text: str) -> dict[str, Any]:
    """As the API has it; `text` as `--cap` says. What its numbers and spans may be, the API knows."""
    size, *more = text.split(",")
    most, _, per = size.partition("/")
    options = dict(each.split("=", 1) for each in more if "=" in each)
    if not most.isascii() or not most.isdecimal() or not per or len(options) < len(more):
        raise typer.BadParameter(f"{text!r} is not a cap such as 3/24h,overflow=digest", param_hint="--cap")
    if unknown := options.keys() - {"overflow", "types"}:
        raise typer.BadParameter(f"a cap has no {min(unknown)}", param_hint="--cap")
    if "types" in options:
        return {"max": int(most), "per": per} | options | {"types": options["types"].split("+")}
    return {"max": int(most), "per": per} | options


def _cap_in_words(cap: dict[str, Any]) -> str:
    types = f" of {', '.join(cap['types'])}" if cap.get("types") else ""
    return f"{cap['max']}{types} in {cap['per']}, then {cap['overflow']}"


def _show(project: Project, as_json: bool) -> None:
    if as_json:
        show_document(project.model_dump(mode="json", by_alias=True))
        return
    lines = {
        "project": project.name,
        "from": project.sender or "of the provider, else HERMODR_EMAIL_FROM",
        "reply to": ", ".join(project.reply_to) or "the sender",
        "caps": "; ".join(_cap_in_words(each) for each in project.caps) or "none",
    }
    verb = "hold" if project.users_export_contents else "leave out"
    lines["exports"] = f"those of end users {verb} bodies and data"
    brand = project.brand or {}
    lines["seen as"] = brand.get("name") or project.name
    lines["color"] = brand.get("color") or "the usual one"
    lines["logo"] = "there is one" if brand.get("logo") else "none"
    for name, text in lines.items():
        console().print(f"{name:9}", plain(text), soft_wrap=True)
