from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from hermodr_cli.refusal import Refusal
from hermodr_cli.remote import columns
from hermodr_cli.remote.columns import Column, show_list
from hermodr_cli.remote.connection import AsJson, Key, Url, calling
from hermodr_cli.remote.quotas import columns_of, limit_of, number
from hermodr_cli.remote.showing import plain, show_document
from hermodr_client import Hermodr
from hermodr_client.models.operations import ProjectQuotas, Quotas
from hermodr_contracts.quotas import Quota

app = typer.Typer(help="All projects: what they may use, and do use. The key is an operator's.")

Project = Annotated[str, typer.Argument(metavar="PROJECT", help="Its name or id.")]
Limits = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[QUOTA=LIMIT]…",
        help="stored_bytes=10GiB, sockets=off (no limit), waiting_jobs=default (the installation's).",
    ),
]


@app.callback(invoke_without_command=True)
def group(context: typer.Context) -> None:
    """All projects: what they may use, and do use. The key is an operator's. Alone: list."""
    if context.invoked_subcommand is None:
        list_command()


@app.command("list")
def list_command(url: Url = None, key: Key = None, as_json: AsJson = False) -> None:
    """Every project with what it uses, and the limits it has of its own."""
    with calling(url, key) as hermodr:
        found = list(hermodr.projects.list())
    show_list(found, _columns, none="there is no project", as_json=as_json)


@app.command("quota")
def quota_command(
    project: Project, limits: Limits = None, url: Url = None, key: Key = None, as_json: AsJson = False
) -> None:
    """Show what a project may use and does use; with QUOTA=LIMIT set it first."""
    wanted = _limits(limits or ())
    with calling(url, key) as hermodr:
        found = _found(hermodr, project)
        if wanted:
            found = hermodr.projects.set_quotas(found.id, **wanted)
    if as_json:
        show_document(found)
        return
    columns.show(columns_of(found.quotas, found.usage))


def _limits(given: Sequence[str]) -> dict[str, int | str | None]:
    wanted: dict[str, int | str | None] = {}
    for each in given:
        name, limit = _limit(each)
        if name in wanted:
            raise typer.BadParameter(f"{name} is given twice", param_hint="QUOTA=LIMIT")
        wanted[name] = limit
    return wanted


def _limit(given: str) -> tuple[str, int | str | None]:
    name, _, limit = given.partition("=")
    if name not in Quotas.model_fields:
        known = ", ".join(Quotas.model_fields)
        raise typer.BadParameter(f"{name!r} is no quota; there are {known}", param_hint="QUOTA=LIMIT")
    try:
        return name, limit_of(Quota(name), limit)
    except ValueError as error:
        raise typer.BadParameter(f"{name}: {error}, or default", param_hint="QUOTA=LIMIT") from None


def _found(hermodr: Hermodr, project: str) -> ProjectQuotas:
    for each in hermodr.projects.list():
        if project in (each.name, str(each.id)):
            return each
    raise Refusal(f"there is no project {project!r}; `hermodr projects list` shows those that there are")


def _columns(found: Sequence[ProjectQuotas]) -> list[Column]:
    return [
        Column("project", [plain(each.name) for each in found], folds=True),
        Column("id", [Text(str(each.id)) for each in found], whole=True, leaves=1),
        Column("today", [Text(number(each.usage.accepted_per_day)) for each in found], right=True),
        Column("waiting", [Text(number(each.usage.waiting_jobs)) for each in found], right=True),
        Column("bytes", [Text(number(each.usage.stored_bytes)) for each in found], right=True),
        Column("limits of its own", [plain(_own(each)) for each in found], folds=True),
    ]


def _own(project: ProjectQuotas) -> str:
    return " ".join(f"{name}={limit}" for name, limit in project.set.items())
