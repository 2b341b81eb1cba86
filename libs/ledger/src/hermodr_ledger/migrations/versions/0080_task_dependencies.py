"""Tasks that wait for other jobs."""

from hermodr_ledger.migrations.script import execute_file

revision = "0080"
down_revision = "0079"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0080_task_dependencies.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0080 cannot be undone")
