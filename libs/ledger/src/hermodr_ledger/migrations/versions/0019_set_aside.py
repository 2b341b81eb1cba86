"""What duties set aside."""

from hermodr_ledger.migrations.script import execute_file

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Runs the script."""
    execute_file("0019_set_aside.sql")


def downgrade() -> None:
    """Not offered: a ledger is not undone."""
    raise NotImplementedError("revision 0019 cannot be undone")
