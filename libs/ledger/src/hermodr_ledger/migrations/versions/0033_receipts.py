"""Reports of providers that came early."""

from hermodr_ledger.migrations.script import execute_file

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0033_receipts.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0033 cannot be undone")
