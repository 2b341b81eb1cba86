"""Alembic's entry: uses the connection of `hermodr_ledger.migrate`."""

from typing import Any, cast

from alembic import context


def _say(*, step: Any, **_: Any) -> None:
    """Before it is committed, as good as done."""
    context.config.attributes["say"](f"{step.up_revision_id}: {step.up_revision.doc}")


context.configure(
    connection=context.config.attributes["connection"],
    version_table_schema="hermodr",
    version_table="schema_version",
    transaction_per_migration=True,  # its locks are held no longer
    on_version_apply=cast(Any, _say),  # called by names
)
with context.begin_transaction():
    context.run_migrations()
