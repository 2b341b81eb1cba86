"""Cancelling, asking again and looking at what waits, by SQL."""

from hermodr_ledger.migrations.script import execute_file

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0013_sql_control.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0013 cannot be undone")
