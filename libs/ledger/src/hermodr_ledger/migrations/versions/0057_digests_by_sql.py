"""Requests in SQL may wait for others like them."""

from hermodr_ledger.migrations.script import execute_file

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0057_digests_by_sql.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0057 cannot be undone")
