"""Repeats in SQL whose moments went on by days."""

from hermodr_ledger.migrations.script import execute_file

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0023_repeats_by_days.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0023 cannot be undone")
