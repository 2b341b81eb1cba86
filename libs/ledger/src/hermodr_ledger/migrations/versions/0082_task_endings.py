"""Tasks whose end is followed by something."""

from hermodr_ledger.migrations.script import execute_file

revision = "0082"
down_revision = "0081"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0082_task_endings.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0082 cannot be undone")
