"""Alembic's entry: uses the connection of `hermodr_ledger.migrate`."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table_schema="hermodr",
    version_table="schema_version",
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
