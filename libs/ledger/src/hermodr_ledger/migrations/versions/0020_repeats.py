"""Repeats in SQL whose moments went on with the clock."""

from hermodr_ledger.migrations.script import execute_file

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Runs the script."""
    execute_file("0020_repeats.sql")


def downgrade() -> None:
    """Not offered: a ledger is not undone."""
    raise NotImplementedError("revision 0020 cannot be undone")
