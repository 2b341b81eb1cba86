"""Schedules: jobs on a rule, and what became of each occurrence."""

from hermodr_ledger.migrations.script import execute_file

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0053_schedules.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0053 cannot be undone")
