"""Weeks begin on Mondays in UTC, whatever zone the session is in."""

from hermodr_ledger.migrations.script import execute_file

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Runs the script."""
    execute_file("0009_weeks_in_utc.sql")


def downgrade() -> None:
    """Not offered: a ledger is not undone."""
    raise NotImplementedError("revision 0009 cannot be undone")
