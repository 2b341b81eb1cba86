"""Tasks that wait or run, and their attempts."""

from hermodr_ledger.migrations.script import execute_file

revision = "0079"
down_revision = "0078"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0079_tasks.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0079 cannot be undone")
