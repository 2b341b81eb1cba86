"""Types of tasks that workers declare, and whether end users may start them."""

from hermodr_ledger.migrations.script import execute_file

revision = "0070"
down_revision = "0069"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0070_task_types.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0070 cannot be undone")
