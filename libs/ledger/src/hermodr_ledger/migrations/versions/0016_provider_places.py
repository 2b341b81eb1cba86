"""Where each provider is, and what an operator allowed it."""

from hermodr_ledger.migrations.script import execute_file

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Runs the script."""
    execute_file("0016_provider_places.sql")


def downgrade() -> None:
    """Not offered: a ledger is not undone."""
    raise NotImplementedError("revision 0016 cannot be undone")
