"""Repeats in SQL whose moments went on with the clock."""

from hermodr_ledger.migrations.script import execute_file

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0020_repeats.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0020 cannot be undone")
