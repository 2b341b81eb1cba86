"""A bulk action counts how often it looked at the same jobs."""

from hermodr_ledger.migrations.script import execute_file

revision = "0100"
down_revision = "0099"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0100_looks_of_bulk_actions.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0100 cannot be undone")
