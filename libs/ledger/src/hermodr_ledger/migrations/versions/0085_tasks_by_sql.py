"""Tasks requested in SQL say all that those of HTTP may."""

from hermodr_ledger.migrations.script import execute_file

revision = "0085"
down_revision = "0084"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0085_tasks_by_sql.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0085 cannot be undone")
