"""What a sender may change of suppressions and dead letters, and standings that triggers alone write."""

from hermodr_ledger.migrations.script import execute_file

revision = "0097"
down_revision = "0096"
branch_labels = None
depends_on = None


def upgrade() -> None:
    execute_file("0097_rows_of_senders.sql")


def downgrade() -> None:
    raise NotImplementedError("revision 0097 cannot be undone")
