"""The log of state changes that somebody listens to."""

from hermodr_ledger.migrations.script import execute_file

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0026_changes.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0026 cannot be undone")
