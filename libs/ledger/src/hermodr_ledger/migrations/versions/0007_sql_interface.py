"""The functions and views for callers who speak SQL."""

from hermodr_ledger.migrations.script import execute_file

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0007_sql_interface.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0007 cannot be undone")
