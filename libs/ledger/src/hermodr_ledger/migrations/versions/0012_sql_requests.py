"""Requests by SQL with names and defaults."""

from hermodr_ledger.migrations.script import execute_file

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Runs the script."""
    execute_file("0012_sql_requests.sql")


def downgrade() -> None:
    """Not offered: a ledger is not undone."""
    raise NotImplementedError("revision 0012 cannot be undone")
