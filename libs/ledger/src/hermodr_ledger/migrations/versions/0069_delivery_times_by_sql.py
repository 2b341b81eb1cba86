"""Requests in SQL may wish for a time of day by the recipient's clock."""

from hermodr_ledger.migrations.script import execute_file

revision = "0069"
down_revision = "0068"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0069_delivery_times_by_sql.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0069 cannot be undone")
