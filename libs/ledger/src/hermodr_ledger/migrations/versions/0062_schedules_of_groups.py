"""Schedules of groups are found by an index of their own."""

from hermodr_ledger.migrations.script import execute_file

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0062_schedules_of_groups.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0062 cannot be undone")
