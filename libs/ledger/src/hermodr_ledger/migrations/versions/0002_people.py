"""Groups, members, updates; what preferences and quiet hours need."""

from hermodr_ledger.migrations.script import execute_file

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Runs the script."""
    execute_file("0002_people.sql")


def downgrade() -> None:
    """Not offered: a ledger is not undone."""
    raise NotImplementedError("revision 0002 cannot be undone")
