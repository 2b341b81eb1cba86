"""Digest schedules and auto-syncs that come by SQL keep the rules of those that come over HTTP."""

from hermodr_ledger.migrations.script import execute_file

revision = "0066"
down_revision = "0065"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0066_odd_rows_by_sql.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0066 cannot be undone")
