"""Weeks begin on Mondays in UTC, whatever zone the session is in."""

from hermodr_ledger.migrations.script import execute_file

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0009_weeks_in_utc.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0009 cannot be undone")
