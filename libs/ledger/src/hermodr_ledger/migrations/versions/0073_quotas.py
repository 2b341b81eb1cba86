"""Quotas of projects, and what they use."""

from hermodr_ledger.migrations.script import execute_file

revision = "0073"
down_revision = "0072"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0073_quotas.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0073 cannot be undone")
