"""Which provider a delivery may go to next, and whether providers work."""

from hermodr_ledger.migrations.script import execute_file

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0031_failing_over.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0031 cannot be undone")
