"""Requests by SQL with names and defaults."""

from hermodr_ledger.migrations.script import execute_file

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0012_sql_requests.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0012 cannot be undone")
