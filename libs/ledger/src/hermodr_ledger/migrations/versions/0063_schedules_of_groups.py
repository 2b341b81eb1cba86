"""Schedules of groups are found by an index of their own."""

from hermodr_ledger.migrations.script import execute_file

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0063_schedules_of_groups.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0063 cannot be undone")
