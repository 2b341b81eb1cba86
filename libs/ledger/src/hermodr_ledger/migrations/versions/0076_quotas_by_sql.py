"""Quotas of requests in SQL, by one statement."""

from hermodr_ledger.migrations.script import execute_file

revision = "0076"
down_revision = "0075"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0076_quotas_by_sql.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0076 cannot be undone")
