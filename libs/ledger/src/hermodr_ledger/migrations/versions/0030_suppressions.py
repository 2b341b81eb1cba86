"""Addresses that nothing is sent to any more."""

from hermodr_ledger.migrations.script import execute_file

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0030_suppressions.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0030 cannot be undone")
