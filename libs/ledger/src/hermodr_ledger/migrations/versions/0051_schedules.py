"""Schedules: jobs on a rule, and what became of each occurrence."""

from hermodr_ledger.migrations.script import execute_file

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0051_schedules.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0051 cannot be undone")
