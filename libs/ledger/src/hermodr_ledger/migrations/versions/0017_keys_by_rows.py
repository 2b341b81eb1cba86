"""Singleton keys held by rows."""

from hermodr_ledger.migrations.script import execute_file

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0017_keys_by_rows.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0017 cannot be undone")
