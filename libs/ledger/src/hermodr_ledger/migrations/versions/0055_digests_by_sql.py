"""Requests in SQL may wait for others like them."""

from hermodr_ledger.migrations.script import execute_file

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0055_digests_by_sql.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0055 cannot be undone")
