"""Frequency caps of recipients and projects, and the places that notifications take under them."""

from hermodr_ledger.migrations.script import execute_file

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0060_caps.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0060 cannot be undone")
