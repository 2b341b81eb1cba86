"""The founding systems' tables as views."""

from hermodr_ledger.migrations.script import execute_file

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0014_sql_views.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0014 cannot be undone")
