"""What tasks log while they run."""

from hermodr_ledger.migrations.script import execute_file

revision = "0101"
down_revision = "0100"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0101_task_logs.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0101 cannot be undone")
