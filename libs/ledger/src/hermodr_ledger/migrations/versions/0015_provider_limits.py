"""What senders know of the limits of their providers."""

from hermodr_ledger.migrations.script import execute_file

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Runs the script."""
    execute_file("0015_provider_limits.sql")


def downgrade() -> None:
    """Not offered: a ledger is not undone."""
    raise NotImplementedError("revision 0015 cannot be undone")
