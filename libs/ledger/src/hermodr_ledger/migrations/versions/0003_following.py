"""What listing and counting jobs needs."""

from hermodr_ledger.migrations.script import execute_file

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Runs the script."""
    execute_file("0003_following.sql")


def downgrade() -> None:
    """Not offered: a ledger is not undone."""
    raise NotImplementedError("revision 0003 cannot be undone")
