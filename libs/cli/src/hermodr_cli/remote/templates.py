"""Templates, and templates as files."""

import itertools
from collections.abc import Iterable, Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.text import Text

from hermodr_cli import output
from hermodr_cli.refusal import Refusal
from hermodr_cli.remote import columns
from hermodr_cli.remote.columns import Column
from hermodr_cli.remote.connection import MOST_OF_A_PAGE, AsJson, Key, Limit, Url, calling
from hermodr_cli.remote.previews import preview_command
from hermodr_cli.remote.showing import plain, show_document, since
from hermodr_client import Hermodr, Invalid
from hermodr_client.models.templates import Template
from hermodr_client.template_files import FiledTemplate, FileFlawed, read, write

app = typer.Typer(
    help="Templates: list them, preview them, keep them as files, bring the starters.", no_args_is_help=True
)
app.command("preview")(preview_command)
Outcome = Literal["created", "changed", "unchanged", "kept", "flawed"]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


@app.command("list")
def list_command(limit: Limit = 50, url: Url = None, key: Key = None, as_json: AsJson = False) -> None:
    """The templates of the project."""
    with calling(url, key) as hermodr:
        rows = hermodr.templates.list(page_size=min(limit, MOST_OF_A_PAGE))
        found = list(itertools.islice(rows, limit))
    none = "there are no templates; `hermodr templates install starter` brings some"
    columns.show_list(found, _columns, none=none, as_json=as_json)


def _columns(found: Sequence[Template]) -> list[Column]:
    return [
        Column("name", [plain(each.name) for each in found], whole=True),
        Column("version", [Text(str(each.version)) for each in found], right=True),
        Column("texts", [plain(_texts(each)) for each in found], folds=True),
        Column("changed", [Text(since(each.updated_at)) for each in found], leaves=2),
        Column("", [Text("starter" if each.starter else "") for each in found], leaves=3),
    ]


@app.command("export")
def export_command(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Made if it is not there.")],
    name: Annotated[list[str] | None, typer.Option(help="Only this template; may be repeated.")] = None,
    url: Url = None,
    key: Key = None,
) -> None:
    """Write templates into a folder each, for version control."""
    with calling(url, key) as hermodr:
        if name:
            found = [(wanted, hermodr.templates.find(wanted)) for wanted in dict.fromkeys(name)]
            if missing := [wanted for wanted, template in found if template is None]:
                raise Refusal(f"there is no template named {missing[0]}")
            templates = [template for _, template in found if template is not None]
        else:
            templates = list(hermodr.templates.list(page_size=MOST_OF_A_PAGE))
    for template in templates:
        print(write(directory, template))
    if not templates:
        output.announce("there are no templates")


@app.command("import")
def import_command(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="A template's folder, or one with several.")
    ],
    dry_run: DryRun = False,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Make the project's templates what the files say; there is a new version only where something changed."""
    filed = _read(directory)
    with calling(url, key) as hermodr:
        _report([(each, _save(hermodr, each, dry_run=dry_run)) for each in filed], dry_run, as_json)


@app.command("install")
def install_command(
    what: Annotated[
        str, typer.Argument(metavar="starter", help="The templates that new projects begin with.")
    ],
    force: Annotated[bool, typer.Option("--force", help="Also over templates that were changed.")] = False,
    dry_run: DryRun = False,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Bring the starter templates into a project that has none, or older ones."""
    if what != "starter":
        raise typer.BadParameter("there is only: starter", param_hint="WHAT")
    with as_file(files("hermodr_templates") / "starters") as folder:
        filed = read(folder)
        with calling(url, key) as hermodr:
            done = [(each, _install(hermodr, each, force=force, dry_run=dry_run)) for each in filed]
    _report(done, dry_run, as_json)


def _install(
    hermodr: Hermodr, filed: FiledTemplate, *, force: bool, dry_run: bool
) -> tuple[Outcome, int | None]:
    there = hermodr.templates.find(filed.name)
    if there is None or there.starter or force:
        return _save(hermodr, filed, dry_run=dry_run)
    done = _save(hermodr, filed, dry_run=True)
    return ("kept", there.version) if done[0] == "changed" else done


def _save(hermodr: Hermodr, filed: FiledTemplate, *, dry_run: bool) -> tuple[Outcome, int | None]:
    try:
        saved = hermodr.templates.save(
            filed.name,
            filed.contents,
            critical=filed.critical,
            default_locale=filed.default_locale,
            sender=filed.sender,
            reply_to=filed.reply_to,
            dry_run=dry_run,
        )
    except Invalid as error:
        if not error.errors:
            raise
        for flaw in error.errors:
            output.announce(filed.where(flaw))
        return "flawed", None
    return saved.outcome, saved.template.version if saved.template is not None else None


def _report(
    done: Iterable[tuple[FiledTemplate, tuple[Outcome, int | None]]], dry_run: bool, as_json: bool
) -> None:
    """What became of each; status 1 if one was flawed."""
    done = list(done)
    if as_json:
        rows = [{"name": filed.name, "outcome": what, "version": number} for filed, (what, number) in done]
        show_document({"dry_run": dry_run, "data": rows})
    else:
        for filed, (what, number) in done:
            print(f"{plain(filed.name)}: {_said(what, number, dry_run)}")
    if any(what == "flawed" for _, (what, _) in done):
        raise typer.Exit(1)


def _said(what: Outcome, number: int | None, dry_run: bool) -> str:
    if what == "kept":
        return f"kept at version {number}: it was changed (--force replaces it)"
    if what in ("unchanged", "flawed"):
        return what if what == "unchanged" else "not saved"
    if dry_run:
        return f"would be {what}"
    return f"created at version {number}" if what == "created" else f"changed: version {number}"


def _read(directory: Path) -> list[FiledTemplate]:
    if not directory.is_dir():
        raise Refusal(f"{directory} is no folder")
    try:
        filed = read(directory)
    except FileFlawed as error:
        raise Refusal(str(error)) from None
    if not filed:
        raise Refusal(f"{directory} holds no template: a folder with a template.toml")
    return filed


def _texts(template: Template) -> str:
    return ", ".join(
        f"{channel} ({', '.join(sorted(locales))})" for channel, locales in sorted(template.contents.items())
    )
