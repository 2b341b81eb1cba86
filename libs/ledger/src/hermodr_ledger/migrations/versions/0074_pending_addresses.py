"""Addresses that end users gave, until they are verified."""

from hermodr_ledger.migrations.script import execute_file

revision = "0074"
down_revision = "0073"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0074_pending_addresses.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0074 cannot be undone")
